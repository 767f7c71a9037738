/*
 * Ten thousand tunnels, each with an IKE_SA and a CHILD_SA, live through some periods in model time; what is asserted
 * is the rate of rekeys from the end of the first period on, in every second, wherever the seconds begin.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ikev2/agenda.h"
#include "ikev2/lifetime.h"
#include "ikev2/spread.h"

enum {
	TUNNELS = 10000,
	KINDS = 2,
	PERIODS = 5,
	BEGIN = 5000000, /* ms; the clock does not begin with the tunnels */
	RISE = 60000, /* ms in which all of them rise */
	TICK = 100, /* ms: rekeys are counted in tenths of a second */
	SECONDS = (PERIODS + 1) * LIFETIME_REKEY_IKE,
};

static const double most = 1.5;

struct sa {
	struct agenda_item item; /* first */
	struct spread_slot slot;
	uint64_t born;
	size_t tunnel;
	int kind;
	bool by_peer; /* the peer rekeys it before we would */
};

struct world {
	struct spread *spread;
	struct agenda agenda;
	struct lifetime lifetimes[KINDS];
	struct sa sas[TUNNELS][KINDS];
	unsigned ticks[SECONDS * 10];
	uint64_t early, rekeys, together;
	unsigned wild; /* one of so many rekeys is the peer's, 0: none */
	unsigned churn; /* after one of so many a tunnel begins anew, 0: none */
};

static void plan(struct world *w, struct sa *sa, uint64_t now)
{
	const struct lifetime *l = &w->lifetimes[sa->kind];
	const struct sa *other = &w->sas[sa->tunnel][!sa->kind];
	struct spread_wish wish = {
		.soonest = now + lifetime_soonest(l),
		.usual = now + (l->rekey - l->jitter) * 1000,
		.last = now + l->rekey * 1000,
		.period = l->rekey * 1000,
		.others = &other->slot.at,
		.n_others = other->slot.at ? 1 : 0,
		.distance = 10000,
	};
	uint64_t due;

	spread_release(w->spread, &sa->slot);
	spread_take(w->spread, &wish, &sa->slot);
	assert_in_range(sa->slot.at, wish.soonest, wish.last);
	sa->born = now;
	w->early += sa->slot.at < wish.usual;
	if (other->slot.at)
		w->together += sa->slot.at / 1000 == other->slot.at / 1000;
	sa->by_peer = w->wild && (unsigned)rand() % w->wild == 0;
	due = sa->by_peer ? now + (uint64_t)rand() % (l->rekey * 1000) : sa->slot.at;
	assert_int_equal(agenda_put(&w->agenda, &sa->item, due), 0);
}

static struct world *world_new(uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->spread = spread_new(seed);
	assert_non_null(w->spread);
	w->lifetimes[0] = lifetime_for(LIFETIME_REKEY_IKE, 0);
	w->lifetimes[1] = lifetime_for(LIFETIME_REKEY_CHILD, 0);
	return w;
}

static void world_free(struct world *w)
{
	agenda_free(&w->agenda);
	spread_free(w->spread);
	free(w);
}

static void rise(struct world *w)
{
	for (size_t t = 0; t < TUNNELS; t++) {
		for (int kind = 0; kind < KINDS; kind++) {
			struct sa *sa = &w->sas[t][kind];
			sa->tunnel = t;
			sa->kind = kind;
			plan(w, sa, BEGIN + t * RISE / TUNNELS);
		}
	}
}

static void live(struct world *w)
{
	const uint64_t end = BEGIN + (uint64_t)PERIODS * LIFETIME_REKEY_IKE * 1000;

	for (struct sa *sa; (sa = (struct sa *)agenda_first(&w->agenda))->item.due < end;) {
		uint64_t now = sa->item.due;
		/* What peers do costs as well, but we do not choose when. */
		if (!sa->by_peer)
			w->ticks[(now - BEGIN) / TICK]++;
		w->rekeys++;
		if (w->churn && (unsigned)rand() % w->churn == 0) {
			plan(w, &w->sas[sa->tunnel][0], now + (uint64_t)rand() % 30000);
			plan(w, &w->sas[sa->tunnel][1], w->sas[sa->tunnel][0].born);
		} else {
			plan(w, sa, now);
		}
	}
}

/* Of the seconds of all phases from the first period on; prints what it finds. */
static double peak_over_mean(const struct world *w, const char *name)
{
	const size_t from = LIFETIME_REKEY_IKE * 10, to = (PERIODS - 1) * LIFETIME_REKEY_IKE * 10;
	unsigned sum = 0, peak = 0, total = 0;

	for (size_t i = from; i < to; i++) {
		sum += w->ticks[i];
		if (i >= from + 10)
			sum -= w->ticks[i - 10];
		if (i >= from + 10 && sum > peak)
			peak = sum;
		total += w->ticks[i];
	}
	double mean = total * 10.0 / (double)(to - from);
	print_message("%s: peak %u, mean %.2f a second, ratio %.2f; %.1f %% brought forward\n", name, peak, mean,
		peak / mean, 100.0 * (double)w->early / (double)w->rekeys);
	return peak / mean;
}

static void risen_together(void **state)
{
	struct world *w = world_new(1);

	(void)state;
	rise(w);
	live(w);
	assert_true(peak_over_mean(w, "risen together") <= most);
	/* An IKE_SA and a CHILD_SA of one tunnel never choose the same second. */
	assert_int_equal(w->together, 0);
	/* Once they are spread, rekeys are brought forward no more. */
	assert_true(w->early < w->rekeys / 2);
	world_free(w);
}

static void peers_rekey_themselves(void **state)
{
	struct world *w = world_new(2);

	(void)state;
	w->wild = 5;
	rise(w);
	live(w);
	assert_true(peak_over_mean(w, "a fifth rekeyed by peers") <= most);
	world_free(w);
}

static void tunnels_come_and_go(void **state)
{
	struct world *w = world_new(3);

	(void)state;
	w->churn = 10;
	rise(w);
	live(w);
	assert_true(peak_over_mean(w, "one in ten rises anew") <= most);
	world_free(w);
}

/* That the test can fail: without the calendar, random times in the window stay in step for long. */
static void random_times_do_not_do(void **state)
{
	struct world *w = world_new(4);
	uint64_t end = BEGIN + (uint64_t)PERIODS * LIFETIME_REKEY_IKE * 1000;

	(void)state;
	srand(4);
	for (size_t t = 0; t < TUNNELS; t++) {
		uint64_t now = BEGIN + t * RISE / TUNNELS;
		while ((now += 2100000 + (uint64_t)rand() % 300000) < end)
			w->ticks[(now - BEGIN) / TICK]++;
	}
	w->rekeys = 1;
	assert_true(peak_over_mean(w, "random") > 3);
	world_free(w);
}

/* A tunnel alone is rekeyed anywhere in its window, and nowhere else. */
static void alone_within_the_window(void **state)
{
	struct spread *s = spread_new(5);
	uint64_t lowest = UINT64_MAX, highest = 0;

	(void)state;
	assert_non_null(s);
	for (uint64_t i = 0; i < 1000; i++) {
		struct spread_wish wish = { .soonest = 300000, .usual = 2100000, .last = 2400000, .period = 2400000 };
		struct spread_slot slot;
		spread_take(s, &wish, &slot);
		assert_in_range(slot.at, wish.usual, wish.last);
		lowest = slot.at < lowest ? slot.at : lowest;
		highest = slot.at > highest ? slot.at : highest;
		spread_release(s, &slot);
		assert_int_equal(slot.at, 0);
	}
	assert_true(lowest < 2110000 && highest > 2390000);
	spread_free(s);
}

/* Windows of seconds, and such as have no second to themselves. */
static void fast_motion(void **state)
{
	struct spread *s = spread_new(6);
	struct spread_slot slots[300];

	(void)state;
	assert_non_null(s);
	for (uint64_t i = 0; i < 300; i++) {
		uint64_t born = 123456 + i * 7, others[] = { born + 3600, born + 3900 };
		struct spread_wish wish = { .soonest = born + 500,
			.usual = born + 3000,
			.last = born + 4000,
			.period = 4000,
			.others = others,
			.n_others = 2,
			.distance = 200 };
		spread_take(s, &wish, &slots[i]);
		assert_in_range(slots[i].at, wish.soonest, wish.last);
	}
	for (uint64_t i = 0; i < 300; i++)
		spread_release(s, &slots[i]);
	struct spread_wish moment = { .soonest = 999999, .usual = 999999, .last = 999999, .period = 1 };
	spread_take(s, &moment, &slots[0]);
	assert_int_equal(slots[0].at, 999999);
	spread_free(s);
}

static void the_same_seed_the_same_times(void **state)
{
	struct spread *a = spread_new(7), *b = spread_new(7), *c = spread_new(8);
	unsigned different = 0;

	(void)state;
	for (uint64_t i = 0; i < 100; i++) {
		struct spread_wish wish = { .soonest = 300000, .usual = 2100000 + i, .last = 2400000 + i, .period = 2400000 };
		struct spread_slot x, y, z;
		spread_take(a, &wish, &x);
		spread_take(b, &wish, &y);
		spread_take(c, &wish, &z);
		assert_int_equal(x.at, y.at);
		different += x.at != z.at;
	}
	assert_true(different > 50);
	spread_free(a);
	spread_free(b);
	spread_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(risen_together),
		cmocka_unit_test(peers_rekey_themselves),
		cmocka_unit_test(tunnels_come_and_go),
		cmocka_unit_test(random_times_do_not_do),
		cmocka_unit_test(alone_within_the_window),
		cmocka_unit_test(fast_motion),
		cmocka_unit_test(the_same_seed_the_same_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
