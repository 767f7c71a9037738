/* Which elements go and which come between two texts of the second wall. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/nft_delta.h"
#include "lib/buf.h"

#include <errno.h>

#define ELEMENT(set, what) "add element inet culvert " set " { " what " }\n"
#define HEAD               "table inet culvert {\n\tset outer { type ifname; }\n}\n\n" ELEMENT("outer", "\"eth0\"")
#define APN(name, n)                                                                                                   \
	"\n# " name "\n" ELEMENT("cloud", "\"eth" n "\"") ELEMENT("zone", "\"eth" n "\" : " n)                             \
		ELEMENT("pool4", "\"culv-x" n "\" . 10." n ".0.0/16")

static void assert_delta(const char *from, const char *to, const char *expected)
{
	struct buf out = { 0 };

	assert_int_equal(nft_delta(from, to, &out), 0);
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
}

static void nothing_for_the_same(void **state)
{
	(void)state;
	assert_delta(HEAD APN("a", "1"), HEAD APN("a", "1"), "");
	assert_delta(HEAD APN("a", "1"), HEAD APN("renamed", "1"), "");
	assert_delta(HEAD APN("a", "1") APN("b", "2"), HEAD APN("b", "2") APN("a", "1"), "");
}

static void what_comes_and_what_goes(void **state)
{
	static const char added[] = "add element inet culvert pool4 { \"culv-x2\" . 10.2.0.0/16 }\n"
								"add element inet culvert cloud { \"eth2\" }\n"
								"add element inet culvert zone { \"eth2\" : 2 }\n";
	static const char deleted[] = "delete element inet culvert pool4 { \"culv-x2\" . 10.2.0.0/16 }\n"
								  "delete element inet culvert cloud { \"eth2\" }\n"
								  "delete element inet culvert zone { \"eth2\" }\n";

	(void)state;
	assert_delta(HEAD APN("a", "1"), HEAD APN("a", "1") APN("b", "2"), added);
	assert_delta(HEAD APN("c", "3"), HEAD APN("b", "2") APN("c", "3"), added);
	assert_delta(HEAD APN("a", "1") APN("b", "2") APN("c", "3"), HEAD APN("a", "1") APN("c", "3"), deleted);
	assert_delta(HEAD, HEAD APN("b", "2"), added);
	assert_delta(HEAD ELEMENT("pool4", "\"culv-x2\" . 10.2.0.0/16") APN("c", "3") ELEMENT("cloud", "\"eth2\""),
		HEAD APN("c", "3"),
		"delete element inet culvert pool4 { \"culv-x2\" . 10.2.0.0/16 }\n"
		"delete element inet culvert cloud { \"eth2\" }\n");
}

/* Lines of numbers from first on, step apart. */
static void add_paths(unsigned first, unsigned step, struct buf *text)
{
	for (unsigned i = first; i < 3000; i += step)
		buf_printf(text, ELEMENT("path", "%04u"), i);
}

static void add_statement(const char *verb, unsigned first, unsigned step, struct buf *text)
{
	buf_printf(text, "%s element inet culvert path { ", verb);
	for (unsigned i = first; i < 3000; i += step)
		buf_printf(text, "%s%04u", i == first ? "" : ", ", i);
	buf_puts(text, " }\n");
}

/* So many differences, or so far apart what is the same, that the lines of both are not found next to each other. */
static void texts_of_little_in_common(void **state)
{
	struct buf every = { 0 }, even = { 0 }, odd = { 0 }, expected = { 0 };

	(void)state;
	add_paths(0, 1, &every);
	add_paths(0, 2, &even);
	add_paths(1, 2, &odd);
	add_statement("add", 1, 2, &expected);
	assert_delta(buf_text(&even), buf_text(&every), buf_text(&expected));
	buf_cut(&expected, 0);
	add_statement("delete", 0, 2, &expected);
	add_statement("add", 1, 2, &expected);
	assert_delta(buf_text(&even), buf_text(&odd), buf_text(&expected));
	buf_cut(&expected, 0);
	add_statement("add", 0, 1, &expected);
	buf_puts(&every, ELEMENT("path", "3000"));
	assert_delta(ELEMENT("path", "3000"), buf_text(&every), buf_text(&expected));
	buf_free(&every);
	buf_free(&even);
	buf_free(&odd);
	buf_free(&expected);
}

static void a_value_that_changes_goes_and_comes(void **state)
{
	(void)state;
	assert_delta(HEAD ELEMENT("zone", "\"eth1\" : 1"), HEAD ELEMENT("zone", "\"eth1\" : 2"),
		"delete element inet culvert zone { \"eth1\" }\nadd element inet culvert zone { \"eth1\" : 2 }\n");
}

static void what_two_share_stays_while_one_has_it(void **state)
{
	static const char shared[] = HEAD ELEMENT("cloud", "\"eth1\"") ELEMENT("path", "1");

	(void)state;
	assert_delta(HEAD ELEMENT("cloud", "\"eth1\"") ELEMENT("path", "1") ELEMENT("cloud", "\"eth1\"")
					 ELEMENT("path", "2"),
		shared, "delete element inet culvert path { 2 }\n");
	assert_delta(HEAD ELEMENT("cloud", "\"eth1\"") ELEMENT("path", "2") ELEMENT("cloud", "\"eth1\"")
					 ELEMENT("path", "1"),
		shared, "delete element inet culvert path { 2 }\n");
	assert_delta(
		shared, HEAD, "delete element inet culvert cloud { \"eth1\" }\ndelete element inet culvert path { 1 }\n");
}

static void other_rules_call_for_the_whole(void **state)
{
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(nft_delta(HEAD APN("a", "1"), "table inet culvert { }\n" APN("a", "1"), &out), -EAGAIN);
	assert_int_equal(nft_delta(HEAD, HEAD "add rule inet culvert forward accept\n", &out), -EAGAIN);
	assert_int_equal(nft_delta(HEAD "flush ruleset\n", HEAD, &out), -EAGAIN);
	assert_int_equal(nft_delta(HEAD ELEMENT("cloud", "1"), HEAD "add element inet culvert cloud { 1\n", &out), -EAGAIN);
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

#define LIMIT(n) "add limit inet culvert packets_" n " { rate over 5/second burst 5 packets; }\n"
#define BEGUN(n) "chain begin_" n " { ct count over 9 drop; };\n"
#define BEGIN(n) "table inet culvert { chain begin_" n " { ct count over 9 drop; }; }\n"
#define TABLE(s) "table inet culvert {\n" s "}\n"
#define USE(n)   ELEMENT("begin", "\"culv-x" n "\" : jump begin_" n)

static void objects_and_chains_come_first_and_go_last(void **state)
{
	static const char with[] = HEAD APN("a", "1") BEGIN("2") LIMIT("2") USE("2");

	(void)state;
	assert_delta(HEAD APN("a", "1"), with,
		LIMIT("2") TABLE(BEGUN("2")) "add element inet culvert begin { \"culv-x2\" : jump begin_2 }\n");
	assert_delta(with, HEAD APN("a", "1"),
		"delete element inet culvert begin { \"culv-x2\" }\n"
		"flush chain inet culvert begin_2\n"
		"delete limit inet culvert packets_2\n"
		"delete chain inet culvert begin_2\n");
	/* Between two changes there may be one that stays as it is. */
	assert_delta(HEAD ELEMENT("path", "1") LIMIT("2") ELEMENT("path", "3"),
		HEAD ELEMENT("path", "4") LIMIT("1") LIMIT("2") ELEMENT("path", "5"),
		LIMIT("1") "delete element inet culvert path { 1, 3 }\nadd element inet culvert path { 4, 5 }\n");
	assert_delta(HEAD LIMIT("1") LIMIT("2"), HEAD LIMIT("2") LIMIT("1"), "");
}

static void a_chain_with_other_rules_keeps_its_place(void **state)
{
	struct buf out = { 0 };

	(void)state;
	assert_delta(HEAD BEGIN("1") USE("1") BEGIN("2"), HEAD "table inet culvert { chain begin_1 { drop; }; }\n" USE("1"),
		"flush chain inet culvert begin_1\n" TABLE("chain begin_1 { drop; };\n") "flush chain inet culvert begin_2\n"
																				 "delete chain inet culvert begin_2\n");
	/* An object cannot be another one under its name. */
	assert_int_equal(
		nft_delta(LIMIT("1") BEGIN("1"), "add limit inet culvert packets_1 { rate 5/second; }\n", &out), -EAGAIN);
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

static void a_map_that_comes_is_empty(void **state)
{
	static const char map[] = "add map inet culvert zone4_1 { typeof ip daddr : ct zone; flags interval; }\n";
	struct buf to = { 0 };

	(void)state;
	buf_printf(&to, HEAD "%s" ELEMENT("zone4_1", "10.1.0.0/16 : 1"), map);
	struct buf expected = { 0 };
	buf_printf(&expected, "%sflush map inet culvert zone4_1\n" ELEMENT("zone4_1", "10.1.0.0/16 : 1"), map);
	assert_delta(HEAD, buf_text(&to), buf_text(&expected));
	buf_free(&to);
	buf_free(&expected);
}

static void few_statements(void **state)
{
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(nft_gather(HEAD BEGIN("1") APN("a", "1") LIMIT("2") BEGIN("2") APN("b", "2"), &out), 0);
	assert_string_equal(buf_text(&out),
		"table inet culvert {\n\tset outer { type ifname; }\n}\n" LIMIT("2") TABLE(BEGUN("1") BEGUN(
			"2")) "add element inet culvert outer { \"eth0\" }\n"
				  "add element inet culvert cloud { \"eth1\", \"eth2\" }\n"
				  "add element inet culvert zone { \"eth1\" : 1, \"eth2\" : 2 }\n"
				  "add element inet culvert pool4 { \"culv-x1\" . 10.1.0.0/16, \"culv-x2\" . 10.2.0.0/16 }\n");
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_for_the_same),
		cmocka_unit_test(what_comes_and_what_goes),
		cmocka_unit_test(texts_of_little_in_common),
		cmocka_unit_test(a_value_that_changes_goes_and_comes),
		cmocka_unit_test(what_two_share_stays_while_one_has_it),
		cmocka_unit_test(other_rules_call_for_the_whole),
		cmocka_unit_test(objects_and_chains_come_first_and_go_last),
		cmocka_unit_test(a_chain_with_other_rules_keeps_its_place),
		cmocka_unit_test(a_map_that_comes_is_empty),
		cmocka_unit_test(few_statements),
	};

	return cmocka_run_group_tests_name("nft_delta", tests, NULL, NULL);
}
