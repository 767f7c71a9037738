/* Pauses between attempts: they double, have an end, and differ from tunnel to tunnel. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ikev2/back_off.h"

static void doubles_up_to_its_end(void **state)
{
	static const uint32_t pauses[] = { 2, 4, 8, 16, 32, 60, 60, 60 };

	(void)state;
	for (uint32_t tries = 0; tries < sizeof(pauses) / sizeof(pauses[0]); tries++)
		assert_int_equal(back_off(tries, 0), pauses[tries]);
	assert_int_equal(back_off(UINT32_MAX, 0), 60);
}

static void a_quarter_is_random(void **state)
{
	(void)state;
	for (uint32_t tries = 0; tries < 8; tries++) {
		uint32_t least = back_off(tries, 0);
		uint32_t longest = 0;

		for (uint32_t random = 0; random < 1000; random++) {
			uint32_t pause = back_off(tries, random);

			assert_in_range(pause, least, least + least / 4);
			longest = pause > longest ? pause : longest;
		}
		assert_int_equal(longest, least + least / 4);
		assert_in_range(back_off(tries, UINT32_MAX), least, longest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doubles_up_to_its_end),
		cmocka_unit_test(a_quarter_is_random),
	};

	return cmocka_run_group_tests_name("back_off", tests, NULL, NULL);
}
