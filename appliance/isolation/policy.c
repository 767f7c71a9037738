#include "appliance/isolation/policy.h"

#include "appliance/isolation/netlink.h"
#include "appliance/isolation/snapshot.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/grow.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { TRIES = 5, POLICY_MASK = 7, POLICY_DIRECTIONS = 3 };

static struct prefix selector_prefix(const xfrm_address_t *address, uint16_t family, uint8_t len)
{
	struct prefix p = { .ip.family = family, .len = len };

	memcpy(p.ip.octets, address, netlink_ip_len(family));
	return p;
}

/* Nothing but ESP in tunnel mode, without which nothing passes. */
static bool is_tunnel(const struct nlattr *templates)
{
	struct xfrm_user_tmpl t;

	if (!templates || nla_len(templates) != sizeof(t))
		return false;
	memcpy(&t, nla_data(templates), sizeof(t));
	return t.id.proto == IPPROTO_ESP && t.mode == XFRM_MODE_TUNNEL && !t.optional;
}

int policy_parse(struct nl_msg *msg, struct snapshot_policy *ret)
{
	static const enum policy_direction directions[POLICY_DIRECTIONS] = {
		[XFRM_POLICY_IN] = POLICY_IN, [XFRM_POLICY_OUT] = POLICY_OUT, [XFRM_POLICY_FWD] = POLICY_FWD
	};
	struct xfrm_userpolicy_info info;
	struct nlattr *tb[XFRMA_MAX + 1];

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(info), tb, XFRMA_MAX, NULL) < 0)
		return -EBADMSG;
	memcpy(&info, nlmsg_data(nlmsg_hdr(msg)), sizeof(info));
	uint32_t direction = info.index & POLICY_MASK;
	/* Directions beyond are those of a process's own sockets (charon's), which forward nothing. */
	if (direction >= POLICY_DIRECTIONS || (info.sel.family != AF_INET && info.sel.family != AF_INET6))
		return -ENOENT;
	*ret = (struct snapshot_policy){
		.if_id = netlink_number(tb[XFRMA_IF_ID]),
		.direction = directions[direction],
		.from = selector_prefix(&info.sel.saddr, info.sel.family, info.sel.prefixlen_s),
		.to = selector_prefix(&info.sel.daddr, info.sel.family, info.sel.prefixlen_d),
		.narrow = info.sel.proto || info.sel.sport_mask || info.sel.dport_mask || info.sel.ifindex,
		.blocks = info.action != XFRM_POLICY_ALLOW,
		.clear = !is_tunnel(tb[XFRMA_TMPL]),
	};
	return 0;
}

static bool one_covers(const struct prefix *list, size_t n, const struct prefix *p)
{
	for (size_t i = 0; i < n; i++)
		if (prefix_covers(&list[i], p))
			return true;
	return false;
}

const char *policy_flaw(const struct snapshot_policy *p, const struct link *l)
{
	const struct prefix *cloud = p->direction == POLICY_OUT ? &p->from : &p->to;
	const struct prefix *devices = p->direction == POLICY_OUT ? &p->to : &p->from;

	if (p->blocks)
		return NULL;
	if (!l)
		return "of no configured link";
	if (p->clear)
		return "lets clear text pass";
	if (!one_covers(l->local, l->n_local, cloud) || !one_covers(l->remote, l->n_remote, devices))
		return "wider than the selectors";
	return NULL;
}

void policy_print(const struct snapshot_policy *p, struct buf *out)
{
	static const char *const directions[] = { [POLICY_IN] = "in", [POLICY_OUT] = "out", [POLICY_FWD] = "fwd" };
	char from[PREFIX_TEXT], to[PREFIX_TEXT];

	buf_printf(out, "policy %s of if_id %u, %s -> %s", directions[p->direction], p->if_id, prefix_print(&p->from, from),
		prefix_print(&p->to, to));
}

static int add_seen(struct policies *all, const struct snapshot_policy *p)
{
	struct policies_seen *seen = grow(all->seen, all->count, &all->size, sizeof(*seen));
	if (!seen)
		return -ENOMEM;
	all->seen = seen;
	all->seen[all->count++] = (struct policies_seen){ p->if_id, 1U << p->direction };
	return 0;
}

static int take_policy(struct nl_msg *msg, void *arg)
{
	struct snapshot_policy p;

	if (nlmsg_hdr(msg)->nlmsg_type != XFRM_MSG_NEWPOLICY)
		return 0;
	int r = policy_parse(msg, &p);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return p.blocks ? 0 : add_seen(arg, &p);
}

static int compare_seen(const void *a, const void *b)
{
	const struct policies_seen *x = a, *y = b;

	return (x->if_id > y->if_id) - (x->if_id < y->if_id);
}

static void merge(struct policies *p)
{
	size_t kept = 0;

	if (p->count == 0)
		return;
	qsort(p->seen, p->count, sizeof(*p->seen), compare_seen);
	for (size_t i = 1; i < p->count; i++) {
		if (p->seen[i].if_id == p->seen[kept].if_id)
			p->seen[kept].directions |= p->seen[i].directions;
		else
			p->seen[++kept] = p->seen[i];
	}
	p->count = kept + 1;
}

int policies_read(struct nl_sock *sk, struct policies *ret)
{
	int r = -EINTR;

	for (int i = 0; i < TRIES && r == -EINTR; i++) {
		struct policies p = { 0 };
		r = netlink_dump(sk, XFRM_MSG_GETPOLICY, NULL, 0, take_policy, &p);
		if (r < 0) {
			policies_free(&p);
			continue;
		}
		merge(&p);
		*ret = p;
	}
	return r;
}

bool policies_complete(const struct policies *p, uint32_t if_id)
{
	struct policies_seen key = { .if_id = if_id };
	const struct policies_seen *found =
		p->count ? bsearch(&key, p->seen, p->count, sizeof(*p->seen), compare_seen) : NULL;

	return found && found->directions == (1U << POLICY_IN | 1U << POLICY_OUT | 1U << POLICY_FWD);
}

void policies_free(struct policies *p)
{
	free(p->seen);
	*p = (struct policies){ 0 };
}
