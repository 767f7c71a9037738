/* Who asks whether an APN works: the carrier's monitor pings the gateway, the gateway probes the devices' side. */
#include "conf/validate.h"

#include "conf/model.h"

#include <sys/socket.h>

static struct prefix host_prefix(const struct ip *ip)
{
	return (struct prefix){ .ip = *ip, .len = ip_bits(ip->family) };
}

/* The first link whose selectors do not take p on that side, or NULL. */
static const struct link *outside(const struct apn *apn, const struct prefix *p, bool cloud_side)
{
	for (size_t i = 0; i < apn->n_links; i++) {
		const struct link *l = &apn->links[i];
		if (l->tunnel && !is_covered(p, cloud_side ? l->local : l->remote, cloud_side ? l->n_local : l->n_remote))
			return l;
	}
	return NULL;
}

/* p is inside one side of each link's selectors, so that the carrier lets it pass. */
static void check_inside(
	struct check *c, const struct apn *apn, const struct prefix *p, bool cloud_side, const char *key)
{
	const struct link *l = outside(apn, p, cloud_side);
	char text[PREFIX_TEXT];

	if (l)
		check_error(c, key,
			"%s is outside the %s side of the selectors on \"%s\", where the carrier drops it; write one inside, or "
			"widen "
			"selectors.%s",
			prefix_print(p, text), cloud_side ? "cloud" : "devices'", l->tunnel->name,
			cloud_side ? "cloud" : "devices");
}

static const struct service *find_host(const struct service *services, size_t n, const struct ip *ip)
{
	for (size_t i = 0; i < n; i++) {
		if (ip_equal(&services[i].host, ip))
			return &services[i];
	}
	return NULL;
}

/* An address of the gateway's own on the cloud side, which no host of a service can have. */
static void check_own(struct check *c, const struct apn *apn, const struct ip *ip, const char *key)
{
	const struct service *s = find_host(apn->services, apn->n_services, ip);
	struct prefix host = host_prefix(ip);

	if (!s)
		s = find_host(apn->downlink, apn->n_downlink, ip);
	if (s)
		check_error(c, key, "is the host of the service \"%s\"; write cloud.address, or an address that no host has",
			s->name ? s->name : "");
	for (size_t i = 0; i < apn->n_pool; i++) {
		if (overlap(&host, &apn->pool[i])) {
			check_error(c, key, "is a device's address, in pool; write one of the cloud side");
			return;
		}
	}
	check_inside(c, apn, &host, true, key);
}

static void check_responder(struct check *c, size_t a)
{
	const struct apn *apn = &c->m->apns[a];
	const struct ping_responder *r = &apn->ping_responder;

	if (is_set(&r->address))
		check_own(c, apn, &r->address, check_key("apns[%zu].ping_responder.address", a).text);
	if (!r->n_from)
		return;
	struct key from = check_key("apns[%zu].ping_responder.from", a);
	check_apart(c, from.text, r->from, r->n_from);
	for (size_t i = 0; i < r->n_from; i++)
		check_inside(c, apn, &r->from[i], false, check_key("%s[%zu]", from.text, i).text);
}

static void check_port(struct check *c, const struct probe *p, const char *path)
{
	struct key key = check_key("%s.port", path);
	bool wrong = check_wrong(c, key.text) || check_wrong(c, check_key("%s.protocol", path).text);

	if (!wrong && p->protocol == PROBE_ICMP && check_has(c, key.text))
		check_error(c, key.text, "means nothing with protocol = \"icmp\"; remove it, or use \"udp\" or \"tcp\"");
	else if (!wrong && p->protocol != PROBE_ICMP && !check_has(c, key.text))
		check_error(c, path, "has no port; add port = 7; or use protocol = \"icmp\"");
}

static void check_measure(struct check *c, const struct probe *p, const char *path)
{
	struct key key = check_key("%s.measure", path);

	if (p->measure && p->protocol != PROBE_ICMP && !check_wrong(c, check_key("%s.protocol", path).text))
		check_error(c, key.text, "needs protocol = \"icmp\"; remove it, or use \"icmp\"");
}

static void check_probe(struct check *c, size_t a)
{
	const struct apn *apn = &c->m->apns[a];
	const struct probe *p = &apn->probe;
	struct key path = check_key("apns[%zu].probe", a);
	struct prefix target = host_prefix(&p->target);

	if (!check_has(c, path.text))
		return;
	if (is_set(&p->source))
		check_own(c, apn, &p->source, check_key("%s.source", path.text).text);
	if (is_set(&p->target))
		check_inside(c, apn, &target, false, check_key("%s.target", path.text).text);
	check_port(c, p, path.text);
	check_measure(c, p, path.text);
}

void validate_asking(struct check *c, size_t a)
{
	check_responder(c, a);
	check_probe(c, a);
}
