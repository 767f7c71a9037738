/*
 * Reads the kernel by sockets of its own, so that nothing that culvertd remembers or gets wrong is taken over. Relied
 * on are the parsers of single messages: of interfaces (interfaces.c), rules (rule.c), policies (policy.c) and SAs
 * (sa.c). A list that the kernel changed while it was read is read again.
 */
#include "appliance/isolation/snapshot.h"

#include "appliance/isolation/netlink.h"
#include "appliance/isolation/policy.h"
#include "appliance/isolation/rule.h"
#include "appliance/isolation/sa.h"
#include "appliance/isolation/walls.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { TRIES = 5 };

static int take_address(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct nlattr *tb[IFA_MAX + 1];

	if (nlh->nlmsg_type != RTM_NEWADDR)
		return 0;
	if (nlmsg_parse(nlh, sizeof(struct ifaddrmsg), tb, IFA_MAX, NULL) < 0)
		return -EBADMSG;
	const struct ifaddrmsg *ifa = nlmsg_data(nlh);
	struct snapshot_address a = { .interface = (int)ifa->ifa_index };
	a.prefix.ip = netlink_ip(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS], ifa->ifa_family);
	a.prefix.len = ifa->ifa_prefixlen;
	return a.prefix.ip.family == AF_UNSPEC ? 0 : snapshot_add_address(arg, &a);
}

/* Conditions and ways that we never make, and whose meaning is not worked out here. */
static bool is_odd_route(const struct rtmsg *rtm, struct nlattr *const *tb)
{
	return tb[RTA_MULTIPATH] || tb[RTA_NH_ID] || tb[RTA_ENCAP] || tb[RTA_VIA] || tb[RTA_SRC] || rtm->rtm_src_len != 0 ||
		   rtm->rtm_tos != 0;
}

static int take_route(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct nlattr *tb[RTA_MAX + 1];

	if (nlh->nlmsg_type != RTM_NEWROUTE)
		return 0;
	if (nlmsg_parse(nlh, sizeof(struct rtmsg), tb, RTA_MAX, NULL) < 0)
		return -EBADMSG;
	const struct rtmsg *rtm = nlmsg_data(nlh);
	if (rtm->rtm_flags & RTM_F_CLONED)
		return 0;
	struct snapshot_route r = { .type = rtm->rtm_type, .by_kernel = rtm->rtm_protocol == RTPROT_KERNEL };
	r.table = tb[RTA_TABLE] ? netlink_number(tb[RTA_TABLE]) : rtm->rtm_table;
	r.metric = netlink_number(tb[RTA_PRIORITY]);
	r.to.ip = netlink_ip(tb[RTA_DST], rtm->rtm_family);
	r.to.ip.family = rtm->rtm_family; /* also of a default route, which has no destination */
	r.to.len = rtm->rtm_dst_len;
	r.out = (int)netlink_way_out(tb, 0);
	r.via = netlink_ip(tb[RTA_GATEWAY], rtm->rtm_family);
	r.odd = is_odd_route(rtm, tb);
	int result = snapshot_add_route(arg, &r);
	for (size_t n = 1; result == 0 && (r.out = (int)netlink_way_out(tb, n)) != 0; n++)
		result = snapshot_add_route(arg, &r);
	return result;
}

static int take_rule(struct nl_msg *msg, void *arg)
{
	struct rule parsed;

	if (nlmsg_hdr(msg)->nlmsg_type != RTM_NEWRULE)
		return 0;
	if (rule_parse(msg, &parsed) < 0)
		return -EBADMSG;
	struct snapshot_rule r = { .family = parsed.family, .preference = parsed.preference, .l3mdev = parsed.l3mdev };
	r.table = parsed.action == FR_ACT_TO_TBL ? parsed.table : 0;
	r.mark = parsed.mark;
	memcpy(r.in, parsed.iif, sizeof(r.in));
	memcpy(r.out, parsed.oif, sizeof(r.out));
	r.odd = parsed.action != FR_ACT_TO_TBL || parsed.conditional;
	return snapshot_add_rule(arg, &r);
}

static int take_policy(struct nl_msg *msg, void *arg)
{
	struct snapshot_policy p;

	if (nlmsg_hdr(msg)->nlmsg_type != XFRM_MSG_NEWPOLICY)
		return 0;
	int r = policy_parse(msg, &p);
	return r == -ENOENT ? 0 : r < 0 ? r : snapshot_add_policy(arg, &p);
}

static int take_sa(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct sa_event e;
	int r = sa_event_parse(nlh, nlh->nlmsg_len, &e);

	return r < 0 || e.kind != SA_EVENT_NEW ? r : snapshot_add_sa(arg, &e.sa);
}

static int read_family(struct nl_sock *sk, unsigned char family, struct snapshot *s)
{
	struct ifaddrmsg address = { .ifa_family = family };
	struct rtmsg route = { .rtm_family = family };
	struct fib_rule_hdr rule = { .family = family };
	int r = netlink_dump(sk, RTM_GETADDR, &address, sizeof(address), take_address, s);

	if (r == 0)
		r = netlink_dump(sk, RTM_GETROUTE, &route, sizeof(route), take_route, s);
	if (r == 0)
		r = netlink_dump(sk, RTM_GETRULE, &rule, sizeof(rule), take_rule, s);
	if (family != AF_INET6 || (r != -EAFNOSUPPORT && r != -EOPNOTSUPP))
		return r;
	s->no_ipv6 = true;
	return 0;
}

/* Traffic control at the entry or the exit may send packets anywhere, past all walls. */
static int take_qdisc(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct nlattr *kind = nlmsg_find_attr(nlh, sizeof(struct tcmsg), TCA_KIND);
	const struct tcmsg *tcm = nlmsg_data(nlh);
	struct buf *strange = arg;

	if (nlh->nlmsg_type != RTM_NEWQDISC || !kind)
		return 0;
	if (nla_strcmp(kind, "ingress") == 0 || nla_strcmp(kind, "clsact") == 0)
		buf_printf(strange, "traffic control (%s) on interface number %d\n", nla_get_string(kind), tcm->tcm_ifindex);
	return 0;
}

/* So may a program at the driver, ahead of everything else. */
static int take_program(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct nlattr *tb[IFLA_MAX + 1], *xdp[IFLA_XDP_MAX + 1];
	struct buf *strange = arg;

	if (nlh->nlmsg_type != RTM_NEWLINK)
		return 0;
	if (nlmsg_parse(nlh, sizeof(struct ifinfomsg), tb, IFLA_MAX, NULL) < 0 || !tb[IFLA_IFNAME])
		return -EBADMSG;
	if (!tb[IFLA_XDP] || nla_parse_nested(xdp, IFLA_XDP_MAX, tb[IFLA_XDP], NULL) < 0 || !xdp[IFLA_XDP_ATTACHED])
		return 0;
	if (nla_get_u8(xdp[IFLA_XDP_ATTACHED]) != XDP_ATTACHED_NONE)
		buf_printf(strange, "a program (XDP) on interface %s\n", nla_get_string(tb[IFLA_IFNAME]));
	return 0;
}

static int read_routing(struct snapshot *s, struct buf *strange)
{
	struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC };
	struct nl_sock *sk = NULL;
	int r = netlink_open(NETLINK_ROUTE, &sk);

	if (r == 0)
		r = interfaces_read(sk, &s->interfaces);
	if (r == 0)
		r = read_family(sk, AF_INET, s);
	if (r == 0)
		r = read_family(sk, AF_INET6, s);
	if (r == 0)
		r = netlink_dump(sk, RTM_GETQDISC, &tcm, sizeof(tcm), take_qdisc, strange);
	if (r == 0)
		r = netlink_dump(sk, RTM_GETLINK, &link, sizeof(link), take_program, strange);
	nl_socket_free(sk);
	return r;
}

/* What comes from an address of the machine leads out. */
static void tell_directions(struct snapshot *s)
{
	for (size_t i = 0; i < s->n_sas; i++)
		for (size_t k = 0; k < s->n_addresses; k++)
			if (ip_equal(&s->addresses[k].prefix.ip, &s->sas[i].saddr))
				s->sas[i].outbound = true;
}

static int read_xfrm(struct snapshot *s)
{
	struct nl_sock *sk = NULL;
	int r = netlink_open(NETLINK_XFRM, &sk);

	if (r == 0)
		r = netlink_dump(sk, XFRM_MSG_GETPOLICY, NULL, 0, take_policy, s);
	if (r == 0)
		r = netlink_dump(sk, XFRM_MSG_GETSA, NULL, 0, take_sa, s);
	nl_socket_free(sk);
	return r == -EPROTONOSUPPORT ? 0 : r;
}

static int read_ruleset(struct snapshot *s)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	int r = -ENOMEM;

	if (!nft)
		return r;
	nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_STATELESS);
	if (nft_ctx_buffer_output(nft) == 0 && nft_ctx_buffer_error(nft) == 0) {
		errno = 0;
		r = nft_run_cmd_from_buffer(nft, "list ruleset") == 0 ? 0 : errno > 0 ? -errno : -EIO;
		if (r == 0)
			s->ruleset = strdup(nft_ctx_get_output_buffer(nft));
		if (r == 0 && !s->ruleset)
			r = -ENOMEM;
	}
	nft_ctx_free(nft);
	return r;
}

static void read_sysctls(struct snapshot *s)
{
	static const char *const names[] = { "net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding",
		"net/ipv4/tcp_l3mdev_accept", "net/ipv4/udp_l3mdev_accept", "net/ipv4/fwmark_reflect",
		"net/ipv6/fwmark_reflect", "net/ipv4/conf/all/rp_filter", "net/ipv4/route/min_pmtu" };
	_Static_assert(sizeof(names) / sizeof(*names) <= SNAPSHOT_SYSCTLS, "each has its place");

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char path[128], text[32] = "";
		snprintf(path, sizeof(path), "/proc/sys/%s", names[i]);
		int fd CLEANUP(cleanup_close) = open(path, O_RDONLY | O_CLOEXEC);
		bool known = fd >= 0 && read(fd, text, sizeof(text) - 1) > 0;
		s->sysctls[s->n_sysctls++] = (struct snapshot_sysctl){ names[i], known ? (int)strtol(text, NULL, 10) : -1 };
	}
}

/* Tables of the old iptables are not in the ruleset. */
static void read_legacy(struct buf *strange)
{
	static const char *const files[] = { "/proc/net/ip_tables_names", "/proc/net/ip6_tables_names" };

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		FILE *f CLEANUP(cleanup_fclose) = fopen(files[i], "re");
		char name[64];
		while (f && fgets(name, sizeof(name), f))
			buf_printf(strange, "legacy iptables table %.*s\n", (int)strcspn(name, "\n"), name);
	}
}

static int read_all(struct snapshot *s)
{
	struct buf strange CLEANUP(buf_free) = { 0 };
	uint32_t before = 0, after = 0;
	int r = walls_generation(&before);

	if (r == 0)
		r = read_ruleset(s);
	if (r == 0)
		r = read_routing(s, &strange);
	if (r == 0)
		r = read_xfrm(s);
	if (r == 0)
		r = walls_generation(&after);
	if (r < 0)
		return r;
	tell_directions(s);
	read_sysctls(s);
	read_legacy(&strange);
	s->changing = before != after;
	s->strange = strange.len > 0 ? buf_steal(&strange) : NULL;
	return strange.error;
}

int snapshot_read(struct snapshot *ret)
{
	struct snapshot s = { 0 };
	int r = -EINTR;

	for (int i = 0; i < TRIES && (r == -EINTR || s.changing); i++) {
		snapshot_free(&s);
		r = read_all(&s);
	}
	if (r < 0) {
		snapshot_free(&s);
		return r;
	}
	*ret = s;
	return 0;
}
