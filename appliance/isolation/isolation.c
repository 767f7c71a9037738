#include "appliance/isolation/isolation.h"

#include "appliance/isolation/apply.h"
#include "appliance/isolation/carrying.h"
#include "appliance/isolation/changes.h"
#include "appliance/isolation/netlink.h"
#include "appliance/isolation/nft.h"
#include "appliance/isolation/observe.h"
#include "appliance/isolation/plan.h"
#include "appliance/isolation/report.h"
#include "appliance/isolation/walls.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/*
 * One pass is the rule. A second one mends what the first took along unasked (an interface that is enslaved loses its
 * routes and IPv6 addresses); more means that somebody else has other plans for the same interface.
 */
enum { PASSES = 4 };

struct isolation {
	struct nl_sock *events;
	struct nl_sock *requests;
};

/* One of changes_between() and changes_new_links(). */
typedef int (*difference)(const struct plan *want, const struct plan *have, struct changes *ret);

int isolation_open(struct isolation **ret)
{
	static const int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, 0 };
	struct isolation *i = calloc(1, sizeof(*i));

	if (!i)
		return -ENOMEM;
	int r = netlink_listen(NETLINK_ROUTE, groups, &i->events);
	if (r == 0)
		r = netlink_open(NETLINK_ROUTE, &i->requests);
	if (r < 0) {
		isolation_free(i);
		return r;
	}
	*ret = i;
	return 0;
}

void isolation_free(struct isolation *i)
{
	if (!i)
		return;
	nl_socket_free(i->events);
	nl_socket_free(i->requests);
	free(i);
}

/* Gives text to walls_load() or walls_check(). */
static int use_walls(const struct buf *text, int (*use)(const char *, char **), struct report *report)
{
	char *error CLEANUP(cleanup_free) = NULL;
	int r = text->error;

	if (r == 0)
		r = use(buf_text(text), &error);
	if (r < 0)
		report_failure(report, "nftables: %s", error && error[0] != '\0' ? error : strerror(-r));
	return r;
}

int isolation_close_walls(struct isolation *i, struct report *r)
{
	struct buf text CLEANUP(buf_free) = { 0 };

	(void)i;
	if (walls_stand())
		return 0;
	nft_render_closed(&text);
	return use_walls(&text, walls_load, r);
}

/* True if the kernel held a table with the same rules. */
static bool load_in_place(const struct model *m)
{
	struct buf text CLEANUP(buf_free) = { 0 };
	char *error CLEANUP(cleanup_free) = NULL;

	return nft_render_in_place(m, &text) == 0 && walls_load(buf_text(&text), &error) == 0;
}

static int use_walls_of(const struct model *m, int (*use)(const char *, char **), struct report *report)
{
	struct buf text CLEANUP(buf_free) = { 0 };
	int r = nft_render(m, &text);

	if (r < 0) {
		report_failure(report, "nftables: the configuration gives no rules: %s", strerror(-r));
		return r;
	}
	return use_walls(&text, use, report);
}

/* What is still to be done on the way to want. 0 or -errno. */
static int compare(
	struct isolation *i, const struct model *m, const struct plan *want, difference between, struct changes *ret)
{
	struct plan have CLEANUP(plan_free) = { 0 };
	int r = observe(i->requests, m, want, &have);

	return r < 0 ? r : between(want, &have, ret);
}

/* Puts the findings of the last pass in the place of those of the one before. */
static void take_over(struct report *report, struct report *pass)
{
	pass->changed += report->changed;
	report_free(report);
	*report = *pass;
}

static int reconcile_to(
	struct isolation *i, const struct model *m, const struct plan *want, difference between, struct report *report)
{
	struct report total = { 0 };
	bool settled = false;
	int r = 0;

	for (int pass = 0; pass < PASSES && !settled && r == 0; pass++) {
		struct changes changes CLEANUP(changes_free) = { 0 };
		struct report now = { 0 };
		r = compare(i, m, want, between, &changes);
		if (r == 0)
			apply(i->requests, &changes, &now);
		settled = now.changed == 0;
		take_over(&total, &now);
	}
	if (r < 0)
		report_failure(&total, "reading the kernel's state: %s", strerror(-r));
	else if (!settled)
		report_failure(&total, "interfaces or routes do not stay as they are set: is another program managing them?");
	take_over(report, &total);
	return report->failed > 0 ? -EIO : 0;
}

/* The address as getifaddrs(3) has it. */
static bool is_address(const struct sockaddr *a, const struct ip *ip)
{
	if (!a || a->sa_family != ip->family)
		return false;
	if (a->sa_family == AF_INET)
		return !memcmp(&((const struct sockaddr_in *)(const void *)a)->sin_addr, ip->octets, 4);
	return !memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, ip->octets, 16);
}

/*
 * The outer interface is not ours to make, but its guard goes by its name: one that is not there, has it only as a
 * second name, or does not have the address that IKE speaks from would stand unguarded, and everything else work.
 */
static void check_outer(const struct gateway *g, struct report *report)
{
	char name[IF_NAMESIZE] = "";
	struct ifaddrs *list = NULL;

	if (!if_indextoname(if_nametoindex(g->outer.interface), name) || strcmp(name, g->outer.interface))
		report_missing(report, g->outer.interface);
	if (g->outer.address.dhcp || getifaddrs(&list) < 0)
		return;
	for (const struct ifaddrs *a = list; a; a = a->ifa_next)
		if (is_address(a->ifa_addr, &g->outer.address.ip) && strcmp(a->ifa_name, g->outer.interface))
			report_failure(report,
				"gateway.outer.address is on interface %s, not on %s: the outer guard would stand "
				"at the wrong one",
				a->ifa_name, g->outer.interface);
	freeifaddrs(list);
}

static int reconcile(
	struct isolation *i, const struct model *m, const struct carrying *c, difference between, struct report *report)
{
	struct plan want CLEANUP(plan_free) = { 0 };
	int r = plan_build(m, c, &want);

	if (r < 0) {
		report_failure(report, "planning: %s", strerror(-r));
		return -EIO;
	}
	r = reconcile_to(i, m, &want, between, report);
	check_outer(&m->gateway, report);
	return report->failed > 0 ? -EIO : r;
}

int isolation_prepare(struct isolation *i, const struct model *m, struct report *r)
{
	static const struct carrying none;

	if (use_walls_of(m, walls_check, r) < 0)
		return -EIO;
	return reconcile(i, m, &none, changes_new_links, r);
}

int isolation_apply(struct isolation *i, const struct model *m, const struct carrying *c, struct report *r)
{
	if (!load_in_place(m) && use_walls_of(m, walls_load, r) < 0)
		return -EIO;
	return reconcile(i, m, c, changes_between, r);
}

int isolation_follow(struct isolation *i, const struct model *m, const struct carrying *c, struct report *r)
{
	if (!walls_stand())
		return isolation_apply(i, m, c, r);
	return reconcile(i, m, c, changes_between, r);
}

int isolation_fd(const struct isolation *i)
{
	return nl_socket_get_fd(i->events);
}

static int note_event(struct nl_msg *msg, void *arg)
{
	static const uint16_t types[] = { RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR, RTM_DELADDR };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (nlmsg_hdr(msg)->nlmsg_type == types[i])
			*(bool *)arg = true;
	return 0;
}

int isolation_process(struct isolation *i, bool *ret_again)
{
	bool again = false;
	int r = netlink_drain(i->events, note_event, &again);

	if (r < 0 && r != -ENOBUFS)
		return r;
	*ret_again = again || r == -ENOBUFS;
	return 0;
}
