/*
 * Two ways to look: apply (walls and all), when the model changes or after a failure; follow (all but the walls), when
 * links begin or cease to carry and when interfaces come and go. Failure policy: nothing here is fatal. What fails is
 * in the report, is logged once, and is tried again; until then the link is closed.
 */
#include "appliance/daemon/links.h"

#include "appliance/daemon/drift_log.h"
#include "appliance/daemon/link_choice.h"
#include "appliance/daemon/link_index.h"
#include "appliance/daemon/mtu_watch.h"
#include "appliance/daemon/steering.h"
#include "appliance/isolation/carrying.h"
#include "appliance/isolation/isolation.h"
#include "appliance/isolation/outer.h"
#include "appliance/isolation/report.h"
#include "appliance/isolation/sa_watch.h"
#include "conf/model.h"
#include "lib/cleanup.h"
#include "lib/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

struct links {
	sd_event *event; /* referenced */
	links_sas_fn sas_fn;
	void *userdata;
	struct isolation *isolation;
	sd_event_source *isolation_io;
	struct sa_clock *clock; /* borrowed */
	struct sa_watch *sas; /* NULL while there is no XFRM */
	sd_event_source *sas_io;
	struct mtu_watch *mtus;
	sd_event_source *look; /* the next look that is due: after a burst or after a failure */
	uint64_t rest; /* microseconds of CLOCK_BOOTTIME until which doubts wait */
	bool look_at_all; /* apply, not only follow */
	bool extended; /* beyond the model, until the next links_use(): a look would take that away again */
	const struct model *model; /* borrowed; NULL: none */
	struct link_index known; /* the model's links */
	bool known_whole; /* false: memory was short, any if_id may be one of ours */
	struct link_choice *choice;
	struct report report; /* of the last application */
	struct drift_log drift;
	links_drift_fn drift_fn; /* NULL: nobody wants to know */
	void *drift_userdata;
};

/* Tells the choice of links which of them have SAs. */
static void weigh(struct links *l)
{
	static const struct carrying none;

	link_choice_sas(l->choice, l->sas ? sa_watch_carrying(l->sas) : &none);
}

static bool report_has(const struct report *r, const struct report_entry *entry)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->entries[i].pending == entry->pending && !strcmp(r->entries[i].text, entry->text))
			return true;
	return false;
}

/* Takes now in place of the last report; what was not in that one is logged. */
static void take_report(struct links *l, struct report *now)
{
	for (size_t i = 0; i < now->count; i++)
		if (!report_has(&l->report, &now->entries[i]))
			log_at(now->entries[i].pending ? LOG_WARNING : LOG_ERR, "isolation: %s", now->entries[i].text);
	if (l->report.failed + l->report.pending && !(now->failed + now->pending))
		log_notice("isolation: everything is in place now");
	report_free(&l->report);
	l->report = *now;
}

/* In microseconds of CLOCK_BOOTTIME, also within a turn of the event loop. */
static uint64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* A look that is due sooner is not put off. */
static void look_in(struct links *l, uint64_t usec, bool at_all)
{
	uint64_t wanted = clock_now() + usec, due = 0;

	l->look_at_all = l->look_at_all || at_all;
	if (sd_event_source_get_enabled(l->look, NULL) > 0 && sd_event_source_get_time(l->look, &due) >= 0 && due <= wanted)
		return;
	sd_event_source_set_time(l->look, wanted);
	sd_event_source_set_enabled(l->look, SD_EVENT_ONESHOT);
}

static int on_sas(sd_event_source *s, int fd, uint32_t events, void *userdata);

static int open_sas(struct links *l, const struct ip *outer)
{
	int error = sa_watch_open(outer, l->clock, &l->sas);

	if (!error)
		error = sd_event_add_io(l->event, &l->sas_io, sa_watch_fd(l->sas), EPOLLIN, on_sas, l);
	if (error < 0) {
		sa_watch_free(l->sas);
		l->sas = NULL;
	}
	return error < 0 ? error : 0;
}

/* The watch on the kernel's SAs, open and told our address. A failure is for the report; nothing carries then. */
static int follow_sas(struct links *l, struct report *r)
{
	struct ip address = outer_address(&l->model->gateway.outer);
	bool changed;
	int error = l->sas ? sa_watch_set_outer(l->sas, &address, &changed) : open_sas(l, &address);

	if (error)
		report_failure(r, "the kernel's SAs cannot be followed: %s", strerror(-error));
	return error;
}

static void rest_from(struct links *l, uint64_t began)
{
	uint64_t now = clock_now(), rest = LINKS_REST * (now - began);

	l->rest = now + (rest < LINKS_REST_MAX ? rest : LINKS_REST_MAX);
}

/* Where a look fails, its own changes call for the next one: slowly. Where it takes long, others' must not fill all
 * time. */
static void look_at_doubts(struct links *l)
{
	uint64_t wait = l->report.failed ? LINKS_SETTLE_FAILING : LINKS_SETTLE, now = clock_now();

	if (l->rest > now + wait)
		wait = l->rest - now;
	if (isolation_doubted(l->isolation) && l->model)
		look_in(l, wait, false);
}

/* Keys end in time also while no configuration is in force. Where there is one, what fails is said. */
static void watch_ages(struct links *l)
{
	static const struct ip unknown;

	if (!l->sas && open_sas(l, &unknown))
		look_in(l, LINKS_RETRY, true);
}

static uint64_t now_of(const struct links *l)
{
	uint64_t now = 0;

	sd_event_now(l->event, CLOCK_BOOTTIME, &now);
	return now;
}

void links_add_drift(struct links *l, const struct drifts *found)
{
	for (size_t i = 0; i < found->count; i++) {
		const struct drift *d = &found->items[i];

		log_warning("drift: %s%s%s; %s", d->what, d->by[0] ? ", by " : "", d->by,
			d->repaired ? "repaired" : "not repaired yet");
	}
	if (found->dropped)
		log_warning("drift: %zu more", found->dropped);
	drift_log_add(&l->drift, found, now_of(l));
	if (found->count && l->drift_fn)
		l->drift_fn(l->drift_userdata);
}

void links_drift_mended(struct links *l)
{
	drift_log_settled(&l->drift, true);
	if (l->drift_fn)
		l->drift_fn(l->drift_userdata);
}

/* What the last look found that others had changed. */
static void take_drift(struct links *l)
{
	links_add_drift(l, isolation_drifts(l->isolation));
	if (!(l->report.failed + l->report.pending))
		drift_log_settled(&l->drift, false);
}

static int look(struct links *l, bool at_all)
{
	struct report r = { 0 };
	uint64_t began = clock_now();
	int watch;
	int error;

	l->look_at_all = l->look_at_all && !at_all;
	if (!l->model) {
		watch_ages(l);
		weigh(l);
		return 0;
	}
	watch = follow_sas(l, &r);
	weigh(l);
	at_all = mtu_watch_look(l->mtus, l->model, l->sas) || at_all;
	error = (at_all ? isolation_apply : isolation_follow)(l->isolation, l->model, link_choice_carrying(l->choice), &r);
	if (error && !r.failed)
		report_failure(&r, "the configuration cannot be applied: %s", strerror(-error));
	/* While a whole look is owed, one without the walls cannot say that all is in place. */
	if (!at_all && l->look_at_all && !r.failed)
		report_free(&r);
	else
		take_report(l, &r);
	take_drift(l);
	rest_from(l, began);
	look_at_doubts(l);
	look_in(l, LINKS_ALL, false);
	/* A look that worked leaves a burst's look that is still due; one that failed wants a whole one. */
	if (error || watch)
		look_in(l, LINKS_RETRY, true);
	return error || watch ? -EIO : 0;
}

/* Now, unless what stands is ahead of the model. */
static void look_soon(struct links *l, bool at_all)
{
	if (l->extended)
		look_in(l, LINKS_SETTLE, at_all);
	else
		look(l, at_all);
}

static int on_look(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct links *l = userdata;

	(void)s;
	(void)usec;
	mtu_watch_doubt(l->mtus);
	if (l->extended) {
		look_in(l, LINKS_SETTLE, false);
		return 0;
	}
	/* What is under suspicion comes first; a doubt that is left calls for the whole right behind it. */
	if (isolation_suspects(l->isolation))
		drift_log_looked(&l->drift, now_of(l));
	else
		isolation_doubt(l->isolation);
	look(l, l->look_at_all);
	return 0;
}

/* Walls and interfaces follow what is known of links' sizes. */
static void on_sizes(void *userdata)
{
	struct links *l = userdata;

	if (l->model && mtu_watch_look(l->mtus, l->model, l->sas))
		look_soon(l, true);
}

void links_search(struct links *l, uint32_t if_id)
{
	mtu_watch_search(l->mtus, if_id);
	on_sizes(l);
}

void links_measured(struct links *l, uint32_t if_id, uint32_t octets)
{
	if (mtu_watch_measured(l->mtus, if_id, octets) == 0)
		on_sizes(l);
}

static void watch_lost(struct links *l, int error)
{
	log_error("the kernel's SAs cannot be followed any more: %s", strerror(-error));
	l->sas_io = sd_event_source_disable_unref(l->sas_io);
	sa_watch_free(l->sas);
	l->sas = NULL;
	look_in(l, LINKS_SETTLE, true);
}

static int on_sas(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
	struct links *l = userdata;
	bool changed = false;
	int error = sa_watch_process(l->sas, &changed);

	(void)s;
	(void)fd;
	(void)events;
	if (error) {
		watch_lost(l, error);
		return 0;
	}
	bool resized = l->model && mtu_watch_look(l->mtus, l->model, l->sas);
	if (changed || resized)
		look_soon(l, resized);
	l->sas_fn(l->userdata);
	return 0;
}

/* What others have changed is looked at on the spot, unless they do so all the time. */
static void look_at_drift(struct links *l)
{
	uint64_t wait = drift_log_wait(&l->drift, now_of(l));

	if (!isolation_suspects(l->isolation) || !l->model)
		return;
	if (l->extended || wait) {
		look_in(l, l->extended ? LINKS_SETTLE : wait, false);
		return;
	}
	look(l, false);
	drift_log_looked(&l->drift, now_of(l));
}

static void on_choice(void *userdata)
{
	struct links *l = userdata;

	if (l->extended)
		look_in(l, LINKS_SETTLE, false);
	else
		look(l, false);
}

static int on_isolation(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
	struct links *l = userdata;
	int error = isolation_process(l->isolation);

	(void)s;
	(void)fd;
	(void)events;
	if (error)
		log_warning("the kernel's events cannot be read: %s", strerror(-error));
	if (isolation_others_changed(l->isolation) && l->drift_fn)
		l->drift_fn(l->drift_userdata);
	look_at_drift(l);
	look_at_doubts(l);
	return 0;
}

int links_open(sd_event *event, struct sa_clock *clock, links_sas_fn sas_fn, void *userdata, struct links **ret)
{
	struct links *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->event = sd_event_ref(event);
	l->clock = clock;
	l->sas_fn = sas_fn;
	l->userdata = userdata;
	r = isolation_open(&l->isolation);
	if (!r)
		r = link_choice_new(event, on_choice, l, &l->choice);
	if (!r)
		r = sd_event_add_time(event, &l->look, CLOCK_BOOTTIME, 0, 1, on_look, l);
	if (r >= 0)
		r = sd_event_source_set_enabled(l->look, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_io(event, &l->isolation_io, isolation_fd(l->isolation), EPOLLIN, on_isolation, l);
	if (r >= 0)
		r = mtu_watch_new(event, on_sizes, l, &l->mtus);
	if (r < 0) {
		links_close(l);
		return r;
	}
	isolation_set_mtus(l->isolation, mtu_watch_known(l->mtus));
	watch_ages(l);
	*ret = l;
	return 0;
}

int links_close_walls(struct links *l)
{
	struct report r = { 0 };
	int error = isolation_close_walls(l->isolation, &r);

	take_report(l, &r);
	return error;
}

/* What is about to end: links that another configuration has no longer, or those of a tunnel. */
struct leaving {
	const struct link_index *later; /* NULL: the tunnel's */
	const char *tunnel;
};

static bool leaves(const struct leaving *leaving, const struct link *link)
{
	return leaving->later ? !link_index_find(leaving->later, link->if_id)
						  : strcmp(link->tunnel->name, leaving->tunnel) == 0;
}

/* Another link of the APN carries and stays. */
static bool may_leave(const struct leaving *leaving, const struct apn *a, const struct carrying *all)
{
	for (size_t i = 0; i < a->n_links; i++)
		if (carrying_has(all, a->links[i].if_id) && !leaves(leaving, &a->links[i]))
			return true;
	return false;
}

/* Those that carry, with the ones behind all others that leave and need not be used until then. *ret_any: there are. */
static int rank_leaving(const struct links *l, const struct leaving *leaving, bool *ret_any, struct carrying *ret)
{
	const struct carrying *all = link_choice_carrying(l->choice);
	int error = 0;

	*ret_any = false;
	for (size_t i = 0; i < all->count && !error; i++) {
		const struct carrying_link *c = &all->links[i];
		const struct link_entry *e = link_index_find(&l->known, c->if_id);
		bool behind = e && leaves(leaving, e->link) && may_leave(leaving, e->apn, all);

		*ret_any = *ret_any || behind;
		error = carrying_put(ret, c->if_id, c->rank + (behind ? STEERING_TIERS : 0));
	}
	return error;
}

/* Devices are reached by other links before charon ends these. Best effort: they end in any case. */
static void leave(struct links *l, const struct leaving *leaving)
{
	struct carrying c CLEANUP(carrying_free) = { 0 };
	struct report r = { 0 };
	bool any;

	if (!l->model || rank_leaving(l, leaving, &any, &c) || !any)
		return;
	isolation_follow(l->isolation, l->model, &c, &r);
	take_drift(l);
	report_free(&r);
}

static void leave_for(struct links *l, const struct model *next)
{
	struct link_index later CLEANUP(link_index_free) = { 0 };

	if (link_index_make(&later, next) == 0)
		leave(l, &(struct leaving){ .later = &later });
}

void links_leave(struct links *l, const char *tunnel)
{
	if (l->extended)
		return;
	leave(l, &(struct leaving){ .tunnel = tunnel });
	look_in(l, LINKS_RETRY, false); /* should it not end */
}

int links_extend(struct links *l, const struct model *next)
{
	struct report r = { 0 };
	int error;

	leave_for(l, next);
	error = isolation_prepare(l->isolation, l->model, next, &r);
	l->extended = true;
	take_drift(l);
	/* That next could be made does not mend what is in use. */
	if (error)
		take_report(l, &r);
	else
		report_free(&r);
	return error;
}

int links_use(struct links *l, const struct model *model)
{
	l->model = model;
	l->extended = false;
	l->known_whole = !link_index_make(&l->known, model);
	link_choice_use(l->choice, model);
	return look(l, true);
}

const struct report *links_report(const struct links *l)
{
	return &l->report;
}

const struct drift_log *links_drift(const struct links *l)
{
	return &l->drift;
}

void links_tell_drift(struct links *l, links_drift_fn fn, void *userdata)
{
	l->drift_fn = fn;
	l->drift_userdata = userdata;
}

const char *const *links_strangers(const struct links *l, size_t *ret_count)
{
	return isolation_strangers(l->isolation, ret_count);
}

bool links_carrying(const struct links *l, uint32_t if_id)
{
	return carrying_has(link_choice_carrying(l->choice), if_id);
}

const struct carrying *links_all_carrying(const struct links *l)
{
	return link_choice_carrying(l->choice);
}

bool links_view(const struct links *l, uint32_t if_id, struct link_choice_view *ret, struct buf *reason)
{
	return link_choice_view(l->choice, if_id, ret, reason);
}

void links_silence(struct links *l, const char *tunnel, bool silent)
{
	link_choice_silence(l->choice, tunnel, silent);
}

const struct link_mtus *links_mtus(const struct links *l)
{
	return mtu_watch_known(l->mtus);
}

bool links_knows(const struct links *l, uint32_t if_id)
{
	return !l->known_whole || link_index_find(&l->known, if_id);
}

const struct link_entry *links_find(const struct links *l, uint32_t if_id)
{
	return link_index_find(&l->known, if_id);
}

struct sa_watch *links_sas(const struct links *l)
{
	return l->model ? l->sas : NULL;
}

struct sa_watch *links_all_sas(const struct links *l)
{
	return l->sas;
}

void links_close(struct links *l)
{
	if (!l)
		return;
	sd_event_source_disable_unref(l->sas_io);
	sd_event_source_disable_unref(l->isolation_io);
	sd_event_source_disable_unref(l->look);
	sa_watch_free(l->sas);
	isolation_free(l->isolation);
	mtu_watch_free(l->mtus);
	link_index_free(&l->known);
	link_choice_free(l->choice);
	report_free(&l->report);
	sd_event_unref(l->event);
	free(l);
}
