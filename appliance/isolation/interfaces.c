#include "appliance/isolation/interfaces.h"

#include "appliance/isolation/netlink.h"
#include "lib/grow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>
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

/* A provider's VLAN (802.1ad) of the same number is another one. */
static bool is_8021q(const struct nlattr *data)
{
	const struct nlattr *protocol = data ? nla_find(nla_data(data), nla_len(data), IFLA_VLAN_PROTOCOL) : NULL;

	return !protocol || nla_get_u16(protocol) == htons(ETH_P_8021Q);
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
	if (i->kind == INTERFACE_VLAN && !is_8021q(tb[IFLA_INFO_DATA]))
		i->kind = INTERFACE_OTHER;
}

/* Number at of an array in an attribute, -1 if there is none. */
static int read_array(const struct nlattr *a, size_t at)
{
	int32_t number;

	if (!a || (size_t)nla_len(a) < (at + 1) * sizeof(number))
		return -1;
	memcpy(&number, (const char *)nla_data(a) + at * sizeof(number), sizeof(number));
	return number;
}

static void read_sysctls(struct nlattr *spec, struct interface *i)
{
	struct nlattr *inet[IFLA_INET_MAX + 1] = { 0 }, *inet6[IFLA_INET6_MAX + 1] = { 0 };
	struct nlattr *families[AF_INET6 + 1];

	i->forwarding = i->rp_filter = i->disable_ipv6 = i->addr_gen_mode = -1;
	if (!spec || nla_parse_nested(families, AF_INET6, spec, NULL) < 0)
		return;
	if (families[AF_INET] && nla_parse_nested(inet, IFLA_INET_MAX, families[AF_INET], NULL) == 0) {
		i->forwarding = read_array(inet[IFLA_INET_CONF], IPV4_DEVCONF_FORWARDING - 1);
		i->rp_filter = read_array(inet[IFLA_INET_CONF], IPV4_DEVCONF_RP_FILTER - 1);
	}
	if (families[AF_INET6] && nla_parse_nested(inet6, IFLA_INET6_MAX, families[AF_INET6], NULL) == 0) {
		i->disable_ipv6 = read_array(inet6[IFLA_INET6_CONF], DEVCONF_DISABLE_IPV6);
		i->addr_gen_mode = read_array(inet6[IFLA_INET6_CONF], DEVCONF_ADDR_GEN_MODE);
	}
}

int interface_parse(struct nl_msg *msg, struct interface *ret)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct nlattr *tb[IFLA_MAX + 1];

	if (nlmsg_parse(nlh, sizeof(struct ifinfomsg), tb, IFLA_MAX, NULL) < 0 || !tb[IFLA_IFNAME])
		return -EBADMSG;
	const struct ifinfomsg *ifi = nlmsg_data(nlh);
	struct interface i = { .index = ifi->ifi_index, .up = ifi->ifi_flags & IFF_UP };
	nla_strlcpy(i.name, tb[IFLA_IFNAME], sizeof(i.name));
	i.master = (int)netlink_number(tb[IFLA_MASTER]);
	if (!tb[IFLA_LINK_NETNSID]) /* else the number is one of another namespace */
		i.parent = (int)netlink_number(tb[IFLA_LINK]);
	i.mtu = netlink_number(tb[IFLA_MTU]);
	read_kind(tb[IFLA_LINKINFO], &i);
	read_sysctls(tb[IFLA_AF_SPEC], &i);
	*ret = i;
	return 0;
}

static int take_link(struct nl_msg *msg, void *arg)
{
	struct interfaces *list = arg;
	struct interface i;

	if (nlmsg_hdr(msg)->nlmsg_type != RTM_NEWLINK)
		return 0;
	if (interface_parse(msg, &i) < 0)
		return -EBADMSG;
	struct interface *items = grow(list->items, list->count, &list->size, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	list->items[list->count++] = i;
	return 0;
}

/* What is asked for: the interface, without its counters. */
struct question {
	struct ifinfomsg header;
	struct nlattr attribute;
	uint32_t mask;
};

static const struct question question = {
	.header.ifi_family = AF_UNSPEC,
	.attribute = { .nla_len = sizeof(struct nlattr) + sizeof(uint32_t), .nla_type = IFLA_EXT_MASK },
	.mask = RTEXT_FILTER_SKIP_STATS,
};

static void sort(struct interfaces *i)
{
	if (i->count > 0)
		qsort(i->items, i->count, sizeof(*i->items), compare_indexes);
}

int interfaces_read(struct nl_sock *sk, struct interfaces *i)
{
	int r = netlink_dump(sk, RTM_GETLINK, &question, sizeof(question), take_link, i);

	sort(i);
	return r;
}

/*
 * Asks for the interface of that name: by netlink, as an ioctl would have the kernel look for a module of the name of
 * an interface that is not there. 0, -ENODEV or -errno.
 */
static int ask(struct nl_sock *sk, const char *name, netlink_handler handler, void *arg)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, 0);

	if (msg && (nlmsg_append(msg, (void *)(uintptr_t)&question, sizeof(question), NLMSG_ALIGNTO) < 0 ||
				   nla_put(msg, IFLA_IFNAME, (int)strlen(name) + 1, name) < 0)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return netlink_ask(sk, msg, handler, arg);
}

int interfaces_read_named(struct nl_sock *sk, char (*names)[IFNAMSIZ], size_t count, struct interfaces *i)
{
	int r = 0;

	for (size_t n = 0; n < count && r == 0; n++) {
		size_t before = i->count;
		r = ask(sk, names[n], take_link, i);
		r = r == -ENODEV ? 0 : r;
		/* It has another name, and this one as a second. */
		if (i->count > before && strcmp(i->items[before].name, names[n]) != 0)
			i->count = before;
	}
	sort(i);
	return r;
}

/* A name that is looked for, and the index that was found. */
struct search {
	const char *name;
	uint32_t index;
};

static int take_index(struct nl_msg *msg, void *arg)
{
	struct search *search = arg;
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct nlattr *name = nlmsg_find_attr(nlh, sizeof(struct ifinfomsg), IFLA_IFNAME);
	const struct ifinfomsg *ifi = nlmsg_data(nlh);

	if (name && nla_strcmp(name, search->name) == 0)
		search->index = (uint32_t)ifi->ifi_index;
	return 0;
}

uint32_t interface_index(struct nl_sock *sk, const char *name)
{
	struct search search = { .name = name };

	return ask(sk, name, take_index, &search) == 0 ? search.index : 0;
}

const struct interface *interfaces_find(const struct interfaces *i, int index)
{
	struct interface key = { .index = index };

	if (i->count == 0)
		return NULL;
	return bsearch(&key, i->items, i->count, sizeof(key), compare_indexes);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp((*(const struct interface *const *)a)->name, (*(const struct interface *const *)b)->name);
}

const struct interface *interfaces_named(struct interfaces *i, const char *name)
{
	struct interface key = { 0 };
	const struct interface *wanted = &key;

	if (!i->by_name) {
		i->by_name = calloc(i->count + 1, sizeof(*i->by_name));
		for (size_t n = 0; i->by_name && n < i->count; n++)
			i->by_name[n] = &i->items[n];
		if (i->by_name)
			qsort(i->by_name, i->count, sizeof(*i->by_name), compare_names);
	}
	if (!i->by_name || strlen(name) >= sizeof(key.name))
		return NULL;
	strncpy(key.name, name, sizeof(key.name) - 1);
	const struct interface **found = bsearch(&wanted, i->by_name, i->count, sizeof(*i->by_name), compare_names);
	return found ? *found : NULL;
}

void interfaces_free(struct interfaces *i)
{
	if (!i)
		return;
	free(i->by_name);
	free(i->items);
	*i = (struct interfaces){ 0 };
}
