/*
 * The packet counters of all links, by if_id: those of their XFRM interfaces. These go on through rekeys, which an SA's
 * do not, and reading them shows no keys, which a dump of the SAs does.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_LINK_TRAFFIC_H
#define CULVERT_APPLIANCE_ISOLATION_LINK_TRAFFIC_H

#include <stdint.h>

struct link_traffic;
struct traffic;

/* 0 with *ret (link_traffic_close() it), or -errno. */
int link_traffic_open(struct link_traffic **ret);
/* Called for each XFRM interface of ours, in no order. */
typedef void (*link_traffic_fn)(void *userdata, uint32_t if_id, const struct traffic *traffic);
/* Reads them all. 0, or -errno after any number of calls: what was told holds. */
int link_traffic_read(struct link_traffic *t, link_traffic_fn fn, void *userdata);
void link_traffic_close(struct link_traffic *t); /* NULL is allowed */

#endif
