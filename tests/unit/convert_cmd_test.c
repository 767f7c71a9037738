/* culvert convert: which exit code, and what goes where. What it writes is tests/unit/convert_test.c's. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/cmd/cmd.h"
#include "tests/unit/said.h"

#include <string.h>

#define RUN(...) SAID_RUN(&said, cmd_convert, "convert", __VA_ARGS__)

static struct said said;

static void all_was_taken_over(void **state)
{
	(void)state;
	assert_int_equal(RUN("swanctl", "tests/convert/swanctl-apn.conf"), 0);
	assert_non_null(strstr(said.out, "carriers = ("));
	assert_string_equal(said.err, "");
}

/* The words name what people have; the text tells which of the two it is. */
static void something_was_not(void **state)
{
	static const char *const words[] = { "swanctl", "ipsec" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(RUN(words[i], "tests/convert/ipsec-mixed.conf"), 3);
		assert_non_null(strstr(said.out, "carriers = ("));
		assert_non_null(strstr(said.out, "#   tests/convert/ipsec-mixed.conf:1: include: "));
		assert_non_null(strstr(said.err, "tests/convert/ipsec-mixed.conf:1: include: "));
	}
}

static void nothing_can_be_made_of_it(void **state)
{
	static const char *const paths[] = { "tests/convert/bad-quote.conf", "tests/convert/none.conf", "tests/convert" };

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(RUN("swanctl", paths[i]), EXIT_BAD);
		assert_string_equal(said.out, "");
		assert_non_null(strstr(said.err, paths[i]));
	}
}

static void wrong_usage(void **state)
{
	(void)state;
	assert_int_equal(RUN("swanctl"), EXIT_USAGE);
	assert_int_equal(RUN("racoon", "tests/convert/swanctl-apn.conf"), EXIT_USAGE);
	assert_int_equal(RUN("swanctl", "--help"), EXIT_USAGE);
	assert_int_equal(RUN("swanctl", "a", "b"), EXIT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_was_taken_over),
		cmocka_unit_test(something_was_not),
		cmocka_unit_test(nothing_can_be_made_of_it),
		cmocka_unit_test(wrong_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
