#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/report.h"

static void keeps_failures_and_names_missing_interfaces_once(void **state)
{
	struct report r = { 0 };

	(void)state;
	report_failure(&r, "route %d", 1);
	report_missing(&r, "eth1");
	report_missing(&r, "eth2");
	report_missing(&r, "eth1");
	assert_int_equal(r.failed, 1);
	assert_int_equal(r.pending, 2);
	assert_int_equal(r.count, 3);
	assert_string_equal(r.entries[0].text, "route 1");
	assert_false(r.entries[0].pending);
	assert_string_equal(r.entries[1].text, "interface eth1 is missing");
	assert_true(r.entries[1].pending);
	report_free(&r);
	assert_int_equal(r.count, 0);
	report_free(NULL);
}

static void counts_what_it_does_not_keep(void **state)
{
	struct report r = { 0 };

	(void)state;
	for (int i = 0; i < REPORT_MAX + 5; i++)
		report_failure(&r, "%d", i);
	assert_int_equal(r.count, REPORT_MAX);
	assert_int_equal(r.dropped, 5);
	assert_int_equal(r.failed, REPORT_MAX + 5);
	report_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_failures_and_names_missing_interfaces_once),
		cmocka_unit_test(counts_what_it_does_not_keep),
	};
	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
