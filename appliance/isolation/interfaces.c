#include "appliance/isolation/interfaces.h"

#include "appliance/isolation/netlink.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <sys/socket.h>

static int compare_indexes(const void *a, const void *b)
{
	const struct interface *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

/* Of 32 bits, or of 16 as a VLAN's. */
static uint32_t read_number(const struct nlattr *a)
{
	return a && nla_len(a) == sizeof(uint16_t) ? nla_get_u16(a) : netlink_number(a);
}

static void read_kind(struct nlattr *info, struct interface *i)
{
	static const struct {
		const char *name;
		enum interface_kind kind;
		int number;
	} kinds[] = {
		{ "vrf", INTERFACE_VRF, IFLA_VRF_TABLE },
		{ "xfrm", INTERFACE_XFRM, IFLA_XFRM_IF_ID },
		{ "vlan", INTERFACE_VLAN, IFLA_VLAN_ID },
	};
	struct nlattr *tb[IFLA_INFO_MAX + 1];

	if (!info || nla_parse_nested(tb, IFLA_INFO_MAX, info, NULL) < 0 || !tb[IFLA_INFO_KIND])
		return;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
		if (nla_strcmp(tb[IFLA_INFO_KIND], kinds[k].name) != 0)
			continue;
		i->kind = kinds[k].kind;
		if (tb[IFLA_INFO_DATA])
			i->number =
				read_number(nla_find(nla_data(tb[IFLA_INFO_DATA]), nla_len(tb[IFLA_INFO_DATA]), kinds[k].number));
	}
}

static int take_link(struct nl_msg *msg, void *arg)
{
	struct interfaces *list = arg;
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct nlattr *tb[IFLA_MAX + 1];

	if (nlh->nlmsg_type != RTM_NEWLINK)
		return 0;
	if (nlmsg_parse(nlh, sizeof(struct ifinfomsg), tb, IFLA_MAX, NULL) < 0 || !tb[IFLA_IFNAME])
		return -EBADMSG;
	if (list->count == list->size) {
		size_t size = list->size > 0 ? 2 * list->size : 64;
		struct interface *items = reallocarray(list->items, size, sizeof(*items));
		if (!items)
			return -ENOMEM;
		list->items = items;
		list->size = size;
	}
	const struct ifinfomsg *ifi = nlmsg_data(nlh);
	struct interface i = { .index = ifi->ifi_index, .up = ifi->ifi_flags & IFF_UP };
	nla_strlcpy(i.name, tb[IFLA_IFNAME], sizeof(i.name));
	i.master = (int)netlink_number(tb[IFLA_MASTER]);
	i.parent = (int)netlink_number(tb[IFLA_LINK]);
	i.mtu = netlink_number(tb[IFLA_MTU]);
	read_kind(tb[IFLA_LINKINFO], &i);
	list->items[list->count++] = i;
	return 0;
}

int interfaces_read(struct nl_sock *sk, struct interfaces *i)
{
	struct ifinfomsg header = { .ifi_family = AF_UNSPEC };
	int r = netlink_dump(sk, RTM_GETLINK, &header, sizeof(header), take_link, i);

	if (i->count > 0)
		qsort(i->items, i->count, sizeof(*i->items), compare_indexes);
	return r;
}

const struct interface *interfaces_find(const struct interfaces *i, int index)
{
	struct interface key = { .index = index };

	if (i->count == 0)
		return NULL;
	return bsearch(&key, i->items, i->count, sizeof(key), compare_indexes);
}

void interfaces_free(struct interfaces *i)
{
	if (!i)
		return;
	free(i->items);
	*i = (struct interfaces){ 0 };
}
