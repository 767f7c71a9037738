#include "appliance/isolation/outer.h"

#include "appliance/isolation/interfaces.h"
#include "appliance/isolation/netlink.h"
#include "appliance/isolation/report.h"
#include "conf/model.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

/* The guard of the outer interface, being checked. */
struct outer_guard {
	const struct nl_sock *sk;
	const struct gateway *gateway;
	struct report *report;
};

static int check_address(struct nl_msg *msg, void *arg)
{
	const struct outer_guard *o = arg;
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct nlattr *tb[IFA_MAX + 1];
	char name[IFNAMSIZ];

	if (nlh->nlmsg_type != RTM_NEWADDR || nlmsg_parse(nlh, sizeof(struct ifaddrmsg), tb, IFA_MAX, NULL) < 0)
		return 0;
	const struct ifaddrmsg *ifa = nlmsg_data(nlh);
	struct ip ip = netlink_ip(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS], ifa->ifa_family);
	if (ip_compare(&ip, &o->gateway->outer.address.ip) != 0)
		return 0;
	netlink_interface_name(o->sk, ifa->ifa_index, name);
	if (name[0] != '\0' && strcmp(name, o->gateway->outer.interface) != 0)
		report_failure(o->report,
			"gateway.outer.address is on interface %s, not on %s: the outer guard would stand at the wrong one", name,
			o->gateway->outer.interface);
	return 0;
}

void outer_check(struct nl_sock *sk, const struct gateway *g, struct report *report)
{
	struct ifaddrmsg header = { .ifa_family = (unsigned char)g->outer.address.ip.family };
	struct outer_guard outer = { sk, g, report };

	if (interface_index(sk, g->outer.interface) == 0)
		report_missing(report, g->outer.interface);
	(void)netlink_dump(sk, RTM_GETADDR, &header, sizeof(header), check_address, &outer);
}
