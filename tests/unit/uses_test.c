/* What of the machine's interfaces is Culvert's to change. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/uses.h"
#include "conf/model.h"

#include <sys/socket.h>

static char dedicated[] = "eth1", parent[] = "eth2", shared[] = "eth3", given[] = "eth4", admin[] = "eth5";

static void each_interface_has_its_uses(void **state)
{
	struct shared list[] = { { .interface = shared, .address.ip.family = AF_INET }, { .interface = given } };
	struct apn apns[] = {
		{ .cloud = { .attach = CLOUD_SHARED, .interface = given, .shared = &list[1] } },
		{ .cloud = { .attach = CLOUD_VLAN, .interface = parent } },
		{ .cloud = { .attach = CLOUD_DEDICATED, .interface = dedicated } },
		{ .cloud = { .attach = CLOUD_VLAN, .interface = parent } },
		{ .cloud = { .attach = CLOUD_SHARED, .interface = shared, .shared = &list[0] } },
	};
	const struct model m = { .apns = apns, .n_apns = 5, .management.interface = admin };
	struct uses u = { 0 };

	(void)state;
	assert_int_equal(uses_collect(&m, &u), 0);
	assert_int_equal(uses_of(&u, "eth0"), 0);
	assert_int_equal(uses_of(&u, dedicated), USE_WHOLE);
	assert_int_equal(uses_of(&u, parent), USE_HELD_UP);
	assert_int_equal(uses_of(&u, shared), USE_WHOLE);
	assert_int_equal(uses_of(&u, given), USE_WHOLE | USE_SETTINGS);
	assert_int_equal(uses_of(&u, admin), USE_MANAGEMENT);
	uses_free(&u);
	assert_int_equal(uses_of(&u, dedicated), 0);
	uses_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_interface_has_its_uses),
	};
	return cmocka_run_group_tests_name("uses", tests, NULL, NULL);
}
