#include "appliance/isolation/endpoint.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

static int compare_endpoints(const void *a, const void *b)
{
	const struct endpoint *x = a, *y = b;
	int c = ip_compare(&x->host, &y->host);

	if (c == 0)
		c = (x->protocol > y->protocol) - (x->protocol < y->protocol);
	if (c == 0)
		c = (x->ports.first > y->ports.first) - (x->ports.first < y->ports.first);
	return c;
}

static bool joins(const struct endpoint *a, const struct endpoint *b)
{
	return ip_equal(&a->host, &b->host) && a->protocol == b->protocol && b->ports.first <= a->ports.last;
}

static void merge(struct endpoints *e)
{
	size_t kept = 0;

	if (e->count == 0)
		return;
	for (size_t i = 1; i < e->count; i++) {
		struct endpoint *last = &e->items[kept];
		const struct endpoint *next = &e->items[i];
		if (!joins(last, next))
			e->items[++kept] = *next;
		else if (next->ports.last > last->ports.last)
			last->ports.last = next->ports.last;
	}
	e->count = kept + 1;
}

static void add(
	struct endpoints *e, const struct ip *host, enum service_protocol protocol, const struct ports *ports, size_t count)
{
	for (size_t i = 0; i < count; i++)
		e->items[e->count++] = (struct endpoint){ .host = *host, .protocol = protocol, .ports = ports[i] };
}

int endpoints_collect(const struct service *services, size_t count, struct endpoints *ret)
{
	struct endpoints e = { 0 };
	size_t room = 0;

	for (size_t i = 0; i < count; i++)
		room += services[i].n_udp + services[i].n_tcp;
	e.items = calloc(room + 1, sizeof(*e.items));
	if (!e.items)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		add(&e, &services[i].host, SERVICE_UDP, services[i].udp, services[i].n_udp);
		add(&e, &services[i].host, SERVICE_TCP, services[i].tcp, services[i].n_tcp);
	}
	qsort(e.items, e.count, sizeof(*e.items), compare_endpoints);
	merge(&e);
	*ret = e;
	return 0;
}

void endpoints_free(struct endpoints *e)
{
	if (!e)
		return;
	free(e->items);
	*e = (struct endpoints){ 0 };
}

static int compare_hosts(const void *a, const void *b)
{
	return ip_compare(a, b);
}

int hosts_collect(const struct apn *a, struct hosts *ret)
{
	struct hosts h = { .items = calloc(a->n_services + a->n_downlink + 1, sizeof(*h.items)) };
	size_t n = 0;

	if (!h.items)
		return -ENOMEM;
	for (size_t i = 0; i < a->n_services; i++)
		h.items[n++] = a->services[i].host;
	for (size_t i = 0; i < a->n_downlink; i++)
		h.items[n++] = a->downlink[i].host;
	qsort(h.items, n, sizeof(*h.items), compare_hosts);
	for (size_t i = 0; i < n; i++)
		if (h.count == 0 || !ip_equal(&h.items[h.count - 1], &h.items[i]))
			h.items[h.count++] = h.items[i];
	*ret = h;
	return 0;
}

void hosts_free(struct hosts *h)
{
	if (!h)
		return;
	free(h->items);
	*h = (struct hosts){ 0 };
}
