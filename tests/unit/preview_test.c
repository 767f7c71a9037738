/* The two wall texts of a preview. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/preview.h"
#include "conf/model.h"

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

#define POOL(pool)         "add element inet culvert pool4 { \"culv-x1\" . " pool " }\n"
#define ZONE(pool, zone)   "add element inet culvert zone4_1001 { " pool " : " zone " }\n"
#define SHOWN(shown, pool) "add element inet culvert real4 { \"eth1\" . " shown " : " pool " }\n"

static void a_wider_prefix_closes_nothing(void **state)
{
	(void)state;
	assert_narrower(POOL("10.64.0.0/16"), POOL("10.64.0.0/15"), false);
	assert_narrower(POOL("10.64.0.0/17") POOL("10.64.128.0/17"), POOL("10.64.0.0/16"), false);
	assert_narrower(POOL("10.64.0.0/15"), POOL("10.64.0.0/16"), true);
	assert_narrower(POOL("10.64.0.0/16"), POOL("10.66.0.0/15"), true);
	assert_narrower(POOL("10.64.0.0/16"), "add element inet culvert pool4 { \"culv-x2\" . 10.64.0.0/15 }\n", true);
	assert_narrower(POOL("10.64.0.0/16"), "add element inet culvert allow4 { \"culv-x1\" . 10.64.0.0/15 }\n", true);
	assert_narrower("add element inet culvert pool6 { \"culv-x1\" . fd00:64::/48 }\n",
		"add element inet culvert pool6 { \"culv-x1\" . fd00:64::/32 }\n", false);
	assert_narrower("add element inet culvert allow4 { 198.51.100.0/24 }\n",
		"add element inet culvert allow4 { 198.51.0.0/16 }\n", false);
	assert_narrower(ZONE("10.64.0.0/16", "5"), ZONE("10.64.0.0/15", "5"), false);
	/* Its packets would be another APN's. */
	assert_narrower(ZONE("10.64.0.0/16", "5"), ZONE("10.64.0.0/15", "6"), true);
	/* Devices would be shown by other addresses. */
	assert_narrower(SHOWN("172.16.0.0/16", "10.65.0.0/16"), SHOWN("172.16.0.0/15", "10.64.0.0/15"), true);
}

#define LIMITED(packets, begin)                                                                                        \
	"add limit inet culvert packets_1001_" packets " { rate over " packets "/second burst " packets " packets; }\n"    \
	"add element inet culvert packets { \"culv-x1\" : \"packets_1001_" packets "\" }\n"                                \
	"table inet culvert { chain begin_1001 { " begin " }; }\n"                                                         \
	"add element inet culvert begin { \"culv-x1\" : jump begin_1001 }\n"
#define PROBE(target) "add element inet culvert probe4 { \"culv-x1\" . " target " . 10.110.0.4 }\n"

/* Their values are in names, which come and go. */
static void limits_and_probes_are_no_part_of_it(void **state)
{
	(void)state;
	assert_narrower(LIMITED("100", "ct count over 9 drop;"), LIMITED("200", "ct count over 10 drop;"), false);
	assert_narrower(LIMITED("100", "ct count over 9 drop;"), "", false);
	assert_narrower("add ct timeout inet culvert udp4_1001_60 { protocol udp; }\n",
		"add ct timeout inet culvert udp4_1001_90 { protocol udp; }\n", false);
	assert_narrower(PROBE("10.64.0.1"), PROBE("10.64.0.2"), false);
}

/* An APN with these limits, and whether one with the others closes anything. */
static void assert_limits(const struct apn *was, const struct apn *is, bool expected)
{
	char name[] = "a", other[] = "b";
	struct apn now_apns[] = { { .name = other, .limits = { 1, 1 } }, *was };
	struct apn next_apns[] = { *is };
	struct model now = { .apns = now_apns, .n_apns = 2 }, next = { .apns = next_apns, .n_apns = 1 };
	bool narrower = !expected;

	now_apns[1].name = next_apns[0].name = name;
	assert_int_equal(preview_limits(&now, &next, &narrower), 0);
	assert_int_equal(narrower, expected);
}

#define apn_with(...) (&(struct apn){ __VA_ARGS__ })

static void only_a_lower_limit_closes(void **state)
{
	(void)state;
	assert_limits(apn_with(.limits = { 10, 100 }), apn_with(.limits = { 10, 100 }), false);
	assert_limits(apn_with(.limits = { 10, 100 }), apn_with(.limits = { 11, 200 }), false);
	assert_limits(apn_with(.limits = { 10, 100 }), apn_with(.limits = { 0, 0 }), false);
	assert_limits(apn_with(.limits = { 10, 100 }), apn_with(.limits = { 9, 100 }), true);
	assert_limits(apn_with(.limits = { 10, 100 }), apn_with(.limits = { 10, 99 }), true);
	assert_limits(apn_with(.limits = { 0, 0 }), apn_with(.limits = { 0, 100 }), true);
	assert_limits(apn_with(.limits = { 0, 0 }), apn_with(.limits = { 10, 0 }), true);
	assert_limits(apn_with(.udp_timeout = 60), apn_with(.udp_timeout = 90), false);
	assert_limits(apn_with(.udp_timeout = 60), apn_with(.udp_timeout = 0), false); /* the usual one */
	assert_limits(apn_with(.udp_timeout = 90), apn_with(.udp_timeout = 60), true);
	assert_limits(apn_with(.udp_timeout = 0), apn_with(.udp_timeout = 60), true);
}

static void limits_of_a_new_apn_close_nothing(void **state)
{
	struct apn apns[] = { { .name = (char[]){ "new" }, .limits = { 1, 1 }, .udp_timeout = 30 } };
	struct model now = { 0 }, next = { .apns = apns, .n_apns = 1 };
	bool narrower = true;

	(void)state;
	assert_int_equal(preview_limits(&now, &next, &narrower), 0);
	assert_false(narrower);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_differs),
		cmocka_unit_test(elements_are_short),
		cmocka_unit_test(what_is_said_elsewhere_is_not_said_again),
		cmocka_unit_test(what_goes_closes_unless_it_is_widened),
		cmocka_unit_test(a_wider_prefix_closes_nothing),
		cmocka_unit_test(limits_and_probes_are_no_part_of_it),
		cmocka_unit_test(only_a_lower_limit_closes),
		cmocka_unit_test(limits_of_a_new_apn_close_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
