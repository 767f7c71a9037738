#include "appliance/daemon/probe_socket.h"

#include "appliance/isolation/plan.h"
#include "conf/model.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

socklen_t probe_socket_address(const struct ip *ip, in_port_t port, struct sockaddr_storage *ret)
{
	*ret = (struct sockaddr_storage){ .ss_family = (sa_family_t)ip->family };
	if (ip->family == AF_INET6) {
		struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;
		six->sin6_port = port;
		memcpy(&six->sin6_addr, ip->octets, sizeof(six->sin6_addr));
		return sizeof(*six);
	}
	struct sockaddr_in *four = (struct sockaddr_in *)ret;
	four->sin_port = port;
	memcpy(&four->sin_addr, ip->octets, sizeof(four->sin_addr));
	return sizeof(*four);
}

int probe_socket_open(const struct probe *p, uint32_t if_id)
{
	static const struct {
		int type, four, six;
	} kinds[] = {
		[PROBE_ICMP] = { SOCK_DGRAM, IPPROTO_ICMP, IPPROTO_ICMPV6 },
		[PROBE_UDP] = { SOCK_DGRAM, IPPROTO_UDP, IPPROTO_UDP },
		[PROBE_TCP] = { SOCK_STREAM, IPPROTO_TCP, IPPROTO_TCP },
	};
	bool six = p->target.family == AF_INET6;
	char name[IFNAMSIZ];
	int fd = socket(p->target.family, kinds[p->protocol].type | SOCK_CLOEXEC | SOCK_NONBLOCK,
		six ? kinds[p->protocol].six : kinds[p->protocol].four);

	if (fd < 0)
		return -errno;
	plan_xfrm_name(if_id, name);
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name)) == 0)
		return fd;
	int error = -errno;
	close(fd);
	return error;
}
