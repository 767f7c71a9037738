#include "appliance/isolation/verify_wanted.h"

#include "appliance/isolation/nft_rules.h"
#include "conf/ids.h"
#include "conf/model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { PORTS = UINT16_MAX + 1, TEXT = 256, UDP_TIMEOUT = 300 /* seconds; that of an APN which says nothing else */ };
enum { LISTED = 1, GOES_ON = 2 }; /* a port, and that some range has the next one as well */

/* An APN, or one of its links, on its way into facts. */
struct want {
	const struct model *m;
	bool ipv6; /* the kernel has it, and must be told to refuse it */
	verify_open_fn open;
	const void *userdata;
	struct verify_wanted *ret;
	const struct apn *a;
	char vrf[IFNAMSIZ], cloud[IFNAMSIZ], link[IFNAMSIZ];
	uint32_t zone;
	uint8_t *ports; /* owned; one for each port; all zero between uses */
};

static void require(struct want *w, unsigned wall, const char *text)
{
	facts_add(&w->ret->required, wall, w->a ? w->a->table : 0, "%s", text);
}

static void require_element(struct want *w, const char *set, const char *key, const char *value)
{
	facts_add(
		&w->ret->required, 2, w->a ? w->a->table : 0, "element %s { %s%s%s }", set, key, value[0] ? " : " : "", value);
}

static char family(const struct ip *ip)
{
	return ip->family == AF_INET6 ? '6' : '4';
}

static const char *network(const struct prefix *p, char text[static SPAN_TEXT])
{
	struct span s = span_of(p);

	return span_print(&s, text);
}

/* An element "FIRST . PREFIX" of a set that exists for both families. */
static void require_prefix(
	struct want *w, const char *set, const char *first, const struct prefix *p, const char *value)
{
	char name[32], key[TEXT], text[SPAN_TEXT];

	snprintf(name, sizeof(name), "%s%c", set, family(&p->ip));
	snprintf(key, sizeof(key), "%s%s%s", first, first[0] ? " . " : "", network(p, text));
	require_element(w, name, key, value);
}

static struct prefix host(const struct ip *ip)
{
	return (struct prefix){ *ip, ip_bits(ip->family) };
}

static bool covered(const struct prefix *list, size_t n, const struct prefix *p)
{
	for (size_t i = 0; i < n; i++)
		if (prefix_covers(&list[i], p) && !prefix_equal(&list[i], p))
			return true;
	return false;
}

static bool has_ipv6(const struct apn *a)
{
	return a->n_pool > 0 && a->pool[0].ip.family == AF_INET6;
}

/* --- routing --- */

static void want_vrf(const struct want *w, uint32_t table)
{
	struct facts *f = &w->ret->required;

	facts_add(f, 1, table, "interface culv-v%u (VRF of table %u)", table, table);
	facts_add(f, 1, table, "interface culv-v%u is up", table);
	facts_add(f, 1, table, "route in table %u: IPv4 default is refused", table);
	if (w->ipv6)
		facts_add(f, 1, table, "route in table %u: IPv6 default is refused", table);
}

static void want_member(struct want *w, const char *name, uint32_t table)
{
	facts_add(&w->ret->required, 1, table, "interface %s in culv-v%u", name, table);
	facts_add(&w->ret->required, 1, table, "interface %s is up", name);
	facts_add(&w->ret->required, 1, table, "IPv4 forwarding of %s is 1", name);
}

/* No IPv4 packet that comes in by it is routed on. */
static void want_unforwarding(struct want *w, const char *name)
{
	facts_add(&w->ret->required, 1, 0, "IPv4 forwarding of %s is 0", name);
}

/* metric is not looked at: it chooses between what is allowed. */
static void want_route(
	struct want *w, bool required, uint32_t table, const struct prefix *to, const struct ip *via, const char *out)
{
	char prefix[SPAN_TEXT], hop[IP_TEXT] = "";
	bool has_hop = via && via->family == to->ip.family;

	facts_add(required ? &w->ret->required : &w->ret->allowed, 1, w->a->table, "route in table %u: %s%s%s dev %s",
		table, network(to, prefix), has_hop ? " via " : "", has_hop ? ip_print(via, hop) : "", out);
}

static void want_address(struct want *w, bool required, uint32_t of, const struct prefix *p, const char *on)
{
	char text[PREFIX_TEXT];

	if (p->ip.family != AF_UNSPEC)
		facts_add(
			required ? &w->ret->required : &w->ret->allowed, 1, of, "address %s on %s", prefix_print(p, text), on);
}

/* For each host of the APN's services, as often as it is named. */
static void each_host(struct want *w, void (*f)(struct want *, const struct prefix *))
{
	for (size_t i = 0; i < w->a->n_services + w->a->n_downlink; i++) {
		const struct service *s = i < w->a->n_services ? &w->a->services[i] : &w->a->downlink[i - w->a->n_services];
		struct prefix p = host(&s->host);
		f(w, &p);
	}
}

static void leak(struct want *w, const struct prefix *to)
{
	const struct cloud *c = &w->a->cloud;
	bool hop = c->next_hop.family == to->ip.family && !prefix_covers(&c->shared->address, to);

	want_route(w, true, w->a->table, to, hop ? &c->next_hop : NULL, w->cloud);
	if (hop)
		want_route(w, true, c->shared->table, to, &c->next_hop, w->cloud);
}

static void want_cloud(struct want *w)
{
	const struct cloud *c = &w->a->cloud;

	if (c->attach == CLOUD_SHARED) {
		each_host(w, leak);
		if (c->n_presented_as > 0)
			facts_add(&w->ret->required, 1, w->a->table, "rule 900: mark %u to table %u (IPv%c)", 0x63750000u | w->zone,
				w->a->table, family(&w->a->pool[0].ip));
		return;
	}
	if (c->attach == CLOUD_VLAN) {
		facts_add(&w->ret->required, 1, w->a->table, "interface %s (VLAN %u on %s)", w->cloud, c->vlan, c->interface);
		want_unforwarding(w, c->interface);
	}
	want_member(w, w->cloud, w->a->table);
	want_address(w, true, w->a->table, &c->address, w->cloud);
	for (size_t i = 0; i < c->n_prefixes; i++)
		if (!prefix_covers(&c->address, &c->prefixes[i]))
			want_route(w, true, w->a->table, &c->prefixes[i], &c->next_hop, w->cloud);
}

/* What the gateway itself has towards devices stands on the VRF, unless the cloud interface has it. */
static void want_own(struct want *w, bool required, const struct ip *ip)
{
	struct prefix p = host(ip);

	if (ip->family != AF_UNSPEC && (w->a->cloud.shared || !ip_equal(ip, &w->a->cloud.address.ip)))
		want_address(w, required, w->a->table, &p, w->vrf);
}

static void want_link_routing(struct want *w, const struct link *l)
{
	const struct apn *a = w->a;
	bool open = w->open(w->userdata, l->if_id);

	facts_add(&w->ret->required, 1, a->table, "interface %s (XFRM, if_id %u)", w->link, l->if_id);
	want_member(w, w->link, a->table);
	facts_add(&w->ret->required, 1, a->table, "rp_filter of %s is 0", w->link);
	for (size_t i = 0; i < a->n_pool; i++) {
		want_route(w, open, a->table, &a->pool[i], NULL, w->link);
		if (a->cloud.shared && a->cloud.n_presented_as == 0)
			want_route(w, open, a->cloud.shared->table, &a->pool[i], NULL, w->link);
	}
	for (size_t i = 0; i < a->ping_responder.n_from; i++)
		want_route(w, open && !covered(a->pool, a->n_pool, &a->ping_responder.from[i]), a->table,
			&a->ping_responder.from[i], NULL, w->link);
	struct prefix target = host(&a->probe.target);
	if (target.ip.family != AF_UNSPEC)
		want_route(w, false, a->table, &target, NULL, w->link);
}

/* --- nftables --- */

static bool has_set(const char *name)
{
	char text[64];

	snprintf(text, sizeof(text), "\tset %s {", name);
	return strstr(nft_rules, text) != NULL;
}

/* Each run of ports that a host has with one protocol, however it was written; what only touches is not joined. */
static void each_run(struct want *w, const struct service *list, size_t n, const struct ip *ip, bool tcp,
	void (*f)(struct want *, const struct ip *, const char *, unsigned, unsigned))
{
	unsigned low = PORTS, high = 0;

	for (size_t i = 0; i < n; i++) {
		const struct ports *p = tcp ? list[i].tcp : list[i].udp;
		size_t count = tcp ? list[i].n_tcp : list[i].n_udp;
		for (size_t k = 0; k < count && ip_equal(&list[i].host, ip); k++) {
			for (unsigned port = p[k].first; port <= p[k].last; port++)
				w->ports[port] |= port < p[k].last ? LISTED | GOES_ON : LISTED;
			low = p[k].first < low ? p[k].first : low;
			high = p[k].last > high ? p[k].last : high;
		}
	}
	for (unsigned port = low; port <= high; port++) {
		unsigned first = port;
		while (w->ports[port] & GOES_ON)
			port++;
		if (w->ports[port])
			f(w, ip, tcp ? "tcp" : "udp", first, port);
	}
	if (low <= high)
		memset(w->ports + low, 0, high - low + 1);
}

static void each_service(struct want *w, const struct service *list, size_t n,
	void (*f)(struct want *, const struct ip *, const char *, unsigned, unsigned))
{
	for (size_t i = 0; i < n; i++) {
		each_run(w, list, n, &list[i].host, false, f);
		each_run(w, list, n, &list[i].host, true, f);
	}
}

static void want_ports(
	struct want *w, const char *set, const struct ip *ip, const char *protocol, unsigned first, unsigned last)
{
	char name[32], key[TEXT], text[IP_TEXT];
	int n = snprintf(key, sizeof(key), "%s . %s . %s . %u", w->link, ip_print(ip, text), protocol, first);

	if (last != first)
		snprintf(key + n, sizeof(key) - (size_t)n, "-%u", last);
	snprintf(name, sizeof(name), "%s%c%s", set, family(ip), last != first ? "_range" : "");
	require_element(w, name, key, "");
}

static void want_service(struct want *w, const struct ip *ip, const char *protocol, unsigned first, unsigned last)
{
	want_ports(w, "service", ip, protocol, first, last);
}

static void want_downlink(struct want *w, const struct ip *ip, const char *protocol, unsigned first, unsigned last)
{
	want_ports(w, "downlink", ip, protocol, first, last);
}

static void want_echo(struct want *w, const struct prefix *p)
{
	require_prefix(w, "echo", w->link, p, "");
}

static void want_zone(struct want *w, const char *name)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", w->zone);
	require_element(w, "zone", name, number);
}

/* The first packet of a flow is counted, or remembered for another time than usual. */
static bool has_begin(const struct apn *a)
{
	return a->limits.connections || (a->udp_timeout && a->udp_timeout != UDP_TIMEOUT);
}

/* What leads packets to the chains of the APN. */
static void want_ways(struct want *w)
{
	const struct apn *a = w->a;
	char key[TEXT], value[TEXT];

	snprintf(value, sizeof(value), "jump in_%u", a->table);
	require_element(w, "arrive", w->link, value);
	snprintf(key, sizeof(key), "%s . %s", w->link, w->cloud);
	require_element(w, "path", key, "");
	if (!a->limits.packets)
		require_element(w, "way", key, has_begin(a) ? "jump up_known" : "jump up");
	snprintf(key, sizeof(key), "%s . %s", w->cloud, w->link);
	snprintf(value, sizeof(value), "jump down_%u", a->table);
	require_element(w, "way", key, value);
	snprintf(value, sizeof(value), "jump begin_%u", a->table);
	if (has_begin(a))
		require_element(w, "begin", w->link, value);
}

static void want_gateway_sets(struct want *w)
{
	const struct apn *a = w->a;
	char first[TEXT], text[SPAN_TEXT];

	for (size_t i = 0; a->ping_responder.address.family != AF_UNSPEC && i < a->ping_responder.n_from; i++) {
		const struct prefix *from = &a->ping_responder.from[i];
		struct prefix own = host(&a->ping_responder.address);
		snprintf(first, sizeof(first), "%s . %s", w->link, network(from, text));
		if (!covered(a->ping_responder.from, a->ping_responder.n_from, from))
			require_prefix(w, "responder", first, &own, "");
	}
	if (a->probe.target.family == AF_UNSPEC || !has_set("probe4"))
		return;
	struct prefix source = host(&a->probe.source);
	snprintf(first, sizeof(first), "%s . %s", w->link, ip_print(&a->probe.target, text));
	require_prefix(w, "probe", first, &source, "");
}

static void want_link_walls(struct want *w)
{
	const struct apn *a = w->a;
	char value[TEXT];

	want_zone(w, w->link);
	want_ways(w);
	for (size_t i = 0; i < a->n_pool; i++)
		if (!covered(a->pool, a->n_pool, &a->pool[i]))
			require_prefix(w, "pool", w->link, &a->pool[i], "");
	each_service(w, a->services, a->n_services, want_service);
	each_service(w, a->downlink, a->n_downlink, want_downlink);
	if (a->icmp == ICMP_ECHO)
		each_host(w, want_echo);
	want_gateway_sets(w);
	snprintf(value, sizeof(value), "packets_%u_%u", a->table, a->limits.packets);
	if (a->limits.packets)
		require_element(w, "packets", w->link, value);
}

/* What a shared interface knows of packets by their destination. */
static void require_shown(struct want *w, const char *map, const struct prefix *shown, const char *value)
{
	char name[32], text[SPAN_TEXT];

	snprintf(name, sizeof(name), "%s%c_%u", map, family(&shown->ip), w->a->cloud.shared->table);
	require_element(w, name, network(shown, text), value);
}

static void want_presented(struct want *w, const struct prefix *pool, const struct prefix *shown)
{
	char mark[16], zone[16], text[SPAN_TEXT];

	snprintf(mark, sizeof(mark), "%u", 0x63750000u | w->zone);
	snprintf(zone, sizeof(zone), "%u", w->zone);
	require_element(w, "mark_zone", mark, zone);
	require_shown(w, "mark", shown, mark);
	require_prefix(w, "real", w->cloud, shown, network(pool, text));
	require_prefix(w, "presented", zone, pool, network(shown, text));
}

static void want_cloud_walls(struct want *w)
{
	const struct cloud *c = &w->a->cloud;
	char zone[16], arrive[32];

	require_element(w, "cloud", w->cloud, "");
	want_zone(w, w->vrf);
	const char *management = w->m->management.interface;
	bool other_use = strcmp(w->m->gateway.outer.interface, c->interface) == 0 ||
					 (management && strcmp(management, c->interface) == 0);
	if (c->attach == CLOUD_VLAN && !other_use)
		require_element(w, "parent", c->interface, "");
	if (c->attach != CLOUD_SHARED) {
		require_element(w, "arrive", w->cloud, "goto dedicated_in");
		want_zone(w, w->cloud);
		return;
	}
	snprintf(arrive, sizeof(arrive), "goto shared_%u", c->shared->table);
	require_element(w, "arrive", w->cloud, arrive);
	if (c->shared->address.ip.family == AF_UNSPEC)
		require_element(w, "dhcp", w->cloud, "");
	snprintf(zone, sizeof(zone), "%u", w->zone);
	for (size_t i = 0; i < w->a->n_pool; i++) {
		if (i < c->n_presented_as)
			want_presented(w, &w->a->pool[i], &c->presented_as[i]);
		if (i < c->n_presented_as || c->n_presented_as == 0)
			require_shown(w, "zone", c->n_presented_as ? &c->presented_as[i] : &w->a->pool[i], zone);
	}
}

/* --- paths --- */

static bool in_selectors(const struct prefix *list, size_t n, const struct ip *ip)
{
	for (size_t i = 0; i < n; i++)
		if (prefix_contains(&list[i], ip))
			return true;
	return false;
}

static void want_path(
	struct want *w, enum path_kind kind, const struct ip *ip, const char *protocol, unsigned first, unsigned last)
{
	struct prefix p = host(ip);
	struct path one = { .kind = kind, .of = w->a->table, .first = (uint16_t)first, .last = (uint16_t)last };
	bool up = kind == PATH_UPLINK;

	snprintf(one.protocol, sizeof(one.protocol), "%s", protocol);
	memcpy(one.in, up ? w->link : w->cloud, IFNAMSIZ);
	memcpy(one.out, up ? w->cloud : w->link, IFNAMSIZ);
	for (size_t i = 0; i < w->a->n_pool; i++) {
		one.from = up ? span_of(&w->a->pool[i]) : span_of(&p);
		one.to = up ? span_of(&p) : span_of(&w->a->pool[i]);
		if (w->a->pool[i].ip.family == ip->family)
			paths_add(&w->ret->paths, &one);
	}
}

static void want_up(struct want *w, const struct ip *ip, const char *protocol, unsigned first, unsigned last)
{
	want_path(w, PATH_UPLINK, ip, protocol, first, last);
}

static void want_down(struct want *w, const struct ip *ip, const char *protocol, unsigned first, unsigned last)
{
	want_path(w, PATH_DOWNLINK, ip, protocol, first, last);
}

static void want_pings(struct want *w, const struct prefix *p)
{
	want_path(w, PATH_UPLINK, &p->ip, "icmp echo", 0, UINT16_MAX);
	want_path(w, PATH_DOWNLINK, &p->ip, "icmp echo", 0, UINT16_MAX);
}

static void want_link_paths(struct want *w, const struct link *l)
{
	const struct apn *a = w->a;

	each_service(w, a->services, a->n_services, want_up);
	each_service(w, a->downlink, a->n_downlink, want_down);
	if (a->icmp == ICMP_ECHO)
		each_host(w, want_pings);
	for (size_t i = 0; a->ping_responder.address.family != AF_UNSPEC && i < a->ping_responder.n_from; i++) {
		struct prefix own = host(&a->ping_responder.address);
		struct path one = { .kind = PATH_GATEWAY, .of = a->table, .protocol = "icmp echo", .last = UINT16_MAX };
		one.from = span_of(&a->ping_responder.from[i]);
		one.to = span_of(&own);
		memcpy(one.in, w->link, IFNAMSIZ);
		if (in_selectors(l->local, l->n_local, &own.ip))
			paths_add(&w->ret->paths, &one);
	}
}

/* --- all --- */

static void want_apn(struct want *w, const struct apn *a)
{
	w->a = a;
	w->zone = a->table - IDS_TABLE_FIRST + 1;
	snprintf(w->vrf, sizeof(w->vrf), "culv-v%u", a->table % 1000000000);
	if (a->cloud.attach == CLOUD_VLAN)
		snprintf(w->cloud, sizeof(w->cloud), "culv-c%u", a->table % 1000000000);
	else
		snprintf(w->cloud, sizeof(w->cloud), "%s", a->cloud.interface);
	want_vrf(w, a->table);
	want_cloud(w);
	want_own(w, true, &a->ping_responder.address);
	want_own(w, false, &a->probe.source);
	want_cloud_walls(w);
	for (size_t i = 0; i < a->n_links; i++) {
		snprintf(w->link, sizeof(w->link), "culv-x%u", a->links[i].if_id % 1000000000);
		want_link_routing(w, &a->links[i]);
		want_link_walls(w);
		if (w->open(w->userdata, a->links[i].if_id))
			want_link_paths(w, &a->links[i]);
	}
	w->a = NULL;
}

static void want_shared(struct want *w, const struct shared *s)
{
	want_vrf(w, s->table);
	want_member(w, s->interface, s->table);
	want_address(w, true, s->table, &s->address, s->interface);
}

static void want_management(struct want *w, const struct management *g)
{
	if (!g->interface)
		return;
	require_element(w, "management", g->interface, "");
	want_unforwarding(w, g->interface);
	want_address(w, true, 0, &g->address, g->interface);
	for (size_t i = 0; i < g->n_allow; i++) {
		struct path one = { .kind = PATH_MANAGEMENT, .last = UINT16_MAX, .from = span_of(&g->allow[i]) };
		one.to = span_any(g->allow[i].ip.family);
		snprintf(one.in, sizeof(one.in), "%s", g->interface);
		if (covered(g->allow, g->n_allow, &g->allow[i]))
			continue;
		require_prefix(w, "allow", "", &g->allow[i], "");
		paths_add(&w->ret->paths, &one);
	}
}

static void want_peers(struct want *w)
{
	for (size_t c = 0; c < w->m->n_carriers; c++)
		for (size_t t = 0; t < w->m->carriers[c].n_tunnels; t++) {
			const struct tunnel *tunnel = &w->m->carriers[c].tunnels[t];
			for (size_t p = 0; p < tunnel->n_peers; p++) {
				struct prefix address = host(&tunnel->peers[p].address);
				if (tunnel->peers[p].kind == PEER_ADDRESS)
					require_prefix(w, "peer", "", &address, "");
				else
					facts_add(
						&w->ret->allowed, 2, 0, "element anyone { ipv%c }", family(&w->m->gateway.outer.address.ip));
			}
		}
}

static void want_machine(struct want *w)
{
	const struct outer *o = &w->m->gateway.outer;
	bool ipv6 = false;

	for (size_t i = 0; i < w->m->n_apns; i++)
		ipv6 = ipv6 || has_ipv6(&w->m->apns[i]);
	require_element(w, "outer", o->interface, "");
	want_unforwarding(w, o->interface);
	if (o->address.ip.family == AF_INET6)
		require_element(w, "outer6", o->interface, "");
	if (o->address.dhcp)
		require_element(w, "dhcp", o->interface, "");
	for (size_t i = 0; i < o->n_resolvers; i++) {
		struct prefix p = host(&o->resolvers[i]);
		require_prefix(w, "resolver", "", &p, "");
	}
	if (has_set("peer4"))
		want_peers(w);
	want_management(w, &w->m->management);
	for (int f = 4; f <= (w->ipv6 ? 6 : 4); f += 2) {
		facts_add(&w->ret->required, 1, 0, "rule 1000: each VRF to its own table (IPv%d)", f);
		facts_add(&w->ret->required, 1, 0, "rule 32765: to table 255 (IPv%d)", f);
	}
	require(w, 1, "net/ipv4/ip_forward is 1");
	facts_add(ipv6 ? &w->ret->required : &w->ret->allowed, 1, 0, "net/ipv6/conf/all/forwarding is 1");
	facts_add(&w->ret->allowed, 1, 0, "net/ipv6/conf/all/forwarding is %d", w->ipv6 ? 0 : -1);
	require(w, 1, "net/ipv4/tcp_l3mdev_accept is 0");
	require(w, 1, "net/ipv4/udp_l3mdev_accept is 0");
	require(w, 1, "net/ipv4/route/min_pmtu is 1280");
}

int verify_want(const struct model *m, bool ipv6, verify_open_fn open, const void *userdata, struct verify_wanted *ret)
{
	struct want w = {
		.m = m, .ipv6 = ipv6, .open = open, .userdata = userdata, .ret = ret, .ports = calloc(1, PORTS + 1)
	};

	if (!w.ports)
		return -ENOMEM;
	want_machine(&w);
	for (size_t i = 0; i < m->n_shared; i++)
		want_shared(&w, &m->shared[i]);
	for (size_t i = 0; i < m->n_apns; i++)
		want_apn(&w, &m->apns[i]);
	free(w.ports);
	paths_sort(&ret->paths);
	facts_sort(&ret->required);
	facts_sort(&ret->allowed);
	return ret->paths.error < 0 ? ret->paths.error : ret->required.error < 0 ? ret->required.error : ret->allowed.error;
}

void verify_wanted_free(struct verify_wanted *w)
{
	paths_free(&w->paths);
	facts_free(&w->required);
	facts_free(&w->allowed);
}
