/* Services of an APN. The packet filter keeps them in sets of intervals, which take no two that overlap. */
#include "conf/validate.h"

#include "conf/locate.h"
#include "conf/model.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* One of an APN's two lists. */
struct list {
	const char *name; /* "services", "downlink" */
	const struct service *services;
	size_t n;
};

static void check_names(struct check *c, size_t a, const struct list *list)
{
	struct named *names = calloc(list->n + 1, sizeof(*names));

	if (!names) {
		c->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < list->n; i++)
		names[i] = (struct named){ list->services[i].name, check_key("apns[%zu].%s[%zu].name", a, list->name, i) };
	check_unique(c, "name", names, list->n);
	free(names);
}

/* Also true where a prefix was wrong already: then a host cannot be judged. */
static bool in_prefixes(const struct prefix *prefixes, size_t n, const struct ip *host)
{
	for (size_t i = 0; i < n; i++) {
		if (prefixes[i].ip.family == AF_UNSPEC || prefix_contains(&prefixes[i], host))
			return true;
	}
	return !n;
}

static void check_host(struct check *c, size_t a, const struct list *list, size_t i)
{
	const struct apn *apn = &c->m->apns[a];
	const struct ip *host = &list->services[i].host;
	struct key key = check_key("apns[%zu].%s[%zu].host", a, list->name, i);
	char x[IP_TEXT];

	if (host->family == AF_UNSPEC)
		return;
	ip_print(host, x);
	if (ip_equal(host, &apn->cloud.address.ip))
		check_error(c, key.text, "%s is the gateway's own address; name a host behind it", x);
	/* A pool that overlaps the prefixes has its own message: only hosts outside them are looked for in pools. */
	if (in_prefixes(apn->cloud.prefixes, apn->cloud.n_prefixes, host))
		return;
	if (in_prefixes(apn->pool, apn->n_pool, host))
		check_error(c, key.text, "%s is a device's address, in pool; name a cloud host", x);
	else
		check_error(c, key.text, "%s is outside cloud.prefixes; name a host inside, or add its prefix there", x);
}

/* --- overlapping ports --- */

struct opening {
	const struct service *service;
	enum service_protocol protocol;
	struct ports ports;
	struct key key;
};

static const char *const protocols[] = { [SERVICE_UDP] = "udp", [SERVICE_TCP] = "tcp" };

static bool same_host(const struct opening *a, const struct opening *b)
{
	return a->protocol == b->protocol && ip_equal(&a->service->host, &b->service->host);
}

static int compare_openings(const void *a, const void *b)
{
	const struct opening *x = a, *y = b;
	int order = ip_compare(&x->service->host, &y->service->host);

	if (!order)
		order = (int)x->protocol - (int)y->protocol;
	if (!order)
		order = x->ports.first - y->ports.first;
	return order ? order : strverscmp(x->key.text, y->key.text);
}

/* Appends the service's openings for one protocol; returns how many. */
static size_t add_openings(
	const char *path, const struct service *service, enum service_protocol protocol, struct opening *to)
{
	const struct ports *ports = protocol == SERVICE_UDP ? service->udp : service->tcp;
	size_t n = protocol == SERVICE_UDP ? service->n_udp : service->n_tcp, added = 0;

	for (size_t i = 0; i < n; i++) {
		if (!ports[i].first || service->host.family == AF_UNSPEC)
			continue;
		struct key key = check_key("%s.%s[%zu]", path, protocols[protocol], i);
		to[added++] = (struct opening){ service, protocol, ports[i], key };
	}
	return added;
}

/* Compares each opening with that before it which reaches farthest. */
static void report_overlaps(struct check *c, const struct opening *list, size_t n)
{
	const struct opening *reach = list;

	for (size_t i = 1; i < n; i++) {
		const struct opening *o = &list[i];
		if (same_host(reach, o) && o->ports.first <= reach->ports.last)
			check_error(c, o->key.text, "%s port %u of this host is opened by %s already; name a port once",
				protocols[o->protocol], o->ports.first, reach->key.text);
		if (!same_host(reach, o) || o->ports.last > reach->ports.last)
			reach = o;
	}
}

/* Goes by which keys are there: one with a wrong value has its own message, as has an entry that is no group. */
static bool opens_nothing(const struct check *c, const char *path, const struct service *service)
{
	return service->origin.line && !locate_has(c->where, check_key("%s.udp", path).text) &&
		   !locate_has(c->where, check_key("%s.tcp", path).text);
}

static void check_ports(struct check *c, size_t a, const struct list *list)
{
	size_t room = 1, n = 0;

	for (size_t i = 0; i < list->n; i++)
		room += list->services[i].n_udp + list->services[i].n_tcp;
	struct opening *openings = calloc(room, sizeof(*openings));
	if (!openings) {
		c->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < list->n; i++) {
		const struct service *service = &list->services[i];
		struct key path = check_key("apns[%zu].%s[%zu]", a, list->name, i);
		n += add_openings(path.text, service, SERVICE_UDP, openings + n);
		n += add_openings(path.text, service, SERVICE_TCP, openings + n);
		if (opens_nothing(c, path.text, service))
			check_error(c, path.text, "opens no port; add udp = [ 5684 ]; or tcp = [ 443 ];");
	}
	qsort(openings, n, sizeof(*openings), compare_openings);
	report_overlaps(c, openings, n);
	free(openings);
}

void validate_services(struct check *c, size_t a)
{
	const struct apn *apn = &c->m->apns[a];
	const struct list lists[] = {
		{ "services", apn->services, apn->n_services },
		{ "downlink", apn->downlink, apn->n_downlink },
	};

	for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
		check_names(c, a, &lists[l]);
		for (size_t i = 0; i < lists[l].n; i++)
			check_host(c, a, &lists[l], i);
		check_ports(c, a, &lists[l]);
	}
}
