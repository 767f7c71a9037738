/*
 * How to read the rules. In the forward hook a packet's input interface is the VRF; meta sdifname is the interface it
 * came in by, and the output interface is the real one. Sets are keyed by these, so that this wall holds even if an
 * interface is in the wrong VRF. What is not in a VRF has no sdifname and is dropped by policy.
 *
 * Both directions of a flow are held against the services on every packet, conntrack only tells who began: a service
 * that is taken out of the configuration ends at once, its old flows included.
 *
 * What comes and goes outside is not tracked: no rule there asks, and strangers must not fill the table that the flows
 * of devices stand in.
 *
 * The zone is set before fragments are put together (priority -400): fragments of two APNs with the same pool must
 * not meet. A tunnelled packet passes postrouting once more in clear text, with the outer interface as its way out and
 * IPsec ahead of it ("rt ipsec exists"), before it comes again as ESP.
 */
#include "appliance/isolation/nft.h"

#include "appliance/isolation/endpoint.h"
#include "appliance/isolation/plan.h"
#include "conf/ids.h"
#include "conf/model.h"
#include "lib/buf.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

static const char replace[] = "table inet culvert {}\n"
							  "delete table inet culvert\n";

static const char *const sets[] = { "set outer", "set cloud", "map zone", "map side", "set path", "set pool4",
	"set pool6", "set service4", "set service6", "set downlink4", "set downlink6" };

static const char rules[] =
	"table inet culvert {\n"
	"	counter invalid { comment \"belongs to no flow\"; }\n"
	"	counter stranger { comment \"forwarded from an interface of no APN\"; }\n"
	"	counter spoofed { comment \"device address outside its pool\"; }\n"
	"	counter hairpin { comment \"device to device\"; }\n"
	"	counter off_path { comment \"device to anything but its own cloud interface\"; }\n"
	"	counter no_service { comment \"device to what is no service\"; }\n"
	"	counter from_cloud { comment \"cloud to device, not listed\"; }\n"
	"	counter device_in { comment \"device to the gateway itself\"; }\n"
	"	counter cloud_in { comment \"cloud to the gateway itself\"; }\n"
	"	counter outer_in { comment \"clear text from outside\"; }\n"
	"	counter outer_clear { comment \"clear text to the outside\"; }\n"
	"\n"
	"	set outer { type ifname; }\n"
	"	set cloud { type ifname; }\n"
	"	map zone { typeof iifname : ct zone; }\n"
	"	map side { type ifname : verdict; }\n"
	"	set path { type ifname . ifname; comment \"XFRM interface, cloud interface\"; }\n"
	"	set pool4 { type ifname . ipv4_addr; flags interval; }\n"
	"	set pool6 { type ifname . ipv6_addr; flags interval; }\n"
	"	set service4 { type ifname . ipv4_addr . inet_proto . inet_service; flags interval; }\n"
	"	set service6 { type ifname . ipv6_addr . inet_proto . inet_service; flags interval; }\n"
	"	set downlink4 { type ifname . ipv4_addr . inet_proto . inet_service; flags interval; }\n"
	"	set downlink6 { type ifname . ipv6_addr . inet_proto . inet_service; flags interval; }\n"
	"\n"
	"	chain zone_in {\n"
	"		type filter hook prerouting priority -450; policy accept;\n"
	"		ct zone set iifname map @zone\n"
	"	}\n"
	"	chain zone_out {\n"
	"		type filter hook output priority -450; policy accept;\n"
	"		ct zone set oifname map @zone\n"
	"	}\n"
	"\n"
	"	chain untracked_in {\n"
	"		type filter hook prerouting priority raw; policy accept;\n"
	"		iifname @outer notrack\n"
	"	}\n"
	"	chain untracked_out {\n"
	"		type filter hook output priority raw; policy accept;\n"
	"		oifname @outer notrack\n"
	"	}\n"
	"\n"
	"	chain errors {\n"
	"		icmp type { destination-unreachable, time-exceeded, parameter-problem } accept\n"
	"		icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept\n"
	"	}\n"
	"	chain ping {\n"
	"		jump errors\n"
	"		icmp type { echo-request, echo-reply } accept\n"
	"		icmpv6 type { echo-request, echo-reply, nd-neighbor-solicit, nd-neighbor-advert } accept\n"
	"	}\n"
	"	chain tunnel {\n"
	"		meta l4proto esp accept\n"
	"		jump ping\n"
	"	}\n"
	"\n"
	"	chain from_device {\n"
	"		meta sdifname . ip saddr != @pool4 counter name spoofed drop\n"
	"		meta sdifname . ip6 saddr != @pool6 counter name spoofed drop\n"
	"		meta sdifname . ip daddr @pool4 counter name hairpin drop\n"
	"		meta sdifname . ip6 daddr @pool6 counter name hairpin drop\n"
	"		meta sdifname . oifname != @path counter name off_path drop\n"
	"		ct state new,established ct direction original jump device_asks\n"
	"		ct state established ct direction reply jump device_answers\n"
	"		ct state related jump errors\n"
	"		counter name no_service drop\n"
	"	}\n"
	"	chain device_asks {\n"
	"		meta sdifname . ip daddr . meta l4proto . th dport @service4 accept\n"
	"		meta sdifname . ip6 daddr . meta l4proto . th dport @service6 accept\n"
	"	}\n"
	"	chain device_answers {\n"
	"		meta sdifname . ip daddr . meta l4proto . th sport @downlink4 accept\n"
	"		meta sdifname . ip6 daddr . meta l4proto . th sport @downlink6 accept\n"
	"	}\n"
	"\n"
	"	chain from_cloud {\n"
	"		oifname . meta sdifname != @path counter name from_cloud drop\n"
	"		oifname . ip daddr != @pool4 counter name from_cloud drop\n"
	"		oifname . ip6 daddr != @pool6 counter name from_cloud drop\n"
	"		ct state established ct direction reply jump cloud_answers\n"
	"		ct state new,established ct direction original jump cloud_asks\n"
	"		ct state related jump errors\n"
	"		counter name from_cloud drop\n"
	"	}\n"
	"	chain cloud_answers {\n"
	"		oifname . ip saddr . meta l4proto . th sport @service4 accept\n"
	"		oifname . ip6 saddr . meta l4proto . th sport @service6 accept\n"
	"	}\n"
	"	chain cloud_asks {\n"
	"		oifname . ip saddr . meta l4proto . th dport @downlink4 accept\n"
	"		oifname . ip6 saddr . meta l4proto . th dport @downlink6 accept\n"
	"	}\n"
	"\n"
	"	chain forward {\n"
	"		type filter hook forward priority filter; policy drop;\n"
	"		ct state invalid counter name invalid drop\n"
	"		meta sdifname vmap @side\n"
	"		counter name stranger drop\n"
	"	}\n"
	"\n"
	"	chain to_gateway {\n"
	"		jump ping\n"
	"		counter name cloud_in drop\n"
	"	}\n"
	"	chain into_outer {\n"
	"		udp dport { 500, 4500 } accept\n"
	"		icmpv6 type nd-router-advert accept\n"
	"		jump tunnel\n"
	"		counter name outer_in drop\n"
	"	}\n"
	"	chain input {\n"
	"		type filter hook input priority filter; policy accept;\n"
	"		iifname @outer goto into_outer\n"
	"		meta sdifname @outer goto into_outer\n"
	"		iifname @cloud goto to_gateway\n"
	"		meta sdifname @cloud goto to_gateway\n"
	"		iifname \"" PLAN_PREFIX "*\" counter name device_in drop\n"
	"		meta sdifname \"" PLAN_PREFIX "*\" counter name device_in drop\n"
	"	}\n"
	"\n"
	"	chain out_of_outer {\n"
	"		udp sport { 500, 4500 } accept\n"
	"		icmpv6 type { nd-router-solicit, mld2-listener-report } accept\n"
	"		jump tunnel\n"
	"		counter name outer_clear drop\n"
	"	}\n"
	"	chain output {\n"
	"		type filter hook output priority filter; policy accept;\n"
	"		oifname @outer goto out_of_outer\n"
	"	}\n"
	"	chain postrouting {\n"
	"		type filter hook postrouting priority filter; policy accept;\n"
	"		oifname @outer rt ipsec missing goto out_of_outer\n"
	"	}\n"
	"}\n";

/* Letters that mean themselves between quotation marks; among the others are the closing one and the wildcard. */
static bool is_plain_name(const char *name)
{
	if (name[0] == '\0' || strlen(name) >= IFNAMSIZ)
		return false;
	for (const char *c = name; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_.:-@", *c))
			return false;
	return true;
}

static const char *suffix(const struct ip *ip)
{
	return ip->family == AF_INET6 ? "6" : "4";
}

static void add_pool(const struct apn *a, const char *link, struct buf *out)
{
	for (size_t i = 0; i < a->n_pool; i++) {
		const struct prefix *p = &a->pool[i];
		bool covered = false;
		char text[PREFIX_TEXT];

		/* Intervals in a set must not overlap; of equal ones the first stays. */
		for (size_t j = 0; j < a->n_pool && !covered; j++)
			covered = j != i && prefix_covers(&a->pool[j], p) && (j < i || !prefix_equal(&a->pool[j], p));
		if (!covered)
			buf_printf(
				out, "add element inet culvert pool%s { \"%s\" . %s }\n", suffix(&p->ip), link, prefix_print(p, text));
	}
}

static void add_endpoints(const struct endpoints *e, const char *set, const char *link, struct buf *out)
{
	static const char *const protocols[] = { [SERVICE_UDP] = "udp", [SERVICE_TCP] = "tcp" };

	for (size_t i = 0; i < e->count; i++) {
		const struct endpoint *p = &e->items[i];
		char host[IP_TEXT];

		buf_printf(out, "add element inet culvert %s%s { \"%s\" . %s . %s . %u", set, suffix(&p->host), link,
			ip_print(&p->host, host), protocols[p->protocol], p->ports.first);
		if (p->ports.last != p->ports.first)
			buf_printf(out, "-%u", p->ports.last);
		buf_puts(out, " }\n");
	}
}

static void add_interface(const char *name, uint32_t zone, const char *chain, struct buf *out)
{
	buf_printf(out, "add element inet culvert zone { \"%s\" : %u }\n", name, zone);
	if (chain)
		buf_printf(out, "add element inet culvert side { \"%s\" : goto %s }\n", name, chain);
}

static int add_apn(const struct apn *a, struct buf *out)
{
	uint32_t zone = a->table - IDS_TABLE_FIRST + 1;
	struct endpoints services = { 0 }, downlink = { 0 };
	char name[IFNAMSIZ];

	if (a->table < IDS_TABLE_FIRST || zone > UINT16_MAX)
		return -ERANGE;
	if (!is_plain_name(a->cloud.interface))
		return -EINVAL;
	int r = endpoints_collect(a->services, a->n_services, &services);
	if (r == 0)
		r = endpoints_collect(a->downlink, a->n_downlink, &downlink);
	if (r < 0)
		goto finish;
	buf_printf(out, "\n# %s\n", a->name);
	buf_printf(out, "add element inet culvert cloud { \"%s\" }\n", a->cloud.interface);
	add_interface(a->cloud.interface, zone, "from_cloud", out);
	add_interface(plan_vrf_name(a->table, name), zone, NULL, out);
	for (size_t i = 0; i < a->n_links; i++) {
		plan_xfrm_name(a->links[i].if_id, name);
		add_interface(name, zone, "from_device", out);
		buf_printf(out, "add element inet culvert path { \"%s\" . \"%s\" }\n", name, a->cloud.interface);
		add_pool(a, name, out);
		add_endpoints(&services, "service", name, out);
		add_endpoints(&downlink, "downlink", name, out);
	}
finish:
	endpoints_free(&services);
	endpoints_free(&downlink);
	return r;
}

/*
 * A chain without rules that names the text of the rules (FNV-1a), so that a table of another Culvert is not mistaken
 * for ours.
 */
static void add_layout(const char *command, struct buf *out)
{
	uint32_t hash = 2166136261U;

	for (const char *c = rules; *c != '\0'; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619U;
	buf_printf(out, "%s layout_%08x\n", command, hash);
}

static int add_content(const struct model *m, struct buf *out)
{
	if (!is_plain_name(m->gateway.outer.interface))
		return -EINVAL;
	buf_puts(out, rules);
	buf_printf(out, "\nadd element inet culvert outer { \"%s\" }\n", m->gateway.outer.interface);
	for (size_t i = 0; i < m->n_apns; i++) {
		int r = add_apn(&m->apns[i], out);
		if (r < 0)
			return r;
	}
	return out->error;
}

static void begin_anew(struct buf *out)
{
	buf_puts(out, replace);
	buf_puts(out, "add table inet culvert\n");
	add_layout("add chain inet culvert", out);
}

int nft_render(const struct model *m, struct buf *out)
{
	begin_anew(out);
	return add_content(m, out);
}

int nft_render_in_place(const struct model *m, struct buf *out)
{
	add_layout("flush chain inet culvert", out);
	buf_puts(out, "flush table inet culvert\n");
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		buf_printf(out, "flush %.3s inet culvert %s\n", sets[i], sets[i] + 4);
	return add_content(m, out);
}

void nft_render_closed(struct buf *out)
{
	begin_anew(out);
	buf_puts(out, rules);
}
