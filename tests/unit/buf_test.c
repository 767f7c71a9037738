#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lib/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void empty_is_empty_text(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_string_equal(buf_text(&b), "");
	char *text = buf_steal(&b);
	assert_string_equal(text, "");
	free(text);
	buf_free(&b);
	buf_free(NULL);
}

static void grows(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (unsigned i = 0; i < 10000; i++)
		buf_printf(&b, "%05u,", i);
	assert_int_equal(b.len, 60000);
	assert_int_equal(b.error, 0);
	assert_memory_equal(buf_text(&b) + 6 * 9999, "09999,", 7);
	buf_free(&b);
	assert_int_equal(b.len, 0);
}

static void keeps_nuls(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_puts(&b, "a");
	buf_add(&b, "\0b", 2);
	buf_add(&b, NULL, 0);
	assert_int_equal(b.len, 3);
	assert_memory_equal(buf_text(&b), "a\0b", 4);
	buf_free(&b);
}

static void stealing_empties(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_puts(&b, "one");
	char *text = buf_steal(&b);
	assert_string_equal(text, "one");
	assert_string_equal(buf_text(&b), "");
	buf_puts(&b, "two");
	assert_string_equal(buf_text(&b), "two");
	free(text);
	buf_free(&b);
}

/* What cannot be had is remembered: later calls do nothing, and nobody gets half a text. */
static void remembers_failure(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_puts(&b, "kept");
	buf_add(&b, "", SIZE_MAX / 2);
	assert_int_equal(b.error, -ENOMEM);
	buf_puts(&b, "lost");
	buf_printf(&b, "%d", 1);
	assert_string_equal(buf_text(&b), "kept");
	assert_null(buf_steal(&b));
	assert_int_equal(b.error, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_is_empty_text),
		cmocka_unit_test(grows),
		cmocka_unit_test(keeps_nuls),
		cmocka_unit_test(stealing_empties),
		cmocka_unit_test(remembers_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
