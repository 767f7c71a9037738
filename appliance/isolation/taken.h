/* What the kernel gives only once, and somebody else has: a VLAN of an interface, an if_id. */
#ifndef CULVERT_APPLIANCE_ISOLATION_TAKEN_H
#define CULVERT_APPLIANCE_ISOLATION_TAKEN_H

struct model;
struct nl_sock;
struct plan;
struct report;

/*
 * A failure for each object of want that could not be made therefore, unless now (the model in force, NULL: none) wants
 * it as well: what it lacks already is no reason against a change. 0, or -errno if that cannot be found out.
 */
int taken_check(struct nl_sock *sk, const struct model *now, const struct plan *want, struct report *report);

#endif
