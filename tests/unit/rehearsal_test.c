/* What is remembered of rehearsals: results, the book, its file; what is due. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ikev2/rehearsal.h"
#include "lib/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define OTHER "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define FIRST "culvert rehearsals 1\n"

static const uint8_t zeros[REHEARSAL_DIGEST];

static void set(struct rehearsal_book *b, const char *tunnel, enum rehearsal_result result)
{
	char name[32];
	struct rehearsal_note note = { .tunnel = name, .result = result, .when = 42 };

	snprintf(name, sizeof(name), "%s", tunnel);
	assert_int_equal(rehearsal_set(b, &note), 0);
}

static void words_are_words(void **state)
{
	(void)state;
	for (int i = REHEARSAL_BEGUN; i <= REHEARSAL_ENDED; i++) {
		enum rehearsal_result result = REHEARSAL_PASSED;
		assert_true(rehearsal_of_word(rehearsal_word((enum rehearsal_result)i), &result));
		assert_int_equal(result, i);
		assert_int_equal(rehearsal_failed(result), rehearsal_advice(result) != NULL);
		assert_int_equal(rehearsal_failed(result), i > REHEARSAL_PASSED);
	}
	enum rehearsal_result untouched = REHEARSAL_AGAIN;
	assert_false(rehearsal_of_word("perhaps", &untouched));
	assert_int_equal(untouched, REHEARSAL_AGAIN);
}

static void refusals_say_what_to_check(void **state)
{
	(void)state;
	assert_int_equal(rehearsal_refused(true, 14), REHEARSAL_CHILD_PROPOSAL);
	assert_int_equal(rehearsal_refused(true, 17), REHEARSAL_CHILD_PROPOSAL);
	assert_int_equal(rehearsal_refused(true, 38), REHEARSAL_CHILD_SELECTORS);
	assert_int_equal(rehearsal_refused(true, 35), REHEARSAL_CHILD_FAILED);
	assert_int_equal(rehearsal_refused(false, 17), REHEARSAL_IKE_PROPOSAL);
	assert_int_equal(rehearsal_refused(false, 38), REHEARSAL_IKE_FAILED);
	assert_true(strstr(rehearsal_advice(REHEARSAL_CHILD_PROPOSAL), "PFS") != NULL);
	assert_true(rehearsal_goes_on(43));
	assert_true(rehearsal_goes_on(0));
	assert_false(rehearsal_goes_on(14));
}

static void notes_are_found_by_name(void **state)
{
	static const char *const names[] = { "m", "a", "z", "b", "y", "m", "ab", "m1", "l", "k", "j", "i", "h", "g", "f",
		"e", "d", "c" };
	struct rehearsal_book b = { 0 };

	(void)state;
	assert_null(rehearsal_find(&b, "m"));
	rehearsal_remove(&b, "m");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		set(&b, names[i], i < 5 ? REHEARSAL_PASSED : REHEARSAL_NO_ANSWER);
	assert_int_equal(b.n, 17); /* m came twice */
	for (size_t i = 1; i < b.n; i++)
		assert_true(strcmp(b.notes[i - 1].tunnel, b.notes[i].tunnel) < 0);
	assert_int_equal(rehearsal_find(&b, "a")->result, REHEARSAL_PASSED);
	assert_int_equal(rehearsal_find(&b, "m")->result, REHEARSAL_NO_ANSWER);
	assert_null(rehearsal_find(&b, "mm"));
	rehearsal_remove(&b, "m");
	assert_null(rehearsal_find(&b, "m"));
	assert_non_null(rehearsal_find(&b, "m1"));
	rehearsal_free(&b);
	assert_int_equal(b.n, 0);
}

static bool is_short(void *data, const char *tunnel)
{
	return strlen(tunnel) <= *(const size_t *)data;
}

static void who_is_gone_is_forgotten(void **state)
{
	struct rehearsal_book b = { 0 };
	size_t longest = 1;

	(void)state;
	set(&b, "a", REHEARSAL_PASSED);
	set(&b, "bb", REHEARSAL_PASSED);
	set(&b, "c", REHEARSAL_PASSED);
	rehearsal_prune(&b, is_short, &longest);
	assert_int_equal(b.n, 2);
	assert_null(rehearsal_find(&b, "bb"));
	assert_non_null(rehearsal_find(&b, "c"));
	rehearsal_free(&b);
}

static void once_for_what_was_negotiated(void **state)
{
	char name[] = "t";
	struct rehearsal_note note = { .tunnel = name, .result = REHEARSAL_PASSED };
	const uint8_t changed[REHEARSAL_DIGEST] = { 1 };
	enum rehearsal_result result = REHEARSAL_PASSED;

	(void)state;
	assert_true(rehearsal_due(NULL, zeros, &result));
	assert_int_equal(result, REHEARSAL_BEGUN);
	assert_false(rehearsal_due(&note, zeros, &result));
	assert_int_equal(result, REHEARSAL_PASSED);
	assert_true(rehearsal_due(&note, changed, &result));
	assert_int_equal(result, REHEARSAL_BEGUN);
	note.result = REHEARSAL_CHILD_PROPOSAL;
	assert_false(rehearsal_due(&note, zeros, &result));
	assert_int_equal(result, REHEARSAL_CHILD_PROPOSAL);
	/* What ended before it was over is tried once more. */
	note.result = REHEARSAL_BEGUN;
	assert_true(rehearsal_due(&note, zeros, &result));
	assert_int_equal(result, REHEARSAL_AGAIN);
	note.result = REHEARSAL_AGAIN;
	assert_false(rehearsal_due(&note, zeros, &result));
	assert_int_equal(result, REHEARSAL_AGAIN);
	assert_true(rehearsal_due(&note, changed, &result));
	assert_int_equal(result, REHEARSAL_BEGUN);
}

static void what_is_printed_is_read(void **state)
{
	static const char text[] = FIRST "t1 " ZEROS " begun 42\n"
									 "t2 " OTHER " child-proposal 1700000000\n"
									 "end 2\n";
	struct rehearsal_book b = { 0 };
	struct buf out = { 0 };
	size_t line;

	(void)state;
	assert_int_equal(rehearsal_parse(text, strlen(text), &b, &line), 0);
	assert_int_equal(b.n, 2);
	assert_int_equal(rehearsal_find(&b, "t2")->result, REHEARSAL_CHILD_PROPOSAL);
	assert_int_equal(rehearsal_find(&b, "t2")->when, 1700000000);
	assert_int_equal(rehearsal_find(&b, "t2")->digest[1], 0x11);
	assert_int_equal(rehearsal_find(&b, "t2")->digest[31], 0xff);
	rehearsal_print(&b, &out);
	assert_string_equal(buf_text(&out), text);
	buf_free(&out);
	rehearsal_free(&b);
	assert_int_equal(rehearsal_parse(FIRST "end 0\n", strlen(FIRST "end 0\n"), &b, &line), 0);
	assert_int_equal(b.n, 0);
	rehearsal_free(&b);
}

static void whole_or_not_at_all(void **state)
{
	static const struct {
		const char *text;
		size_t line;
	} bad[] = {
		{ "", 1 },
		{ "\n", 1 },
		{ "culvert rehearsals 2\nend 0\n", 1 },
		{ FIRST, 2 },
		{ FIRST "end 1\n", 2 },
		{ FIRST "end 0", 1 },
		{ FIRST "end 0\n\n", 2 },
		{ FIRST "end 0\nend 0\n", 2 },
		{ FIRST "t " ZEROS " passed 42\n", 2 },
		{ FIRST "t " ZEROS " passed 42\nend 2\n", 3 },
		{ FIRST "t " ZEROS " passed\nend 1\n", 2 },
		{ FIRST "t " ZEROS " passed 42 43\nend 1\n", 2 },
		{ FIRST "t " ZEROS " passed -1\nend 1\n", 2 },
		{ FIRST "t " ZEROS " passed 01\nend 1\n", 2 },
		{ FIRST "t " ZEROS " passed 1234567890123456\nend 1\n", 2 },
		{ FIRST "t " ZEROS " perhaps 42\nend 1\n", 2 },
		{ FIRST "t " ZEROS "0 passed 42\nend 1\n", 2 },
		{ FIRST "t 00 passed 42\nend 1\n", 2 },
		{ FIRST "t G" ZEROS " passed 42\nend 1\n", 2 },
		{ FIRST " " ZEROS " passed 42\nend 1\n", 2 },
		{ FIRST "t\t " ZEROS " passed 42\nend 1\n", 2 },
		{ FIRST "\xc3\xa9 " ZEROS " passed 42\nend 1\n", 2 },
		{ FIRST "b " ZEROS " passed 42\na " ZEROS " passed 42\nend 2\n", 3 },
		{ FIRST "a " ZEROS " passed 42\na " ZEROS " passed 42\nend 2\n", 3 },
	};
	struct rehearsal_book b = { 0 };
	size_t line;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		line = 0;
		assert_int_equal(rehearsal_parse(bad[i].text, strlen(bad[i].text), &b, &line), -EPROTO);
		assert_int_equal(line, bad[i].line);
	}
	assert_int_equal(rehearsal_parse(FIRST "end 0\n\0\n", strlen(FIRST) + 8, &b, &line), -EPROTO);
	assert_int_equal(b.n, 0);
}

static void a_long_name_is_none(void **state)
{
	struct rehearsal_book b = { 0 };
	char text[256], name[REHEARSAL_NAME_MAX + 2] = { 0 };
	size_t line;

	(void)state;
	memset(name, 'a', REHEARSAL_NAME_MAX);
	snprintf(text, sizeof(text), FIRST "%s " ZEROS " passed 42\nend 1\n", name);
	assert_int_equal(rehearsal_parse(text, strlen(text), &b, &line), 0);
	rehearsal_free(&b);
	name[REHEARSAL_NAME_MAX] = 'a';
	snprintf(text, sizeof(text), FIRST "%s " ZEROS " passed 42\nend 1\n", name);
	assert_int_equal(rehearsal_parse(text, strlen(text), &b, &line), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_words),
		cmocka_unit_test(refusals_say_what_to_check),
		cmocka_unit_test(notes_are_found_by_name),
		cmocka_unit_test(who_is_gone_is_forgotten),
		cmocka_unit_test(once_for_what_was_negotiated),
		cmocka_unit_test(what_is_printed_is_read),
		cmocka_unit_test(whole_or_not_at_all),
		cmocka_unit_test(a_long_name_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
