/* The outer interface: our address there, and whether it is the one that the walls guard. */
#ifndef CULVERT_APPLIANCE_ISOLATION_OUTER_H
#define CULVERT_APPLIANCE_ISOLATION_OUTER_H

struct gateway;
struct ip;
struct nl_sock;
struct outer;
struct report;

/*
 * The gateway's own address outside, which the operator's file gives or the machine's DHCP client was given: as it is
 * now; AF_UNSPEC while there is none. Looked up anew at each call.
 */
struct ip outer_address(const struct outer *outer);
/*
 * The outer interface is not ours to make, but its guard goes by its name: one that is not there, has it only as a
 * second name, or does not have the address that IKE speaks from would stand unguarded, and everything else work.
 */
void outer_check(struct nl_sock *sk, const struct gateway *g, struct report *report);

#endif
