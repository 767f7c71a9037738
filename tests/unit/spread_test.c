/* What a calendar of rekeys promises: that they are even, and within their windows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ikev2/spread.h"
#include "tests/unit/rekey_world.h"

enum { TUNNELS = 10000 };

static const double most = 1.5;

/* Lets a world live, frees it, and returns its peak over its mean; ret_early: the share that was brought forward. */
static double ratio_of(struct world *w, const char *name, double *ret_early)
{
	world_live(w);
	struct world_rate rate = world_rate(w);
	*ret_early = (double)w->early / (double)w->rekeys;
	print_message("%s: peak %u, mean %.2f a second, ratio %.2f; %.0f %% brought forward\n", name, rate.peak, rate.mean,
		rate.peak / rate.mean, *ret_early * 100);
	/* An IKE_SA and a CHILD_SA of one tunnel never choose the same second. */
	assert_int_equal(w->together, 0);
	world_free(w);
	return rate.peak / rate.mean;
}

static void risen_together(void **state)
{
	double early;

	(void)state;
	assert_true(ratio_of(world_new(TUNNELS, false, 1), "risen together", &early) <= most);
	/* Once they are spread, few are. */
	assert_true(early < 0.25);
}

static void peers_rekey_themselves(void **state)
{
	struct world *w = world_new(TUNNELS, false, 2);
	double early;

	(void)state;
	w->wild = 5;
	assert_true(ratio_of(w, "a fifth rekeyed by peers", &early) <= most);
}

static void tunnels_come_and_go(void **state)
{
	struct world *w = world_new(TUNNELS, false, 3);
	double early;

	(void)state;
	w->churn = 10;
	assert_true(ratio_of(w, "one in ten rises anew", &early) <= most);
}

/* That the test can fail: without the calendar, random times stay in step for long. */
static void random_times_do_not_do(void **state)
{
	double early;

	(void)state;
	assert_true(ratio_of(world_new(TUNNELS, true, 4), "random", &early) > 3);
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
