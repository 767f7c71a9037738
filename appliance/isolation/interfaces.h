/* The kernel's interfaces, with what we need to know of each. */
#ifndef CULVERT_APPLIANCE_ISOLATION_INTERFACES_H
#define CULVERT_APPLIANCE_ISOLATION_INTERFACES_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nl_msg;
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
	/* Its sysctls; -1: it has none of these, as a protocol is missing */
	int forwarding /* IPv4 */, rp_filter, disable_ipv6, addr_gen_mode;
	char name[IFNAMSIZ];
};

struct interfaces { /* zero-initialise */
	struct interface *items; /* owned, sorted by index */
	size_t count;
	size_t size;
	const struct interface **by_name; /* owned; NULL until interfaces_named() is first called */
};

/* Reads them all into *i, which is empty. 0 or -errno; interfaces_free() it either way. */
int interfaces_read(struct nl_sock *sk, struct interfaces *i);
/* Reads those of these names only; one that is not there is left out. As above. */
int interfaces_read_named(struct nl_sock *sk, char (*names)[IFNAMSIZ], size_t count, struct interfaces *i);
/* 0 if there is none of that name. A second name (altname) does not count. */
uint32_t interface_index(struct nl_sock *sk, const char *name);
/* From a message of the kernel about one interface. 0 or -EBADMSG. */
int interface_parse(struct nl_msg *msg, struct interface *ret);
/* NULL if there is none of that index. */
const struct interface *interfaces_find(const struct interfaces *i, int index);
/* NULL if there is none of that name, or for want of memory. The list does not change any more. */
const struct interface *interfaces_named(struct interfaces *i, const char *name);
void interfaces_free(struct interfaces *i);

#endif
