/* The two wall texts of a preview. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/preview.h"

static void assert_walls(const char *old, const char *next, const char *expected)
{
	struct buf out = { 0 };

	assert_int_equal(preview_walls(old, next, &out), 0);
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
}

static void only_what_differs(void **state)
{
	(void)state;
	assert_walls("a\nb\n", "b\na\n", "");
	assert_walls("# one\n\ta\n", "# two\na\n\n", "");
	assert_walls("a\nc\n", "b\nc\n", "- a\n+ b\n");
	assert_walls("a\n", "a\na\n", "+ a\n");
	assert_walls("", "", "");
}

static void elements_are_short(void **state)
{
	(void)state;
	assert_walls("add element inet culvert pool4 { \"culv-x1\" . 10.64.0.0/16 }\n", "",
		"- pool4 { \"culv-x1\" . 10.64.0.0/16 }\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_differs),
		cmocka_unit_test(elements_are_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
