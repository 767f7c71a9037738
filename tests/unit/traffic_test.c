/* What two readings of a link's counters say, and what many say together. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/traffic.h"

static const uint64_t patience = 750;

static struct traffic_view view;

static int start(void **state)
{
	(void)state;
	view = (struct traffic_view){ 0 };
	return 0;
}

static void read_at(uint64_t time, uint64_t out, uint64_t in)
{
	traffic_take(&view, &(struct traffic){ .out = out, .in = in }, time);
}

static void a_step_is_what_happened_between_two_readings(void **state)
{
	static const struct {
		struct traffic before, after;
		enum traffic_step step;
	} cases[] = {
		{ { 5, 5 }, { 5, 5 }, TRAFFIC_NONE },
		{ { 5, 5 }, { 6, 5 }, TRAFFIC_OUT },
		{ { 5, 5 }, { 5, 6 }, TRAFFIC_HEARD },
		{ { 5, 5 }, { 900, 6 }, TRAFFIC_HEARD },
		/* Another interface by the same name. */
		{ { 5, 5 }, { 0, 0 }, TRAFFIC_NONE },
		{ { 5, 5 }, { 900, 0 }, TRAFFIC_NONE },
		{ { 5, 5 }, { 0, 900 }, TRAFFIC_NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(traffic_step(&cases[i].before, &cases[i].after), cases[i].step);
}

static void traffic_both_ways_is_not_one_sided(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 100; i++) {
		read_at(1000 + i * 250, i * 10, i);
		assert_false(traffic_one_sided(&view, 1000 + i * 250, patience));
	}
	assert_int_equal(view.heard, 1000 + 99 * 250);
}

static void what_was_sent_before_the_first_reading_says_nothing(void **state)
{
	(void)state;
	read_at(1000, 500, 0);
	read_at(9000, 500, 0);
	assert_false(traffic_one_sided(&view, 9000, patience));
}

static void one_way_for_long_enough(void **state)
{
	(void)state;
	read_at(1000, 1, 1);
	read_at(1250, 2, 1);
	assert_false(traffic_one_sided(&view, 1250, patience));
	read_at(1500, 3, 1);
	assert_false(traffic_one_sided(&view, 1500, patience));
	read_at(1750, 4, 1);
	assert_true(traffic_one_sided(&view, 1750, patience));
}

/* One packet, to which nothing comes, is enough. */
static void silence_behind_it_counts(void **state)
{
	(void)state;
	read_at(1000, 1, 1);
	read_at(1250, 2, 1);
	read_at(1500, 2, 1);
	read_at(1750, 2, 1);
	assert_true(traffic_one_sided(&view, 1750, patience));
}

static void what_comes_in_ends_it(void **state)
{
	(void)state;
	read_at(1000, 1, 1);
	read_at(1250, 2, 1);
	read_at(1500, 3, 2);
	read_at(2500, 3, 2);
	assert_false(traffic_one_sided(&view, 2500, patience));
	read_at(2750, 4, 2);
	assert_false(traffic_one_sided(&view, 2750, patience));
	assert_true(traffic_one_sided(&view, 3250, patience));
}

static void asked_once_for_what_was_sent(void **state)
{
	(void)state;
	read_at(1000, 1, 1);
	read_at(1250, 2, 1);
	read_at(2000, 2, 1);
	assert_true(traffic_one_sided(&view, 2000, patience));
	traffic_excuse(&view);
	read_at(60000, 2, 1);
	assert_false(traffic_one_sided(&view, 60000, patience));
	read_at(60250, 3, 1);
	assert_true(traffic_one_sided(&view, 60750, patience));
}

static void an_interface_made_anew_begins_anew(void **state)
{
	(void)state;
	read_at(1000, 100, 100);
	read_at(1250, 0, 0);
	read_at(3000, 0, 0);
	assert_false(traffic_one_sided(&view, 3000, patience));
	read_at(3250, 1, 0);
	assert_true(traffic_one_sided(&view, 4000, patience));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_step_is_what_happened_between_two_readings, start),
		cmocka_unit_test_setup(traffic_both_ways_is_not_one_sided, start),
		cmocka_unit_test_setup(what_was_sent_before_the_first_reading_says_nothing, start),
		cmocka_unit_test_setup(one_way_for_long_enough, start),
		cmocka_unit_test_setup(silence_behind_it_counts, start),
		cmocka_unit_test_setup(what_comes_in_ends_it, start),
		cmocka_unit_test_setup(asked_once_for_what_was_sent, start),
		cmocka_unit_test_setup(an_interface_made_anew_begins_anew, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
