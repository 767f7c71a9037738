#include "appliance/isolation/plan.h"

#include "appliance/isolation/carrying.h"
#include "appliance/isolation/endpoint.h"
#include "conf/ids.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/grow.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/*
 * Objects of one kind come as a few ascending sequences that take turns: the VRFs, the links, the cloud interfaces. So
 * many of a kind are told apart and merged; what is in greater disorder is sorted as anything else.
 */
enum { RUNS_MAX = 8 };

/* A plan being built: the first error is remembered, later additions do nothing, plan_build() looks once. */
struct builder {
	struct plan plan;
	int error;
};

/* As much of it as fits. */
static void copy_text(char *to, size_t size, const char *from)
{
	if (!memccpy(to, from, '\0', size))
		to[size - 1] = '\0';
}

/* PLAN_PREFIX, the letter and the number. */
static void print_name(char letter, uint32_t number, char name[static IFNAMSIZ])
{
	char digits[10], *end = stpcpy(name, PLAN_PREFIX);
	size_t n = 0;

	*end++ = letter;
	do {
		digits[n++] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	while (n > 0 && end < name + IFNAMSIZ - 1)
		*end++ = digits[--n];
	*end = '\0';
}

const char *plan_vrf_name(uint32_t table, char name[static IFNAMSIZ])
{
	print_name('v', table, name);
	return name;
}

const char *plan_xfrm_name(uint32_t if_id, char name[static IFNAMSIZ])
{
	print_name('x', if_id, name);
	return name;
}

const char *plan_cloud_name(const struct apn *a, char name[static IFNAMSIZ])
{
	if (a->cloud.attach == CLOUD_VLAN)
		print_name('c', a->table, name);
	else
		copy_text(name, IFNAMSIZ, a->cloud.interface);
	return name;
}

uint32_t plan_mark(const struct apn *a)
{
	return PLAN_MARK | (a->table - IDS_TABLE_FIRST + 1);
}

bool plan_is_ours(const char *interface)
{
	return strncmp(interface, PLAN_PREFIX, strlen(PLAN_PREFIX)) == 0;
}

int plan_add(struct plan *p, const struct object *o)
{
	struct object *objects = grow(p->objects, p->count, &p->size, sizeof(*objects));
	if (!objects)
		return -ENOMEM;
	p->objects = objects;
	p->objects[p->count++] = *o;
	return 0;
}

static int compare_objects(const void *a, const void *b)
{
	return object_compare(a, b);
}

bool plan_has(const struct plan *p, const struct object *o)
{
	return p->count > 0 && bsearch(o, p->objects, p->count, sizeof(*p->objects), compare_objects);
}

/* Some objects of one kind, in ascending order. */
struct run {
	size_t first, last;
};

/* All objects of a plan, dealt to runs. */
struct runs {
	struct run items[OBJECT_KINDS][RUNS_MAX];
	size_t count[OBJECT_KINDS];
	size_t *next; /* owned; for each object: what comes behind it in its run, the plan's count at the end */
};

/* Appends the object to the first run that it fits behind. False if there is none and no room for another. */
static bool deal(struct runs *r, const struct plan *p, size_t at)
{
	enum object_kind kind = p->objects[at].kind;
	size_t i = 0;
	int c = 0;

	while (i < r->count[kind] && (c = object_compare(&p->objects[r->items[kind][i].last], &p->objects[at])) > 0)
		i++;
	if (i == RUNS_MAX)
		return false;
	if (i < r->count[kind] && c == 0)
		return true; /* a double */
	if (i == r->count[kind])
		r->items[kind][r->count[kind]++].first = at;
	else
		r->next[r->items[kind][i].last] = at;
	r->items[kind][i].last = at;
	r->next[at] = p->count;
	return true;
}

static bool begins_before(const struct plan *p, const struct run *a, const struct run *b)
{
	return !b || object_compare(&p->objects[a->first], &p->objects[b->first]) < 0;
}

/* The run that begins with the least object of a kind, and the next one; NULL if there is none. */
static struct run *find_least(struct runs *r, const struct plan *p, size_t kind, const struct run **ret_next)
{
	struct run *least = NULL;
	const struct run *next = NULL;

	for (size_t i = 0; i < r->count[kind]; i++) {
		struct run *run = &r->items[kind][i];
		if (run->first == p->count)
			continue;
		if (begins_before(p, run, least)) {
			next = least;
			least = run;
		} else if (begins_before(p, run, next)) {
			next = run;
		}
	}
	*ret_next = next;
	return least;
}

/* Merges the runs into out, without doubles, which no run has by itself. Returns how many there are. */
static size_t merge(struct runs *r, const struct plan *p, struct object *out)
{
	const struct run *next;
	struct run *least;
	size_t n = 0;

	for (size_t kind = 0; kind < OBJECT_KINDS; kind++)
		while ((least = find_least(r, p, kind, &next))) {
			if (n > 0 && object_compare(&out[n - 1], &p->objects[least->first]) == 0)
				n--;
			do {
				out[n++] = p->objects[least->first];
				least->first = r->next[least->first];
			} while (least->first < p->count && begins_before(p, least, next));
		}
	return n;
}

/* False, with p as it was, if its objects are in no such order, or for want of memory. */
static bool sort_runs(struct plan *p)
{
	struct runs r = { .next = reallocarray(NULL, p->count, sizeof(*r.next)) };
	struct object *out = reallocarray(NULL, p->count, sizeof(*out));
	bool fits = r.next && out;

	for (size_t i = 0; i < p->count && fits; i++)
		fits = deal(&r, p, i);
	if (fits) {
		size_t n = merge(&r, p, out);
		free(p->objects);
		*p = (struct plan){ .objects = out, .count = n, .size = p->count };
	} else {
		free(out);
	}
	free(r.next);
	return fits;
}

void plan_sort(struct plan *p)
{
	size_t kept = 0;

	if (p->count == 0 || sort_runs(p))
		return;
	qsort(p->objects, p->count, sizeof(*p->objects), compare_objects);
	for (size_t i = 1; i < p->count; i++)
		if (object_compare(&p->objects[kept], &p->objects[i]) != 0)
			p->objects[++kept] = p->objects[i];
	p->count = kept + 1;
}

static void add(struct builder *b, const struct object *o)
{
	if (b->error == 0)
		b->error = plan_add(&b->plan, o);
}

/* An object of which only the interface and a number count. */
static void add_named(struct builder *b, enum object_kind kind, const char *name, uint32_t value)
{
	struct object o = { .kind = kind, .value = value };

	copy_text(o.name, sizeof(o.name), name);
	add(b, &o);
}

static void add_master(struct builder *b, const char *name, const char *vrf)
{
	struct object o = { .kind = OBJECT_MASTER };

	copy_text(o.name, sizeof(o.name), name);
	copy_text(o.master, sizeof(o.master), vrf);
	add(b, &o);
}

static void add_sysctl(struct builder *b, uint32_t value, const char *name)
{
	add_named(b, OBJECT_SYSCTL, name, value);
}

/* Of an interface. */
static void add_device_sysctl(
	struct builder *b, uint32_t value, const char *folder, const char *interface, const char *name)
{
	struct object o = { .kind = OBJECT_SYSCTL, .value = value };
	const char *const parts[] = { folder, "/", interface, "/", name };
	size_t len = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		copy_text(o.name + len, sizeof(o.name) - len, parts[i]);
		len += strlen(o.name + len);
	}
	add(b, &o);
}

static void add_route(struct builder *b, uint32_t table, const struct prefix *to, const struct ip *via,
	const char *interface, uint32_t metric)
{
	struct object o = {
		.kind = OBJECT_ROUTE, .table = table, .prefix = prefix_network(to), .type = RTN_UNICAST, .value = metric
	};

	if (via)
		o.via = *via;
	copy_text(o.name, sizeof(o.name), interface);
	add(b, &o);
}

static void add_address(struct builder *b, const char *interface, const struct prefix *p)
{
	struct object o = { .kind = OBJECT_ADDRESS, .prefix = *p };

	copy_text(o.name, sizeof(o.name), interface);
	add(b, &o);
}

static void add_rules(struct builder *b, int family)
{
	struct object o = { .kind = OBJECT_RULE, .prefix.ip.family = family };

	o.value = PLAN_RULE_L3MDEV;
	add(b, &o);
	/* Behind the VRFs' rule: otherwise an address of the gateway would be reachable from within any VRF. */
	o.value = PLAN_RULE_LOCAL;
	o.table = RT_TABLE_LOCAL;
	add(b, &o);
}

/* What no other route of the VRF takes ends here instead of in the main table. */
static void add_refusal(struct builder *b, uint32_t table, int family)
{
	struct object o = { .kind = OBJECT_ROUTE, .table = table, .type = RTN_UNREACHABLE, .value = PLAN_METRIC_REFUSAL };

	o.prefix.ip.family = family;
	add(b, &o);
}

static bool in_range(uint32_t number)
{
	return number > 0 && number <= PLAN_NUMBER_MAX;
}

static bool uses_ipv6(const struct apn *a)
{
	for (size_t i = 0; i < a->n_pool; i++)
		if (a->pool[i].ip.family == AF_INET6)
			return true;
	return false;
}

static void add_vrf(struct builder *b, uint32_t table, bool ipv6, const char *vrf)
{
	struct object o = { .kind = OBJECT_VRF, .table = table };

	copy_text(o.name, sizeof(o.name), vrf);
	add(b, &o);
	add_named(b, OBJECT_UP, vrf, 0);
	add_refusal(b, table, AF_INET);
	add_refusal(b, table, AF_INET6);
	add_device_sysctl(b, !ipv6, "net/ipv6/conf", vrf, "disable_ipv6");
}

static struct prefix host_prefix(const struct ip *ip)
{
	return (struct prefix){ .ip = *ip, .len = ip_bits(ip->family) };
}

static bool in_pool(const struct apn *a, const struct prefix *p)
{
	for (size_t i = 0; i < a->n_pool; i++)
		if (prefix_covers(&a->pool[i], p))
			return true;
	return false;
}

/* The routes over a link: to the devices, and to those behind the tunnel whom the gateway itself speaks with. */
static void add_ways(struct builder *b, const struct apn *a, const char *name, uint32_t metric)
{
	struct prefix target = host_prefix(&a->probe.target);

	for (size_t i = 0; i < a->n_pool; i++) {
		add_route(b, a->table, &a->pool[i], NULL, name, metric);
		/* A marked packet finds its way by the APN's own table. */
		if (a->cloud.shared && a->cloud.n_presented_as == 0)
			add_route(b, a->cloud.shared->table, &a->pool[i], NULL, name, metric);
	}
	for (size_t i = 0; i < a->ping_responder.n_from; i++)
		if (!in_pool(a, &a->ping_responder.from[i]))
			add_route(b, a->table, &a->ping_responder.from[i], NULL, name, metric);
	if (target.ip.family != AF_UNSPEC && !in_pool(a, &target))
		add_route(b, a->table, &target, NULL, name, metric);
}

static void add_link(
	struct builder *b, const struct apn *a, size_t order, const struct carrying *carrying, const char *vrf)
{
	uint32_t if_id = a->links[order].if_id;
	const struct carrying_link *carries = carrying_find(carrying, if_id);
	char name[IFNAMSIZ];

	plan_xfrm_name(if_id, name);
	add_named(b, OBJECT_XFRM, name, if_id);
	add_named(b, OBJECT_MTU, name, PLAN_XFRM_MTU);
	add_master(b, name, vrf);
	add_named(b, OBJECT_UP, name, 0);
	add_device_sysctl(b, !uses_ipv6(a), "net/ipv6/conf", name, "disable_ipv6");
	/* No link-local address: it would announce itself to the carrier. */
	if (uses_ipv6(a))
		add_device_sysctl(b, IN6_ADDR_GEN_MODE_NONE, "net/ipv6/conf", name, "addr_gen_mode");
	/* The carrier picks the link of its packets, not the way back that we prefer; the second wall checks sources. */
	add_device_sysctl(b, 0, "net/ipv4/conf", name, "rp_filter");
	if (carries)
		add_ways(b, a, name, PLAN_METRIC_RANK * carries->rank + PLAN_METRIC_STEP * ((uint32_t)order + 1));
}

static void add_cloud(struct builder *b, const struct apn *a, const char *vrf)
{
	const struct cloud *c = &a->cloud;
	char name[IFNAMSIZ];

	add_master(b, plan_cloud_name(a, name), vrf);
	add_named(b, OBJECT_UP, name, 0);
	add_address(b, name, &c->address);
	for (size_t i = 0; i < c->n_prefixes; i++) {
		const struct prefix *to = &c->prefixes[i];
		if (prefix_covers(&c->address, to))
			continue; /* on link: the address brings the route */
		bool via = c->next_hop.family == to->ip.family;
		add_route(b, a->table, to, via ? &c->next_hop : NULL, name, PLAN_METRIC_STEP);
	}
}

/* It carries nothing but its VLANs; it is only held up. */
static void add_vlan(struct builder *b, const struct apn *a)
{
	struct object o = { .kind = OBJECT_VLAN, .value = a->cloud.vlan };

	plan_cloud_name(a, o.name);
	copy_text(o.master, sizeof(o.master), a->cloud.interface);
	add(b, &o);
	add_named(b, OBJECT_UP, a->cloud.interface, 0);
	add_device_sysctl(b, 0, "net/ipv4/conf", a->cloud.interface, "forwarding");
	add_device_sysctl(b, !uses_ipv6(a), "net/ipv6/conf", o.name, "disable_ipv6");
}

/*
 * The ways between an APN and the shared VRF: to the hosts that it may speak with, not to the rest of its prefixes.
 * Where the interface's own subnet is not known, a next hop is the way to all of them. The shared table has the hosts
 * behind a next hop as well, or their packets would fail the kernel's check of sources; by metrics of the APN's own,
 * since another one may have another next hop.
 */
static void add_leaks(struct builder *b, const struct apn *a, const struct shared *s)
{
	const struct cloud *c = &a->cloud;
	struct hosts hosts = { 0 };

	if (b->error == 0)
		b->error = hosts_collect(a, &hosts);
	for (size_t i = 0; i < hosts.count; i++) {
		struct prefix host = { .ip = hosts.items[i], .len = ip_bits(hosts.items[i].family) };
		bool via = c->next_hop.family == host.ip.family && !prefix_covers(&s->address, &host);
		add_route(b, a->table, &host, via ? &c->next_hop : NULL, c->interface, PLAN_METRIC_STEP);
		if (via)
			add_route(b, s->table, &host, &c->next_hop, c->interface, a->table);
	}
	hosts_free(&hosts);
	if (c->n_presented_as == 0)
		return;
	struct object rule = { .kind = OBJECT_MARK_RULE, .value = plan_mark(a), .table = a->table };
	rule.prefix.ip.family = uses_ipv6(a) ? AF_INET6 : AF_INET;
	add(b, &rule);
	/* What the gateway answers to a marked packet, an ICMP error, is mapped as the packet was. */
	add_sysctl(b, 1, uses_ipv6(a) ? "net/ipv6/fwmark_reflect" : "net/ipv4/fwmark_reflect");
}

static void add_shared(struct builder *b, const struct model *m, const struct shared *s)
{
	bool ipv6 = false;
	char vrf[IFNAMSIZ];

	if (b->error == 0 && !in_range(s->table))
		b->error = -ERANGE;
	for (size_t i = 0; i < m->n_apns; i++)
		ipv6 = ipv6 || (m->apns[i].cloud.shared == s && uses_ipv6(&m->apns[i]));
	plan_vrf_name(s->table, vrf);
	add_vrf(b, s->table, ipv6, vrf);
	add_master(b, s->interface, vrf);
	add_named(b, OBJECT_UP, s->interface, 0);
	add_device_sysctl(b, 1, "net/ipv4/conf", s->interface, "forwarding");
	if (s->address.ip.family != AF_UNSPEC)
		add_address(b, s->interface, &s->address);
	else if (ipv6) /* becoming a member takes an interface down for a moment, and IPv6 addresses with it */
		add_device_sysctl(b, 1, "net/ipv6/conf", s->interface, "keep_addr_on_down");
}

/* An address that the gateway itself has towards devices: on the VRF, unless the cloud interface in it has it. */
static void add_own(struct builder *b, const struct apn *a, const struct ip *own, const char *vrf)
{
	struct prefix p = host_prefix(own);

	if (p.ip.family == AF_UNSPEC || (!a->cloud.shared && ip_equal(&p.ip, &a->cloud.address.ip)))
		return;
	add_address(b, vrf, &p);
}

static int check_numbers(const struct apn *a)
{
	if (!in_range(a->table))
		return -ERANGE;
	for (size_t i = 0; i < a->n_links; i++)
		if (!in_range(a->links[i].if_id))
			return -ERANGE;
	return 0;
}

static void add_apn(struct builder *b, const struct apn *a, const struct carrying *carrying)
{
	char vrf[IFNAMSIZ];

	if (b->error == 0)
		b->error = check_numbers(a);
	if (b->error < 0)
		return;
	plan_vrf_name(a->table, vrf);
	add_vrf(b, a->table, uses_ipv6(a), vrf);
	add_own(b, a, &a->ping_responder.address, vrf);
	add_own(b, a, &a->probe.source, vrf);
	for (size_t i = 0; i < a->n_links; i++)
		add_link(b, a, i, carrying, vrf);
	switch (a->cloud.attach) {
	case CLOUD_DEDICATED:
		/* It may have been an interface that does not forward, and nothing else sets that back. */
		add_device_sysctl(b, 1, "net/ipv4/conf", a->cloud.interface, "forwarding");
		add_cloud(b, a, vrf);
		return;
	case CLOUD_VLAN:
		add_vlan(b, a);
		add_cloud(b, a, vrf);
		return;
	case CLOUD_SHARED:
		add_leaks(b, a, a->cloud.shared);
		return;
	}
}

static void add_host(struct builder *b, const struct model *m)
{
	bool ipv6 = false;

	for (size_t i = 0; i < m->n_apns; i++)
		ipv6 = ipv6 || uses_ipv6(&m->apns[i]);
	add_rules(b, AF_INET);
	add_rules(b, AF_INET6);
	if (m->management.interface) {
		add_named(b, OBJECT_UP, m->management.interface, 0);
		add_address(b, m->management.interface, &m->management.address);
	}
	add_sysctl(b, PLAN_UDP_TIMEOUT, "net/netfilter/nf_conntrack_udp_timeout");
	add_sysctl(b, PLAN_UDP_TIMEOUT, "net/netfilter/nf_conntrack_udp_timeout_stream");
	add_sysctl(b, 1, "net/ipv4/ip_forward");
	/* Anybody may say that the way to a peer takes little: with ESP in UDP the kernel has to believe it. */
	add_sysctl(b, PLAN_PATH_MTU_LEAST, "net/ipv4/route/min_pmtu");
	/* No IPv4 packet that comes in by these is routed on, whatever the second wall says. */
	if (m->gateway.outer.interface)
		add_device_sysctl(b, 0, "net/ipv4/conf", m->gateway.outer.interface, "forwarding");
	if (m->management.interface)
		add_device_sysctl(b, 0, "net/ipv4/conf", m->management.interface, "forwarding");
	/* Left alone without need: it also ends the host's own router discovery. */
	if (ipv6)
		add_sysctl(b, 1, "net/ipv6/conf/all/forwarding");
}

int plan_build(const struct model *m, const struct carrying *carrying, struct plan *ret)
{
	struct builder b = { 0 };

	add_host(&b, m);
	for (size_t i = 0; i < m->n_shared; i++)
		add_shared(&b, m, &m->shared[i]);
	for (size_t i = 0; i < m->n_apns; i++)
		add_apn(&b, &m->apns[i], carrying);
	if (b.error < 0) {
		plan_free(&b.plan);
		return b.error;
	}
	plan_sort(&b.plan);
	*ret = b.plan;
	return 0;
}

void plan_print(const struct plan *p, struct buf *out)
{
	for (size_t i = 0; i < p->count; i++) {
		object_print(&p->objects[i], out);
		buf_puts(out, "\n");
	}
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	free(p->objects);
	*p = (struct plan){ 0 };
}
