#include "appliance/isolation/rt_watch.h"

#include "appliance/isolation/interfaces.h"
#include "appliance/isolation/netlink.h"
#include "appliance/isolation/plan.h"

#include <linux/if_addr.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

const int rt_watch_groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
	RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE, RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF, 0 };

static void suspect_all(struct rt_watch *w)
{
	w->suspects = w->all = true;
}

static void check_bound(struct rt_watch *w, int r)
{
	w->suspects = true;
	if (r < 0 || w->scope.n_names + w->scope.n_tables > RT_WATCH_MAX)
		suspect_all(w);
}

static void suspect_interface(struct rt_watch *w, const char *name)
{
	if (!w->all)
		check_bound(w, scope_add_around(&w->scope, w->left, name));
}

static void suspect_table(struct rt_watch *w, uint32_t table)
{
	if (!w->all)
		check_bound(w, scope_add_table(&w->scope, table));
}

/* One of ours, or one that the machine has and we use. */
static bool concerns_us(const struct rt_watch *w, const char *name)
{
	return plan_is_ours(name) || scope_find(w->left, OBJECT_UP, name) || scope_find(w->left, OBJECT_MASTER, name);
}

static bool has_table(const struct plan *p, uint32_t table)
{
	size_t low = 0, high = p->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct object *o = &p->objects[middle];
		if (o->kind < OBJECT_ROUTE || (o->kind == OBJECT_ROUTE && o->table < table))
			low = middle + 1;
		else
			high = middle;
	}
	return low < p->count && p->objects[low].kind == OBJECT_ROUTE && p->objects[low].table == table;
}

/* False if the sysctl of that value is not what was left; one that is not kept may be anything. */
static bool is_setting(const struct rt_watch *w, const char *folder, const char *name, const char *key, int value)
{
	char path[OBJECT_NAME];

	if (value < 0)
		return true;
	snprintf(path, sizeof(path), "%s%s/%s", folder, name, key);
	const struct object *o = scope_find(w->left, OBJECT_SYSCTL, path);
	return !o || o->value == (uint32_t)value;
}

static bool is_as_left(const struct rt_watch *w, const struct interface *i)
{
	const struct object *member = scope_find(w->left, OBJECT_MASTER, i->name);
	const struct object *mtu = scope_find(w->left, OBJECT_MTU, i->name);
	char master[IFNAMSIZ];

	netlink_interface_name(w->requests, (uint32_t)i->master, master);
	return scope_find(w->left, OBJECT_UP, i->name) && i->up && (!mtu || mtu->value == i->mtu) &&
		   strcmp(member ? member->master : "", master) == 0 &&
		   is_setting(w, "net/ipv4/conf/", i->name, "rp_filter", i->rp_filter) &&
		   is_setting(w, "net/ipv6/conf/", i->name, "disable_ipv6", i->disable_ipv6) &&
		   is_setting(w, "net/ipv6/conf/", i->name, "addr_gen_mode", i->addr_gen_mode);
}

static void take_link(struct rt_watch *w, struct nl_msg *msg)
{
	bool gone = nlmsg_hdr(msg)->nlmsg_type == RTM_DELLINK;
	struct interface i;
	char master[IFNAMSIZ];

	if (interface_parse(msg, &i) < 0)
		return;
	if (strcmp(i.name, w->outer) == 0)
		w->doubts = true;
	netlink_interface_name(w->requests, (uint32_t)i.master, master);
	if (!concerns_us(w, i.name) && !plan_is_ours(master)) {
		if (w->waiting && !gone)
			suspect_all(w);
		return;
	}
	if (gone || !is_as_left(w, &i))
		suspect_interface(w, i.name);
}

static void take_address(struct rt_watch *w, struct nl_msg *msg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct object o = { .kind = OBJECT_ADDRESS };
	struct nlattr *tb[IFA_MAX + 1];
	char name[IFNAMSIZ];

	if (nlmsg_parse(nlh, sizeof(struct ifaddrmsg), tb, IFA_MAX, NULL) < 0)
		return;
	const struct ifaddrmsg *ifa = nlmsg_data(nlh);
	netlink_interface_name(w->requests, ifa->ifa_index, name);
	if (name[0] == '\0' || (ifa->ifa_family == AF_INET6 && ifa->ifa_scope == RT_SCOPE_LINK))
		return;
	if (strcmp(name, w->outer) == 0) /* the SAs' own end, perhaps */
		w->suspects = w->doubts = true;
	o.prefix.ip = netlink_ip(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS], ifa->ifa_family);
	o.prefix.len = ifa->ifa_prefixlen;
	memcpy(o.name, name, sizeof(name));
	/* It is there and was, or the other way round. */
	if (concerns_us(w, name) && plan_has(w->left, &o) != (nlh->nlmsg_type == RTM_NEWADDR))
		suspect_interface(w, name);
	else if (w->waiting && nlh->nlmsg_type == RTM_NEWADDR)
		suspect_all(w);
}

/* An interface that a route of another table leads out of is one of ours. */
static bool leads_to_us(const struct rt_watch *w, struct nlattr *const *tb)
{
	char name[IFNAMSIZ];
	uint32_t way;

	for (size_t n = 0; (way = netlink_way_out(tb, n)) != 0; n++) {
		netlink_interface_name(w->requests, way, name);
		if (name[0] != '\0' && (plan_is_ours(name) || scope_find(w->left, OBJECT_MASTER, name)))
			return true;
	}
	return false;
}

static void take_route(struct rt_watch *w, struct nl_msg *msg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct nlattr *tb[RTA_MAX + 1];

	if (nlmsg_parse(nlh, sizeof(struct rtmsg), tb, RTA_MAX, NULL) < 0)
		return;
	const struct rtmsg *rtm = nlmsg_data(nlh);
	/* What the kernel does by itself comes and goes with interfaces and addresses. */
	if (rtm->rtm_protocol == RTPROT_KERNEL || (rtm->rtm_flags & RTM_F_CLONED))
		return;
	uint32_t table = tb[RTA_TABLE] ? netlink_number(tb[RTA_TABLE]) : rtm->rtm_table;
	if (has_table(w->left, table))
		suspect_table(w, table);
	else if (nlh->nlmsg_type == RTM_NEWROUTE && leads_to_us(w, tb))
		suspect_all(w);
}

/* Path of the setting that a netconf event is about, below the family's folder; NULL: none that we keep. */
static void take_netconf(struct rt_watch *w, struct nl_msg *msg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct nlattr *tb[NETCONFA_MAX + 1];
	char name[IFNAMSIZ] = "all";

	if (nlh->nlmsg_type != RTM_NEWNETCONF || nlmsg_parse(nlh, sizeof(struct netconfmsg), tb, NETCONFA_MAX, NULL) < 0 ||
		!tb[NETCONFA_IFINDEX])
		return;
	const struct netconfmsg *header = nlmsg_data(nlh);
	bool ipv6 = header->ncm_family == AF_INET6;
	int32_t index = (int32_t)netlink_number(tb[NETCONFA_IFINDEX]);
	if (index > 0)
		netlink_interface_name(w->requests, (uint32_t)index, name);
	if (tb[NETCONFA_RP_FILTER] && index > 0 && concerns_us(w, name) &&
		!is_setting(w, "net/ipv4/conf/", name, "rp_filter", (int)netlink_number(tb[NETCONFA_RP_FILTER])))
		suspect_interface(w, name);
	if (!tb[NETCONFA_FORWARDING])
		return;
	int forwarding = (int)netlink_number(tb[NETCONFA_FORWARDING]);
	if (index > 0 && !ipv6 && !is_setting(w, "net/ipv4/conf/", name, "forwarding", forwarding))
		w->suspects = true; /* as below: every look reads it */
	if (index == NETCONFA_IFINDEX_ALL && !(ipv6 ? is_setting(w, "net/ipv6/conf/", "all", "forwarding", forwarding)
												: is_setting(w, "net/", "ipv4", "ip_forward", forwarding)))
		w->suspects = true;
}

static const struct {
	uint16_t type;
	bool by_request; /* its port is that of who asked for it */
	void (*take)(struct rt_watch *w, struct nl_msg *msg);
} types[] = {
	{ RTM_NEWLINK, true, take_link },
	{ RTM_DELLINK, true, take_link },
	{ RTM_NEWADDR, true, take_address },
	{ RTM_DELADDR, true, take_address },
	{ RTM_NEWROUTE, true, take_route },
	{ RTM_DELROUTE, true, take_route },
	{ RTM_NEWRULE, true, NULL },
	{ RTM_DELRULE, true, NULL },
	{ RTM_NEWNETCONF, false, take_netconf },
};

int rt_watch_take(struct nl_msg *msg, void *watch)
{
	const struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct rt_watch *w = watch;
	bool before = w->suspects;

	if (!w->left) {
		w->doubts = true;
		return 0;
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (types[i].type != nlh->nlmsg_type)
			continue;
		if (nlh->nlmsg_pid != 0 && nlh->nlmsg_pid == nl_socket_get_local_port(w->requests))
			return 0;
		if (types[i].take)
			types[i].take(w, msg);
		else
			w->suspects = true; /* every look reads the rules */
		if (types[i].by_request && w->suspects && (!before || nlh->nlmsg_pid != 0))
			w->port = nlh->nlmsg_pid;
	}
	return 0;
}

void rt_watch_name(const struct rt_watch *w, char *text, size_t size)
{
	enum { PID_BITS = 22 }; /* above it, a library puts what tells its sockets apart */

	/* The kernel's own choice where a process has several sockets says nothing. */
	if (w->port >> 31 == 0)
		snprintf(text, size, "process %u", w->port & ((1U << PID_BITS) - 1));
}

void rt_watch_lost(struct rt_watch *w)
{
	suspect_all(w);
	w->doubts = true;
}

void rt_watch_clear(struct rt_watch *w)
{
	scope_free(&w->scope);
	w->suspects = w->all = w->doubts = false;
	w->port = 0;
}
