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
	bool narrower;

	assert_int_equal(preview_walls(old, next, &out, &narrower), 0);
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

static void what_is_said_elsewhere_is_not_said_again(void **state)
{
	(void)state;
	assert_walls("table inet culvert { chain in_1001 { ct zone set 1; ip saddr 10.64.0.0/16 accept; }; }\n"
				 "table inet culvert { chain begin_1001 { ct count over 9 drop; }; }\n",
		"add element inet culvert arrive { \"culv-x1\" : jump in_1001 }\n"
		"add element inet culvert path { \"culv-x1\" . \"eth1\" }\n"
		"add element inet culvert way { \"culv-x1\" . \"eth1\" : jump up }\n",
		"+ path { \"culv-x1\" . \"eth1\" }\n- table inet culvert { chain begin_1001 { ct count over 9 drop; }; }\n");
}

#define SERVICE(ports) "add element inet culvert service4 { \"culv-x1\" . 10.110.0.5 . udp . " ports " }\n"
#define RANGE(ports)   "add element inet culvert service4_range { \"culv-x1\" . 10.110.0.5 . udp . " ports " }\n"

static void assert_narrower(const char *old, const char *next, bool expected)
{
	struct buf out = { 0 };
	bool narrower = !expected;

	assert_int_equal(preview_walls(old, next, &out, &narrower), 0);
	assert_int_equal(narrower, expected);
	buf_free(&out);
}

static void what_goes_closes_unless_it_is_widened(void **state)
{
	(void)state;
	assert_narrower(SERVICE("5684"), SERVICE("5684") SERVICE("5686"), false);
	assert_narrower(SERVICE("5684"), RANGE("5684-5685"), false);
	assert_narrower(SERVICE("5684") SERVICE("5686"), RANGE("5684-5686"), false);
	assert_narrower(RANGE("5684-5685"), SERVICE("5684"), true);
	assert_narrower(SERVICE("5684"), SERVICE("5685"), true);
	assert_narrower(SERVICE("568"), RANGE("5684-5690"), true);
	assert_narrower(SERVICE("5684"), "", true);
	assert_narrower("add element inet culvert path { \"culv-x1\" . \"eth1\" }\n", "", true);
	assert_narrower("", SERVICE("5684"), false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_differs),
		cmocka_unit_test(elements_are_short),
		cmocka_unit_test(what_is_said_elsewhere_is_not_said_again),
		cmocka_unit_test(what_goes_closes_unless_it_is_widened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
