#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ikev2/lifetime.h"

#include <limits.h>

static void retransmissions_add_up(void **state)
{
	const struct retransmission stock = { .timeout = 4.0, .base = 1.8, .tries = 5 }; /* strongSwan's documented 165 s */
	const struct retransmission once = { .timeout = 3.0, .base = 2.0, .tries = 0 };

	(void)state;
	assert_in_range((uintmax_t)retransmission_total(&stock), 165, 165);
	assert_in_range((uintmax_t)retransmission_total(&once), 3, 3);
	assert_in_range((uintmax_t)retransmission_total(&retransmission_default), 40, 60);
}

static void defaults_keep_the_rule(void **state)
{
	struct lifetime ike = lifetime_for(LIFETIME_REKEY_IKE, 0), child = lifetime_for(LIFETIME_REKEY_CHILD, 0);

	(void)state;
	assert_null(lifetime_check(&ike, &retransmission_default));
	assert_null(lifetime_check(&child, &retransmission_default));
	assert_int_equal(ike.ceiling, LIFETIME_CEILING);
	assert_int_equal(child.ceiling, LIFETIME_CEILING);
	assert_int_equal(child.jitter, 300);
}

/* For every rekey time: what is let through ends in time, whatever the peer does, and leaves room to give a rekey up.
 */
static void whatever_passes_is_under_an_hour(void **state)
{
	double total = retransmission_total(&retransmission_default);
	unsigned passed = 0;

	(void)state;
	for (unsigned rekey = 0; rekey <= 2 * LIFETIME_LIMIT; rekey++) {
		struct lifetime l = lifetime_for(rekey, 0);
		if (lifetime_check(&l, &retransmission_default))
			continue;
		passed++;
		assert_int_equal(l.rekey, rekey);
		assert_true(l.ceiling < LIFETIME_LIMIT);
		assert_true(rekey + total <= l.ceiling);
		assert_true(l.jitter < rekey);
	}
	assert_int_equal(passed, 3427 - LIFETIME_REKEY_MIN + 1);
}

static void each_break_is_named(void **state)
{
	static const struct lifetime broken[] = {
		{ .rekey = 1, .jitter = 0, .ceiling = 600 },
		{ .rekey = 60, .jitter = 60, .ceiling = 600 },
		{ .rekey = 60, .jitter = 6, .ceiling = 3600 },
		{ .rekey = 3428, .jitter = 6, .ceiling = 3480 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		assert_non_null(lifetime_check(&broken[i], &retransmission_default));
	/* The same rekey time passes where a silent peer is given up sooner. */
	assert_null(lifetime_check(&broken[3], &(struct retransmission){ .timeout = 1, .base = 1, .tries = 5 }));
}

static void short_rekeys_have_short_ceilings(void **state)
{
	(void)state;
	assert_int_equal(lifetime_for(30, 0).ceiling, 180);
	assert_int_equal(lifetime_for(600, 0).ceiling, 1320);
	assert_int_equal(lifetime_for(1680, 0).ceiling, LIFETIME_CEILING);
	assert_int_equal(lifetime_for(3000, 0).ceiling, LIFETIME_CEILING);
}

/* From rekey to the kernel's limit, each comes after the one before, whatever the operator has written. */
static void one_after_the_other(void **state)
{
	static const struct lifetime lifetimes[] = {
		{ .rekey = LIFETIME_REKEY_CHILD, .jitter = 300, .ceiling = LIFETIME_CEILING },
		{ .rekey = 4, .jitter = 1, .ceiling = 10 },
		{ .rekey = 2, .jitter = 1, .ceiling = 3 },
		{ .rekey = 3000, .jitter = 375, .ceiling = LIFETIME_LIMIT - 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lifetimes) / sizeof(lifetimes[0]); i++) {
		const struct lifetime *l = &lifetimes[i];
		assert_true(lifetime_soonest(l) < l->rekey * 1000);
		assert_true(l->rekey * 1000 < lifetime_farewell(l));
		assert_true(lifetime_farewell(l) < lifetime_end(l));
		assert_int_equal(lifetime_end(l), l->ceiling * 1000);
		assert_true(l->ceiling <= lifetime_kernel(l) && lifetime_kernel(l) < LIFETIME_LIMIT);
	}
	assert_int_equal(lifetime_farewell(&lifetimes[0]), 3470000);
	assert_int_equal(lifetime_kernel(&lifetimes[0]), 3485);
	assert_int_equal(lifetime_kernel(&lifetimes[3]), 3599);
}

/* Pauses grow to a bound, and many fit before the farewell even when each is as long as it can be. */
static void pauses(void **state)
{
	static const struct lifetime lifetimes[] = {
		{ .rekey = LIFETIME_REKEY_CHILD, .jitter = 300, .ceiling = LIFETIME_CEILING },
		{ .rekey = LIFETIME_REKEY_IKE, .jitter = 345, .ceiling = LIFETIME_CEILING },
		{ .rekey = 4, .jitter = 1, .ceiling = 10 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lifetimes) / sizeof(lifetimes[0]); i++) {
		const struct lifetime *l = &lifetimes[i];
		uint64_t age = l->rekey * 1000, before = 0;
		unsigned tries = 0;
		for (; age < lifetime_farewell(l); age += before) {
			uint64_t pause = lifetime_pause(l, ++tries, 0);
			assert_true(pause >= before && pause > 0);
			assert_in_range(lifetime_pause(l, tries, 1023), pause / 2, pause);
			before = pause;
		}
		assert_in_range(tries, 8, 30);
	}
	assert_int_equal(lifetime_pause(&lifetimes[0], 1, 0), 2000);
	assert_int_equal(lifetime_pause(&lifetimes[0], 1000000, 0), 60000);
}

static void culvertd_waits_for_the_others_but_not_to_the_limit(void **state)
{
	struct lifetime l = { 0 };

	(void)state;
	for (; l.ceiling <= 2 * LIFETIME_LIMIT; l.ceiling++) {
		assert_true(lifetime_watch(&l) < LIFETIME_LIMIT);
		if (l.ceiling <= 3580)
			assert_true(lifetime_watch(&l) > lifetime_kernel(&l) && lifetime_kernel(&l) > l.ceiling);
	}
	l.ceiling = UINT_MAX;
	assert_int_equal(lifetime_watch(&l), LIFETIME_LIMIT - 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(retransmissions_add_up),
		cmocka_unit_test(defaults_keep_the_rule),
		cmocka_unit_test(whatever_passes_is_under_an_hour),
		cmocka_unit_test(each_break_is_named),
		cmocka_unit_test(short_rekeys_have_short_ceilings),
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(pauses),
		cmocka_unit_test(culvertd_waits_for_the_others_but_not_to_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
