/* Makes the changes of a difference in the kernel, one after another, and goes on after one that fails. */
#ifndef CULVERT_APPLIANCE_ISOLATION_APPLY_H
#define CULVERT_APPLIANCE_ISOLATION_APPLY_H

struct changes;
struct nl_sock;
struct report;

/*
 * Adds to r what was changed, what failed and which interfaces are missing. A thing to remove that is gone already, or
 * to add that is there already, is no failure. sk as for observe().
 */
void apply(struct nl_sock *sk, const struct changes *c, struct report *r);

#endif
