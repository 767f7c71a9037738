/* The few things that every netlink user here does, over libnl-3: open, ask and wait, dump. Errors are errnos. */
#ifndef CULVERT_APPLIANCE_ISOLATION_NETLINK_H
#define CULVERT_APPLIANCE_ISOLATION_NETLINK_H

#include "lib/buf.h"
#include "lib/prefix.h"

#include <net/if.h>
#include <stddef.h>
#include <stdint.h>

struct nl_msg;
struct nl_sock;
struct nlattr;

/* A blocking socket of that protocol (NETLINK_ROUTE, NETLINK_XFRM). 0 with *ret (nl_socket_free() it) or -errno. */
int netlink_open(int protocol, struct nl_sock **ret);
/* A socket that listens to groups (0 ends the list), never blocks and has room for a burst. As above. */
int netlink_listen(int protocol, const int *groups, struct nl_sock **ret);

/* Called for every message; a result below 0 ends the reading and is returned. */
typedef int (*netlink_handler)(struct nl_msg *msg, void *arg);

/* Sends msg, which it frees, and waits for the answer. 0 or the kernel's own -errno. msg may be NULL: -ENOMEM. */
int netlink_request(struct nl_sock *sk, struct nl_msg *msg);
/* The same for a request that the kernel answers with objects, which handler gets. */
int netlink_ask(struct nl_sock *sk, struct nl_msg *msg, netlink_handler handler, void *arg);

enum { NETLINK_BATCH = 64 }; /* requests; the answers to as many failures fit into a socket's buffer */

/* Requests that are sent together. The kernel takes them one after another, and goes on after one that fails. */
struct netlink_batch { /* zero-initialise */
	struct buf text; /* the messages, one behind another */
	size_t last; /* where the last one begins */
	uint32_t first; /* sequence number of the first one; grows, so that no late answer is taken for another */
	size_t count;
	int results[NETLINK_BATCH]; /* of each, in order, after netlink_batch_run(): 0 or the kernel's own -errno */
};

/* Appends msg, which it frees, to a batch that is not full. msg may be NULL: -ENOMEM. 0 or -errno. */
int netlink_batch_add(struct netlink_batch *b, struct nl_msg *msg);
/* Sends them all, waits for what the kernel says, and empties the batch but for the results. */
void netlink_batch_run(struct nl_sock *sk, struct netlink_batch *b);

/* From now on dumps over sk give only what their header selects (an interface, a table), where the kernel knows how. */
void netlink_narrow(struct nl_sock *sk);
/* Writes the name of the interface of that index; "" if there is none. */
void netlink_interface_name(const struct nl_sock *sk, uint32_t index, char name[static IFNAMSIZ]);
/*
 * Asks for all objects of a kind and hands each message to handler. 0, -EINTR if the kernel's list changed meanwhile
 * (begin anew), or -errno.
 */
int netlink_dump(
	struct nl_sock *sk, int type, const void *header, size_t header_len, netlink_handler handler, void *arg);
/*
 * Hands everything that a listening socket holds to handler. 0, -ENOBUFS if something was lost (the rest has been
 * taken in, or thrown away: read the state anew), or -errno.
 */
int netlink_drain(struct nl_sock *sk, netlink_handler handler, void *arg);

/* Octets that an address of the family takes in a message. */
size_t netlink_ip_len(int family);
/* The address in an attribute; AF_UNSPEC if a is NULL or its length is not that of the family. */
struct ip netlink_ip(const struct nlattr *a, int family);
/* A 32-bit attribute; 0 if a is NULL or of another length. */
uint32_t netlink_number(const struct nlattr *a);
/* The interface of the n-th way out of a route, whose attributes go up to RTA_MAX; 0: it has no so many. */
uint32_t netlink_way_out(struct nlattr *const *route, size_t n);

#endif
