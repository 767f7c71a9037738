/* The kernel's interfaces, with what we need to know of each. */
#ifndef CULVERT_APPLIANCE_ISOLATION_INTERFACES_H
#define CULVERT_APPLIANCE_ISOLATION_INTERFACES_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nl_sock;

enum interface_kind { INTERFACE_OTHER, INTERFACE_VRF, INTERFACE_XFRM, INTERFACE_VLAN };

struct interface {
	int index;
	int master; /* index, 0: none */
	bool up; /* as set by whoever manages it; not whether there is a carrier */
	unsigned managed; /* the caller's mark */
	enum interface_kind kind;
	uint32_t number; /* table of a VRF, if_id of an XFRM interface, VLAN */
	int parent; /* index of the interface that it stands on, 0: none */
	uint32_t mtu; /* octets */
	char name[IFNAMSIZ];
};

struct interfaces { /* zero-initialise */
	struct interface *items; /* owned, sorted by index */
	size_t count;
	size_t size;
};

/* Reads them all into *i, which is empty. 0 or -errno; interfaces_free() it either way. */
int interfaces_read(struct nl_sock *sk, struct interfaces *i);
/* NULL if there is none of that index. */
const struct interface *interfaces_find(const struct interfaces *i, int index);
void interfaces_free(struct interfaces *i);

#endif
