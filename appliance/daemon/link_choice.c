/*
 * One timer serves two ends: the next hold-down that is over, and, a moment after something happened, the look at what
 * follows from it for all links together. Failure policy: where memory is short, links carry by the APN's order.
 */
#include "appliance/daemon/link_choice.h"

#include "appliance/daemon/probe_window.h"
#include "appliance/daemon/prober.h"
#include "appliance/daemon/steering.h"
#include "appliance/isolation/carrying.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND = 1000 * 1000 };

struct link_choice {
	sd_event *event; /* referenced */
	link_choice_fn fn;
	void *userdata;
	struct steering steering;
	struct prober *prober;
	sd_event_source *timer;
	struct carrying carrying; /* the result */
};

static uint64_t now_of(const struct link_choice *c)
{
	uint64_t now = 0;

	sd_event_now(c->event, CLOCK_BOOTTIME, &now);
	return now;
}

static void set_timer(struct link_choice *c, uint64_t when)
{
	sd_event_source_set_time(c->timer, when);
	sd_event_source_set_enabled(c->timer, when == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static void log_state(const struct steered *l, enum steering_state before, uint64_t now)
{
	static const char *const texts[] = {
		[STEERING_DOWN] = "does not carry any more",
		[STEERING_GOOD] = "carries",
		[STEERING_UNPROVEN] = "carries",
		[STEERING_HELD] = "carries again",
		[STEERING_SUSPECT] = "is suspect",
	};
	enum steering_state state = steering_state(l, now);
	struct buf reason = { 0 };

	if (state == STEERING_HELD || state == STEERING_SUSPECT || (state == STEERING_UNPROVEN && before != STEERING_DOWN))
		steering_reason(l, now, &reason);
	log_at(state == STEERING_SUSPECT ? LOG_WARNING : LOG_NOTICE, "link %s/%s %s%s%s", l->apn->name,
		l->link->tunnel->name, texts[state], reason.len ? ": " : "", buf_text(&reason));
	buf_free(&reason);
}

static void log_changes(struct link_choice *c, uint64_t now)
{
	for (size_t i = 0; i < c->steering.count; i++) {
		struct steered *l = &c->steering.links[i];
		enum steering_state state = steering_state(l, now);

		/* An answer to the first probe is no news. */
		if (state != l->said && !(state == STEERING_GOOD && l->said == STEERING_UNPROVEN))
			log_state(l, l->said, now);
		l->said = state;
		if (l->used && !l->said_used && l->apn->n_links > 1)
			log_notice("APN %s: devices are reached by %s", l->apn->name, l->link->tunnel->name);
		l->said_used = l->used;
	}
}

/* Brings ranks up to date. True if they differ from before. */
static bool conclude(struct link_choice *c)
{
	struct carrying next = { 0 };
	uint64_t now = now_of(c);
	bool changed;
	int error = steering_rank(&c->steering, now, &next);

	set_timer(c, steering_next(&c->steering, now));
	if (error)
		return false;
	log_changes(c, now);
	changed = !carrying_equal(&next, &c->carrying);
	carrying_free(&c->carrying);
	c->carrying = next;
	return changed;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct link_choice *c = userdata;

	(void)s;
	(void)usec;
	if (conclude(c))
		c->fn(c->userdata);
	return 0;
}

/* Sooner than what the timer waits for. */
static void settle(struct link_choice *c)
{
	uint64_t when = now_of(c) + LINK_CHOICE_SETTLE;
	uint64_t due = 0;

	if (sd_event_source_get_enabled(c->timer, NULL) > 0 && sd_event_source_get_time(c->timer, &due) >= 0 && due <= when)
		return;
	set_timer(c, when);
}

/* Takes over what the link's probes say. */
static void take_probes(struct link_choice *c, struct steered *l, uint64_t now)
{
	struct probe_pace pace;
	const struct probe_window *w = prober_window(c->prober, l->if_id, &pace);

	if (w)
		steering_probe(
			l, true, w->proven, probe_window_unanswered(w, now, &pace), probe_window_fails(w, now, &pace), now);
	else
		steering_probe(l, false, false, 0, false, now);
}

static void on_probe(void *userdata, uint32_t if_id)
{
	struct link_choice *c = userdata;
	struct steered *l = steering_find(&c->steering, if_id);
	uint64_t now = now_of(c);
	enum steering_state before;

	if (!l)
		return;
	before = steering_state(l, now);
	take_probes(c, l, now);
	if (steering_state(l, now) != before)
		settle(c);
}

/* Every link with an SA is probed, the backup too. */
static void choose_probes(struct link_choice *c)
{
	struct prober_order *orders = calloc(c->steering.count + 1, sizeof(*orders));
	uint64_t now = now_of(c);
	size_t n = 0;
	int error = -ENOMEM;

	for (size_t i = 0; orders && i < c->steering.count; i++) {
		const struct steered *l = &c->steering.links[i];

		if (l->carries && l->apn->probe.target.family)
			orders[n++] = (struct prober_order){ .if_id = l->if_id, .probe = &l->apn->probe };
	}
	if (orders)
		error = prober_use(c->prober, orders, n);
	if (error)
		log_error("links cannot be probed: %s", strerror(-error));
	for (size_t i = 0; i < c->steering.count; i++)
		take_probes(c, &c->steering.links[i], now);
	free(orders);
}

int link_choice_new(sd_event *event, link_choice_fn fn, void *userdata, struct link_choice **ret)
{
	struct link_choice *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->event = sd_event_ref(event);
	c->fn = fn;
	c->userdata = userdata;
	r = prober_new(event, on_probe, c, &c->prober);
	if (r >= 0)
		r = sd_event_add_time(event, &c->timer, CLOCK_BOOTTIME, 0, 1, on_timer, c);
	if (r >= 0)
		r = sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
	if (r < 0) {
		link_choice_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void link_choice_use(struct link_choice *c, const struct model *model)
{
	int error = steering_use(&c->steering, model);

	if (error) { /* the old model is gone in a moment */
		log_error("links cannot be told apart, the order of each APN holds: %s", strerror(-error));
		steering_free(&c->steering);
	}
}

void link_choice_sas(struct link_choice *c, const struct carrying *sas)
{
	steering_carry(&c->steering, sas, now_of(c));
	choose_probes(c);
	conclude(c);
	if (c->steering.model)
		return;
	carrying_free(&c->carrying);
	for (size_t i = 0; i < sas->count; i++)
		carrying_put(&c->carrying, sas->links[i].if_id, 0);
}

void link_choice_silence(struct link_choice *c, const char *tunnel, bool silent)
{
	steering_silence(&c->steering, tunnel, silent, now_of(c));
	settle(c);
}

const struct carrying *link_choice_carrying(const struct link_choice *c)
{
	return &c->carrying;
}

bool link_choice_view(const struct link_choice *c, uint32_t if_id, struct link_choice_view *ret, struct buf *reason)
{
	static const char *const states[] = {
		[STEERING_DOWN] = "down",
		[STEERING_GOOD] = "good",
		[STEERING_UNPROVEN] = "unproven",
		[STEERING_HELD] = "held",
		[STEERING_SUSPECT] = "suspect",
	};
	const struct steered *l = steering_find(&c->steering, if_id);
	uint64_t now = now_of(c);
	const struct probe_window *w;
	struct probe_pace pace;
	struct steered as_of_now;

	if (!l)
		return false;
	as_of_now = *l;
	w = prober_window(c->prober, if_id, &pace);
	*ret = (struct link_choice_view){
		.used = l->used,
		.state = states[steering_state(l, now)],
		.seconds = l->since ? (now - l->since) / SECOND : 0,
		.sound = l->sound,
		.since = l->since,
		.probed = w != NULL,
		.proven = l->proven,
		.error = prober_error(c->prober, if_id),
	};
	if (w) {
		ret->sent = w->sent;
		ret->answered = w->answered;
		ret->late = w->late;
		ret->round_trip = w->round_trip;
		as_of_now.unanswered = probe_window_unanswered(w, now, &pace);
	}
	steering_reason(&as_of_now, now, reason);
	return true;
}

void link_choice_free(struct link_choice *c)
{
	if (!c)
		return;
	prober_free(c->prober);
	sd_event_source_disable_unref(c->timer);
	steering_free(&c->steering);
	carrying_free(&c->carrying);
	sd_event_unref(c->event);
	free(c);
}
