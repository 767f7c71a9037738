/*
 * Interfaces are read first: they say which addresses and tables to look at. Routes that the kernel makes by itself
 * (of addresses, local, multicast) are not compared; they come and go with what is.
 */
#include "appliance/isolation/observe.h"

#include "appliance/isolation/interfaces.h"
#include "appliance/isolation/netlink.h"
#include "appliance/isolation/plan.h"
#include "appliance/isolation/rule.h"
#include "appliance/isolation/scope.h"
#include "appliance/isolation/uses.h"
#include "conf/ids.h"
#include "conf/model.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	TRIES = 5,
	NO_TABLE = INT_MAX, /* far above IDS_TABLE_LAST */
};

struct observation {
	struct nl_sock *sk;
	bool in_part; /* only what scope says: no interfaces beside these are known */
	struct interfaces interfaces;
	const struct model *model;
	struct uses uses; /* of the model */
	struct scope scope; /* not in part: only the tables of ours */
	struct plan plan;
};

static int compare_tables(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The name of an interface; "" if there is none. In part others than those of the scope are asked for one by one. */
static void name_of(const struct observation *o, uint32_t index, char name[static IFNAMSIZ])
{
	const struct interface *i = interfaces_find(&o->interfaces, (int)index);

	if (i)
		memcpy(name, i->name, IFNAMSIZ);
	else if (o->in_part)
		netlink_interface_name(o->sk, index, name);
	else
		name[0] = '\0';
}

static bool is_in_our_vrf(const struct observation *o, const struct interface *i)
{
	const struct interface *master = interfaces_find(&o->interfaces, i->master);
	char name[IFNAMSIZ];

	name_of(o, (uint32_t)i->master, name);
	return plan_is_ours(name) && (!master || master->kind == INTERFACE_VRF);
}

/* What it is used for. An interface that was the cloud side of an APN which is no more is known by its VRF. */
static unsigned use_of(const struct observation *o, const struct interface *i)
{
	unsigned use = uses_of(&o->uses, i->name);

	if (plan_is_ours(i->name))
		return USE_WHOLE;
	return (use & USE_WHOLE) || !is_in_our_vrf(o, i) ? use : USE_WHOLE;
}

static int add_named(struct observation *o, enum object_kind kind, const struct interface *i, uint32_t value)
{
	struct object object = { .kind = kind, .value = value };

	strncpy(object.name, i->name, sizeof(object.name) - 1);
	return plan_add(&o->plan, &object);
}

static int add_vlan(struct observation *o, const struct interface *i)
{
	struct object vlan = { .kind = OBJECT_VLAN, .value = i->number };

	strncpy(vlan.name, i->name, sizeof(vlan.name) - 1);
	name_of(o, (uint32_t)i->parent, vlan.master);
	return plan_add(&o->plan, &vlan);
}

static int add_own_link(struct observation *o, const struct interface *i)
{
	struct object vrf = { .kind = OBJECT_VRF, .table = i->number };

	switch (i->kind) {
	case INTERFACE_VRF:
		strncpy(vrf.name, i->name, sizeof(vrf.name) - 1);
		return plan_add(&o->plan, &vrf);
	case INTERFACE_XFRM:
		if (add_named(o, OBJECT_XFRM, i, i->number) < 0)
			return -ENOMEM;
		return add_named(o, OBJECT_MTU, i, i->mtu);
	case INTERFACE_VLAN:
		return add_vlan(o, i);
	case INTERFACE_OTHER:
		return add_named(o, OBJECT_FOREIGN, i, 0);
	}
	return 0;
}

static int add_interface(struct observation *o, const struct interface *i)
{
	char master[IFNAMSIZ];
	int r = plan_is_ours(i->name) ? add_own_link(o, i) : 0;

	if (r == 0 && i->up)
		r = add_named(o, OBJECT_UP, i, 0);
	name_of(o, (uint32_t)i->master, master);
	if (r == 0 && master[0] != '\0' && (i->managed & USE_WHOLE)) {
		struct object member = { .kind = OBJECT_MASTER };
		strncpy(member.name, i->name, sizeof(member.name) - 1);
		memcpy(member.master, master, sizeof(member.master));
		r = plan_add(&o->plan, &member);
	}
	return r;
}

static int observe_interfaces(struct observation *o)
{
	int r = o->in_part ? interfaces_read_named(o->sk, o->scope.names, o->scope.n_names, &o->interfaces)
					   : interfaces_read(o->sk, &o->interfaces);

	for (size_t i = 0; i < o->interfaces.count && r == 0; i++) {
		struct interface *interface = &o->interfaces.items[i];
		interface->managed = use_of(o, interface);
		if (interface->managed)
			r = add_interface(o, interface);
	}
	return r;
}

/* Addresses that the machine's own settings give are not looked at, so that they stay. */
static bool is_compared(const struct observation *o, const struct interface *i, const struct prefix *address)
{
	if (address->ip.family == AF_UNSPEC || (i->managed & USE_SETTINGS))
		return false;
	return (i->managed & USE_WHOLE) ||
		   ((i->managed & USE_MANAGEMENT) && prefix_equal(address, &o->model->management.address));
}

static int take_address(struct nl_msg *msg, void *arg)
{
	struct observation *o = arg;
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct nlattr *tb[IFA_MAX + 1];

	if (nlh->nlmsg_type != RTM_NEWADDR)
		return 0;
	if (nlmsg_parse(nlh, sizeof(struct ifaddrmsg), tb, IFA_MAX, NULL) < 0)
		return -EBADMSG;
	const struct ifaddrmsg *ifa = nlmsg_data(nlh);
	const struct interface *i = interfaces_find(&o->interfaces, (int)ifa->ifa_index);
	if (!i || !i->managed || (ifa->ifa_family == AF_INET6 && ifa->ifa_scope == RT_SCOPE_LINK))
		return 0;
	struct object object = { .kind = OBJECT_ADDRESS };
	object.prefix.ip = netlink_ip(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS], ifa->ifa_family);
	object.prefix.len = ifa->ifa_prefixlen;
	strncpy(object.name, i->name, sizeof(object.name) - 1);
	return is_compared(o, i, &object.prefix) ? plan_add(&o->plan, &object) : 0;
}

static int find_tables(struct observation *o, const struct model *m)
{
	struct scope *s = &o->scope;

	s->tables = calloc(m->n_apns + m->n_shared + o->interfaces.count + 1, sizeof(*s->tables));
	if (!s->tables)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_apns; i++)
		s->tables[s->n_tables++] = m->apns[i].table;
	for (size_t i = 0; i < m->n_shared; i++)
		s->tables[s->n_tables++] = m->shared[i].table;
	for (size_t i = 0; i < o->interfaces.count; i++)
		/* A stranger's VRF by our prefix may have any table, even main: such routes are not ours to remove. */
		if (o->interfaces.items[i].kind == INTERFACE_VRF && plan_is_ours(o->interfaces.items[i].name) &&
			o->interfaces.items[i].number >= IDS_TABLE_FIRST)
			s->tables[s->n_tables++] = o->interfaces.items[i].number;
	qsort(s->tables, s->n_tables, sizeof(*s->tables), compare_tables);
	return 0;
}

/* A route of any other table over that interface would be a way past the walls of its VRF. */
static bool is_way_into_vrf(const struct observation *o, uint32_t index)
{
	const struct interface *i = interfaces_find(&o->interfaces, (int)index);
	char name[IFNAMSIZ];

	if (i)
		return plan_is_ours(i->name) || is_in_our_vrf(o, i);
	name_of(o, index, name);
	return plan_is_ours(name);
}

/* By one of its ways. */
static bool leads_into_vrf(const struct observation *o, struct nlattr *const *route)
{
	uint32_t way;

	for (size_t n = 0; (way = netlink_way_out(route, n)) != 0; n++)
		if (is_way_into_vrf(o, way))
			return true;
	return false;
}

static int take_route(struct nl_msg *msg, void *arg)
{
	struct observation *o = arg;
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct nlattr *tb[RTA_MAX + 1];

	if (nlh->nlmsg_type != RTM_NEWROUTE)
		return 0;
	if (nlmsg_parse(nlh, sizeof(struct rtmsg), tb, RTA_MAX, NULL) < 0)
		return -EBADMSG;
	const struct rtmsg *rtm = nlmsg_data(nlh);
	uint32_t table = tb[RTA_TABLE] ? netlink_number(tb[RTA_TABLE]) : rtm->rtm_table;
	if (rtm->rtm_protocol == RTPROT_KERNEL || (rtm->rtm_flags & RTM_F_CLONED))
		return 0;
	bool ours = scope_has_table(&o->scope, table) && (!o->in_part || table >= IDS_TABLE_FIRST);
	if (!ours && !leads_into_vrf(o, tb))
		return 0;
	struct object route = { .kind = OBJECT_ROUTE, .table = table, .type = rtm->rtm_type };
	route.value = netlink_number(tb[RTA_PRIORITY]);
	route.prefix.ip = netlink_ip(tb[RTA_DST], rtm->rtm_family);
	route.prefix.ip.family = rtm->rtm_family; /* also of a default route, which has no destination */
	route.prefix.len = rtm->rtm_dst_len;
	/* A refusal has no way out; for IPv6 the kernel names lo. */
	char out[IFNAMSIZ] = "";
	if (route.type == RTN_UNICAST || !ours)
		name_of(o, netlink_number(tb[RTA_OIF]), out);
	if (out[0] != '\0') {
		memcpy(route.name, out, sizeof(out));
		route.via = netlink_ip(tb[RTA_GATEWAY], rtm->rtm_family);
	}
	return plan_add(&o->plan, &route);
}

/* A table of the model. */
static bool is_our_table(const struct observation *o, uint32_t table)
{
	bool found = false;

	for (size_t i = 0; i < o->model->n_apns && !found; i++)
		found = o->model->apns[i].table == table;
	for (size_t i = 0; i < o->model->n_shared && !found; i++)
		found = o->model->shared[i].table == table;
	return found;
}

/*
 * Others' rules belong behind the VRFs' rule: there packets of VRFs never come, as each finds at least the refusal of
 * its own table. One of theirs that stands before it, or that leads into what is ours, is no rule of the machine.
 */
static bool is_in_the_way(const struct observation *o, const struct rule *r)
{
	return r->preference <= PLAN_RULE_L3MDEV || r->l3mdev || plan_is_ours(r->iif) || plan_is_ours(r->oif) ||
		   (r->action == FR_ACT_TO_TBL && is_our_table(o, r->table));
}

static int take_rule(struct nl_msg *msg, void *arg)
{
	struct observation *o = arg;
	struct object object;
	struct rule rule;

	if (nlmsg_hdr(msg)->nlmsg_type != RTM_NEWRULE)
		return 0;
	if (rule_parse(msg, &rule) < 0)
		return -EBADMSG;
	rule_object(&rule, &object);
	return object.kind != OBJECT_STRANGE_RULE || is_in_the_way(o, &rule) ? plan_add(&o->plan, &object) : 0;
}

static int observe_addresses(struct observation *o, unsigned char family)
{
	struct ifaddrmsg header = { .ifa_family = family };
	int r = 0;

	if (!o->in_part)
		return netlink_dump(o->sk, RTM_GETADDR, &header, sizeof(header), take_address, o);
	for (size_t i = 0; i < o->interfaces.count && r == 0; i++) {
		/* These have none, but for what the kernel makes. */
		if (o->interfaces.items[i].kind == INTERFACE_XFRM)
			continue;
		header.ifa_index = (uint32_t)o->interfaces.items[i].index;
		r = netlink_dump(o->sk, RTM_GETADDR, &header, sizeof(header), take_address, o);
		r = r == -ENODEV ? 0 : r;
	}
	return r;
}

/*
 * The kernel tells of an IPv4 route that is deleted before it takes it away, and gives its routes to whoever asks
 * without waiting for that. To delete one, even one that is not there, is to wait for who changes routes at the moment.
 */
static int await_deletions(struct nl_sock *sk)
{
	struct rtmsg header = {
		.rtm_family = AF_INET, .rtm_dst_len = 32, .rtm_type = RTN_UNREACHABLE, .rtm_scope = RT_SCOPE_NOWHERE
	};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_DELROUTE, 0);

	if (!msg || nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
		nla_put_u32(msg, RTA_TABLE, NO_TABLE) < 0 || nla_put_u32(msg, RTA_DST, 0) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	/* Any answer will do: that there is none, or that who asks may not change routes. */
	(void)netlink_request(sk, msg);
	return 0;
}

static int observe_routes(struct observation *o, unsigned char family)
{
	struct {
		struct rtmsg header;
		struct nlattr attribute;
		uint32_t table;
	} question = { .header.rtm_family = family,
		.attribute = { .nla_len = sizeof(struct nlattr) + sizeof(uint32_t), .nla_type = RTA_TABLE } };
	int r = 0;

	if (!o->in_part)
		return netlink_dump(o->sk, RTM_GETROUTE, &question, sizeof(question.header), take_route, o);
	for (size_t i = 0; i < o->scope.n_tables && r == 0; i++) {
		question.table = o->scope.tables[i];
		r = netlink_dump(o->sk, RTM_GETROUTE, &question, sizeof(question), take_route, o);
		r = r == -ENOENT ? 0 : r; /* no such table yet */
	}
	return r;
}

static int observe_family(struct observation *o, unsigned char family)
{
	struct fib_rule_hdr rule = { .family = family };
	int r = observe_addresses(o, family);

	if (r == 0)
		r = observe_routes(o, family);
	if (r == 0)
		r = netlink_dump(o->sk, RTM_GETRULE, &rule, sizeof(rule), take_rule, o);
	/* A kernel without IPv6 has nothing of it to observe. */
	return family == AF_INET6 && (r == -EAFNOSUPPORT || r == -EOPNOTSUPP) ? 0 : r;
}

/* The sysctls of an interface that come with it, and the value of each. */
static const struct {
	const char *folder, *name;
	size_t value;
} device_sysctls[] = {
	{ "net/ipv4/conf/", "/rp_filter", offsetof(struct interface, rp_filter) },
	{ "net/ipv6/conf/", "/disable_ipv6", offsetof(struct interface, disable_ipv6) },
	{ "net/ipv6/conf/", "/addr_gen_mode", offsetof(struct interface, addr_gen_mode) },
};

/* True if it is a sysctl of an interface that was read, or of one that is not there: -1. */
static bool find_device_sysctl(struct observation *o, const struct object *want, int *ret)
{
	char name[IFNAMSIZ];

	if (!scope_interface(want, name))
		return false;
	for (size_t i = 0; i < sizeof(device_sysctls) / sizeof(*device_sysctls); i++) {
		size_t folder = strlen(device_sysctls[i].folder);
		if (strncmp(want->name, device_sysctls[i].folder, folder) != 0 ||
			strcmp(want->name + folder + strlen(name), device_sysctls[i].name) != 0)
			continue;
		const struct interface *found = interfaces_named(&o->interfaces, name);
		*ret = -1;
		if (found)
			memcpy(ret, (const char *)found + device_sysctls[i].value, sizeof(*ret));
		return true;
	}
	return false;
}

static int observe_sysctl(struct observation *o, const struct object *want)
{
	char path[sizeof("/proc/sys/") + OBJECT_NAME], text[32] = "";
	struct object object = *want;
	int value;

	if (find_device_sysctl(o, want, &value)) {
		object.value = (uint32_t)value;
		return value < 0 ? 0 : plan_add(&o->plan, &object);
	}
	snprintf(path, sizeof(path), "/proc/sys/%s", want->name);
	int fd CLEANUP(cleanup_close) = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return 0; /* it belongs to an interface or a module that is not there; apply() will say so */
	object.value = (uint32_t)strtoul(text, NULL, 10);
	return plan_add(&o->plan, &object);
}

static int observe_all(struct observation *o, const struct plan *want)
{
	int r = uses_collect(o->model, &o->uses);

	if (r == 0)
		r = observe_interfaces(o);
	if (r == 0 && !o->in_part)
		r = find_tables(o, o->model);
	if (r == 0)
		r = await_deletions(o->sk);
	if (r == 0)
		r = observe_family(o, AF_INET);
	if (r == 0)
		r = observe_family(o, AF_INET6);
	for (size_t i = 0; i < want->count && r == 0; i++)
		if (want->objects[i].kind == OBJECT_SYSCTL && (!o->in_part || scope_has(&o->scope, &want->objects[i])))
			r = observe_sysctl(o, &want->objects[i]);
	return r;
}

static void end_observation(struct observation *o, int r, struct plan *ret)
{
	if (r == 0) {
		*ret = o->plan;
		o->plan = (struct plan){ 0 };
		plan_sort(ret);
	}
	interfaces_free(&o->interfaces);
	uses_free(&o->uses);
	plan_free(&o->plan);
}

int observe(struct nl_sock *sk, const struct model *m, const struct plan *want, struct plan *ret)
{
	int r = -EINTR;

	for (int i = 0; i < TRIES && r == -EINTR; i++) {
		struct observation o = { .sk = sk, .model = m };
		r = observe_all(&o, want);
		end_observation(&o, r, ret);
		scope_free(&o.scope);
	}
	return r;
}

int observe_part(
	struct nl_sock *sk, const struct model *m, const struct scope *scope, const struct plan *want, struct plan *ret)
{
	int r = -EINTR;

	for (int i = 0; i < TRIES && r == -EINTR; i++) {
		struct observation o = { .sk = sk, .in_part = true, .model = m, .scope = *scope };
		r = observe_all(&o, want);
		end_observation(&o, r, ret);
	}
	return r;
}
