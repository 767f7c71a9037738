/* The file meta: written, read, garbled. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/meta.h"
#include "lib/buf.h"

#include <string.h>

static struct meta parse(const char *text)
{
	struct meta m;

	meta_parse(text, strlen(text), &m);
	return m;
}

static void what_is_printed_is_read(void **state)
{
	struct meta m = {
		.when = "2026-11-21T04:46:11Z",
		.who = "root (uid 0)",
		.file = "/etc/culvert/culvert.conf",
		.rollback_of = 5,
		.before = 6,
		.counted = true,
		.tunnels = { 1, 2, 3, 4996 },
		.apns = { 0, 1, 0, 7 },
		.gateway = true,
	};
	struct buf text = { 0 };
	struct meta back;

	(void)state;
	meta_print(&m, &text);
	back = parse(buf_text(&text));
	assert_memory_equal(&back, &m, sizeof(m));
	buf_free(&text);
}

static void what_is_not_there_is_unknown(void **state)
{
	static const char *const bad[] = { "", "\n\n", "when", "tunnels 1 2 3 4\n",
		"tunnels 1 2 3\napns 0 0 0 0\ngateway 0\n", "tunnels 1 2 3 -4\napns 0 0 0 0\ngateway 0\n",
		"tunnels 1 2 3 99999999999\napns 0 0 0 0\ngateway 0\n", "rollback\nrollback x\nrollback 5 6\n",
		"\xff\xfe\x01 half a li" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct meta m = parse(bad[i]);

		assert_string_equal(m.who, "");
		assert_false(m.counted);
		assert_int_equal(m.rollback_of, 0);
	}
}

static void later_words_are_passed_over(void **state)
{
	struct meta m = parse("colour blue\nwho uid 7\n");

	(void)state;
	assert_string_equal(m.who, "uid 7");
}

/* One line stays one line, and JSON takes what is kept. */
static void text_is_made_harmless(void **state)
{
	char text[8];

	(void)state;
	meta_text(text, sizeof(text), "a\nb\x7f");
	assert_string_equal(text, "a?b?");
	meta_text(text, sizeof(text), "123456\xc3\xa9");
	assert_string_equal(text, "123456");
	meta_text(text, sizeof(text), "12\xff");
	assert_string_equal(text, "12");
}

static void time_is_utc(void **state)
{
	char text[META_WHEN];

	(void)state;
	meta_time(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00Z");
	meta_time((time_t)INT64_MAX, text);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_printed_is_read),
		cmocka_unit_test(what_is_not_there_is_unknown),
		cmocka_unit_test(later_words_are_passed_over),
		cmocka_unit_test(text_is_made_harmless),
		cmocka_unit_test(time_is_utc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
