/* The gateway's own address outside, which the operator's file gives or the machine's DHCP client was given. */
#ifndef CULVERT_APPLIANCE_ISOLATION_OUTER_H
#define CULVERT_APPLIANCE_ISOLATION_OUTER_H

struct ip;
struct outer;

/* The address as it is now; AF_UNSPEC while there is none. Looked up anew at each call. */
struct ip outer_address(const struct outer *outer);

#endif
