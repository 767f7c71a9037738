#include "appliance/isolation/isolation.h"

#include "appliance/isolation/apply.h"
#include "appliance/isolation/carrying.h"
#include "appliance/isolation/changes.h"
#include "appliance/isolation/interfaces.h"
#include "appliance/isolation/mtu.h"
#include "appliance/isolation/netlink.h"
#include "appliance/isolation/observe.h"
#include "appliance/isolation/outer.h"
#include "appliance/isolation/plan.h"
#include "appliance/isolation/report.h"
#include "appliance/isolation/scope.h"
#include "appliance/isolation/walls_change.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
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

enum { CHANGES_IN_PART = 256 }; /* of more than so many the kernel is read as a whole */

struct isolation {
	struct nl_sock *events;
	struct nl_sock *requests;
	struct walls_memory walls;
	struct plan known; /* what the kernel holds beside the walls, as last read and changed by us; only if is_known */
	bool is_known;
	bool doubted; /* something was changed since the kernel was last read as a whole */
	bool read_whole; /* by the call that runs */
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
	if (r == 0)
		netlink_narrow(i->requests);
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
	walls_forget(&i->walls);
	plan_free(&i->known);
	free(i);
}

static void forget(struct isolation *i)
{
	plan_free(&i->known);
	i->is_known = false;
}

/* Takes over what plan holds. */
static void remember(struct isolation *i, struct plan *plan)
{
	plan_free(&i->known);
	i->known = *plan;
	i->is_known = true;
	*plan = (struct plan){ 0 };
}

/* What is to be made of what. */
struct comparison {
	struct changes changes;
	struct scope scope; /* only if in_part: of this the kernel was asked, the rest is as remembered */
	struct plan have; /* all of it, or that part */
	bool in_part;
};

static void free_comparison(struct comparison *c)
{
	changes_free(&c->changes);
	scope_free(&c->scope);
	plan_free(&c->have);
}

static int scope_of_candidates(
	const struct isolation *i, const struct plan *want, difference between, struct scope *ret)
{
	struct changes changes CLEANUP(changes_free) = { 0 };
	int r = between(want, &i->known, &changes);

	if (r == 0 && (changes.count == 0 || changes.count > CHANGES_IN_PART))
		r = -EAGAIN;
	return r < 0 ? r : scope_of(&changes, ret);
}

/*
 * Compares where something would change, going by what is remembered. -EAGAIN if all is to be compared: nothing is
 * remembered, or nothing would change, or so much that reading the parts would take longer.
 */
static int compare_part(const struct isolation *i, const struct model *m, const struct plan *want, difference between,
	struct comparison *ret)
{
	struct plan part CLEANUP(plan_free) = { 0 };
	int r = i->is_known ? scope_of_candidates(i, want, between, &ret->scope) : -EAGAIN;

	if (r == 0)
		r = observe_part(i->requests, m, &ret->scope, want, &ret->have);
	if (r == 0)
		r = scope_filter(&ret->scope, want, &part);
	if (r == 0)
		r = between(&part, &ret->have, &ret->changes);
	ret->in_part = r == 0;
	return r;
}

static int compare(
	struct isolation *i, const struct model *m, const struct plan *want, difference between, struct comparison *ret)
{
	int r = compare_part(i, m, want, between, ret);

	if (r == 0)
		return 0;
	free_comparison(ret);
	*ret = (struct comparison){ 0 };
	i->doubted = false;
	i->read_whole = true;
	r = observe(i->requests, m, want, &ret->have);
	return r < 0 ? r : between(want, &ret->have, &ret->changes);
}

/* Remembers what the kernel holds after all changes were made, on the way to want, which it may use up. */
static int know(struct isolation *i, struct plan *want, difference between, struct comparison *c)
{
	struct plan added CLEANUP(plan_free) = { 0 };
	int r = 0;

	if (between == changes_between) {
		remember(i, want);
		return 0;
	}
	for (size_t n = 0; n < c->changes.count && r == 0; n++)
		r = plan_add(&added, &c->changes.items[n].object);
	plan_sort(&added);
	if (r == 0)
		r = scope_overlay(NULL, &added, &c->have);
	if (r == 0 && c->in_part)
		r = scope_overlay(&c->scope, &c->have, &i->known);
	else if (r == 0)
		remember(i, &c->have);
	i->is_known = r == 0;
	return r;
}

/* The kernel tells everybody who listens about such changes. */
static bool are_told(const struct changes *c)
{
	for (size_t n = 0; n < c->count; n++)
		if (c->items[n].object.kind != OBJECT_ROUTE)
			return true;
	return false;
}

/* One look and what it calls for. 0 with *ret_settled (no other look is needed; want is used up), or -errno. */
static int make_pass(struct isolation *i, const struct model *m, struct plan *want, difference between,
	struct report *report, bool *ret_settled)
{
	struct comparison c CLEANUP(free_comparison) = { 0 };
	int r = compare(i, m, want, between, &c);

	if (r < 0)
		return r;
	/* It is known again when all has gone well. */
	i->is_known = false;
	apply(i->requests, &c.changes, report);
	i->doubted = i->doubted || are_told(&c.changes);
	bool certain = report->failed == 0 && report->pending == 0 && !changes_disturb(&c.changes, &c.have);
	*ret_settled = certain || report->changed == 0;
	return certain ? know(i, want, between, &c) : 0;
}

/* Puts the findings of the last pass in the place of those of the one before. */
static void take_over(struct report *report, struct report *pass)
{
	pass->changed += report->changed;
	report_free(report);
	*report = *pass;
}

static int reconcile_to(
	struct isolation *i, const struct model *m, struct plan *want, difference between, struct report *report)
{
	struct report total = { 0 };
	bool settled = false;
	int r = 0;

	for (int pass = 0; pass < PASSES && !settled && r == 0; pass++) {
		struct report now = { 0 };
		r = make_pass(i, m, want, between, &now, &settled);
		take_over(&total, &now);
	}
	if (r < 0)
		report_failure(&total, "reading the kernel's state: %s", strerror(-r));
	else if (!settled)
		report_failure(&total, "interfaces or routes do not stay as they are set: is another program managing them?");
	take_over(report, &total);
	return report->failed > 0 ? -EIO : 0;
}

/* Events are about interfaces and their addresses. What one says of an interface may be what is known of it. */
static bool is_known_already(const struct isolation *i, struct nl_msg *msg)
{
	struct interface interface;
	char master[IFNAMSIZ];

	if (!i->is_known || nlmsg_hdr(msg)->nlmsg_type != RTM_NEWLINK || interface_parse(msg, &interface) < 0)
		return false;
	const struct object *member = scope_find(&i->known, OBJECT_MASTER, interface.name);
	const struct object *mtu = scope_find(&i->known, OBJECT_MTU, interface.name);
	netlink_interface_name(i->requests, (uint32_t)interface.master, master);
	return scope_find(&i->known, OBJECT_UP, interface.name) && interface.up && (!mtu || mtu->value == interface.mtu) &&
		   strcmp(member ? member->master : "", master) == 0;
}

static int note_event(struct nl_msg *msg, void *arg)
{
	static const uint16_t types[] = { RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR, RTM_DELADDR };
	struct isolation *i = arg;

	for (size_t n = 0; n < sizeof(types) / sizeof(*types); n++) {
		if (nlmsg_hdr(msg)->nlmsg_type != types[n])
			continue;
		i->doubted = true;
		if (!is_known_already(i, msg))
			forget(i);
	}
	return 0;
}

/* Takes in what has happened without us. 0 or -errno. */
static int take_events(struct isolation *i)
{
	int r = netlink_drain(i->events, note_event, i);

	if (r == 0)
		return 0;
	forget(i);
	i->doubted = true;
	return r == -ENOBUFS ? 0 : r;
}

static int pass_over(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return 0;
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
	mtu_impose(i->walls.mtus, &want);
	i->read_whole = false;
	r = take_events(i);
	if (r < 0)
		report_failure(report, "reading the kernel's events: %s", strerror(-r));
	r = reconcile_to(i, m, &want, between, report);
	if (i->read_whole)
		outer_check(i->requests, &m->gateway, report);
	if (report->failed > 0 || report->pending > 0)
		forget(i);
	/* Events of what we did ourselves; whatever else is among them, the look that a doubt calls for will see. */
	if (i->doubted && netlink_drain(i->events, pass_over, NULL) < 0)
		forget(i);
	return report->failed > 0 ? -EIO : r;
}

void isolation_set_mtus(struct isolation *i, const struct link_mtus *mtus)
{
	i->walls.mtus = mtus;
}

int isolation_close_walls(struct isolation *i, struct report *r)
{
	return walls_close(&i->walls, r);
}

int isolation_prepare(struct isolation *i, const struct model *m, struct report *r)
{
	static const struct carrying none;

	if (walls_prepare(&i->walls, m, r) < 0)
		return -EIO;
	return reconcile(i, m, &none, changes_new_links, r);
}

int isolation_apply(struct isolation *i, const struct model *m, const struct carrying *c, struct report *r)
{
	if (walls_change(&i->walls, m, r) < 0)
		return -EIO;
	return reconcile(i, m, c, changes_between, r);
}

int isolation_follow(struct isolation *i, const struct model *m, const struct carrying *c, struct report *r)
{
	if (!walls_in_force(&i->walls))
		return isolation_apply(i, m, c, r);
	return reconcile(i, m, c, changes_between, r);
}

int isolation_fd(const struct isolation *i)
{
	return nl_socket_get_fd(i->events);
}

int isolation_process(struct isolation *i)
{
	return take_events(i);
}

bool isolation_doubted(const struct isolation *i)
{
	return i->doubted;
}

void isolation_doubt(struct isolation *i)
{
	forget(i);
}
