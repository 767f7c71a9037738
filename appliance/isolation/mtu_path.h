/*
 * How large a packet the way to a peer takes, as the kernel knows it: the MTU of the interface, or less where a router
 * has said so (RFC 1191, RFC 8201). The kernel learns that from ICMP errors about ESP and IKE packets, believes it for
 * ten minutes, and tells nobody: it must be asked.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_MTU_PATH_H
#define CULVERT_APPLIANCE_ISOLATION_MTU_PATH_H

#include <stdint.h>

struct ip;
struct mtu_path;
struct nl_sock;

struct mtu_reader { /* .sk = an rtnetlink socket, the rest zero; for one round of questions */
	struct nl_sock *sk; /* borrowed */
	uint32_t interface; /* of the last answer; 0: none */
	uint32_t interface_mtu;
};

/* 0 with *ret, or -errno: the kernel knows no way. */
int mtu_path_read(struct mtu_reader *r, const struct ip *from, const struct ip *to, struct mtu_path *ret);

#endif
