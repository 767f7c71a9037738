/* Sockets that ask a probe's target from inside a link. */
#ifndef CULVERT_DAEMON_PROBE_SOCKET_H
#define CULVERT_DAEMON_PROBE_SOCKET_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

struct ip;
struct probe;

/* port: network order. The address's octets. */
socklen_t probe_socket_address(const struct ip *ip, in_port_t port, struct sockaddr_storage *ret);
/*
 * One of the probe's protocol on the link's XFRM interface, for the caller to bind to an address: that counts as ours
 * by the interface's VRF. The file descriptor, or -errno.
 */
int probe_socket_open(const struct probe *p, uint32_t if_id);

#endif
