/*
 * Requests go out in batches of one kind, in the order of the changes. A new XFRM interface gets its MTU and its VRF in
 * the request that makes it, where the changes say so; if the kernel refuses that, the three are made one by one, so
 * that the report names the one that fails. Many interfaces that go, go as a group; if that cannot be, one by one.
 *
 * Failure policy: every change is tried, each failure is a sentence in the report; what fails only because something
 * before it failed (a route over a link that could not be made) is not said again.
 */
#include "appliance/isolation/apply.h"

#include "appliance/isolation/changes.h"
#include "appliance/isolation/interfaces.h"
#include "appliance/isolation/link_group.h"
#include "appliance/isolation/netlink.h"
#include "appliance/isolation/plan.h"
#include "appliance/isolation/report.h"
#include "appliance/isolation/rule.h"
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

/* Not an errno. */
enum {
	MISSING = 1, /* the object is about an interface that is not there */
	DONE = 2, /* without a request */
};

enum { GROUP_MIN = 4 }; /* interfaces; looking who else is in the group costs more than removing fewer */

/* An application under way. */
struct applying {
	struct nl_sock *sk;
	const struct changes *changes;
	bool *made; /* for each change: it was, with another one */
	struct netlink_batch batch;
	size_t queued[NETLINK_BATCH]; /* the change of each request */
	struct whole { /* what the request of an XFRM interface brings with it; 0: nothing */
		size_t mtu, member;
	} wholes[NETLINK_BATCH];
	struct whole next; /* where the search for the next one begins */
	const struct change **refused; /* memberships that could not be had */
	size_t n_refused;
	struct report *report;
};

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

/* The request for a new interface, without the end of its attributes. */
static struct nl_msg *new_link(const char *name, const char *kind, const uint32_t (*numbers)[2], size_t count)
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
	return msg;
}

static int add_vrf(const struct applying *a, const struct object *o, struct nl_msg **ret)
{
	const uint32_t numbers[][2] = { { IFLA_VRF_TABLE, o->table } };

	(void)a;
	*ret = new_link(o->name, "vrf", numbers, 1);
	return 0;
}

static int add_xfrm(const struct applying *a, const struct object *o, struct nl_msg **ret)
{
	const uint32_t numbers[][2] = { { IFLA_XFRM_LINK, interface_index(a->sk, "lo") }, { IFLA_XFRM_IF_ID, o->value } };

	*ret = new_link(o->name, "xfrm", numbers, 2);
	return 0;
}

/* An interface of that make with the MTU and in the VRF that it is to have. Does not fit where there is no such VRF. */
static int add_xfrm_whole(const struct applying *a, const struct object *o, const struct object *mtu,
	const struct object *member, struct nl_msg **ret)
{
	uint32_t master = interface_index(a->sk, member->master);
	int r = master == 0 ? -ENODEV : add_xfrm(a, o, ret);

	if (r < 0)
		return r;
	put_number(ret, IFLA_MTU, mtu->value);
	put_number(ret, IFLA_MASTER, master);
	return 0;
}

/* That the parent cannot be set up says so in its name. */
static int add_vlan(const struct applying *a, const struct object *o, struct nl_msg **ret)
{
	struct ifinfomsg header = { .ifi_family = AF_UNSPEC };
	uint32_t parent = interface_index(a->sk, o->master);
	const uint16_t vlan = (uint16_t)o->value;

	if (parent == 0)
		return MISSING;
	*ret = start(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	put_text(ret, IFLA_IFNAME, o->name);
	put_number(ret, IFLA_LINK, parent);
	struct nlattr *info = nest(ret, IFLA_LINKINFO);
	put_text(ret, IFLA_INFO_KIND, "vlan");
	struct nlattr *data = nest(ret, IFLA_INFO_DATA);
	put(ret, IFLA_VLAN_ID, &vlan, sizeof(vlan));
	unnest(ret, data);
	unnest(ret, info);
	return 0;
}

static int change_link(const struct applying *a, const struct object *o, int type, struct nl_msg **ret)
{
	struct ifinfomsg header = { .ifi_index = (int)interface_index(a->sk, o->name) };

	if (header.ifi_index == 0)
		return MISSING;
	*ret = start(type, 0, &header, sizeof(header));
	return 0;
}

static int remove_link(const struct applying *a, const struct object *o, struct nl_msg **ret)
{
	return change_link(a, o, RTM_DELLINK, ret);
}

/* Sets one attribute of an interface. */
static int set_link(const struct applying *a, const struct object *o, int type, uint32_t number, struct nl_msg **ret)
{
	int r = change_link(a, o, RTM_SETLINK, ret);

	if (r == 0)
		put_number(ret, type, number);
	return r;
}

static int set_mtu(const struct applying *a, const struct object *o, struct nl_msg **ret)
{
	return set_link(a, o, IFLA_MTU, o->value, ret);
}

static int set_master(const struct applying *a, const struct object *o, struct nl_msg **ret)
{
	uint32_t master = interface_index(a->sk, o->master);

	return master == 0 ? -ENODEV : set_link(a, o, IFLA_MASTER, master, ret);
}

static int remove_master(const struct applying *a, const struct object *o, struct nl_msg **ret)
{
	return set_link(a, o, IFLA_MASTER, 0, ret);
}

static int set_up(const struct applying *a, const struct object *o, bool up, struct nl_msg **ret)
{
	struct ifinfomsg header = { .ifi_index = (int)interface_index(a->sk, o->name), .ifi_change = IFF_UP };

	if (header.ifi_index == 0)
		return MISSING;
	header.ifi_flags = up ? IFF_UP : 0;
	*ret = start(RTM_SETLINK, 0, &header, sizeof(header));
	return 0;
}

static int add_up(const struct applying *a, const struct object *o, struct nl_msg **ret)
{
	return set_up(a, o, true, ret);
}

static int remove_up(const struct applying *a, const struct object *o, struct nl_msg **ret)
{
	return set_up(a, o, false, ret);
}

static int change_address(const struct applying *a, const struct object *o, int type, int flags, struct nl_msg **ret)
{
	struct ifaddrmsg header = { .ifa_family = (unsigned char)o->prefix.ip.family,
		.ifa_prefixlen = o->prefix.len,
		.ifa_index = interface_index(a->sk, o->name) };

	if (header.ifa_index == 0)
		return MISSING;
	*ret = start(type, flags, &header, sizeof(header));
	put_ip(ret, IFA_LOCAL, &o->prefix.ip);
	put_ip(ret, IFA_ADDRESS, &o->prefix.ip);
	return 0;
}

static int add_address(const struct applying *a, const struct object *o, struct nl_msg **ret)
{
	return change_address(a, o, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ret);
}

static int remove_address(const struct applying *a, const struct object *o, struct nl_msg **ret)
{
	return change_address(a, o, RTM_DELADDR, 0, ret);
}

/* header says what the two directions do not share. */
static int change_route(
	const struct applying *a, const struct object *o, int type, int flags, struct rtmsg header, struct nl_msg **ret)
{
	uint32_t interface = o->name[0] != '\0' ? interface_index(a->sk, o->name) : 0;

	if (o->name[0] != '\0' && interface == 0)
		return MISSING;
	header.rtm_family = (unsigned char)o->prefix.ip.family;
	header.rtm_dst_len = o->prefix.len;
	header.rtm_type = o->type;
	*ret = start(type, flags, &header, sizeof(header));
	put_number(ret, RTA_TABLE, o->table);
	put_number(ret, RTA_PRIORITY, o->value);
	if (o->prefix.len > 0)
		put_ip(ret, RTA_DST, &o->prefix.ip);
	if (interface != 0)
		put_number(ret, RTA_OIF, interface);
	if (o->via.family != AF_UNSPEC)
		put_ip(ret, RTA_GATEWAY, &o->via);
	return 0;
}

/* Replaces a route with the same destination and metric: the order of an APN's links has changed. */
static int add_route(const struct applying *a, const struct object *o, struct nl_msg **ret)
{
	bool on_link = o->type == RTN_UNICAST && o->via.family == AF_UNSPEC;
	struct rtmsg header = { .rtm_protocol = RTPROT_STATIC, .rtm_scope = on_link ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE };

	return change_route(a, o, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, header, ret);
}

/* Whoever made it, with whatever scope. */
static int remove_route(const struct applying *a, const struct object *o, struct nl_msg **ret)
{
	struct rtmsg header = { .rtm_protocol = RTPROT_UNSPEC, .rtm_scope = RT_SCOPE_NOWHERE };

	return change_route(a, o, RTM_DELROUTE, 0, header, ret);
}

static int change_rule(const struct object *o, int type, int flags, struct nl_msg **ret)
{
	struct fib_rule_hdr header = { .family = (unsigned char)o->prefix.ip.family, .action = FR_ACT_TO_TBL };
	const uint8_t l3mdev = 1;
	/* The kernel makes its own l3mdev rule with the first VRF, unless it finds the same one. */
	const uint8_t protocol = o->table == 0 ? RTPROT_KERNEL : RTPROT_STATIC;

	*ret = start(type, flags, &header, sizeof(header));
	put_number(ret, FRA_PRIORITY, o->value);
	if (o->table == 0)
		put(ret, FRA_L3MDEV, &l3mdev, sizeof(l3mdev));
	else
		put_number(ret, FRA_TABLE, o->table);
	if (type == RTM_NEWRULE)
		put(ret, FRA_PROTOCOL, &protocol, sizeof(protocol));
	return 0;
}

static int change_mark_rule(const struct object *o, int type, int flags, struct nl_msg **ret)
{
	struct fib_rule_hdr header = { .family = (unsigned char)o->prefix.ip.family, .action = FR_ACT_TO_TBL };
	const uint8_t protocol = RTPROT_STATIC;

	*ret = start(type, flags, &header, sizeof(header));
	put_number(ret, FRA_PRIORITY, PLAN_RULE_MARK);
	put_number(ret, FRA_FWMARK, o->value);
	put_number(ret, FRA_TABLE, o->table);
	if (type == RTM_NEWRULE)
		put(ret, FRA_PROTOCOL, &protocol, sizeof(protocol));
	return 0;
}

static int add_mark_rule(const struct applying *a, const struct object *o, struct nl_msg **ret)
{
	(void)a;
	return change_mark_rule(o, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, ret);
}

static int remove_mark_rule(const struct applying *a, const struct object *o, struct nl_msg **ret)
{
	(void)a;
	return change_mark_rule(o, RTM_DELRULE, 0, ret);
}

static int add_rule(const struct applying *a, const struct object *o, struct nl_msg **ret)
{
	(void)a;
	return change_rule(o, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, ret);
}

static int remove_rule(const struct applying *a, const struct object *o, struct nl_msg **ret)
{
	(void)a;
	return change_rule(o, RTM_DELRULE, 0, ret);
}

/* At once: it is named by the very words in which the kernel tells of it. */
static int remove_strange_rule(const struct applying *a, const struct object *o, struct nl_msg **ret)
{
	int r = rule_remove(a->sk, o);

	(void)ret;
	return r < 0 ? r : DONE;
}

/* Asks nothing of netlink: it is done at once. */
static int set_sysctl(const struct applying *a, const struct object *o, struct nl_msg **ret)
{
	char path[sizeof("/proc/sys/") + OBJECT_NAME], text[16];

	(void)a;
	(void)ret;
	snprintf(path, sizeof(path), "/proc/sys/%s", o->name);
	int fd CLEANUP(cleanup_close) = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int len = snprintf(text, sizeof(text), "%u\n", o->value);
	return write(fd, text, (size_t)len) == len ? DONE : -errno;
}

/* Gives the request for a change: 0 with *ret (NULL for want of memory), DONE, MISSING or -errno. */
typedef int (*action)(const struct applying *a, const struct object *o, struct nl_msg **ret);

static const struct {
	action add, remove;
} actions[] = {
	[OBJECT_RULE] = { add_rule, remove_rule },
	[OBJECT_MARK_RULE] = { add_mark_rule, remove_mark_rule },
	[OBJECT_STRANGE_RULE] = { NULL, remove_strange_rule },
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

/* The sysctl of an interface that is not there, with its name. */
static bool is_of_missing(const struct object *o, int result, char name[static IFNAMSIZ])
{
	static const char folder[] = "net/ipv4/conf/";
	const char *from = o->name + strlen(folder), *end;

	if (o->kind != OBJECT_SYSCTL || result != -ENOENT || strncmp(o->name, folder, strlen(folder)) != 0)
		return false;
	end = strchr(from, '/');
	snprintf(name, IFNAMSIZ, "%.*s", end ? (int)(end - from) : 0, from);
	return true;
}

static void report_result(const struct change *c, int result, struct report *r)
{
	struct buf text = { 0 };
	char name[IFNAMSIZ];

	if (result == 0) {
		r->changed++;
		return;
	}
	if (is_done_already(c, result) || is_moot(&c->object, result) || is_consequence(&c->object, result))
		return;
	if (result == MISSING || is_of_missing(&c->object, result, name)) {
		report_missing(r, result == MISSING ? c->object.name : name);
		return;
	}
	object_print(&c->object, &text);
	report_failure(r, "%s %s: %s", c->verb == CHANGE_ADD ? "set" : "remove", buf_text(&text), strerror(-result));
	buf_free(&text);
}

/* A cloud interface outside its VRF would bring the cloud's routes into the main table: it is left as it is. */
static bool is_outside(const struct applying *a, const struct object *o)
{
	bool opens = o->kind == OBJECT_UP || o->kind == OBJECT_ADDRESS || o->kind == OBJECT_ROUTE;

	for (size_t i = 0; opens && i < a->n_refused; i++)
		if (strcmp(a->refused[i]->object.name, o->name) == 0)
			return true;
	return false;
}

static void take_result(struct applying *a, const struct change *c, int result)
{
	if (result < 0 && c->verb == CHANGE_ADD && c->object.kind == OBJECT_MASTER)
		a->refused[a->n_refused++] = c;
	report_result(c, result == DONE ? 0 : result, a->report);
}

static action action_of(const struct change *c)
{
	return c->verb == CHANGE_ADD ? actions[c->object.kind].add : actions[c->object.kind].remove;
}

/* One change by itself. */
static void make_alone(struct applying *a, const struct change *c)
{
	struct nl_msg *msg = NULL;
	int r = action_of(c)(a, &c->object, &msg);

	take_result(a, c, r == 0 ? netlink_request(a->sk, msg) : r);
}

/* Sends what is queued. What cannot be had as a whole is tried in parts: the interface here, the rest in its turn. */
static void send_queued(struct applying *a)
{
	size_t count = a->batch.count;

	netlink_batch_run(a->sk, &a->batch);
	for (size_t i = 0; i < count; i++) {
		const struct change *c = &a->changes->items[a->queued[i]];
		const struct whole *whole = &a->wholes[i];
		bool in_parts = whole->mtu > 0 && a->batch.results[i] < 0;

		if (whole->mtu > 0) {
			a->made[whole->mtu] = a->made[whole->member] = !in_parts;
			a->report->changed += in_parts ? 0 : 2;
		}
		if (in_parts)
			make_alone(a, c);
		else
			take_result(a, c, a->batch.results[i]);
	}
}

/* The addition of that kind for the same interface, searched from *at on: both come by name. 0 if there is none. */
static size_t find_addition(const struct changes *c, enum object_kind kind, const char *name, size_t *at)
{
	for (; *at < c->count; ++*at) {
		const struct change *change = &c->items[*at];
		if (change->verb != CHANGE_ADD || change->object.kind != kind)
			continue;
		int order = strverscmp(change->object.name, name);
		if (order >= 0)
			return order == 0 ? *at : 0;
	}
	return 0;
}

/* True with *ret and *msg if the request of the XFRM interface can bring everything with it. */
static bool find_whole(struct applying *a, const struct change *c, struct whole *ret, struct nl_msg **msg)
{
	const struct changes *all = a->changes;

	if (c->verb != CHANGE_ADD || c->object.kind != OBJECT_XFRM)
		return false;
	struct whole w = { .mtu = find_addition(all, OBJECT_MTU, c->object.name, &a->next.mtu),
		.member = find_addition(all, OBJECT_MASTER, c->object.name, &a->next.member) };
	if (w.mtu == 0 || w.member == 0 ||
		add_xfrm_whole(a, &c->object, &all->items[w.mtu].object, &all->items[w.member].object, msg) < 0)
		return false;
	*ret = w;
	return true;
}

static void queue(struct applying *a, size_t which)
{
	const struct change *c = &a->changes->items[which];
	struct whole whole = { 0 };
	struct nl_msg *msg = NULL;
	int r = find_whole(a, c, &whole, &msg) ? 0 : action_of(c)(a, &c->object, &msg);
	size_t at = a->batch.count;

	if (r == 0)
		r = netlink_batch_add(&a->batch, msg);
	if (r != 0) {
		take_result(a, c, r);
		return;
	}
	a->queued[at] = which;
	a->wholes[at] = whole;
	if (a->batch.count == NETLINK_BATCH)
		send_queued(a);
}

static bool is_alike(const struct change *a, const struct change *b)
{
	return a->verb == b->verb && a->object.kind == b->object.kind;
}

/*
 * Removes the interfaces of one kind that the changes from first on name, at one go. What is left of them is tried one
 * by one, as if this had not been. VRFs come behind their members and so in a group of their own: a member that
 * outlives its VRF would be in the main table for a moment.
 */
static void remove_as_group(struct applying *a, size_t first)
{
	const struct change *items = a->changes->items;
	size_t end = first, count = 0;

	while (end < a->changes->count && is_alike(&items[end], &items[first]))
		end++;
	if (end - first < GROUP_MIN)
		return;
	uint32_t *indexes = reallocarray(NULL, end - first, sizeof(*indexes));
	for (size_t i = first; indexes && i < end; i++) {
		uint32_t index = interface_index(a->sk, items[i].object.name);
		if (index != 0)
			indexes[count++] = index;
	}
	if (count >= GROUP_MIN && link_group_remove(a->sk, indexes, count) == 0) {
		memset(a->made + first, true, end - first);
		a->report->changed += count;
	}
	free(indexes);
}

static bool is_removal_of_link(const struct change *c)
{
	return c->verb == CHANGE_REMOVE &&
		   (c->object.kind == OBJECT_VRF || c->object.kind == OBJECT_XFRM || c->object.kind == OBJECT_VLAN);
}

static void make_changes(struct applying *a)
{
	const struct change *items = a->changes->items;

	for (size_t i = 0; i < a->changes->count; i++) {
		/* What comes next may need what is queued: its interface, its master, its result. */
		bool begins = i == 0 || !is_alike(&items[i], &items[i - 1]);
		if (begins)
			send_queued(a);
		if (begins && is_removal_of_link(&items[i]))
			remove_as_group(a, i);
		if (a->made[i] || !action_of(&items[i]))
			continue;
		if (items[i].verb == CHANGE_ADD && is_outside(a, &items[i].object))
			continue;
		queue(a, i);
	}
	send_queued(a);
}

void apply(struct nl_sock *sk, const struct changes *c, struct report *r)
{
	struct applying a = { .sk = sk, .changes = c, .report = r };

	a.refused = calloc(c->count + 1, sizeof(*a.refused));
	a.made = calloc(c->count + 1, sizeof(*a.made));
	if (a.refused && a.made)
		make_changes(&a);
	else
		report_failure(r, "%s", strerror(ENOMEM));
	free(a.refused);
	free(a.made);
	buf_free(&a.batch.text);
}
