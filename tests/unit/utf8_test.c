#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lib/utf8.h"

#include <string.h>

static void valid_up_to(void **state)
{
	static const struct {
		const char *text;
		size_t valid;
	} cases[] = {
		{ "", 0 },
		{ "ascii", 5 },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9 },
		{ "\xf4\x8f\xbf\xbf", 4 }, /* the last character there is */
		{ "a\x80", 1 }, /* a second octet without a first */
		{ "ab\xc3", 2 }, /* cut short */
		{ "\xc3(", 0 }, /* no second octet */
		{ "\xc0\xaf", 0 }, /* '/' in two octets */
		{ "\xe0\x80\xaf", 0 }, /* '/' in three octets */
		{ "\xed\xa0\x80", 0 }, /* a surrogate */
		{ "\xf4\x90\x80\x80", 0 }, /* behind the last character */
		{ "\xf8\x88\x80\x80\x80", 0 }, /* five octets */
		{ "\xff", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(utf8_valid(cases[i].text, strlen(cases[i].text)), cases[i].valid);
	assert_int_equal(utf8_valid("a\0b", 3), 3);
}

static void controls(void **state)
{
	(void)state;
	assert_false(utf8_has_control(""));
	assert_false(utf8_has_control("C=CZ, O=Caf\xc3\xa9 \xc2\xa0"));
	assert_true(utf8_has_control("a\n"));
	assert_true(utf8_has_control("\x7f"));
	assert_true(utf8_has_control("a\xc2\x9b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_up_to),
		cmocka_unit_test(controls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
