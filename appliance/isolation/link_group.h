/*
 * Removes many interfaces with one request. One by one the kernel waits for all readers of its tables after each, some
 * tens of milliseconds on a busy machine; of the interfaces of one group (IFLA_GROUP) it waits once for all.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_LINK_GROUP_H
#define CULVERT_APPLIANCE_ISOLATION_LINK_GROUP_H

#include <stddef.h>
#include <stdint.h>

struct nl_sock;

/* The group that interfaces are in on their way out. It is nobody else's: the letters "culv". */
#define LINK_GROUP 0x63756c76u

/*
 * Removes the interfaces of these indexes, each of which is there and no interface's master any more. 0; -EBUSY if
 * there are others in the group, or -errno: then none is removed, but they may be in the group.
 */
int link_group_remove(struct nl_sock *sk, const uint32_t *indexes, size_t count);

#endif
