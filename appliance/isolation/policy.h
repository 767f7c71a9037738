/* XFRM policies: one message, what is wrong with it, and which links have any. */
#ifndef CULVERT_APPLIANCE_ISOLATION_POLICY_H
#define CULVERT_APPLIANCE_ISOLATION_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct link;
struct nl_msg;
struct nl_sock;
struct snapshot_policy;

/* Of a message XFRM_MSG_NEWPOLICY. 0, -ENOENT for one that is of no process but its own socket's, or -EBADMSG. */
int policy_parse(struct nl_msg *msg, struct snapshot_policy *ret);
/* Why one that lets packets pass should not be, given the link of its if_id or NULL; static. NULL: it may be. */
const char *policy_flaw(const struct snapshot_policy *p, const struct link *l);
/* "policy fwd of if_id 1, 10.64.0.0/16 -> 10.110.0.0/20" */
void policy_print(const struct snapshot_policy *p, struct buf *out);

struct policies_seen {
	uint32_t if_id;
	unsigned directions; /* 1 << POLICY_IN, ... of those that block nothing */
};

struct policies { /* zero-initialise; policies_free() it */
	struct policies_seen *seen; /* owned; by if_id, each once */
	size_t count;
	size_t size;
};

/* Asks the kernel over a NETLINK_XFRM socket. 0 with *ret or -errno. */
int policies_read(struct nl_sock *sk, struct policies *ret);
/* Whether packets of the if_id have policies that let them pass in all directions. */
bool policies_complete(const struct policies *p, uint32_t if_id);
void policies_free(struct policies *p);

#endif
