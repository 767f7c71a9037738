#include "appliance/isolation/nft_apn.h"

#include "appliance/isolation/endpoint.h"
#include "appliance/isolation/nft_element.h"
#include "appliance/isolation/plan.h"
#include "conf/ids.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

static void add_pool(const struct apn *a, const char *link, struct buf *out)
{
	char text[PREFIX_TEXT];

	for (size_t i = 0; i < a->n_pool; i++)
		if (!nft_is_covered(a->pool, a->n_pool, i))
			buf_printf(out, "add element inet culvert pool%s { \"%s\" . %s }\n", nft_suffix(&a->pool[i].ip), link,
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

		bool range = p->ports.last != p->ports.first;
		buf_printf(out, "add element inet culvert %s%s%s { \"%s\" . %s . %s . %u", set, nft_suffix(&p->host),
			range ? "_range" : "", link, ip_print(&p->host, host), protocols[p->protocol], p->ports.first);
		if (range)
			buf_printf(out, "-%u", p->ports.last);
		buf_puts(out, " }\n");
	}
}

static void add_zone(const char *name, uint32_t zone, struct buf *out)
{
	buf_printf(out, "add element inet culvert zone { \"%s\" : %u }\n", name, zone);
}

/* The rule for the pool's prefixes of a family, if there are any. */
static void add_pool_rule(const struct apn *a, int family, const char *match, const char *verdict, struct buf *out)
{
	struct buf list CLEANUP(buf_free) = { 0 };
	char text[PREFIX_TEXT];
	size_t n = 0;

	for (size_t i = 0; i < a->n_pool; i++)
		if (a->pool[i].ip.family == family && !nft_is_covered(a->pool, a->n_pool, i))
			buf_printf(&list, "%s%s", n++ > 0 ? ", " : "", prefix_print(&a->pool[i], text));
	if (n > 0)
		buf_printf(out, n > 1 ? " %s { %s } %s;" : " %s %s %s;", match, buf_text(&list), verdict);
	if (list.error < 0)
		out->error = list.error;
}

/* What packets of this APN alone meet, so that its pool need not be looked for among all. */
static void add_pool_chains(const struct apn *a, uint32_t zone, struct buf *out)
{
	const char *down = has_begin(a) ? "goto down_known" : "goto down";

	buf_printf(out, "table inet culvert { chain in_%u { ct zone set %u;", a->table, zone);
	if (a->cloud.n_presented_as > 0 && a->pool[0].ip.family == AF_INET6)
		buf_printf(out, " meta mark set 0x%x;", plan_mark(a));
	add_pool_rule(a, AF_INET, "ip saddr", "accept", out);
	add_pool_rule(a, AF_INET6, "ip6 saddr", "accept", out);
	buf_printf(out, " }; }\ntable inet culvert { chain down_%u {", a->table);
	add_pool_rule(a, AF_INET, "ip daddr", down, out);
	add_pool_rule(a, AF_INET6, "ip6 daddr", down, out);
	buf_puts(out, " }; }\n");
}

/* What tells the flows of an APN on a shared interface from those of others: where they go to. */
static void add_shared(const struct apn *a, uint32_t zone, struct buf *out)
{
	const struct cloud *c = &a->cloud;
	bool presented = c->n_presented_as > 0;
	uint32_t table = c->shared ? c->shared->table : 0;
	char pool[PREFIX_TEXT], shown[PREFIX_TEXT];

	if (presented)
		buf_printf(out, "add element inet culvert mark_zone { 0x%x : %u }\n", plan_mark(a), zone);
	for (size_t i = 0; i < a->n_pool && (!presented || i < c->n_presented_as); i++) {
		const struct prefix *p = presented ? &c->presented_as[i] : &a->pool[i];
		const char *family = nft_suffix(&p->ip);
		prefix_print(&a->pool[i], pool);
		prefix_print(p, shown);
		buf_printf(out, "add element inet culvert zone%s_%u { %s : %u }\n", family, table, shown, zone);
		if (!presented)
			continue;
		buf_printf(out, "add element inet culvert mark%s_%u { %s : 0x%x }\n", family, table, shown, plan_mark(a));
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

	nft_add_to_set("cloud", plan_cloud_name(a, name), out);
	bool shared = a->cloud.attach == CLOUD_SHARED;
	if (!shared)
		add_zone(name, zone, out);
	if (shared && a->cloud.shared)
		buf_printf(out, "add element inet culvert arrive { \"%s\" : goto shared_%u }\n", name, a->cloud.shared->table);
	else if (!shared)
		buf_printf(out, "add element inet culvert arrive { \"%s\" : goto dedicated_in }\n", name);
	switch (a->cloud.attach) {
	case CLOUD_DEDICATED:
		return;
	case CLOUD_VLAN:
		if (is_parent_only(m, a->cloud.interface))
			nft_add_to_set("parent", a->cloud.interface, out);
		return;
	case CLOUD_SHARED:
		if (a->cloud.shared && a->cloud.shared->address.ip.family == AF_UNSPEC)
			nft_add_to_set("dhcp", a->cloud.interface, out);
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
		buf_printf(out, "add element inet culvert echo%s { \"%s\" . %s }\n", nft_suffix(&h->items[i]), link,
			ip_print(&h->items[i], text));
}

static void add_responder(const struct ping_responder *r, const char *link, struct buf *out)
{
	char from[PREFIX_TEXT], address[IP_TEXT];

	for (size_t i = 0; r->address.family != AF_UNSPEC && i < r->n_from; i++)
		if (!nft_is_covered(r->from, r->n_from, i))
			buf_printf(out, "add element inet culvert responder%s { \"%s\" . %s . %s }\n", nft_suffix(&r->address),
				link, prefix_print(&r->from[i], from), ip_print(&r->address, address));
}

static void add_probe(const struct probe *p, const char *link, struct buf *out)
{
	char target[IP_TEXT], source[IP_TEXT];

	if (p->target.family != AF_UNSPEC)
		buf_printf(out, "add element inet culvert probe%s { \"%s\" . %s . %s }\n", nft_suffix(&p->target), link,
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
	plan_cloud_name(a, cloud);
	add_zone(name, zone, out);
	buf_printf(out, "add element inet culvert arrive { \"%s\" : jump in_%u }\n", name, a->table);
	buf_printf(out, "add element inet culvert path { \"%s\" . \"%s\" }\n", name, cloud);
	if (!a->limits.packets)
		buf_printf(out, "add element inet culvert way { \"%s\" . \"%s\" : jump %s }\n", name, cloud,
			has_begin(a) ? "up_known" : "up");
	buf_printf(out, "add element inet culvert way { \"%s\" . \"%s\" : jump down_%u }\n", cloud, name, a->table);
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

int nft_add_apn(const struct model *m, const struct apn *a, struct buf *out)
{
	uint32_t zone = a->table - IDS_TABLE_FIRST + 1;
	struct listed listed = { 0 };
	char vrf[IFNAMSIZ];

	if (a->table < IDS_TABLE_FIRST || zone > UINT16_MAX)
		return -ERANGE;
	if (!nft_is_plain_name(a->cloud.interface))
		return -EINVAL;
	int r = collect(a, &listed);
	if (r == 0) {
		buf_printf(out, "\n# %s\n", a->name);
		add_cloud(m, a, zone, out);
		add_zone(plan_vrf_name(a->table, vrf), zone, out);
		add_limits(a, out);
		add_pool_chains(a, zone, out);
		for (size_t i = 0; i < a->n_links; i++)
			add_link(a, &a->links[i], zone, &listed, out);
	}
	endpoints_free(&listed.services);
	endpoints_free(&listed.downlink);
	hosts_free(&listed.hosts);
	return r;
}
