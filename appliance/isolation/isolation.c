#include "appliance/isolation/isolation.h"

#include "appliance/isolation/apply.h"
#include "appliance/isolation/carrying.h"
#include "appliance/isolation/changes.h"
#include "appliance/isolation/drift.h"
#include "appliance/isolation/mtu.h"
#include "appliance/isolation/netlink.h"
#include "appliance/isolation/observe.h"
#include "appliance/isolation/outer.h"
#include "appliance/isolation/plan.h"
#include "appliance/isolation/report.h"
#include "appliance/isolation/rt_watch.h"
#include "appliance/isolation/scope.h"
#include "appliance/isolation/strangers.h"
#include "appliance/isolation/taken.h"
#include "appliance/isolation/walls_change.h"
#include "appliance/isolation/walls_watch.h"
#include "conf/model.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/*
 * One pass is the rule. A second one mends what the first took along unasked (an interface that is enslaved loses its
 * routes and IPv6 addresses); more means that somebody else has other plans for the same interface.
 */
enum { PASSES = 4 };

enum { CHANGES_IN_PART = 256 }; /* of more than so many the kernel is read as a whole */

struct isolation {
	struct nl_sock *events;
	struct nl_sock *requests;
	int readable; /* an epoll over all sockets that are listened to */
	struct rt_watch rt;
	struct walls_watch walls_watch;
	struct walls_memory walls;
	struct strangers strangers;
	struct plan known; /* what the kernel held beside the walls when it was last read or changed by us */
	bool is_left; /* known says how we left it: what differs is somebody else's doing */
	bool is_known; /* and serves in place of reading it */
	bool doubted; /* something was changed since the kernel was last read as a whole */
	bool read_whole; /* by the call that runs */
	struct drifts drifts; /* found by the last call */
};

/* One of changes_between() and changes_new_links(). */
typedef int (*difference)(const struct plan *want, const struct plan *have, struct changes *ret);

static int listen_to_kernel(struct isolation *i)
{
	struct epoll_event event = { .events = EPOLLIN };
	int r = netlink_listen(NETLINK_ROUTE, rt_watch_groups, &i->events);

	if (r == 0)
		r = walls_watch_open(&i->walls_watch);
	if (r < 0)
		return r;
	i->readable = epoll_create1(EPOLL_CLOEXEC);
	if (i->readable < 0 || epoll_ctl(i->readable, EPOLL_CTL_ADD, nl_socket_get_fd(i->events), &event) < 0 ||
		epoll_ctl(i->readable, EPOLL_CTL_ADD, nl_socket_get_fd(i->walls_watch.events), &event) < 0)
		return -errno;
	return 0;
}

int isolation_open(struct isolation **ret)
{
	struct isolation *i = calloc(1, sizeof(*i));

	if (!i)
		return -ENOMEM;
	i->readable = -1;
	int r = netlink_open(NETLINK_ROUTE, &i->requests);
	if (r == 0) {
		netlink_narrow(i->requests);
		i->rt.requests = i->requests;
		r = listen_to_kernel(i);
	}
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
	walls_watch_close(&i->walls_watch);
	if (i->readable >= 0)
		close(i->readable);
	rt_watch_clear(&i->rt);
	walls_forget(&i->walls);
	strangers_free(&i->strangers);
	plan_free(&i->known);
	free(i);
}

static void forget(struct isolation *i)
{
	i->is_known = false;
}

/* Takes over what plan holds. */
static void remember(struct isolation *i, struct plan *plan)
{
	plan_free(&i->known);
	i->known = *plan;
	i->is_known = i->is_left = true;
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

/* All that would change, going by what is remembered, and all that is under suspicion. */
static int scope_of_candidates(
	const struct isolation *i, const struct plan *want, difference between, struct scope *ret)
{
	struct changes changes CLEANUP(changes_free) = { 0 };
	int r = between(want, &i->known, &changes);

	if (r == 0 && ((changes.count == 0 && !i->rt.suspects) || changes.count > CHANGES_IN_PART))
		r = -EAGAIN;
	if (r == 0)
		r = scope_of(&changes, ret);
	if (r == 0)
		r = scope_add(ret, &i->rt.scope);
	if (r == 0)
		scope_settle(ret);
	return r;
}

/*
 * Compares where something would change or has changed. -EAGAIN if all is to be compared: nothing is remembered, or
 * nothing would change, or so much that reading the parts would take longer.
 */
static int compare_part(const struct isolation *i, const struct model *m, const struct plan *want, difference between,
	struct comparison *ret)
{
	struct plan part CLEANUP(plan_free) = { 0 };
	int r = i->is_known && !i->rt.all ? scope_of_candidates(i, want, between, &ret->scope) : -EAGAIN;

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
	i->is_known = i->is_left = r == 0;
	return r;
}

/* Nothing more can be made now: what is there stays as it was found. */
static void leave(struct isolation *i, struct comparison *c)
{
	i->is_known = false;
	if (c->in_part)
		i->is_left = i->is_left && scope_overlay(&c->scope, &c->have, &i->known) == 0;
	else
		remember(i, &c->have);
	i->is_known = false;
}

/* The kernel tells everybody who listens about such changes, not always that they are ours. */
static bool are_told(const struct changes *c)
{
	for (size_t n = 0; n < c->count; n++)
		if (c->items[n].object.kind != OBJECT_ROUTE)
			return true;
	return false;
}

/* Holds what is there against what was left there. */
static void find_drift(struct isolation *i, const struct plan *want, const struct comparison *c)
{
	size_t before = i->drifts.count;

	if (!i->is_left) {
		drifts_add_strange(&i->drifts, &c->have);
		return;
	}
	drifts_find(&i->known, want, &c->have, c->in_part ? &c->scope : NULL, &i->drifts);
	for (size_t n = before; n < i->drifts.count && i->rt.port != 0; n++)
		rt_watch_name(&i->rt, i->drifts.items[n].by, sizeof(i->drifts.items[n].by));
}

/* One look and what it calls for. 0 with *ret_settled (no other look is needed; want is used up), or -errno. */
static int make_pass(struct isolation *i, const struct model *m, struct plan *want, difference between,
	struct report *report, bool *ret_settled)
{
	struct comparison c CLEANUP(free_comparison) = { 0 };
	int r = compare(i, m, want, between, &c);

	if (r < 0)
		return r;
	size_t before = i->drifts.count;
	find_drift(i, want, &c);
	rt_watch_clear(&i->rt);
	/* It is known again when all has gone well. */
	i->is_known = i->is_left = false;
	apply(i->requests, &c.changes, report);
	i->doubted = i->doubted || are_told(&c.changes);
	bool certain = report->failed == 0 && report->pending == 0 && !changes_disturb(&c.changes, &c.have);
	*ret_settled = certain || report->changed == 0;
	/* It is as we would have it, or the kernel will never have it so. */
	if (certain && report->changed == 0)
		drifts_cut(&i->drifts, before);
	if (certain)
		return know(i, want, between, &c);
	if (report->changed == 0)
		leave(i, &c);
	return 0;
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

/* Takes in what has happened without us. 0 or -errno. */
static int take_events(struct isolation *i)
{
	i->rt.left = i->is_left ? &i->known : NULL;
	int r = netlink_drain(i->events, rt_watch_take, &i->rt);

	if (r < 0)
		rt_watch_lost(&i->rt);
	i->doubted = i->doubted || i->rt.doubts;
	int walls = walls_watch_process(&i->walls_watch);
	if (r == 0 || r == -ENOBUFS)
		r = walls;
	return r;
}

static int pass_over(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return 0;
}

/* Nothing beside the walls is to be looked at: they were all that others changed. */
static bool may_rest(const struct isolation *i, const struct plan *want)
{
	struct changes changes CLEANUP(changes_free) = { 0 };

	return i->is_known && !i->rt.suspects && !i->doubted && changes_between(want, &i->known, &changes) == 0 &&
		   changes.count == 0;
}

static int reconcile(struct isolation *i, const struct model *m, const struct carrying *c, difference between,
	bool rest, struct report *report)
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
	if (rest && r == 0 && may_rest(i, &want))
		return 0;
	r = reconcile_to(i, m, &want, between, report);
	if (between == changes_between)
		drifts_settle(&i->drifts, want.count > 0 ? &want : &i->known, &i->known);
	strncpy(i->rt.outer, m->gateway.outer.interface, sizeof(i->rt.outer) - 1);
	i->rt.waiting = report->pending > 0;
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

/* Whatever was done to the walls before is undone: they have just been put up as a whole. */
static void walls_are_up(struct isolation *i)
{
	uint32_t number;

	if (walls_unchanged(&i->walls, &number))
		walls_watch_mended(&i->walls_watch, number);
}

static void add_walls_drift(struct isolation *i, bool repaired)
{
	const struct walls_damage *d = &i->walls_watch.damage;
	char what[DRIFT_TEXT];

	if (d->count > 1)
		snprintf(what, sizeof(what), "table inet culvert: %s, and %zu more changes", d->first, d->count - 1);
	else
		snprintf(what, sizeof(what), "table inet culvert: %s", d->count > 0 ? d->first : "changed");
	drifts_add_walls(&i->drifts, d->by, repaired, what);
}

/*
 * The walls, if others have touched them. Whether they have is what the events say, and where some were lost, the
 * ruleset's number. *ret_mended: they had. 0, or -errno with a failure in the report.
 */
static int mend_walls(struct isolation *i, const struct model *m, struct report *report, bool *ret_mended)
{
	struct walls_damage *d = &i->walls_watch.damage;
	uint32_t number = 0;

	*ret_mended = d->any;
	if (walls_unchanged(&i->walls, &number)) {
		walls_watch_mended(&i->walls_watch, number);
		return 0;
	}
	if (!d->any && i->walls_watch.number == number && i->walls.text) {
		walls_moved_on(&i->walls, number);
		return 0;
	}
	if (i->walls_watch.number != number)
		d->lost = true;
	int r = walls_mend(&i->walls, m, d, report);
	add_walls_drift(i, r == 0);
	*ret_mended = true;
	if (r == 0)
		walls_are_up(i);
	return r;
}

static void look_for_strangers(struct isolation *i)
{
	if (i->walls_watch.chains && strangers_read(&i->strangers) == 0)
		i->walls_watch.chains = false;
}

int isolation_close_walls(struct isolation *i, struct report *r)
{
	int result = walls_close(&i->walls, r);

	walls_are_up(i);
	i->walls_watch.chains = true;
	look_for_strangers(i);
	return result;
}

static const struct carrying nothing_carries;

/* What can be seen to fail is refused while nothing is made yet and charon knows nothing of it. */
static bool may_begin(struct isolation *i, const struct model *now, const struct model *m, struct report *report)
{
	struct plan want CLEANUP(plan_free) = { 0 };
	int r = plan_build(m, &nothing_carries, &want);

	outer_check(i->requests, &m->gateway, report);
	if (r == 0)
		r = taken_check(i->requests, now, &want, report);
	if (r < 0)
		report_failure(report, "looking whether others have what is needed: %s", strerror(-r));
	return report->failed == 0;
}

int isolation_prepare(struct isolation *i, const struct model *now, const struct model *m, struct report *r)
{
	drifts_cut(&i->drifts, 0);
	if (walls_prepare(&i->walls, m, r) < 0 || !may_begin(i, now, m, r))
		return -EIO;
	return reconcile(i, m, &nothing_carries, changes_new_links, false, r);
}

int isolation_apply(struct isolation *i, const struct model *m, const struct carrying *c, struct report *r)
{
	drifts_cut(&i->drifts, 0);
	if (take_events(i) < 0)
		forget(i);
	int error = walls_change(&i->walls, m, r);
	if (i->walls_watch.damage.count > 0)
		add_walls_drift(i, error == 0);
	if (error < 0)
		return -EIO;
	walls_are_up(i);
	look_for_strangers(i);
	return reconcile(i, m, c, changes_between, false, r);
}

int isolation_follow(struct isolation *i, const struct model *m, const struct carrying *c, struct report *r)
{
	bool mended;

	drifts_cut(&i->drifts, 0);
	if (take_events(i) < 0)
		forget(i);
	look_for_strangers(i);
	if (mend_walls(i, m, r, &mended) < 0)
		return -EIO;
	return reconcile(i, m, c, changes_between, mended, r);
}

int isolation_fd(const struct isolation *i)
{
	return i->readable;
}

int isolation_process(struct isolation *i)
{
	int r = take_events(i);

	/* Others' tables are their own affair; that the ruleset has another number is not. */
	if (!i->walls_watch.damage.any && i->walls_watch.known && i->walls.text)
		walls_moved_on(&i->walls, i->walls_watch.number);
	look_for_strangers(i);
	return r;
}

bool isolation_suspects(const struct isolation *i)
{
	return i->rt.suspects || i->walls_watch.damage.any;
}

bool isolation_doubted(const struct isolation *i)
{
	return i->doubted;
}

void isolation_doubt(struct isolation *i)
{
	forget(i);
}

bool isolation_others_changed(struct isolation *i)
{
	bool changed = i->walls_watch.others;

	i->walls_watch.others = false;
	return changed;
}

const struct drifts *isolation_drifts(const struct isolation *i)
{
	return &i->drifts;
}

const char *const *isolation_strangers(const struct isolation *i, size_t *ret_count)
{
	*ret_count = i->strangers.count;
	return (const char *const *)i->strangers.texts;
}
