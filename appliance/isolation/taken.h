/* What the kernel gives only once, and somebody else has: a VLAN of an interface, an if_id. */
#ifndef CULVERT_APPLIANCE_ISOLATION_TAKEN_H
#define CULVERT_APPLIANCE_ISOLATION_TAKEN_H

struct nl_sock;
struct plan;
struct report;

/* A failure for each object of want that could not be made therefore. 0, or -errno if the kernel cannot be read. */
int taken_check(struct nl_sock *sk, const struct plan *want, struct report *report);

#endif
