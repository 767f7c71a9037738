/*
 * How large a packet each link takes, as observed. Plans and walls are made of the configuration, with PLAN_XFRM_MTU;
 * what is observed comes on top of that here. Pure.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_MTU_H
#define CULVERT_APPLIANCE_ISOLATION_MTU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct esp_shape;
struct model;
struct plan;

/* What bounds the packets outside. */
enum mtu_source {
	MTU_INTERFACE, /* the interface they leave by */
	MTU_PATH, /* a router on the way, which has said so, or a route that was given an MTU */
	MTU_MEASURED, /* a router on the way that says nothing: larger packets stayed unanswered */
	MTU_ASSUMED, /* there is no way to the peer: MTU_USUAL */
};

enum {
	MTU_USUAL = 1500, /* octets */
	MTU_LEAST_IPV4 = 68, /* RFC 791: every link takes so many octets */
	MTU_LEAST_IPV6 = 1280, /* RFC 8200; below it the kernel closes IPv6 on an interface, so ESP is fragmented instead */
};

struct mtu_path { /* to a peer */
	uint32_t outer; /* octets of the largest packet outside */
	enum mtu_source source;
};

struct link_mtu {
	uint32_t if_id;
	uint32_t octets; /* of the largest packet inside */
	struct mtu_path path;
	uint32_t most; /* octets without what was measured; 0: as octets */
	uint32_t tcp; /* octets for TCP: less than others while it is measured anew; 0: as octets */
};

struct link_mtus { /* zero-initialise; by if_id, ascending, after mtu_sort() */
	struct link_mtu *items; /* owned */
	size_t count;
	size_t size;
};

/* The largest packet inside, for one SA over that path. inner_ipv6: of the devices. Always one that the kernel takes.
 */
uint32_t mtu_of(const struct esp_shape *shape, const struct mtu_path *path, bool inner_ipv6);

/* Appends. 0, or -ENOMEM with the list unchanged. */
int mtu_add(struct link_mtus *list, const struct link_mtu *mtu);
void mtu_sort(struct link_mtus *list);
/* Adds, changes or, with 0 octets, takes out what is known of a link. 0, or -ENOMEM with the list unchanged. */
int mtu_put(struct link_mtus *list, const struct link_mtu *mtu);
/* NULL if nothing is known of that link; list may be NULL. */
const struct link_mtu *mtu_find(const struct link_mtus *list, uint32_t if_id);
bool mtu_equal(const struct link_mtu *a, const struct link_mtu *b);
void mtu_free(struct link_mtus *list);

/* Puts what is known into a plan; links of which nothing is known keep what they have. list may be NULL. */
void mtu_impose(const struct link_mtus *list, struct plan *plan);
/* The largest TCP segment of each link of m, for the walls: one "add element" a line. As above. */
void mtu_render(const struct model *m, const struct link_mtus *list, struct buf *out);
/* "interface", "path", "measured" or "assumed". */
const char *mtu_source_name(enum mtu_source source);

#endif
