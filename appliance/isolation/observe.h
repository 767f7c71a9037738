/* What the kernel holds of the things that a plan is about, read by rtnetlink and from /proc/sys. */
#ifndef CULVERT_APPLIANCE_ISOLATION_OBSERVE_H
#define CULVERT_APPLIANCE_ISOLATION_OBSERVE_H

struct model;
struct nl_sock;
struct plan;
struct scope;

/*
 * Only what is ours: interfaces with our prefix, members of our VRFs, of the interfaces that m names what it uses, the
 * tables of our VRFs and of m, the rules that look at the local table or at our marks, others' rules that are in the
 * way of ours, the sysctls that want names. sk
 * is a NETLINK_ROUTE socket without memberships. 0 with *ret sorted (plan_free() it), or -errno.
 */
int observe(struct nl_sock *sk, const struct model *m, const struct plan *want, struct plan *ret);
/* The same of a part, which takes less time the smaller it is (if sk is one of netlink_narrow()). */
int observe_part(
	struct nl_sock *sk, const struct model *m, const struct scope *scope, const struct plan *want, struct plan *ret);

#endif
