#include "appliance/isolation/outer.h"

#include "appliance/isolation/interfaces.h"
#include "appliance/isolation/netlink.h"
#include "appliance/isolation/report.h"
#include "conf/model.h"

#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
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

/* The guard of the outer interface, being checked. */
struct guard {
	const struct nl_sock *sk;
	const struct gateway *gateway;
	struct report *report;
};

static int check_address(struct nl_msg *msg, void *arg)
{
	const struct guard *g = arg;
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct nlattr *tb[IFA_MAX + 1];
	char name[IFNAMSIZ];

	if (nlh->nlmsg_type != RTM_NEWADDR || nlmsg_parse(nlh, sizeof(struct ifaddrmsg), tb, IFA_MAX, NULL) < 0)
		return 0;
	const struct ifaddrmsg *ifa = nlmsg_data(nlh);
	struct ip ip = netlink_ip(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS], ifa->ifa_family);
	if (ip_compare(&ip, &g->gateway->outer.address.ip) != 0)
		return 0;
	netlink_interface_name(g->sk, ifa->ifa_index, name);
	if (name[0] != '\0' && strcmp(name, g->gateway->outer.interface) != 0)
		report_failure(g->report,
			"gateway.outer.address is on interface %s, not on %s: the outer guard would stand at the wrong one; write "
			"interface = \"%s\" in gateway.outer, or give %s the address",
			name, g->gateway->outer.interface, name, g->gateway->outer.interface);
	return 0;
}

void outer_check(struct nl_sock *sk, const struct gateway *g, struct report *report)
{
	struct ifaddrmsg header = { .ifa_family = (unsigned char)g->outer.address.ip.family };
	struct guard guard = { sk, g, report };

	if (interface_index(sk, g->outer.interface) == 0)
		report_missing(report, g->outer.interface);
	if (g->outer.address.dhcp) /* it is looked for there and nowhere else */
		return;
	(void)netlink_dump(sk, RTM_GETADDR, &header, sizeof(header), check_address, &guard);
}
