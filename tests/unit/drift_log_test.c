/* What others changed: the last cases are kept, and who goes on and on is looked at less often. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/drift_log.h"

#include <stdio.h>
#include <string.h>

enum { SECOND = 1000 * 1000 };

static void the_newest_come_first_and_the_oldest_go(void **state)
{
	struct drift_log log = { 0 };
	struct drifts found = { 0 };

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		found.count = 1;
		snprintf(found.items[0].what, sizeof(found.items[0].what), "thing %u", i);
		found.items[0].repaired = i % 2;
		drift_log_add(&log, &found, (i + 1) * (uint64_t)SECOND);
	}
	found.count = 0;
	found.dropped = 5;
	drift_log_add(&log, &found, 21 * (uint64_t)SECOND);
	json_t *json = drift_log_json(&log, 22 * (uint64_t)SECOND, NULL, 0);
	json_t *last = json_object_get(json, "last");
	assert_int_equal(json_integer_value(json_object_get(json, "count")), 25);
	assert_int_equal(json_array_size(last), DRIFT_LOG_KEPT);
	json_t *first = json_array_get(last, 0);
	assert_string_equal(json_string_value(json_object_get(first, "what")), "thing 19");
	assert_int_equal(json_integer_value(json_object_get(first, "age")), 2);
	assert_true(json_is_true(json_object_get(first, "repaired")));
	assert_true(json_is_false(json_object_get(json_array_get(last, 1), "repaired")));
	assert_true(json_is_null(json_object_get(first, "by")));
	json_decref(json);
	drift_log_settled(&log, false);
	json = drift_log_json(&log, 22 * (uint64_t)SECOND, NULL, 0);
	assert_true(json_is_true(json_object_get(json_array_get(json_object_get(json, "last"), 1), "repaired")));
	json_decref(json);
}

static void strangers_are_listed(void **state)
{
	static const char *const strangers[] = { "table ip nat, chain post" };
	struct drift_log log = { 0 };
	json_t *json = drift_log_json(&log, 0, strangers, 1);

	(void)state;
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(json, "foreign_chains"), 0)), "table ip nat, chain post");
	json_decref(json);
}

static void the_first_look_of_a_quiet_time_is_at_once(void **state)
{
	struct drift_log log = { 0 };
	uint64_t now = 100 * (uint64_t)SECOND, looks = 0, end = now + 60 * (uint64_t)SECOND;

	(void)state;
	assert_int_equal(drift_log_wait(&log, now), 0);
	drift_log_looked(&log, now);
	assert_int_equal(drift_log_wait(&log, now), DRIFT_LOG_SETTLE);
	assert_int_equal(drift_log_wait(&log, now + 1000), DRIFT_LOG_SETTLE - 1000);
	/* Somebody changes something all the time, for a minute. */
	for (; now < end; looks++) {
		uint64_t wait = drift_log_wait(&log, now);
		assert_true(wait <= DRIFT_LOG_PATIENCE);
		now += wait;
		drift_log_looked(&log, now);
	}
	assert_in_range(looks, 10, 20);
	assert_int_equal(drift_log_wait(&log, now), DRIFT_LOG_PATIENCE);
	now += 2 * (uint64_t)DRIFT_LOG_PATIENCE;
	assert_int_equal(drift_log_wait(&log, now), 0);
	drift_log_looked(&log, now);
	assert_int_equal(drift_log_wait(&log, now), DRIFT_LOG_SETTLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_come_first_and_the_oldest_go),
		cmocka_unit_test(strangers_are_listed),
		cmocka_unit_test(the_first_look_of_a_quiet_time_is_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
