/* A wall clock that is set, forth and back, under SAs that the kernel stamps by it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/sa_clock.h"
#include "lib/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define S(seconds) ((seconds) * (int64_t)1000000000)

enum { WALL = 1700000000, TWO_HOURS = 7200 };

/* The clocks at boot + seconds, the wall clock set by so much. */
static bool look(struct sa_clock *c, int64_t boot, int64_t set)
{
	return sa_clock_observe(c, S(boot), S(WALL + boot + set));
}

/* What the kernel stamps then, read now. */
static uint64_t read_back(const struct sa_clock *c, int64_t boot, int64_t set)
{
	return sa_clock_boot_time(c, (uint64_t)(WALL + boot + set));
}

static void a_steady_clock_is_believed(void **state)
{
	struct sa_clock c = { 0 };

	(void)state;
	assert_false(look(&c, 100, 0));
	assert_false(look(&c, 5000, 0));
	assert_int_equal(read_back(&c, 100, 0), 100);
	assert_int_equal(read_back(&c, 4711, 0), 4711);
	assert_int_equal(read_back(&c, 5001, 0), 5001);
	assert_int_equal(c.count, 1);
}

static void what_was_before_anybody_looked_is_as_old_as_the_boot(void **state)
{
	struct sa_clock c = { 0 };

	(void)state;
	assert_int_equal(read_back(&c, 50, 0), 0);
	look(&c, 100, 0);
	assert_int_equal(read_back(&c, 50, 0), 0);
	assert_int_equal(read_back(&c, 50, TWO_HOURS), 0);
	assert_int_equal(read_back(&c, 50, -TWO_HOURS), 0);
	assert_int_equal(sa_clock_boot_time(&c, 0), 0);
	assert_int_equal(sa_clock_boot_time(&c, UINT64_MAX), 0);
}

static void each_step_begins_an_epoch(void **state)
{
	const int64_t steps[] = { TWO_HOURS, -TWO_HOURS };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct sa_clock c = { 0 };
		look(&c, 100, 0);
		look(&c, 999, 0);
		assert_true(look(&c, 1000, steps[i]));
		assert_false(look(&c, 2000, steps[i]));
		assert_true(look(&c, 2001, 0));
		look(&c, 3000, 0);
		assert_int_equal(read_back(&c, 500, 0), 500);
		assert_int_equal(read_back(&c, 1500, steps[i]), 1500);
		assert_int_equal(read_back(&c, 2500, 0), 2500);
	}
}

/* Small steps could be read in two ways: the older one holds. */
static void never_younger_than_it_is(void **state)
{
	(void)state;
	srandom(1);
	for (int round = 0; round < 2000; round++) {
		struct sa_clock c = { 0 };
		int64_t made[200], set_then[200], set = 0, boot = 10;
		size_t n = 0;
		look(&c, boot, 0);
		while (n < 200) {
			if (random() % 20 == 0) {
				set += random() % 400 - 200;
				look(&c, boot, set);
			}
			boot += random() % 10;
			look(&c, boot, set);
			made[n] = boot;
			set_then[n++] = set;
		}
		for (size_t i = 0; i < n; i++)
			assert_true(read_back(&c, made[i], set_then[i]) <= (uint64_t)made[i]);
	}
}

static void set_while_nobody_looked_both_readings_hold(void **state)
{
	struct sa_clock c = { 0 };

	(void)state;
	look(&c, 100, 0);
	look(&c, 1000, 0);
	look(&c, 4000, 600); /* set at some time since 1000 */
	assert_int_equal(read_back(&c, 1200, 0), 1200); /* read with the later offset it would be 600: before 1000 */
	assert_int_equal(read_back(&c, 3000, 0), 2400);
	assert_int_equal(read_back(&c, 3000, 600), 3000);
	assert_int_equal(read_back(&c, 3600, 600), 3600);
}

static void synchronisation_is_followed(void **state)
{
	struct sa_clock c = { 0 };

	(void)state;
	/* 500 parts in a million, the most that a clock is slewed by. */
	for (int64_t boot = 0; boot <= 7200; boot += 10)
		sa_clock_observe(&c, S(boot), S(WALL + boot) + boot * 500000);
	assert_in_range(c.count, 2, 8);
	for (uint64_t boot = 100; boot <= 7200; boot += 10)
		assert_in_range(sa_clock_boot_time(&c, WALL + boot + boot / 2000), boot - 2, boot + 1);
}

static void the_latest_epochs_are_remembered(void **state)
{
	struct sa_clock c = { 0 };

	(void)state;
	for (int64_t i = 0; i < 100; i++)
		look(&c, 100 + i, i * 100);
	assert_int_equal(c.count, SA_CLOCK_EPOCHS);
	assert_int_equal(read_back(&c, 110, 1000), 0);
	assert_int_equal(read_back(&c, 195, 9500), 195);
}

static void the_next_process_knows_the_same(void **state)
{
	struct sa_clock c = { 0 }, next = { 0 };
	struct buf text = { 0 };

	(void)state;
	for (int64_t i = 0; i < 10; i++)
		look(&c, 100 + 10 * i, i % 2 ? TWO_HOURS : -TWO_HOURS);
	sa_clock_print(&c, &text);
	assert_int_equal(sa_clock_parse(buf_text(&text), S(190), &next), 0);
	assert_memory_equal(&next, &c, sizeof(c));
	/* From a later time than is: of another boot. */
	assert_int_equal(sa_clock_parse(buf_text(&text), S(189), &next), -EBADMSG);
	/* Cut short anywhere but behind a line. */
	for (size_t len = 0; len < text.len; len++) {
		char *cut = strndup(buf_text(&text), len);
		int r = sa_clock_parse(cut, S(190), &next);
		assert_int_equal(r, len && cut[len - 1] == '\n' ? 0 : -EBADMSG);
		free(cut);
	}
	buf_free(&text);
}

static void nonsense_is_refused(void **state)
{
	static const char *const texts[] = { "", "\n", "1 2\n", "2 1 0\n", "-1 1 0\n", "1 2 3 4\n", "a b c\n", "1 2 3",
		"5 6 0\n1 2 0\n", "999999999999999999999999 2 3\n", "1 2 99999999999999999999999999\n" };
	const struct sa_clock untouched = { .count = 3 };
	struct sa_clock c = untouched;
	struct buf many = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(sa_clock_parse(texts[i], INT64_MAX, &c), -EBADMSG);
	for (int i = 0; i <= SA_CLOCK_EPOCHS; i++)
		buf_puts(&many, "1 2 3\n");
	assert_int_equal(sa_clock_parse(buf_text(&many), INT64_MAX, &c), -EBADMSG);
	assert_memory_equal(&c, &untouched, sizeof(c));
	buf_free(&many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_steady_clock_is_believed),
		cmocka_unit_test(what_was_before_anybody_looked_is_as_old_as_the_boot),
		cmocka_unit_test(each_step_begins_an_epoch),
		cmocka_unit_test(never_younger_than_it_is),
		cmocka_unit_test(set_while_nobody_looked_both_readings_hold),
		cmocka_unit_test(synchronisation_is_followed),
		cmocka_unit_test(the_latest_epochs_are_remembered),
		cmocka_unit_test(the_next_process_knows_the_same),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests_name("sa_clock", tests, NULL, NULL);
}
