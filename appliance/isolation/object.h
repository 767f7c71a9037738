/* One thing that the kernel holds or should hold, in a form that compares as a whole and prints as one line. */
#ifndef CULVERT_APPLIANCE_ISOLATION_OBJECT_H
#define CULVERT_APPLIANCE_ISOLATION_OBJECT_H

#include "lib/prefix.h"

#include <net/if.h>
#include <stdint.h>

struct buf;

/* The order of the kinds is the order of a printed plan. */
enum object_kind {
	OBJECT_RULE, /* value = preference, family of prefix, table (0: l3mdev) */
	OBJECT_MARK_RULE, /* value = mark, family of prefix, table */
	OBJECT_STRANGE_RULE, /* of others, never wanted: value = preference, family of prefix, type = FR_ACT_*, table (0:
							l3mdev; of a jump its goal), name = its conditions, as far as they fit */
	OBJECT_VRF, /* name, table */
	OBJECT_XFRM, /* name, value = if_id */
	OBJECT_VLAN, /* name, value = VLAN, master = the interface that carries it */
	OBJECT_FOREIGN, /* name: an interface with our prefix that we did not make; never wanted */
	OBJECT_MTU, /* name, value = octets */
	OBJECT_MASTER, /* name, master */
	OBJECT_UP, /* name */
	OBJECT_ADDRESS, /* name, prefix: the address with its on-link length */
	OBJECT_ROUTE, /* table, prefix, type, value = metric, name and via of the way out */
	OBJECT_SYSCTL, /* name = path below /proc/sys, value */
};

enum { OBJECT_KINDS = OBJECT_SYSCTL + 1, OBJECT_NAME = 64 };

struct object { /* fields that a kind does not use are zero, and so is what is behind a name */
	enum object_kind kind;
	uint32_t table;
	char name[OBJECT_NAME];
	struct prefix prefix; /* of a rule only the family counts */
	uint32_t value; /* if_id, MTU, metric, preference or the value of a sysctl */
	uint8_t type; /* of a route: RTN_UNICAST, RTN_UNREACHABLE, ...; of a rule of others its action */
	struct ip via; /* of a route: the next hop, AF_UNSPEC if on link */
	char master[IFNAMSIZ];
};

/* Orders by kind, then by what a reader sorts by: <0, 0, >0. */
int object_compare(const struct object *a, const struct object *b);
/* Appends one line without a newline, in the words of ip(8). */
void object_print(const struct object *o, struct buf *out);

#endif
