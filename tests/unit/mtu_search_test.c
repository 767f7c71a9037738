/* The search for the size that a silent way takes: exact, short, and never misled by who sleeps or by single losses. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/mtu_search.h"

enum { LEAST = 100, MOST = 1438, SENT_MAX = 60 };

/* Of a way that takes so much, for as many packets as awake says; every lost-th one is lost (0: none). */
static uint32_t search(uint32_t takes, unsigned awake, unsigned lost, unsigned *ret_sent)
{
	struct mtu_search s;
	uint32_t size;
	unsigned sent = 0;

	mtu_search_begin(&s, LEAST, MOST);
	while ((size = mtu_search_next(&s)) != 0) {
		sent++;
		assert_true(sent < SENT_MAX);
		mtu_search_answer(&s, size <= takes && sent <= awake && (lost == 0 || sent % lost != 0));
	}
	*ret_sent = sent;
	return mtu_search_result(&s);
}

static void every_size_is_found(void **state)
{
	unsigned sent;

	(void)state;
	for (uint32_t takes = LEAST; takes <= MOST + 100; takes++) {
		uint32_t found = search(takes, SENT_MAX, 0, &sent);
		uint32_t truth = takes < MOST ? takes : MOST;
		assert_true(found <= truth && truth - found < MTU_SEARCH_STEP);
	}
}

static void what_passes_as_a_whole_takes_one_packet(void **state)
{
	unsigned sent;

	(void)state;
	assert_int_equal(search(1500, SENT_MAX, 0, &sent), MOST);
	assert_int_equal(sent, 1);
}

static void losses_do_not_mislead(void **state)
{
	unsigned sent;

	(void)state;
	for (unsigned lost = 2; lost < 9; lost++) {
		uint32_t found = search(1326, SENT_MAX, lost, &sent);
		assert_true(found <= 1326 && found > 1326 - MTU_SEARCH_STEP);
	}
}

static void who_sleeps_says_nothing(void **state)
{
	unsigned sent, whole;

	(void)state;
	uint32_t found = search(1326, SENT_MAX, 0, &whole);
	assert_int_equal(search(1326, 0, 0, &sent), 0);
	assert_int_equal(sent, 2 * MTU_SEARCH_TRIES);
	/* Whenever it falls asleep, a size is not taken for too big because of that. */
	for (unsigned awake = 1; awake < whole; awake++) {
		uint32_t now = search(1326, awake, 0, &sent);
		assert_true(now == 0 || now == found);
	}
}

static void there_may_be_nothing_to_search(void **state)
{
	struct mtu_search s;

	(void)state;
	mtu_search_begin(&s, 100, 99);
	assert_int_equal(mtu_search_next(&s), 0);
	mtu_search_answer(&s, true);
	assert_int_equal(mtu_search_result(&s), 0);
	mtu_search_begin(&s, 100, 100);
	assert_int_equal(mtu_search_next(&s), 100);
	mtu_search_answer(&s, true);
	assert_int_equal(mtu_search_next(&s), 0);
	assert_int_equal(mtu_search_result(&s), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_is_found),
		cmocka_unit_test(what_passes_as_a_whole_takes_one_packet),
		cmocka_unit_test(losses_do_not_mislead),
		cmocka_unit_test(who_sleeps_says_nothing),
		cmocka_unit_test(there_may_be_nothing_to_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
