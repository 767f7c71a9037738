/* APNs: pools, the cloud side, and the tunnels that several of them share. */
#include "conf/validate.h"

#include "conf/model.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static bool is_set(const struct ip *ip)
{
	return ip->family != AF_UNSPEC;
}

static bool overlap(const struct prefix *a, const struct prefix *b)
{
	return is_set(&a->ip) && is_set(&b->ip) && prefix_overlaps(a, b);
}

/* --- names and interfaces --- */

static void check_names(struct check *c)
{
	size_t n = c->m->n_apns;
	struct named *names = calloc(n + 1, sizeof(*names)), *interfaces = calloc(n + 1, sizeof(*interfaces));

	if (names && interfaces) {
		for (size_t i = 0; i < n; i++) {
			names[i] = (struct named){ c->m->apns[i].name, check_key("apns[%zu].name", i) };
			bool alone = c->m->apns[i].cloud.attach == CLOUD_DEDICATED;
			interfaces[i] = (struct named){ alone ? c->m->apns[i].cloud.interface : NULL,
				check_key("apns[%zu].cloud.interface", i) };
		}
		check_unique(c, "name", names, n);
		check_unique(c, "interface", interfaces, n);
	} else {
		c->error = -ENOMEM;
	}
	free(names);
	free(interfaces);
}

/* --- pools --- */

/* One pool prefix against everything that must not lie in it. */
static void check_pool(struct check *c, size_t a, size_t p)
{
	const struct apn *apn = &c->m->apns[a];
	const struct prefix *pool = &apn->pool[p];
	struct key key = check_key("apns[%zu].pool[%zu]", a, p);
	struct prefix subnet = prefix_network(&apn->cloud.address);
	const struct ip *outer = &c->m->gateway.outer.address.ip;
	char x[PREFIX_TEXT], y[PREFIX_TEXT];

	if (!is_set(&pool->ip))
		return;
	prefix_print(pool, x);
	if (is_set(&subnet.ip) && subnet.ip.family != pool->ip.family)
		check_error(c, key.text, "%s is of another family than cloud.address; an APN has one", x);
	for (size_t i = 0; i < p; i++) {
		if (overlap(&apn->pool[i], pool))
			check_error(c, key.text, "%s overlaps %s before it; keep the wider one", x, prefix_print(&apn->pool[i], y));
	}
	size_t hit = 0;
	while (hit < apn->cloud.n_prefixes && !overlap(&apn->cloud.prefixes[hit], pool))
		hit++;
	if (hit < apn->cloud.n_prefixes)
		check_error(c, key.text, "%s overlaps cloud.prefixes[%zu] (%s); devices and cloud need separate addresses", x,
			hit, prefix_print(&apn->cloud.prefixes[hit], y));
	else if (overlap(&subnet, pool))
		check_error(c, key.text,
			"%s overlaps the subnet of cloud.address (%s); devices and cloud need separate addresses", x,
			prefix_print(&subnet, y));
	if (is_set(outer) && prefix_contains(pool, outer))
		check_error(c, key.text, "%s contains gateway.outer.address; a device could have the gateway's address", x);
}

/* --- the cloud side --- */

static void check_next_hop(struct check *c, size_t a)
{
	const struct cloud *cloud = &c->m->apns[a].cloud;
	struct key key = check_key("apns[%zu].cloud.next_hop", a);
	struct prefix subnet = prefix_network(&cloud->address);
	char x[IP_TEXT], y[PREFIX_TEXT];

	if (!is_set(&cloud->next_hop) || !is_set(&subnet.ip))
		return;
	if (!prefix_contains(&subnet, &cloud->next_hop))
		check_error(c, key.text, "%s is not on link; it must lie in the subnet of cloud.address, %s",
			ip_print(&cloud->next_hop, x), prefix_print(&subnet, y));
	else if (ip_equal(&cloud->next_hop, &cloud->address.ip))
		check_error(c, key.text, "is the gateway's own address; write the router's");
}

static void check_cloud_prefix(struct check *c, size_t a, size_t p)
{
	const struct cloud *cloud = &c->m->apns[a].cloud;
	const struct prefix *prefix = &cloud->prefixes[p];
	struct key key = check_key("apns[%zu].cloud.prefixes[%zu]", a, p);
	struct prefix subnet = prefix_network(&cloud->address);
	char x[PREFIX_TEXT], y[PREFIX_TEXT];

	if (!is_set(&prefix->ip))
		return;
	prefix_print(prefix, x);
	for (size_t i = 0; i < p; i++) {
		if (overlap(&cloud->prefixes[i], prefix))
			check_error(
				c, key.text, "%s overlaps %s before it; keep the wider one", x, prefix_print(&cloud->prefixes[i], y));
	}
	if (!is_set(&subnet.ip))
		return;
	if (subnet.ip.family != prefix->ip.family)
		check_error(c, key.text, "%s is of another family than cloud.address; an APN has one", x);
	else if (!prefix_covers(&subnet, prefix) && !is_set(&cloud->next_hop))
		check_error(c, key.text, "%s is not wholly in the subnet of cloud.address (%s); add next_hop, the router to it",
			x, prefix_print(&subnet, y));
}

static void check_cloud(struct check *c, size_t a)
{
	const struct cloud *cloud = &c->m->apns[a].cloud;
	const struct gateway *gateway = &c->m->gateway;

	if (cloud->interface && gateway->outer.interface && !strcmp(cloud->interface, gateway->outer.interface))
		check_error(c, check_key("apns[%zu].cloud.interface", a).text,
			"\"%s\" is gateway.outer.interface; the cloud side needs one of its own", cloud->interface);
	if (is_set(&cloud->address.ip) && ip_equal(&cloud->address.ip, &gateway->outer.address.ip))
		check_error(c, check_key("apns[%zu].cloud.address", a).text,
			"is gateway.outer.address; the cloud side needs an address of its own");
	check_next_hop(c, a);
	for (size_t i = 0; i < cloud->n_prefixes; i++)
		check_cloud_prefix(c, a, i);
}

static void check_links(struct check *c, size_t a)
{
	const struct apn *apn = &c->m->apns[a];

	for (size_t i = 0; i < apn->n_links; i++) {
		for (size_t k = 0; apn->links[i].tunnel && k < i; k++) {
			if (apn->links[i].tunnel == apn->links[k].tunnel)
				check_error(c, check_key("apns[%zu].tunnels[%zu]", a, i).text,
					"\"%s\" is here twice; name a tunnel once", apn->links[i].tunnel->name);
		}
	}
}

void validate_apns(struct check *c)
{
	if (!c->m->n_apns)
		check_warning(c, "apns", "there is no APN; nothing will be carried");
	check_names(c);
	for (size_t a = 0; a < c->m->n_apns; a++) {
		for (size_t p = 0; p < c->m->apns[a].n_pool; p++)
			check_pool(c, a, p);
		check_cloud(c, a);
		check_links(c, a);
		validate_services(c, a);
	}
}
