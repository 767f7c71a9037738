/* Whether the outer interface is the one that the walls guard. */
#ifndef CULVERT_APPLIANCE_ISOLATION_OUTER_H
#define CULVERT_APPLIANCE_ISOLATION_OUTER_H

struct gateway;
struct nl_sock;
struct report;

/*
 * The outer interface is not ours to make, but its guard goes by its name: one that is not there, has it only as a
 * second name, or does not have the address that IKE speaks from would stand unguarded, and everything else work.
 */
void outer_check(struct nl_sock *sk, const struct gateway *g, struct report *report);

#endif
