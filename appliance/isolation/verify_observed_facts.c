#include "appliance/isolation/verify_observed.h"

#include "appliance/isolation/plan.h"
#include "conf/ids.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

static bool is_ours(const char *name)
{
	return strncmp(name, PLAN_PREFIX, strlen(PLAN_PREFIX)) == 0;
}

/* One of Culvert's, or in a VRF of Culvert's. */
static bool is_inside(const struct verify_observed *o, const struct interface *i)
{
	return is_ours(i->name) || is_ours(snapshot_name(o->s, i->master));
}

static void say_interface(struct verify_observed *o, const struct interface *i)
{
	uint32_t of = verify_domain(o, i);
	struct facts *f = &o->facts;

	switch (i->kind) {
	case INTERFACE_VRF:
		facts_add(f, 1, of, "interface %s (VRF of table %u)", i->name, i->number);
		break;
	case INTERFACE_XFRM:
		facts_add(f, 1, of, "interface %s (XFRM, if_id %u)", i->name, i->number);
		facts_add(f, 1, of, "rp_filter of %s is %d", i->name, i->rp_filter);
		break;
	case INTERFACE_VLAN:
		facts_add(f, 1, of, "interface %s (VLAN %u on %s)", i->name, i->number, snapshot_name(o->s, i->parent));
		break;
	case INTERFACE_OTHER:
		facts_add(f, 1, of, "interface %s (of a kind that Culvert does not make)", i->name);
		break;
	}
}

/* The model uses it though it is in no VRF: the outer and the management interface, and what VLANs stand on. */
static bool is_used(const struct model *m, const char *name)
{
	bool used = strcmp(m->gateway.outer.interface, name) == 0 ||
				(m->management.interface && strcmp(m->management.interface, name) == 0);

	for (size_t i = 0; i < m->n_apns && !used; i++)
		used = strcmp(m->apns[i].cloud.interface, name) == 0;
	return used;
}

static void observe_interfaces(struct verify_observed *o, const struct model *m)
{
	for (size_t i = 0; i < o->interfaces.count; i++) {
		const struct interface *one = &o->interfaces.items[i];
		const char *master = snapshot_name(o->s, one->master);
		if (is_ours(one->name))
			say_interface(o, one);
		if (one->up && is_inside(o, one))
			facts_add(&o->facts, 1, verify_domain(o, one), "interface %s is up", one->name);
		if (is_ours(master))
			facts_add(&o->facts, 1, verify_domain(o, one), "interface %s in %s", one->name, master);
		if (one->kind != INTERFACE_VRF && (is_inside(o, one) || is_used(m, one->name)))
			facts_add(&o->facts, 1, verify_domain(o, one), "IPv4 forwarding of %s is %d", one->name, one->forwarding);
	}
}

/* The machine's own settings give the addresses there. */
static bool has_settings(const struct model *m, const char *name)
{
	for (size_t i = 0; i < m->n_shared; i++)
		if (strcmp(m->shared[i].interface, name) == 0)
			return m->shared[i].address.ip.family == AF_UNSPEC;
	return false;
}

static bool is_link_local(const struct ip *ip)
{
	bool multicast = ip->octets[0] == 0xff, unicast = ip->octets[0] == 0xfe && (ip->octets[1] & 0xc0) == 0x80;

	return ip->family == AF_INET6 && (multicast || unicast);
}

static void observe_addresses(struct verify_observed *o, const struct model *m)
{
	char text[PREFIX_TEXT];

	for (size_t k = 0; k < o->s->n_addresses; k++) {
		const struct snapshot_address *a = &o->s->addresses[k];
		const struct interface *i = interfaces_find(&o->interfaces, a->interface);
		if (!i || is_link_local(&a->prefix.ip) || has_settings(m, i->name))
			continue;
		bool management = m->management.interface && strcmp(m->management.interface, i->name) == 0 &&
						  prefix_equal(&m->management.address, &a->prefix);
		if (management || is_inside(o, i))
			facts_add(&o->facts, 1, verify_domain(o, i), "address %s on %s", prefix_print(&a->prefix, text), i->name);
	}
}

/* The number of a VRF of Culvert's, or of one that the model has a VRF for. */
static bool is_our_table(const struct verify_observed *o, const struct model *m, uint32_t table)
{
	bool found = false;

	if (table < IDS_TABLE_FIRST || table > IDS_TABLE_LAST)
		return false;
	for (size_t i = 0; i < m->n_apns && !found; i++)
		found = m->apns[i].table == table;
	for (size_t i = 0; i < m->n_shared && !found; i++)
		found = m->shared[i].table == table;
	for (size_t i = 0; i < o->interfaces.count && !found; i++) {
		const struct interface *one = &o->interfaces.items[i];
		found = one->kind == INTERFACE_VRF && one->number == table && is_ours(one->name);
	}
	return found;
}

/*
 * Behind the VRFs' rule, where their packets never come: each finds at least the refusal of its own table. It is the
 * machine's affair as long as it does not lead into a table of ours.
 */
static bool is_machines_rule(const struct verify_observed *o, const struct model *m, const struct snapshot_rule *r)
{
	/* Where the machine's own addresses have their turn is settled. */
	bool local = r->table == RT_TABLE_LOCAL && !r->odd && !r->mark;

	return r->preference > PLAN_RULE_L3MDEV && !r->l3mdev && !local && !is_ours(r->in) && !is_ours(r->out) &&
		   !is_our_table(o, m, r->table);
}

static void observe_rules(struct verify_observed *o, const struct model *m)
{
	for (size_t k = 0; k < o->s->n_rules; k++) {
		const struct snapshot_rule *r = &o->s->rules[k];
		char family = r->family == AF_INET6 ? '6' : '4';
		if (is_machines_rule(o, m, r))
			continue;
		if (r->odd)
			facts_add(&o->facts, 1, 0, "rule %u: with a condition or an action (IPv%c)", r->preference, family);
		else if (r->l3mdev)
			facts_add(&o->facts, 1, 0, "rule %u: each VRF to its own table (IPv%c)", r->preference, family);
		else if (r->mark)
			facts_add(&o->facts, 1, r->table, "rule %u: mark %u to table %u (IPv%c)", r->preference, r->mark, r->table,
				family);
		else
			facts_add(&o->facts, 1, 0, "rule %u: to table %u (IPv%c)", r->preference, r->table, family);
	}
}

/* The kernel makes routes of its own with each address. */
static bool comes_with_address(const struct verify_observed *o, const struct snapshot_route *r)
{
	if (!r->by_kernel)
		return false;
	if (r->type == RTN_BROADCAST || r->type == RTN_MULTICAST || r->type == RTN_ANYCAST || is_link_local(&r->to.ip))
		return true;
	for (size_t i = 0; i < o->s->n_addresses; i++) {
		const struct snapshot_address *a = &o->s->addresses[i];
		bool own = r->type == RTN_LOCAL && ip_equal(&a->prefix.ip, &r->to.ip);
		struct prefix network = prefix_network(&a->prefix);
		if (a->interface == r->out && (own || (r->type == RTN_UNICAST && prefix_equal(&network, &r->to))))
			return true;
	}
	return false;
}

static void say_route(struct verify_observed *o, const struct snapshot_route *r)
{
	char prefix[SPAN_TEXT], via[IP_TEXT] = "";
	struct span to = span_of(&r->to);
	bool refused = r->type == RTN_UNREACHABLE || r->type == RTN_BLACKHOLE || r->type == RTN_PROHIBIT;

	if (refused && r->to.len == 0) {
		facts_add(&o->facts, 1, r->table, "route in table %u: IPv%c default is refused", r->table,
			r->to.ip.family == AF_INET6 ? '6' : '4');
		return;
	}
	facts_add(&o->facts, 1, r->table, "route in table %u: %s%s%s%s%s%s", r->table, span_print(&to, prefix),
		r->via.family ? " via " : "", r->via.family ? ip_print(&r->via, via) : "",
		refused  ? " is refused"
		: r->out ? " dev "
				 : " by several ways",
		refused ? "" : snapshot_name(o->s, r->out),
		r->odd                 ? " (with a condition)"
		: r->type == RTN_LOCAL ? " (local)"
							   : "");
}

static void observe_routes(struct verify_observed *o, const struct model *m)
{
	for (size_t k = 0; k < o->s->n_routes; k++) {
		const struct snapshot_route *r = &o->s->routes[k];
		const struct interface *out = interfaces_find(&o->interfaces, r->out);
		if (comes_with_address(o, r))
			continue;
		if ((out && r->type == RTN_UNICAST && is_inside(o, out)) || is_our_table(o, m, r->table))
			say_route(o, r);
	}
}

static void observe_sysctls(struct verify_observed *o)
{
	static const char *const names[] = { "net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding",
		"net/ipv4/tcp_l3mdev_accept", "net/ipv4/udp_l3mdev_accept", "net/ipv4/route/min_pmtu" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		facts_add(&o->facts, 1, 0, "%s is %d", names[i], snapshot_sysctl(o->s, names[i]));
}

/* Sets that packets fill, and that only say how a packet is sized. */
static bool is_without_verdict(const char *set)
{
	static const char *const sets[] = { "pinging", "asked4", "asked6", "segment" };

	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		if (strcmp(set, sets[i]) == 0)
			return true;
	return strncmp(set, "refused_", strlen("refused_")) == 0;
}

static void observe_elements(struct verify_observed *o)
{
	for (size_t k = 0; k < o->ruleset.n_elements && o->ruleset.stands; k++) {
		const struct element *e = &o->ruleset.elements[k];
		struct buf text CLEANUP(buf_free) = { 0 };
		const struct interface *i = interfaces_named(&o->interfaces, e->fields[0]);
		if (is_without_verdict(e->set) || ruleset_is_unasked(&o->ruleset, e->set))
			continue;
		for (size_t n = 0; n < ELEMENT_FIELDS && e->fields[n]; n++) {
			struct span s;
			char span[SPAN_TEXT];
			/* An address as we print it; "5000-5010" and numbers are no addresses. */
			bool address = strpbrk(e->fields[n], ".:") && span_parse(e->fields[n], &s) == 0;
			buf_printf(&text, "%s%s", n > 0 ? " . " : "", address ? span_print(&s, span) : e->fields[n]);
		}
		facts_add(&o->facts, 2, i ? verify_domain(o, i) : 0, "element %s { %s%s%s }", e->set, buf_text(&text),
			e->value[0] ? " : " : "", e->value);
	}
}

int verify_observe_facts(struct verify_observed *o, const struct model *m)
{
	observe_interfaces(o, m);
	observe_addresses(o, m);
	observe_rules(o, m);
	observe_routes(o, m);
	observe_sysctls(o);
	observe_elements(o);
	facts_sort(&o->facts);
	return o->facts.error;
}
