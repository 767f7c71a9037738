#include "appliance/isolation/link_group.h"

#include "appliance/isolation/netlink.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

/* A request about an interface, or about the whole group if index is 0. NULL for want of memory. */
static struct nl_msg *request(int type, uint32_t index)
{
	struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = (int)index };
	struct nl_msg *msg = nlmsg_alloc_simple(type, 0);

	if (msg && nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) == 0 &&
		nla_put_u32(msg, IFLA_GROUP, LINK_GROUP) == 0)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

static int join(struct nl_sock *sk, const uint32_t *indexes, size_t count)
{
	struct netlink_batch batch = { 0 };
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		r = netlink_batch_add(&batch, request(RTM_SETLINK, indexes[i]));
		if (r < 0 || (batch.count < NETLINK_BATCH && i + 1 < count))
			continue;
		size_t sent = batch.count;
		netlink_batch_run(sk, &batch);
		for (size_t n = 0; n < sent && r == 0; n++)
			r = batch.results[n];
	}
	buf_free(&batch.text);
	return r;
}

static int count_member(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	size_t *members = arg;

	if (nlh->nlmsg_type == RTM_NEWLINK &&
		netlink_number(nlmsg_find_attr(nlh, sizeof(struct ifinfomsg), IFLA_GROUP)) == LINK_GROUP)
		++*members;
	return 0;
}

int link_group_remove(struct nl_sock *sk, const uint32_t *indexes, size_t count)
{
	struct ifinfomsg all = { .ifi_family = AF_UNSPEC };
	size_t members = 0;
	int r = join(sk, indexes, count);

	if (r == 0)
		r = netlink_dump(sk, RTM_GETLINK, &all, sizeof(all), count_member, &members);
	if (r == 0 && members != count)
		r = -EBUSY;
	return r < 0 ? r : netlink_request(sk, request(RTM_DELLINK, 0));
}
