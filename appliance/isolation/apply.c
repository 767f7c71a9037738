/*
 * One request, one answer, one object. Failure policy: every change is tried, each failure is a sentence in the report;
 * what fails only because something before it failed (a route over a link that could not be made) is not said again.
 */
#include "appliance/isolation/apply.h"

#include "appliance/isolation/changes.h"
#include "appliance/isolation/netlink.h"
#include "appliance/isolation/plan.h"
#include "appliance/isolation/report.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Not an errno: the object is about an interface that is not there. */
enum { MISSING = 1 };

/* A message being built; after the first failure it is NULL and stays so, which netlink_request() takes. */
static struct nl_msg *start(int type, int flags, const void *header, size_t header_len)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg && nlmsg_append(msg, (void *)(uintptr_t)header, header_len, NLMSG_ALIGNTO) == 0)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

static void put(struct nl_msg **msg, int type, const void *data, size_t len)
{
	if (!*msg || nla_put(*msg, type, (int)len, data) == 0)
		return;
	nlmsg_free(*msg);
	*msg = NULL;
}

static void put_number(struct nl_msg **msg, int type, uint32_t number)
{
	put(msg, type, &number, sizeof(number));
}

static void put_text(struct nl_msg **msg, int type, const char *text)
{
	put(msg, type, text, strlen(text) + 1);
}

static void put_ip(struct nl_msg **msg, int type, const struct ip *ip)
{
	put(msg, type, ip->octets, netlink_ip_len(ip->family));
}

static struct nlattr *nest(struct nl_msg **msg, int type)
{
	struct nlattr *nested = *msg ? nla_nest_start(*msg, type) : NULL;

	if (!nested) {
		nlmsg_free(*msg);
		*msg = NULL;
	}
	return nested;
}

static void unnest(struct nl_msg **msg, struct nlattr *nested)
{
	if (*msg)
		nla_nest_end(*msg, nested);
}

static int add_link(struct nl_sock *sk, const char *name, const char *kind, const uint32_t (*numbers)[2], size_t count)
{
	struct ifinfomsg header = { .ifi_family = AF_UNSPEC };
	struct nl_msg *msg = start(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));

	put_text(&msg, IFLA_IFNAME, name);
	struct nlattr *info = nest(&msg, IFLA_LINKINFO);
	put_text(&msg, IFLA_INFO_KIND, kind);
	struct nlattr *data = nest(&msg, IFLA_INFO_DATA);
	for (size_t i = 0; i < count; i++)
		put_number(&msg, (int)numbers[i][0], numbers[i][1]);
	unnest(&msg, data);
	unnest(&msg, info);
	return netlink_request(sk, msg);
}

static int add_vrf(struct nl_sock *sk, const struct object *o)
{
	const uint32_t numbers[][2] = { { IFLA_VRF_TABLE, o->table } };

	return add_link(sk, o->name, "vrf", numbers, 1);
}

static int add_xfrm(struct nl_sock *sk, const struct object *o)
{
	const uint32_t numbers[][2] = { { IFLA_XFRM_LINK, if_nametoindex("lo") }, { IFLA_XFRM_IF_ID, o->value } };

	return add_link(sk, o->name, "xfrm", numbers, 2);
}

/* 0 if there is none. A second name (altname) does not count: rules and what is observed go by the first. */
static uint32_t find_interface(const char *name)
{
	char found[IF_NAMESIZE];
	uint32_t index = if_nametoindex(name);

	return if_indextoname(index, found) && !strcmp(found, name) ? index : 0;
}

static int add_vlan(struct nl_sock *sk, const struct object *o)
{
	struct ifinfomsg header = { .ifi_family = AF_UNSPEC };
	uint32_t parent = find_interface(o->master);
	const uint16_t vlan = (uint16_t)o->value;

	if (parent == 0)
		return MISSING; /* that the parent cannot be set up says so in its name */
	struct nl_msg *msg = start(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	put_text(&msg, IFLA_IFNAME, o->name);
	put_number(&msg, IFLA_LINK, parent);
	struct nlattr *info = nest(&msg, IFLA_LINKINFO);
	put_text(&msg, IFLA_INFO_KIND, "vlan");
	struct nlattr *data = nest(&msg, IFLA_INFO_DATA);
	put(&msg, IFLA_VLAN_ID, &vlan, sizeof(vlan));
	unnest(&msg, data);
	unnest(&msg, info);
	return netlink_request(sk, msg);
}

static int remove_link(struct nl_sock *sk, const struct object *o)
{
	struct ifinfomsg header = { .ifi_index = (int)find_interface(o->name) };

	if (header.ifi_index == 0)
		return MISSING;
	return netlink_request(sk, start(RTM_DELLINK, 0, &header, sizeof(header)));
}

/* Sets one attribute of an interface. */
static int set_link(struct nl_sock *sk, const char *name, int type, uint32_t number)
{
	struct ifinfomsg header = { .ifi_index = (int)find_interface(name) };

	if (header.ifi_index == 0)
		return MISSING;
	struct nl_msg *msg = start(RTM_SETLINK, 0, &header, sizeof(header));
	put_number(&msg, type, number);
	return netlink_request(sk, msg);
}

static int set_mtu(struct nl_sock *sk, const struct object *o)
{
	return set_link(sk, o->name, IFLA_MTU, o->value);
}

static int set_master(struct nl_sock *sk, const struct object *o)
{
	uint32_t master = find_interface(o->master);

	return master == 0 ? -ENODEV : set_link(sk, o->name, IFLA_MASTER, master);
}

static int remove_master(struct nl_sock *sk, const struct object *o)
{
	return set_link(sk, o->name, IFLA_MASTER, 0);
}

static int set_up(struct nl_sock *sk, const char *name, bool up)
{
	struct ifinfomsg header = { .ifi_index = (int)find_interface(name), .ifi_change = IFF_UP };

	if (header.ifi_index == 0)
		return MISSING;
	header.ifi_flags = up ? IFF_UP : 0;
	return netlink_request(sk, start(RTM_SETLINK, 0, &header, sizeof(header)));
}

static int add_up(struct nl_sock *sk, const struct object *o)
{
	return set_up(sk, o->name, true);
}

static int remove_up(struct nl_sock *sk, const struct object *o)
{
	return set_up(sk, o->name, false);
}

static int change_address(struct nl_sock *sk, const struct object *o, int type, int flags)
{
	struct ifaddrmsg header = { .ifa_family = (unsigned char)o->prefix.ip.family,
		.ifa_prefixlen = o->prefix.len,
		.ifa_index = find_interface(o->name) };

	if (header.ifa_index == 0)
		return MISSING;
	struct nl_msg *msg = start(type, flags, &header, sizeof(header));
	put_ip(&msg, IFA_LOCAL, &o->prefix.ip);
	put_ip(&msg, IFA_ADDRESS, &o->prefix.ip);
	return netlink_request(sk, msg);
}

static int add_address(struct nl_sock *sk, const struct object *o)
{
	return change_address(sk, o, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
}

static int remove_address(struct nl_sock *sk, const struct object *o)
{
	return change_address(sk, o, RTM_DELADDR, 0);
}

/* header says what the two directions do not share. */
static int change_route(struct nl_sock *sk, const struct object *o, int type, int flags, struct rtmsg header)
{
	uint32_t interface = o->name[0] != '\0' ? find_interface(o->name) : 0;

	if (o->name[0] != '\0' && interface == 0)
		return MISSING;
	header.rtm_family = (unsigned char)o->prefix.ip.family;
	header.rtm_dst_len = o->prefix.len;
	header.rtm_type = o->type;
	struct nl_msg *msg = start(type, flags, &header, sizeof(header));
	put_number(&msg, RTA_TABLE, o->table);
	put_number(&msg, RTA_PRIORITY, o->value);
	if (o->prefix.len > 0)
		put_ip(&msg, RTA_DST, &o->prefix.ip);
	if (interface != 0)
		put_number(&msg, RTA_OIF, interface);
	if (o->via.family != AF_UNSPEC)
		put_ip(&msg, RTA_GATEWAY, &o->via);
	return netlink_request(sk, msg);
}

/* Replaces a route with the same destination and metric: the order of an APN's links has changed. */
static int add_route(struct nl_sock *sk, const struct object *o)
{
	bool on_link = o->type == RTN_UNICAST && o->via.family == AF_UNSPEC;
	struct rtmsg header = { .rtm_protocol = RTPROT_STATIC, .rtm_scope = on_link ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE };

	return change_route(sk, o, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, header);
}

/* Whoever made it, with whatever scope. */
static int remove_route(struct nl_sock *sk, const struct object *o)
{
	struct rtmsg header = { .rtm_protocol = RTPROT_UNSPEC, .rtm_scope = RT_SCOPE_NOWHERE };

	return change_route(sk, o, RTM_DELROUTE, 0, header);
}

static int change_rule(struct nl_sock *sk, const struct object *o, int type, int flags)
{
	struct fib_rule_hdr header = { .family = (unsigned char)o->prefix.ip.family, .action = FR_ACT_TO_TBL };
	const uint8_t l3mdev = 1;
	/* The kernel makes its own l3mdev rule with the first VRF, unless it finds the same one. */
	const uint8_t protocol = o->table == 0 ? RTPROT_KERNEL : RTPROT_STATIC;

	header.table = (unsigned char)o->table; /* local, or none */
	struct nl_msg *msg = start(type, flags, &header, sizeof(header));
	put_number(&msg, FRA_PRIORITY, o->value);
	if (o->table == 0)
		put(&msg, FRA_L3MDEV, &l3mdev, sizeof(l3mdev));
	if (type == RTM_NEWRULE)
		put(&msg, FRA_PROTOCOL, &protocol, sizeof(protocol));
	return netlink_request(sk, msg);
}

static int change_mark_rule(struct nl_sock *sk, const struct object *o, int type, int flags)
{
	struct fib_rule_hdr header = { .family = (unsigned char)o->prefix.ip.family, .action = FR_ACT_TO_TBL };
	const uint8_t protocol = RTPROT_STATIC;
	struct nl_msg *msg = start(type, flags, &header, sizeof(header));

	put_number(&msg, FRA_PRIORITY, PLAN_RULE_MARK);
	put_number(&msg, FRA_FWMARK, o->value);
	put_number(&msg, FRA_TABLE, o->table);
	if (type == RTM_NEWRULE)
		put(&msg, FRA_PROTOCOL, &protocol, sizeof(protocol));
	return netlink_request(sk, msg);
}

static int add_mark_rule(struct nl_sock *sk, const struct object *o)
{
	return change_mark_rule(sk, o, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
}

static int remove_mark_rule(struct nl_sock *sk, const struct object *o)
{
	return change_mark_rule(sk, o, RTM_DELRULE, 0);
}

static int add_rule(struct nl_sock *sk, const struct object *o)
{
	return change_rule(sk, o, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
}

static int remove_rule(struct nl_sock *sk, const struct object *o)
{
	return change_rule(sk, o, RTM_DELRULE, 0);
}

static int set_sysctl(struct nl_sock *sk, const struct object *o)
{
	char path[sizeof("/proc/sys/") + OBJECT_NAME], text[16];

	(void)sk;
	snprintf(path, sizeof(path), "/proc/sys/%s", o->name);
	int fd CLEANUP(cleanup_close) = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int len = snprintf(text, sizeof(text), "%u\n", o->value);
	return write(fd, text, (size_t)len) == len ? 0 : -errno;
}

/* Each returns 0, MISSING or -errno. */
static const struct {
	int (*add)(struct nl_sock *sk, const struct object *o);
	int (*remove)(struct nl_sock *sk, const struct object *o);
} actions[] = {
	[OBJECT_RULE] = { add_rule, remove_rule },
	[OBJECT_MARK_RULE] = { add_mark_rule, remove_mark_rule },
	[OBJECT_VRF] = { add_vrf, remove_link },
	[OBJECT_XFRM] = { add_xfrm, remove_link },
	[OBJECT_VLAN] = { add_vlan, remove_link },
	[OBJECT_FOREIGN] = { NULL, remove_link },
	[OBJECT_MTU] = { set_mtu, NULL },
	[OBJECT_MASTER] = { set_master, remove_master },
	[OBJECT_UP] = { add_up, remove_up },
	[OBJECT_ADDRESS] = { add_address, remove_address },
	[OBJECT_ROUTE] = { add_route, remove_route },
	[OBJECT_SYSCTL] = { set_sysctl, NULL },
};

/* The result says that there is nothing to do any more. */
static bool is_done_already(const struct change *c, int result)
{
	static const int gone[] = { MISSING, -ENODEV, -ENOENT, -ESRCH, -EADDRNOTAVAIL };

	/* An interface that is in the way of ours is another matter: its name or if_id is taken by a stranger. */
	if (c->verb == CHANGE_ADD)
		return result == -EEXIST && c->object.kind != OBJECT_VRF && c->object.kind != OBJECT_XFRM &&
			   c->object.kind != OBJECT_VLAN;
	for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++)
		if (gone[i] == result)
			return true;
	return false;
}

/* A kernel without IPv6 refuses to be told to refuse it: what does not exist is closed. */
static bool is_moot(const struct object *o, int result)
{
	bool about_ipv6 = o->prefix.ip.family == AF_INET6 || strncmp(o->name, "net/ipv6/", strlen("net/ipv6/")) == 0;
	bool refuses =
		o->kind == OBJECT_RULE || o->kind == OBJECT_SYSCTL || (o->kind == OBJECT_ROUTE && o->type == RTN_UNREACHABLE);

	return about_ipv6 && refuses && (result == -EAFNOSUPPORT || result == -EOPNOTSUPP || result == -ENOENT);
}

/* Our own interface is not there, or the VRF of another: its own failure is in the report. */
static bool is_consequence(const struct object *o, int result)
{
	bool ours = plan_is_ours(o->name);

	return (result == MISSING && ours) || (result == -ENODEV && o->kind == OBJECT_MASTER) ||
		   (result == -ENOENT && o->kind == OBJECT_SYSCTL && strstr(o->name, "/" PLAN_PREFIX));
}

static void report_result(const struct change *c, int result, struct report *r)
{
	struct buf text = { 0 };

	if (result == 0) {
		r->changed++;
		return;
	}
	if (is_done_already(c, result) || is_moot(&c->object, result) || is_consequence(&c->object, result))
		return;
	if (result == MISSING) {
		report_missing(r, c->object.name);
		return;
	}
	object_print(&c->object, &text);
	report_failure(r, "%s %s: %s", c->verb == CHANGE_ADD ? "set" : "remove", buf_text(&text), strerror(-result));
	buf_free(&text);
}

/* An application under way. */
struct applying {
	struct nl_sock *sk;
	const struct change **refused; /* memberships that could not be had */
	size_t n_refused;
	struct report *report;
};

/* A cloud interface outside its VRF would bring the cloud's routes into the main table: it is left as it is. */
static bool is_outside(const struct applying *a, const struct object *o)
{
	bool opens = o->kind == OBJECT_UP || o->kind == OBJECT_ADDRESS || o->kind == OBJECT_ROUTE;

	for (size_t i = 0; opens && i < a->n_refused; i++)
		if (strcmp(a->refused[i]->object.name, o->name) == 0)
			return true;
	return false;
}

static void make_change(struct applying *a, const struct change *c)
{
	const struct object *o = &c->object;
	bool adds = c->verb == CHANGE_ADD;
	int (*action)(struct nl_sock *, const struct object *) = adds ? actions[o->kind].add : actions[o->kind].remove;

	if (!action || (adds && is_outside(a, o)))
		return;
	int result = action(a->sk, o);
	if (result < 0 && adds && o->kind == OBJECT_MASTER)
		a->refused[a->n_refused++] = c;
	report_result(c, result, a->report);
}

void apply(struct nl_sock *sk, const struct changes *c, struct report *r)
{
	const struct change **refused = calloc(c->count + 1, sizeof(*refused));
	struct applying a = { .sk = sk, .refused = refused, .report = r };

	if (!refused) {
		report_failure(r, "%s", strerror(ENOMEM));
		return;
	}
	for (size_t i = 0; i < c->count; i++)
		make_change(&a, &c->items[i]);
	free(refused);
}
