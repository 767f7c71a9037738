/*
 * Hosts and ports of an APN's services as disjoint ranges, the form in which nftables takes them. Single ports side by
 * side stay so: one port is found faster than a range. Pure.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_ENDPOINT_H
#define CULVERT_APPLIANCE_ISOLATION_ENDPOINT_H

#include "conf/model.h"

#include <stddef.h>

struct endpoint {
	struct ip host;
	enum service_protocol protocol;
	struct ports ports;
};

struct endpoints { /* zero-initialise */
	struct endpoint *items; /* owned */
	size_t count;
};

/* Sorted by host, protocol, port; what overlaps is one range. 0 with *ret (endpoints_free() it) or -ENOMEM.
 */
int endpoints_collect(const struct service *services, size_t count, struct endpoints *ret);
void endpoints_free(struct endpoints *e);

struct hosts { /* zero-initialise */
	struct ip *items; /* owned */
	size_t count;
};

/* The cloud hosts of an APN's services and downlink, each once, in order. 0 with *ret (hosts_free() it) or -ENOMEM. */
int hosts_collect(const struct apn *a, struct hosts *ret);
void hosts_free(struct hosts *h);

#endif
