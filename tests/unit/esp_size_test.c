/* Sizes of ESP packets: figures as the kernel makes them (tests/scenario/mtu holds them against it), and the two ways.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ikev2/esp_size.h"

#include <stdbool.h>

static const struct {
	const char *cipher;
	uint16_t icv;
	bool udp, ipv6;
	uint32_t outer, inner;
} known[] = {
	{ "cbc(aes)", 16, false, false, 1500, 1438 }, /* aes256-sha256 */
	{ "cbc(aes)", 16, true, false, 1500, 1422 },
	{ "cbc(aes)", 16, false, true, 1500, 1406 },
	{ "cbc(aes)", 16, true, true, 1500, 1406 },
	{ "cbc(aes)", 16, false, false, 1400, 1326 },
	{ "cbc(aes)", 16, true, false, 1400, 1326 },
	{ "cbc(aes)", 16, false, false, 1461, 1390 },
	{ "cbc(aes)", 24, false, false, 1500, 1422 }, /* aes256-sha384 */
	{ "cbc(aes)", 32, false, false, 1500, 1422 },
	{ "rfc4106(gcm(aes))", 16, false, false, 1500, 1446 }, /* aes256gcm16 */
	{ "rfc4106(gcm(aes))", 16, true, false, 1500, 1438 },
	{ "rfc4106(gcm(aes))", 16, false, true, 1500, 1426 },
	{ "rfc4106(gcm(aes))", 16, false, false, 1400, 1346 },
	{ "rfc4106(gcm(aes))", 16, false, false, 1403, 1346 },
	{ "rfc4106(gcm(aes))", 16, false, false, 1404, 1350 },
	{ "rfc4106(gcm(aes))", 16, false, false, 9000, 8946 },
	{ "ecb(cipher_null)", 12, false, false, 1500, 1458 },
	{ "cbc(des3_ede)", 12, false, false, 1500, 1446 },
	{ "something(new)", 16, false, false, 1500, 1438 },
	{ "cbc(aes)", 16, false, false, 75, 0 },
	{ "cbc(aes)", 16, false, false, 76, 14 },
	{ "cbc(aes)", 16, false, false, 0, 0 },
};

static struct esp_shape shape(size_t i)
{
	struct esp_shape s = esp_shape_of(known[i].cipher, known[i].icv);

	s.udp = known[i].udp;
	s.ipv6 = known[i].ipv6;
	return s;
}

static void sizes_are_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		struct esp_shape s = shape(i);
		uint32_t inner = esp_inner_max(&s, known[i].outer);
		if (inner != known[i].inner)
			fail_msg("row %zu: %u fits into %u, not %u", i, inner, known[i].outer, known[i].inner);
	}
}

static void the_largest_fits_and_one_more_does_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		struct esp_shape s = shape(i);
		for (uint32_t outer = 100; outer <= 1600; outer++) {
			uint32_t inner = esp_inner_max(&s, outer);
			assert_true(inner == 0 || esp_outer_size(&s, inner) <= outer);
			assert_true(esp_outer_size(&s, inner + 1) > outer);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_exact),
		cmocka_unit_test(the_largest_fits_and_one_more_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
