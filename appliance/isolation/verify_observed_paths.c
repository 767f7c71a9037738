/*
 * A packet passes when all three walls let it: the rules' sets say what may pass at all, routing where it goes, the
 * policy of the link's if_id whether it comes out of ESP, or goes into it. Where the second wall is gone, it lets
 * everything pass. A path is one for a flow's first packets; its answers pass by the flow.
 */
#include "appliance/isolation/verify_observed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* What the second wall allows, on its way through the other two. */
struct offer {
	struct verify_observed *o;
	struct path path; /* out: "" for any */
	const struct interface *link;
	uint32_t of;
	bool any; /* there is no second wall */
};

static void take_ports(const char *text, struct path *p)
{
	char *end;
	unsigned long first = strtoul(text, &end, 10), last = *end == '-' ? strtoul(end + 1, &end, 10) : first;

	/* What is not understood may be anything. */
	bool odd = end == text || *end != '\0' || first > last || last > UINT16_MAX;
	p->first = odd ? 0 : (uint16_t)first;
	p->last = odd ? UINT16_MAX : (uint16_t)last;
}

static void copy_name(char to[static IFNAMSIZ], const char *name)
{
	snprintf(to, IFNAMSIZ, "%s", name);
}

/* What of the path the policies of the link admit. */
static void by_policies(struct offer *offer, const struct path *p, enum policy_direction direction)
{
	size_t n;
	const struct snapshot_policy *policies = verify_policies(offer->o, offer->link->number, &n);

	for (size_t i = 0; i < n; i++) {
		struct span from = span_of(&policies[i].from), to = span_of(&policies[i].to);
		struct path admitted = *p;
		if (policies[i].direction != direction || policies[i].blocks)
			continue;
		if (span_meet(&p->from, &from, &admitted.from) && span_meet(&p->to, &to, &admitted.to))
			paths_add(&offer->o->paths, &admitted);
	}
}

static bool leads_to(const struct offer *offer, const struct interface *out)
{
	return out->up && (offer->path.out[0] == '\0' || strcmp(offer->path.out, out->name) == 0);
}

static void go_up(void *userdata, const struct span *to, const struct interface *out)
{
	struct offer *offer = userdata;
	struct path p = offer->path;

	if (!out || !leads_to(offer, out))
		return;
	p.to = *to;
	copy_name(p.out, out->name);
	by_policies(offer, &p, POLICY_FWD);
}

static void go_in(void *userdata, const struct span *to, const struct interface *out)
{
	struct offer *offer = userdata;
	struct path p = offer->path;

	if (out)
		return;
	p.to = *to;
	by_policies(offer, &p, POLICY_IN);
}

static void go_down(void *userdata, const struct span *to, const struct interface *out)
{
	struct offer *offer = userdata;
	struct path p = offer->path;

	if (!out || out != offer->link || !out->up)
		return;
	p.to = *to;
	copy_name(p.out, out->name);
	by_policies(offer, &p, POLICY_OUT);
}

static bool is_up(const struct offer *offer)
{
	return offer->link->up && verify_has_sas(offer->o, offer->link->number);
}

/* For each pool of the link of the family: span_any without the second wall. */
static void each_pool(struct offer *offer, int family, void (*f)(struct offer *, const struct span *))
{
	const char *set = family == AF_INET6 ? "pool6" : "pool4";
	struct span s = span_any(family);
	size_t n;
	const struct element *pools = ruleset_find(&offer->o->ruleset, set, offer->link->name, &n);

	if (offer->any) {
		f(offer, &s);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (pools[i].fields[1] && span_parse(pools[i].fields[1], &s) == 0)
			f(offer, &s);
}

/* Of IPv4 each interface says itself whether what comes in by it is routed on. */
static bool forwards(const struct interface *in, const struct span *to)
{
	return in->up && (to->first.family != AF_INET || in->forwarding != 0);
}

static void up_from(struct offer *offer, const struct span *pool)
{
	struct span to = offer->path.to;

	if (!forwards(offer->link, &to))
		return;
	offer->path.from = *pool;
	verify_route(offer->o, verify_domain(offer->o, offer->link), 0, &to, go_up, offer);
	offer->path.to = to;
}

/* Whether packets from the cloud interface get that mark. */
static bool is_given(const struct offer *offer, int family, uint32_t mark)
{
	static const char shared[] = "goto shared_";
	const struct ruleset *r = &offer->o->ruleset;
	size_t n;
	const struct element *arrive = ruleset_find(r, "arrive", offer->path.in, &n);
	char map[32];

	if (n == 0 || strncmp(arrive->value, shared, strlen(shared)) != 0)
		return false;
	snprintf(map, sizeof(map), "mark%c_%.20s", family == AF_INET6 ? '6' : '4', arrive->value + strlen(shared));
	const struct element *marks = ruleset_find(r, map, NULL, &n);
	for (size_t i = 0; i < n; i++)
		if (strtoul(marks[i].value, NULL, 0) == mark)
			return true;
	return false;
}

/*
 * By the cloud interface's own table, and by marks that lead to the link's own. A mark that leads elsewhere reaches the
 * link only by a route in a table where it does not belong, which is told as such.
 */
static void down_to(struct offer *offer, const struct span *pool)
{
	const struct interface *in = interfaces_named(&offer->o->interfaces, offer->path.in);
	int family = pool->first.family;

	if (!in || !forwards(in, pool))
		return;
	verify_route(offer->o, verify_domain(offer->o, in), 0, pool, go_down, offer);
	for (size_t i = 0; i < offer->o->s->n_rules && !offer->any; i++) {
		const struct snapshot_rule *r = &offer->o->rules[i];
		if (r->mark && r->family == family && r->table == offer->of && is_given(offer, family, r->mark))
			verify_route(offer->o, verify_domain(offer->o, in), r->mark, pool, go_down, offer);
	}
}

/* The elements of a set that allow something between the link and this cloud interface. */
static void each_allowed(struct offer *offer, const char *set, const char *protocol, bool up, const char *cloud)
{
	size_t n;
	const struct element *e = ruleset_find(&offer->o->ruleset, set, offer->link->name, &n);

	for (size_t i = 0; i < n; i++) {
		struct path *p = &offer->path;
		struct span host;
		if (!e[i].fields[1] || span_parse(e[i].fields[1], &host) < 0)
			continue;
		*p = (struct path){ .kind = up ? PATH_UPLINK : PATH_DOWNLINK, .of = offer->of, .last = UINT16_MAX };
		snprintf(p->protocol, sizeof(p->protocol), "%s", protocol ? protocol : e[i].fields[2] ? e[i].fields[2] : "");
		if (!protocol)
			take_ports(e[i].fields[2] && e[i].fields[3] ? e[i].fields[3] : "", p);
		copy_name(p->in, up ? offer->link->name : cloud);
		copy_name(p->out, up ? cloud : "");
		*(up ? &p->to : &p->from) = host;
		each_pool(offer, host.first.family, up ? up_from : down_to);
	}
}

/* True if something asks what the cloud may begin with the link. */
static bool is_cloud_of(const struct verify_observed *o, const char *cloud, const struct interface *link)
{
	size_t n, n_ways;
	const struct element *ways = ruleset_find(&o->ruleset, "way", cloud, &n_ways);
	bool found = false;

	ruleset_find(&o->ruleset, "cloud", cloud, &n);
	for (size_t i = 0; i < n_ways && !found; i++)
		found = ways[i].fields[1] && strcmp(ways[i].fields[1], link->name) == 0;
	return found || n > 0;
}

static void walled_link(struct offer *offer)
{
	static const struct {
		const char *set, *protocol;
		bool up;
	} sets[] = {
		{ "service4", NULL, true },
		{ "service6", NULL, true },
		{ "service4_range", NULL, true },
		{ "service6_range", NULL, true },
		{ "echo4", "icmp echo", true },
		{ "echo6", "icmp echo", true },
		{ "downlink4", NULL, false },
		{ "downlink6", NULL, false },
		{ "downlink4_range", NULL, false },
		{ "downlink6_range", NULL, false },
		{ "echo4", "icmp echo", false },
		{ "echo6", "icmp echo", false },
	};
	struct verify_observed *o = offer->o;
	size_t n;
	const struct element *ways = ruleset_find(&o->ruleset, "path", offer->link->name, &n);

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof(sets) / sizeof(*sets) && ways[i].fields[1]; k++) {
			const char *cloud = ways[i].fields[1];
			if (sets[k].up || is_cloud_of(o, cloud, offer->link))
				each_allowed(offer, sets[k].set, sets[k].protocol, sets[k].up, cloud);
		}
}

/* What routing and policies alone let through. */
static void open_link(struct offer *offer, int family)
{
	struct verify_observed *o = offer->o;

	offer->path = (struct path){ .kind = PATH_UPLINK, .of = offer->of, .last = UINT16_MAX, .to = span_any(family) };
	copy_name(offer->path.in, offer->link->name);
	up_from(offer, &(struct span){ span_any(family).first, span_any(family).last });
	for (size_t i = 0; i < o->interfaces.count; i++) {
		const struct interface *in = &o->interfaces.items[i];
		if (in == offer->link || in->kind == INTERFACE_VRF || !verify_domain(o, in))
			continue;
		struct span all = span_any(family);
		offer->path = (struct path){ .kind = PATH_DOWNLINK, .of = offer->of, .last = UINT16_MAX, .from = all };
		copy_name(offer->path.in, in->name);
		down_to(offer, &all);
	}
}

static void observe_responder(struct offer *offer, const char *set)
{
	size_t n;
	const struct element *e = ruleset_find(&offer->o->ruleset, set, offer->link->name, &n);

	for (size_t i = 0; i < n; i++) {
		struct path *p = &offer->path;
		*p = (struct path){ .kind = PATH_GATEWAY, .of = offer->of, .protocol = "icmp echo", .last = UINT16_MAX };
		copy_name(p->in, offer->link->name);
		if (!e[i].fields[1] || !e[i].fields[2] || span_parse(e[i].fields[1], &p->from) < 0 ||
			span_parse(e[i].fields[2], &p->to) < 0)
			continue;
		struct span to = p->to;
		verify_route(offer->o, verify_domain(offer->o, offer->link), 0, &to, go_in, offer);
	}
}

static void observe_link(struct verify_observed *o, const struct interface *link, bool ipv4, bool ipv6)
{
	struct offer offer = { .o = o, .link = link, .of = verify_domain(o, link), .any = !o->ruleset.stands };

	if (!is_up(&offer))
		return;
	if (offer.any) {
		if (ipv4)
			open_link(&offer, AF_INET);
		if (ipv6)
			open_link(&offer, AF_INET6);
		return;
	}
	if (ipv4 || ipv6)
		walled_link(&offer);
	observe_responder(&offer, "responder4");
	observe_responder(&offer, "responder6");
}

static void observe_management(struct verify_observed *o)
{
	size_t n, n_allow;
	const struct element *interfaces = ruleset_find(&o->ruleset, "management", NULL, &n);

	for (size_t i = 0; i < n; i++)
		for (int f = 4; f <= 6; f += 2) {
			const struct element *allow = ruleset_find(&o->ruleset, f == 4 ? "allow4" : "allow6", NULL, &n_allow);
			for (size_t k = 0; k < n_allow; k++) {
				struct path p = { .kind = PATH_MANAGEMENT, .last = UINT16_MAX };
				copy_name(p.in, interfaces[i].fields[0]);
				p.to = span_any(f == 4 ? AF_INET : AF_INET6);
				if (span_parse(allow[k].fields[0], &p.from) == 0)
					paths_add(&o->paths, &p);
			}
		}
}

int verify_observe_paths(struct verify_observed *o)
{
	bool ipv4 = snapshot_sysctl(o->s, "net/ipv4/ip_forward") != 0;
	bool ipv6 = snapshot_sysctl(o->s, "net/ipv6/conf/all/forwarding") != 0;

	/* The list by name is made once; look-ups keep pointers into it. */
	for (size_t i = 0; i < o->interfaces.count; i++)
		if (o->interfaces.items[i].kind == INTERFACE_XFRM)
			observe_link(o, &o->interfaces.items[i], ipv4, ipv6);
	if (o->ruleset.stands)
		observe_management(o);
	paths_sort(&o->paths);
	return o->paths.error;
}
