#include "appliance/isolation/outer.h"

#include "conf/model.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

struct ip outer_address(const struct outer *outer)
{
	struct ip ip = { 0 };
	struct ifaddrs *list = NULL;

	if (!outer->address.dhcp)
		return outer->address.ip;
	if (getifaddrs(&list) < 0)
		return ip;
	for (const struct ifaddrs *a = list; a && ip.family == AF_UNSPEC; a = a->ifa_next) {
		/* Of second addresses the label may be another name, as "eth0:1". */
		if (!a->ifa_addr || a->ifa_addr->sa_family != AF_INET || strcmp(a->ifa_name, outer->interface) != 0)
			continue;
		struct sockaddr_in in;
		memcpy(&in, a->ifa_addr, sizeof(in));
		ip.family = AF_INET;
		memcpy(ip.octets, &in.sin_addr, 4);
	}
	freeifaddrs(list);
	return ip;
}
