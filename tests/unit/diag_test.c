#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lib/buf.h"
#include "lib/diag.h"

#include <string.h>

static void assert_printed(const struct diag_list *l, const char *expected)
{
	struct buf out = { 0 };

	diag_print(l, &out);
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
}

static void printed_in_order(void **state)
{
	struct diag_list l = { 0 };

	(void)state;
	diag_error(&l, "b.conf", 2, "x", "third");
	diag_warning(&l, "a.conf", 9, NULL, "second %d", 2);
	diag_error(&l, "a.conf", 0, "y", "first");
	diag_error(&l, "b.conf", 2, "w", "fourth");
	diag_error(&l, NULL, 0, NULL, "no file");
	assert_int_equal(l.count, 5);
	assert_int_equal(l.errors, 4);
	assert_printed(&l, "no file\n"
					   "a.conf: y: first\n"
					   "a.conf:9: warning: second 2\n"
					   "b.conf:2: x: third\n"
					   "b.conf:2: w: fourth\n");
	diag_free(&l);
	assert_int_equal(l.count, 0);
	diag_free(NULL);
}

static void bounded(void **state)
{
	struct diag_list l = { 0 };
	struct buf out = { 0 };

	(void)state;
	for (unsigned i = 0; i < DIAG_MAX + 7; i++)
		diag_error(&l, "f", i + 1, NULL, "wrong");
	assert_int_equal(l.count, DIAG_MAX);
	assert_int_equal(l.dropped, 7);
	assert_int_equal(l.errors, DIAG_MAX + 7);
	diag_print(&l, &out);
	assert_string_equal(buf_text(&out) + out.len - strlen("wrong\nand 7 more\n"), "wrong\nand 7 more\n");
	buf_free(&out);
	diag_free(&l);
}

/* However many warnings came first, what refuses the file is shown. */
static void errors_displace_others(void **state)
{
	struct diag_list l = { 0 };

	(void)state;
	for (unsigned i = 0; i < DIAG_MAX; i++)
		diag_warning(&l, "f", i + 1, NULL, "doubtful %u", i);
	assert_false(diag_has_room(&l, DIAG_NOTE));
	assert_true(diag_has_room(&l, DIAG_ERROR));
	diag_error(&l, "f", 1, NULL, "wrong");
	diag_warning(&l, "f", 1, NULL, "doubtful as well");
	assert_int_equal(l.count, DIAG_MAX);
	assert_int_equal(l.dropped, 2);
	assert_int_equal(l.errors, 1);
	assert_string_equal(l.items[DIAG_MAX - 1].text, "wrong");
	assert_string_equal(l.items[DIAG_MAX - 2].text, "doubtful 198");
	for (unsigned i = 0; i < DIAG_MAX - 1; i++)
		diag_error(&l, "f", 1, NULL, "wrong");
	assert_false(diag_has_room(&l, DIAG_ERROR));
	assert_int_equal(l.count, DIAG_MAX);
	diag_free(&l);
}

/* As if all had been said to one list. */
static void moved(void **state)
{
	struct diag_list l = { 0 }, from = { 0 };

	(void)state;
	diag_warning(&l, "f", 1, NULL, "doubtful");
	for (unsigned i = 0; i < DIAG_MAX + 7; i++)
		diag_error(&from, "f", i + 1, "k", "wrong %u", i);
	diag_move(&l, &from);
	assert_int_equal(from.count, 0);
	assert_int_equal(from.errors, 0);
	assert_int_equal(l.count, DIAG_MAX);
	assert_int_equal(l.errors, DIAG_MAX + 7);
	assert_int_equal(l.dropped, 8);
	assert_string_equal(l.items[0].text, "wrong 0");
	diag_error(&from, "f", 1, NULL, "wrong");
	diag_move(&l, &from);
	assert_int_equal(l.count, DIAG_MAX);
	assert_int_equal(l.errors, DIAG_MAX + 8);
	assert_int_equal(l.dropped, 9);
	diag_free(&from);
	diag_free(&l);
}

/* Neither a second line nor an escape sequence, be it in one octet or in UTF-8. */
static void nothing_raw_reaches_a_terminal(void **state)
{
	struct diag_list l = { 0 };

	(void)state;
	diag_error(&l, "f\n", 1, "k\x1b", "a\nb\x7f \xc2\x9b \xc3\xa9");
	assert_printed(&l, "f?:1: k?: a?b? ?? \xc3\xa9\n");
	diag_free(&l);
}

/* Latin 1 of a certificate, a character cut in two, a surrogate. */
static void always_utf8(void **state)
{
	struct diag_list l = { 0 };

	(void)state;
	diag_error(&l, "\xff/x", 1, NULL, "M\xfcller \xe2\x82 \xed\xa0\x80\xc3");
	assert_printed(&l, "?/x:1: M?ller ?? ????\n");
	diag_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(printed_in_order),
		cmocka_unit_test(bounded),
		cmocka_unit_test(errors_displace_others),
		cmocka_unit_test(moved),
		cmocka_unit_test(nothing_raw_reaches_a_terminal),
		cmocka_unit_test(always_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
