#include "appliance/isolation/nft.h"

#include "appliance/isolation/endpoint.h"
#include "appliance/isolation/nft_rules.h"
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

static const char *const sets[] = {
	"set outer",
	"set cloud",
	"set parent",
	"set management",
	"set allow4",
	"set allow6",
	"set dhcp",
	"set resolver4",
	"set resolver6",
	"set peer4",
	"set peer6",
	"set anyone",
	"set asked4",
	"set asked6",
	"map zone",
	"map zone4",
	"map zone6",
	"map mark4",
	"map mark6",
	"map mark_zone",
	"map real4",
	"map real6",
	"map presented4",
	"map presented6",
	"map side",
	"set path",
	"set pool4",
	"set pool6",
	"map packets",
	"map begin",
	"map segment",
	"set echo4",
	"set echo6",
	"set responder4",
	"set responder6",
	"set pinging",
	"set probe4",
	"set probe6",
	"set service4",
	"set service6",
	"set downlink4",
	"set downlink6",
};

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

/* Intervals in a set must not overlap; of equal ones the first stays. */
static bool covered_before(const struct prefix *list, size_t n, size_t i)
{
	for (size_t j = 0; j < n; j++)
		if (j != i && prefix_covers(&list[j], &list[i]) && (j < i || !prefix_equal(&list[j], &list[i])))
			return true;
	return false;
}

static void add_pool(const struct apn *a, const char *link, struct buf *out)
{
	char text[PREFIX_TEXT];

	for (size_t i = 0; i < a->n_pool; i++)
		if (!covered_before(a->pool, a->n_pool, i))
			buf_printf(out, "add element inet culvert pool%s { \"%s\" . %s }\n", suffix(&a->pool[i].ip), link,
				prefix_print(&a->pool[i], text));
}

static bool has_timeout(const struct apn *a)
{
	return a->udp_timeout && a->udp_timeout != PLAN_UDP_TIMEOUT;
}

/* A chain for the first packets of flows is needed. */
static bool has_begin(const struct apn *a)
{
	return a->limits.connections || has_timeout(a);
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
	if (zone)
		buf_printf(out, "add element inet culvert zone { \"%s\" : %u }\n", name, zone);
	if (chain)
		buf_printf(out, "add element inet culvert side { \"%s\" : goto %s }\n", name, chain);
}

static void add_to_set(const char *set, const char *name, struct buf *out)
{
	buf_printf(out, "add element inet culvert %s { \"%s\" }\n", set, name);
}

/* What tells the flows of an APN on a shared interface from those of others: where they go to. */
static void add_shared(const struct apn *a, uint32_t zone, struct buf *out)
{
	const struct cloud *c = &a->cloud;
	bool presented = c->n_presented_as > 0;
	char pool[PREFIX_TEXT], shown[PREFIX_TEXT];

	if (presented)
		buf_printf(out, "add element inet culvert mark_zone { 0x%x : %u }\n", plan_mark(a), zone);
	for (size_t i = 0; i < a->n_pool && (!presented || i < c->n_presented_as); i++) {
		const struct prefix *p = presented ? &c->presented_as[i] : &a->pool[i];
		const char *family = suffix(&p->ip);
		prefix_print(&a->pool[i], pool);
		prefix_print(p, shown);
		buf_printf(out, "add element inet culvert zone%s { \"%s\" . %s : %u }\n", family, c->interface, shown, zone);
		if (!presented)
			continue;
		buf_printf(
			out, "add element inet culvert mark%s { \"%s\" . %s : 0x%x }\n", family, c->interface, shown, plan_mark(a));
		buf_printf(out, "add element inet culvert real%s { \"%s\" . %s : %s }\n", family, c->interface, shown, pool);
		buf_printf(out, "add element inet culvert presented%s { %u . %s : %s }\n", family, zone, pool, shown);
	}
}

static bool is_parent_only(const struct model *m, const char *interface)
{
	bool management = m->management.interface && strcmp(m->management.interface, interface) == 0;

	return !management && strcmp(m->gateway.outer.interface, interface) != 0;
}

static void add_cloud(const struct model *m, const struct apn *a, uint32_t zone, struct buf *out)
{
	char name[IFNAMSIZ];

	add_to_set("cloud", plan_cloud_name(a, name), out);
	add_interface(name, a->cloud.attach == CLOUD_SHARED ? 0 : zone, "from_cloud", out);
	switch (a->cloud.attach) {
	case CLOUD_DEDICATED:
		return;
	case CLOUD_VLAN:
		if (is_parent_only(m, a->cloud.interface))
			add_to_set("parent", a->cloud.interface, out);
		return;
	case CLOUD_SHARED:
		if (a->cloud.shared && a->cloud.shared->address.ip.family == AF_UNSPEC)
			add_to_set("dhcp", a->cloud.interface, out);
		add_shared(a, zone, out);
		return;
	}
}

/* Names have the values in them: such an object cannot be changed while it is there. */
static void add_limits(const struct apn *a, struct buf *out)
{
	static const struct {
		const char *suffix, *protocol;
	} families[] = { { "4", "ip" }, { "6", "ip6" } };
	const struct limits *l = &a->limits;
	unsigned timeout = a->udp_timeout;

	if (l->packets)
		buf_printf(out, "add limit inet culvert packets_%u_%u { rate over %u/second burst %u packets; }\n", a->table,
			l->packets, l->packets, l->packets);
	if (!has_begin(a))
		return;
	for (size_t i = 0; has_timeout(a) && i < 2; i++)
		buf_printf(out,
			"add ct timeout inet culvert udp%s_%u_%u { protocol udp; l3proto %s; policy = { unreplied : %u, "
			"replied : %u }; }\n",
			families[i].suffix, a->table, timeout, families[i].protocol, timeout, timeout);
	buf_printf(out, "table inet culvert { chain begin_%u {", a->table);
	if (l->connections)
		buf_printf(out, " ct count over %u goto refuse_over_flows;", l->connections);
	for (size_t i = 0; has_timeout(a) && i < 2; i++)
		buf_printf(out, " meta nfproto ipv%s ct timeout set \"udp%s_%u_%u\";", families[i].suffix, families[i].suffix,
			a->table, timeout);
	buf_puts(out, " }; }\n");
}

static void add_hosts(const struct hosts *h, const char *link, struct buf *out)
{
	char text[IP_TEXT];

	for (size_t i = 0; i < h->count; i++)
		buf_printf(out, "add element inet culvert echo%s { \"%s\" . %s }\n", suffix(&h->items[i]), link,
			ip_print(&h->items[i], text));
}

static void add_responder(const struct ping_responder *r, const char *link, struct buf *out)
{
	char from[PREFIX_TEXT], address[IP_TEXT];

	for (size_t i = 0; r->address.family != AF_UNSPEC && i < r->n_from; i++)
		if (!covered_before(r->from, r->n_from, i))
			buf_printf(out, "add element inet culvert responder%s { \"%s\" . %s . %s }\n", suffix(&r->address), link,
				prefix_print(&r->from[i], from), ip_print(&r->address, address));
}

static void add_probe(const struct probe *p, const char *link, struct buf *out)
{
	char target[IP_TEXT], source[IP_TEXT];

	if (p->target.family != AF_UNSPEC)
		buf_printf(out, "add element inet culvert probe%s { \"%s\" . %s . %s }\n", suffix(&p->target), link,
			ip_print(&p->target, target), ip_print(&p->source, source));
}

/* What of an APN is listed for each of its links. */
struct listed {
	struct endpoints services, downlink;
	struct hosts hosts;
};

static void add_link(
	const struct apn *a, const struct link *l, uint32_t zone, const struct listed *listed, struct buf *out)
{
	char name[IFNAMSIZ], cloud[IFNAMSIZ];

	plan_xfrm_name(l->if_id, name);
	add_interface(name, zone, a->limits.packets ? "from_limited_device" : "from_device", out);
	buf_printf(out, "add element inet culvert path { \"%s\" . \"%s\" }\n", name, plan_cloud_name(a, cloud));
	add_pool(a, name, out);
	add_endpoints(&listed->services, "service", name, out);
	add_endpoints(&listed->downlink, "downlink", name, out);
	if (a->icmp == ICMP_ECHO)
		add_hosts(&listed->hosts, name, out);
	add_responder(&a->ping_responder, name, out);
	add_probe(&a->probe, name, out);
	if (a->limits.packets)
		buf_printf(out, "add element inet culvert packets { \"%s\" : \"packets_%u_%u\" }\n", name, a->table,
			a->limits.packets);
	if (has_begin(a))
		buf_printf(out, "add element inet culvert begin { \"%s\" : jump begin_%u }\n", name, a->table);
}

static int collect(const struct apn *a, struct listed *l)
{
	int r = endpoints_collect(a->services, a->n_services, &l->services);

	if (r == 0)
		r = endpoints_collect(a->downlink, a->n_downlink, &l->downlink);
	return r < 0 ? r : hosts_collect(a, &l->hosts);
}

static int add_apn(const struct model *m, const struct apn *a, struct buf *out)
{
	uint32_t zone = a->table - IDS_TABLE_FIRST + 1;
	struct listed listed = { 0 };
	char vrf[IFNAMSIZ];

	if (a->table < IDS_TABLE_FIRST || zone > UINT16_MAX)
		return -ERANGE;
	if (!is_plain_name(a->cloud.interface))
		return -EINVAL;
	int r = collect(a, &listed);
	if (r == 0) {
		buf_printf(out, "\n# %s\n", a->name);
		add_cloud(m, a, zone, out);
		add_interface(plan_vrf_name(a->table, vrf), zone, NULL, out);
		add_limits(a, out);
		for (size_t i = 0; i < a->n_links; i++)
			add_link(a, &a->links[i], zone, &listed, out);
	}
	endpoints_free(&listed.services);
	endpoints_free(&listed.downlink);
	hosts_free(&listed.hosts);
	return r;
}

static void add_prefixes(const char *set, const struct prefix *prefixes, size_t n, struct buf *out)
{
	char text[PREFIX_TEXT];

	for (size_t i = 0; i < n; i++)
		if (!covered_before(prefixes, n, i))
			buf_printf(out, "add element inet culvert %s%s { %s }\n", set, suffix(&prefixes[i].ip),
				prefix_print(&prefixes[i], text));
}

/* Where peers are. Gateway and peers are of one family: of the other nobody gets in. */
static void add_peers(const struct tunnel *t, struct buf *out)
{
	char text[IP_TEXT];

	for (size_t i = 0; i < t->n_peers; i++)
		if (t->peers[i].kind == PEER_ADDRESS)
			buf_printf(out, "add element inet culvert peer%s { %s }\n", suffix(&t->peers[i].address),
				ip_print(&t->peers[i].address, text));
}

static bool has_unknown_peer(const struct model *m)
{
	for (size_t c = 0; c < m->n_carriers; c++)
		for (size_t t = 0; t < m->carriers[c].n_tunnels; t++)
			for (size_t p = 0; p < m->carriers[c].tunnels[t].n_peers; p++)
				if (m->carriers[c].tunnels[t].peers[p].kind != PEER_ADDRESS)
					return true;
	return false;
}

static void add_all_peers(const struct model *m, struct buf *out)
{
	if (has_unknown_peer(m))
		buf_printf(out, "add element inet culvert anyone { ipv%s }\n", suffix(&m->gateway.outer.address.ip));
	for (size_t c = 0; c < m->n_carriers; c++)
		for (size_t t = 0; t < m->carriers[c].n_tunnels; t++)
			add_peers(&m->carriers[c].tunnels[t], out);
}

static int add_machine(const struct model *m, struct buf *out)
{
	const struct outer *outer = &m->gateway.outer;
	const struct management *management = &m->management;
	char text[IP_TEXT];

	if (!is_plain_name(outer->interface) || (management->interface && !is_plain_name(management->interface)))
		return -EINVAL;
	buf_printf(out, "\nadd element inet culvert outer { \"%s\" }\n", outer->interface);
	if (outer->address.dhcp)
		add_to_set("dhcp", outer->interface, out);
	for (size_t i = 0; i < outer->n_resolvers; i++)
		buf_printf(out, "add element inet culvert resolver%s { %s }\n", suffix(&outer->resolvers[i]),
			ip_print(&outer->resolvers[i], text));
	add_all_peers(m, out);
	if (management->interface) {
		add_to_set("management", management->interface, out);
		add_prefixes("allow", management->allow, management->n_allow, out);
	}
	return 0;
}

/*
 * A chain without rules that names the text of the rules (FNV-1a), so that a table of another Culvert is not mistaken
 * for ours.
 */
static void add_layout(const char *command, struct buf *out)
{
	uint32_t hash = 2166136261U;

	for (const char *c = nft_rules; *c != '\0'; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619U;
	buf_printf(out, "%s layout_%08x\n", command, hash);
}

static int add_content(const struct model *m, struct buf *out)
{
	buf_puts(out, nft_rules);
	int r = add_machine(m, out);

	for (size_t i = 0; i < m->n_apns && r == 0; i++)
		r = add_apn(m, &m->apns[i], out);
	return r < 0 ? r : out->error;
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
	buf_puts(out, nft_rules);
}
