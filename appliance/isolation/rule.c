/*
 * A rule is taken for unconditional only if each of its attributes is known to be no condition: the kernel learns
 * others than are known here.
 */
#include "appliance/isolation/rule.h"

#include "appliance/isolation/netlink.h"
#include "appliance/isolation/plan.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { TRIES = 5, ALL_BITS = -1 };

/* Who made it says nothing about packets; that nothing is suppressed is said of every rule. */
static bool is_condition(const struct nlattr *a)
{
	switch (nla_type(a)) {
	case FRA_PRIORITY:
	case FRA_TABLE:
	case FRA_L3MDEV:
	case FRA_GOTO:
	case FRA_PROTOCOL:
	case FRA_PAD:
	case FRA_FWMARK:
		return false;
	case FRA_FWMASK:
	case FRA_SUPPRESS_PREFIXLEN:
	case FRA_SUPPRESS_IFGROUP:
		return netlink_number(a) != (uint32_t)ALL_BITS;
	default:
		return true;
	}
}

static void say_prefix(struct buf *out, const char *word, const struct nlattr *a, int family, uint8_t len)
{
	struct prefix p = { .ip = netlink_ip(a, family), .len = len };
	char text[PREFIX_TEXT];

	p.ip.family = family;
	if (len > 0)
		buf_printf(out, "%s %s ", word, prefix_print(&p, text));
}

static void say_range(struct buf *out, const char *word, const struct nlattr *a)
{
	struct fib_rule_port_range ports;
	struct fib_rule_uid_range users;

	if (a && nla_len(a) == sizeof(users)) {
		memcpy(&users, nla_data(a), sizeof(users));
		buf_printf(out, "%s %u-%u ", word, users.start, users.end);
	} else if (a && nla_len(a) == sizeof(ports)) {
		memcpy(&ports, nla_data(a), sizeof(ports));
		buf_printf(out, "%s %u-%u ", word, ports.start, ports.end);
	}
}

static void say_mark(struct buf *out, struct nlattr *const *tb)
{
	uint32_t mask = tb[FRA_FWMASK] ? netlink_number(tb[FRA_FWMASK]) : (uint32_t)ALL_BITS;

	if (!tb[FRA_FWMARK] && !tb[FRA_FWMASK])
		return;
	buf_printf(out, "fwmark 0x%x", netlink_number(tb[FRA_FWMARK]));
	if (mask != (uint32_t)ALL_BITS)
		buf_printf(out, "/0x%x", mask);
	buf_puts(out, " ");
}

/* Conditions that are not named here are told apart from none by the last word. */
static void say_conditions(struct buf *out, const struct fib_rule_hdr *header, struct nlattr *const *tb)
{
	static const int named[] = { FRA_DST, FRA_SRC, FRA_IIFNAME, FRA_OIFNAME, FRA_FWMASK, FRA_UID_RANGE, FRA_IP_PROTO,
		FRA_SPORT_RANGE, FRA_DPORT_RANGE, FRA_SUPPRESS_PREFIXLEN };
	bool more = header->tos != 0;

	if (header->flags & FIB_RULE_INVERT)
		buf_puts(out, "not ");
	say_prefix(out, "from", tb[FRA_SRC], header->family, header->src_len);
	say_prefix(out, "to", tb[FRA_DST], header->family, header->dst_len);
	say_mark(out, tb);
	if (tb[FRA_IIFNAME])
		buf_printf(out, "iif %.15s ", nla_get_string(tb[FRA_IIFNAME]));
	if (tb[FRA_OIFNAME])
		buf_printf(out, "oif %.15s ", nla_get_string(tb[FRA_OIFNAME]));
	if (tb[FRA_IP_PROTO])
		buf_printf(out, "ipproto %u ", nla_get_u8(tb[FRA_IP_PROTO]));
	say_range(out, "sport", tb[FRA_SPORT_RANGE]);
	say_range(out, "dport", tb[FRA_DPORT_RANGE]);
	say_range(out, "uidrange", tb[FRA_UID_RANGE]);
	if (tb[FRA_SUPPRESS_PREFIXLEN] && is_condition(tb[FRA_SUPPRESS_PREFIXLEN]))
		buf_printf(out, "suppress_prefixlength %u ", netlink_number(tb[FRA_SUPPRESS_PREFIXLEN]));
	for (int i = 0; i <= FRA_MAX; i++) {
		bool told = !tb[i] || !is_condition(tb[i]);
		for (size_t k = 0; k < sizeof(named) / sizeof(*named) && !told; k++)
			told = named[k] == i;
		more = more || !told;
	}
	if (more)
		buf_puts(out, "and more ");
}

static bool has_conditions(const struct nlmsghdr *nlh, const struct fib_rule_hdr *header, struct nlattr *const *tb)
{
	const struct nlattr *a;
	int left;

	nlmsg_for_each_attr(a, nlh, sizeof(*header), left)
	{
		if (is_condition(a))
			return true;
	}
	/* A mask without a mark asks for packets that have none. */
	if (tb[FRA_FWMASK] && !tb[FRA_FWMARK])
		return true;
	return header->src_len != 0 || header->dst_len != 0 || header->tos != 0 || (header->flags & FIB_RULE_INVERT);
}

int rule_parse(struct nl_msg *msg, struct rule *ret)
{
	const struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct buf text CLEANUP(buf_free) = { 0 };
	struct nlattr *tb[FRA_MAX + 1];

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(struct fib_rule_hdr), tb, FRA_MAX, NULL) < 0)
		return -EBADMSG;
	const struct fib_rule_hdr *header = nlmsg_data(nlh);
	struct rule r = { .family = header->family, .preference = netlink_number(tb[FRA_PRIORITY]) };
	r.action = header->action;
	r.l3mdev = tb[FRA_L3MDEV] && nla_len(tb[FRA_L3MDEV]) == 1 && nla_get_u8(tb[FRA_L3MDEV]) == 1;
	if (r.action == FR_ACT_GOTO)
		r.table = netlink_number(tb[FRA_GOTO]);
	else if (!r.l3mdev)
		r.table = tb[FRA_TABLE] ? netlink_number(tb[FRA_TABLE]) : header->table;
	r.mark = netlink_number(tb[FRA_FWMARK]);
	r.conditional = has_conditions(nlh, header, tb);
	if (tb[FRA_IIFNAME])
		nla_strlcpy(r.iif, tb[FRA_IIFNAME], sizeof(r.iif));
	if (tb[FRA_OIFNAME])
		nla_strlcpy(r.oif, tb[FRA_OIFNAME], sizeof(r.oif));
	say_conditions(&text, header, tb);
	snprintf(r.text, sizeof(r.text), "%s", buf_text(&text));
	*ret = r;
	return 0;
}

void rule_object(const struct rule *r, struct object *ret)
{
	struct object o = { .kind = OBJECT_STRANGE_RULE, .table = r->table, .value = r->preference, .type = r->action };
	bool looks_up = r->action == FR_ACT_TO_TBL && !r->conditional;

	o.prefix.ip.family = r->family;
	memcpy(o.name, r->text, sizeof(o.name));
	if (looks_up && !r->l3mdev && r->preference == PLAN_RULE_MARK && (r->mark & 0xffff0000u) == PLAN_MARK)
		o = (struct object){ .kind = OBJECT_MARK_RULE, .table = r->table, .prefix = o.prefix, .value = r->mark };
	else if (looks_up && !r->mark && (r->l3mdev ? r->preference == PLAN_RULE_L3MDEV : r->table == RT_TABLE_LOCAL))
		o = (struct object){ .kind = OBJECT_RULE, .table = r->table, .prefix = o.prefix, .value = r->preference };
	*ret = o;
}

struct search {
	const struct object *strange;
	struct nl_msg *removal; /* NULL: not found yet */
};

/* The kernel removes the first rule that is as the request says: which has to say all that the rule says. */
static int take_rule(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct search *s = arg;
	struct object o;
	struct rule r;

	if (s->removal || nlh->nlmsg_type != RTM_NEWRULE || rule_parse(msg, &r) < 0)
		return 0;
	rule_object(&r, &o);
	if (object_compare(&o, s->strange) != 0)
		return 0;
	s->removal = nlmsg_alloc_simple(RTM_DELRULE, 0);
	if (!s->removal)
		return -ENOMEM;
	return nlmsg_append(s->removal, nlmsg_data(nlh), (size_t)nlmsg_datalen(nlh), NLMSG_ALIGNTO) < 0 ? -ENOMEM : 0;
}

int rule_remove(struct nl_sock *sk, const struct object *strange)
{
	struct fib_rule_hdr header = { .family = (unsigned char)strange->prefix.ip.family };
	struct search s = { .strange = strange };
	int r = -EINTR;

	for (int i = 0; i < TRIES && r == -EINTR && !s.removal; i++)
		r = netlink_dump(sk, RTM_GETRULE, &header, sizeof(header), take_rule, &s);
	if (s.removal && r != -ENOMEM)
		return netlink_request(sk, s.removal);
	nlmsg_free(s.removal);
	return r < 0 ? r : -ENOENT;
}
