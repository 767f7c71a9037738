/* Whose turn it is to be measured, and from which size on. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/mtu_turn.h"
#include "appliance/isolation/mtu.h"

enum { SINCE = 1000, MOST = 1438 };

static void who_changed_is_measured(void **state)
{
	struct mtu_turn t = { 0 };

	(void)state;
	assert_false(mtu_turn_due(&t, SINCE, 0, SINCE));
	assert_true(mtu_turn_due(&t, SINCE, MOST, SINCE));
	mtu_turn_done(&t, SINCE, MOST, 5000);
	assert_false(mtu_turn_due(&t, SINCE, MOST, 4999));
	assert_true(mtu_turn_due(&t, SINCE, MOST, 5000));
	assert_true(mtu_turn_due(&t, SINCE + 1, MOST, 4999));
	assert_true(mtu_turn_due(&t, SINCE, MOST - 1, 4999));
	assert_true(mtu_turn_due(&t, SINCE, MOST + 1, 4999));
	assert_false(mtu_turn_due(&t, SINCE + 1, 0, 4999));
}

static uint32_t least(uint32_t outer, uint32_t most, uint32_t octets, bool ipv6)
{
	struct link_mtu mtu = { .if_id = 1, .octets = octets, .most = most, .path = { outer, MTU_INTERFACE } };

	return mtu_turn_least(&mtu, ipv6);
}

static void what_1280_outside_leave_is_taken_for_granted(void **state)
{
	(void)state;
	assert_int_equal(least(1500, MOST, MOST, false), MOST - 220);
	/* What was measured before is no reason to begin lower. */
	assert_int_equal(least(1500, MOST, 1300, false), MOST - 220);
	assert_int_equal(least(1500, 0, MOST, false), MOST - 220);
	assert_int_equal(least(9000, 8938, 8938, false), 8938 - 7720);
	/* IPv6 needs 1280 inside. */
	assert_int_equal(least(1500, 1418, 1418, true), MTU_LEAST_IPV6);
	/* There is nothing to measure where a router has said so little already. */
	assert_int_equal(least(1280, 1206, 1206, false), 1206);
	assert_int_equal(least(600, 526, 526, false), 526);
	assert_int_equal(least(1300, 1280, 1280, true), 1280);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_changed_is_measured),
		cmocka_unit_test(what_1280_outside_leave_is_taken_for_granted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
