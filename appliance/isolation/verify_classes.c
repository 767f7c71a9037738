#include "appliance/isolation/verify_classes.h"

#include "appliance/isolation/verify_observed.h"
#include "conf/model.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum class { PORT, HAIRPIN, OTHER_APN, INTERNET, SPOOFED, GATEWAY, NO_DOWNLINK, CLEAR_IN, CLEAR_OUT };

static const char *const packets[VERIFY_CLASSES] = {
	[PORT] = "device to a port that is not listed",
	[HAIRPIN] = "device to another device of its APN",
	[OTHER_APN] = "device to another APN",
	[INTERNET] = "device to the Internet",
	[SPOOFED] = "device with a source outside its pool",
	[GATEWAY] = "device to the gateway's own addresses",
	[NO_DOWNLINK] = "cloud host to a device without downlink",
	[CLEAR_IN] = "clear text from the Internet to pool or cloud",
	[CLEAR_OUT] = "clear text to the Internet",
};

/* Where routing leads from one domain, or from the machine. */
struct reach {
	const struct verify_observed *o;
	uint32_t domain;
	bool own_link, inside, outside, gateway; /* inside: to an interface of another APN */
	const char *cloud;
};

/* The address is one of an interface of the domain: a responder's or the cloud interface's, held against the model. */
static bool is_own_of(const struct reach *r, const struct ip *ip)
{
	for (size_t i = 0; i < r->o->s->n_addresses; i++) {
		const struct snapshot_address *a = &r->o->s->addresses[i];
		const struct interface *on = interfaces_find(&r->o->interfaces, a->interface);
		if (on && ip_equal(&a->prefix.ip, ip) && verify_domain(r->o, on) == r->domain)
			return true;
	}
	return false;
}

static void note(void *userdata, const struct span *to, const struct interface *out)
{
	struct reach *r = userdata;

	if (!out) {
		r->gateway = r->gateway || !is_own_of(r, &to->first);
		return;
	}
	bool ours = strncmp(out->name, "culv-", 5) == 0, same = verify_domain(r->o, out) == r->domain;
	if (strcmp(out->name, r->cloud) == 0)
		return;
	if (same && out->kind == INTERFACE_XFRM)
		r->own_link = true;
	else if (ours || verify_domain(r->o, out) != 0)
		r->inside = true;
	else
		r->outside = true;
}

static struct reach reach_from(struct verify_observed *o, uint32_t domain, const char *cloud)
{
	struct reach r = { .o = o, .domain = domain, .cloud = cloud };
	struct span v4 = span_any(AF_INET), v6 = span_any(AF_INET6);

	verify_route(o, domain, 0, &v4, note, &r);
	verify_route(o, domain, 0, &v6, note, &r);
	return r;
}

/* Something there beyond what is configured, of the APN or of the machine. */
static bool has_extra(const struct verify *v, unsigned wall, uint32_t of)
{
	for (size_t i = 0; i < v->differences.count; i++) {
		const struct fact *f = &v->differences.items[i];
		if (f->wall == wall && (f->of == of || f->of == 0))
			return true;
	}
	return false;
}

/* What the policies let out of ESP: only from the pool, only to the cloud. */
static void look_at_policies(
	const struct verify_observed *o, const struct apn *a, bool *ret_from_pool, bool *ret_to_cloud)
{
	*ret_from_pool = *ret_to_cloud = true;
	for (size_t k = 0; k < a->n_links; k++) {
		size_t n;
		const struct snapshot_policy *p = verify_policies(o, a->links[k].if_id, &n);
		for (size_t i = 0; i < n; i++) {
			bool from = false, to = false;
			if (p[i].direction != POLICY_FWD || p[i].blocks)
				continue;
			for (size_t j = 0; j < a->n_pool; j++)
				from = from || prefix_covers(&a->pool[j], &p[i].from);
			for (size_t j = 0; j < a->cloud.n_prefixes; j++)
				to = to || prefix_covers(&a->cloud.prefixes[j], &p[i].to);
			*ret_from_pool = *ret_from_pool && from;
			*ret_to_cloud = *ret_to_cloud && to;
		}
	}
}

static void classify_apn(struct verify_observed *o, const struct apn *a, const struct reach *machine, struct verify *v)
{
	char cloud[IFNAMSIZ];
	bool from_pool, to_cloud;

	if (a->cloud.attach == CLOUD_VLAN)
		snprintf(cloud, sizeof(cloud), "culv-c%u", a->table % 1000000000);
	else
		snprintf(cloud, sizeof(cloud), "%s", a->cloud.interface);
	struct reach r = reach_from(o, a->table, cloud);
	bool routes = !has_extra(v, 1, a->table);
	bool rules = o->ruleset.stands && v->unproven.count == 0 && !has_extra(v, 2, a->table);
	look_at_policies(o, a, &from_pool, &to_cloud);
	const bool stops[VERIFY_CLASSES][VERIFY_WALLS] = {
		[PORT] = { false, rules, false },
		[HAIRPIN] = { !r.own_link, rules, to_cloud },
		[OTHER_APN] = { routes && !r.inside, rules, to_cloud },
		[INTERNET] = { !r.outside && (routes || !a->cloud.shared), rules, to_cloud },
		[SPOOFED] = { false, rules, from_pool },
		[GATEWAY] = { !r.gateway, rules, to_cloud },
		[NO_DOWNLINK] = { false, rules, false },
		[CLEAR_IN] = { !machine->inside && !machine->own_link, rules, false },
		[CLEAR_OUT] = { !r.outside, rules, false },
	};
	for (size_t i = 0; i < VERIFY_CLASSES; i++) {
		struct verify_class *c = &v->classes[i];
		c->apns++;
		for (size_t wall = 0; wall < VERIFY_WALLS; wall++)
			c->stopped[wall] += stops[i][wall];
		c->open += !stops[i][0] && !stops[i][1] && !stops[i][2];
	}
}

void verify_classify(struct verify_observed *o, const struct model *m, struct verify *v)
{
	struct reach machine = reach_from(o, 0, "");

	for (size_t i = 0; i < VERIFY_CLASSES; i++)
		v->classes[i] = (struct verify_class){ .packet = packets[i] };
	for (size_t i = 0; i < m->n_apns; i++)
		classify_apn(o, &m->apns[i], &machine, v);
}
