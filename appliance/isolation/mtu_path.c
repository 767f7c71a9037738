#include "appliance/isolation/mtu_path.h"

#include "appliance/isolation/interfaces.h"
#include "appliance/isolation/mtu.h"
#include "appliance/isolation/netlink.h"
#include "lib/prefix.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

/* What the kernel says of a way. */
struct way {
	uint32_t interface; /* index; 0: none */
	uint32_t mtu; /* of the route; 0: the interface's */
};

static int take_way(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[RTA_MAX + 1], *metrics[RTAX_MAX + 1];
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct way *way = arg;

	if (nlh->nlmsg_type != RTM_NEWROUTE)
		return 0;
	if (nlmsg_parse(nlh, sizeof(struct rtmsg), tb, RTA_MAX, NULL) < 0)
		return -EBADMSG;
	way->interface = netlink_number(tb[RTA_OIF]);
	if (tb[RTA_METRICS] && nla_parse_nested(metrics, RTAX_MAX, tb[RTA_METRICS], NULL) == 0)
		way->mtu = netlink_number(metrics[RTAX_MTU]);
	return 0;
}

static int take_interface(struct nl_msg *msg, void *arg)
{
	struct interface interface;
	int r = nlmsg_hdr(msg)->nlmsg_type == RTM_NEWLINK ? interface_parse(msg, &interface) : -EBADMSG;

	if (r == 0)
		*(uint32_t *)arg = interface.mtu;
	return r;
}

static int ask_way(struct nl_sock *sk, const struct ip *from, const struct ip *to, struct way *ret)
{
	uint8_t bits = (uint8_t)ip_bits(to->family);
	int len = (int)netlink_ip_len(to->family);
	struct rtmsg header = { .rtm_family = (unsigned char)to->family, .rtm_dst_len = bits };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, 0);
	bool has_source = from->family == to->family;

	if (has_source)
		header.rtm_src_len = bits;
	if (msg &&
		(nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) < 0 || nla_put(msg, RTA_DST, len, to->octets) < 0 ||
			(has_source && nla_put(msg, RTA_SRC, len, from->octets) < 0))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return netlink_ask(sk, msg, take_way, ret);
}

/* Of the interface of that index, asked once in a round. */
static int ask_interface(struct mtu_reader *r, uint32_t index)
{
	struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = (int)index };
	struct nl_msg *msg;
	uint32_t mtu = 0;

	if (r->interface == index)
		return 0;
	msg = nlmsg_alloc_simple(RTM_GETLINK, 0);
	if (msg && nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		msg = NULL;
	}
	int error = netlink_ask(r->sk, msg, take_interface, &mtu);
	if (error < 0)
		return error;
	r->interface = index;
	r->interface_mtu = mtu;
	return 0;
}

int mtu_path_read(struct mtu_reader *r, const struct ip *from, const struct ip *to, struct mtu_path *ret)
{
	struct way way = { 0 };
	int error = ask_way(r->sk, from, to, &way);

	if (error == 0)
		error = way.interface != 0 ? ask_interface(r, way.interface) : -ENETUNREACH;
	if (error < 0)
		return error;
	bool less = way.mtu > 0 && way.mtu < r->interface_mtu;
	*ret = (struct mtu_path){ less ? way.mtu : r->interface_mtu, less ? MTU_PATH : MTU_INTERFACE };
	return 0;
}
