#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ikev2/lifetime.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(retransmissions_add_up),
		cmocka_unit_test(defaults_keep_the_rule),
		cmocka_unit_test(whatever_passes_is_under_an_hour),
		cmocka_unit_test(each_break_is_named),
		cmocka_unit_test(short_rekeys_have_short_ceilings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
