#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/lines.h"

#include "lib/buf.h"
#include "lib/diag.h"

static void take(void *userdata, enum diag_severity severity, const char *line)
{
	buf_printf(userdata, "%s| %s\n", diag_word(severity), line);
}

static void note(struct diag_list *l, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	diag_add(l, DIAG_NOTE, "f", 2, "k", format, ap);
	va_end(ap);
}

/* A log that shows warnings shows no notes: each line comes with what it is. */
static void each_says_what_it_is(void **state)
{
	struct diag_list l = { 0 };
	struct buf out = { 0 };

	(void)state;
	diag_error(&l, "f", 3, NULL, "wrong");
	diag_warning(&l, "f", 1, NULL, "odd");
	note(&l, "implied");
	lines_each(&l, take, &out);
	assert_string_equal(buf_text(&out), "warning| f:1: warning: odd\n"
										"note| f:2: note: k: implied\n"
										"error| f:3: wrong\n");
	buf_free(&out);
	diag_free(&l);
}

static void what_was_dropped_is_counted(void **state)
{
	struct diag_list l = { 0 };
	struct buf out = { 0 };

	(void)state;
	for (unsigned i = 0; i < DIAG_MAX + 3; i++)
		diag_warning(&l, "f", 1, NULL, "odd");
	lines_each(&l, take, &out);
	const char end[] = "warning| and 3 more\n";
	assert_string_equal(buf_text(&out) + out.len - (sizeof(end) - 1), end);
	buf_free(&out);
	diag_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_says_what_it_is),
		cmocka_unit_test(what_was_dropped_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
