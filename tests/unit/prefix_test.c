#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lib/prefix.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static struct ip ip(const char *text)
{
	struct ip a;

	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

static void addresses_round_trip(void **state)
{
	static const char *const texts[] = { "0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "::1", "2001:db8::1",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" };
	char text[IP_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct ip a = ip(texts[i]);
		assert_string_equal(ip_print(&a, text), texts[i]);
	}
	assert_string_equal(ip_print(&(struct ip){ 0 }, text), "none");
}

static void wrong_addresses_leave_the_result(void **state)
{
	static const char *const texts[] = { "", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ",
		" 1.2.3.4", "1.2.3.4/8", ":", ":::", "1::2::3", "g::", "fe80::1%eth0", "host" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct ip a = { .family = 77 };
		assert_int_equal(ip_parse(texts[i], &a), -EINVAL);
		assert_int_equal(a.family, 77);
	}
}

static void prefixes_round_trip(void **state)
{
	static const struct {
		const char *text, *printed;
	} cases[] = {
		{ "10.64.0.0/16", "10.64.0.0/16" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "192.0.2.1", "192.0.2.1/32" },
		{ "2001:db8::", "2001:db8::/128" },
		{ "2001:db8::/33", "2001:db8::/33" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128" },
	};
	char text[PREFIX_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct prefix p = prefix(cases[i].text);
		assert_string_equal(prefix_print(&p, text), cases[i].printed);
	}
}

static void wrong_prefixes_leave_the_result(void **state)
{
	static const char *const texts[] = { "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08",
		"10.0.0.0/8 ", "10.0.0.0/8/8", "10.0.0.0/+8", "::/129", "::/99999999999999999999",
		"1111111111111111111111111111111111111111111111111111111111/8" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct prefix p = { .len = 77 };
		assert_int_equal(prefix_parse(texts[i], &p), -EINVAL);
		assert_int_equal(p.len, 77);
	}
}

static void networks(void **state)
{
	static const struct {
		const char *text, *network;
	} cases[] = {
		{ "10.64.3.0/16", "10.64.0.0/16" },
		{ "10.110.1.0/20", "10.110.0.0/20" },
		{ "255.255.255.255/0", "0.0.0.0/0" },
		{ "192.0.2.1/31", "192.0.2.0/31" },
		{ "2001:db8:ffff::1/33", "2001:db8:8000::/33" },
		{ "::1/127", "::/127" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct prefix p = prefix(cases[i].text), expected = prefix(cases[i].network), network = prefix_network(&p);
		assert_true(prefix_equal(&network, &expected));
		assert_false(prefix_is_network(&p));
		assert_true(prefix_is_network(&network));
	}
	struct prefix host = prefix("192.0.2.1/32"), host6 = prefix("::1/128");
	assert_true(prefix_is_network(&host));
	assert_true(prefix_is_network(&host6));
}

static void containing(void **state)
{
	struct prefix p = prefix("10.110.0.0/20"), all = prefix("0.0.0.0/0"), six = prefix("::/0");
	struct ip first = ip("10.110.0.0"), last = ip("10.110.15.255"), before = ip("10.109.255.255"),
			  behind = ip("10.110.16.0"), other = ip("::1");

	(void)state;
	assert_true(prefix_contains(&p, &first));
	assert_true(prefix_contains(&p, &last));
	assert_false(prefix_contains(&p, &before));
	assert_false(prefix_contains(&p, &behind));
	assert_true(prefix_contains(&all, &behind));
	assert_false(prefix_contains(&all, &other));
	assert_true(prefix_contains(&six, &other));
	assert_false(prefix_contains(&six, &first));
}

static void covering_and_overlapping(void **state)
{
	struct prefix wide = prefix("10.0.0.0/8"), narrow = prefix("10.64.0.0/16"), beside = prefix("10.65.0.0/16"),
				  six = prefix("::/0");

	(void)state;
	assert_true(prefix_covers(&wide, &narrow));
	assert_true(prefix_covers(&wide, &wide));
	assert_false(prefix_covers(&narrow, &wide));
	assert_false(prefix_covers(&six, &wide));
	assert_true(prefix_overlaps(&wide, &narrow));
	assert_true(prefix_overlaps(&narrow, &wide));
	assert_false(prefix_overlaps(&narrow, &beside));
	assert_false(prefix_overlaps(&six, &wide));
}

static void order(void **state)
{
	struct prefix a = prefix("10.0.0.0/8"), b = prefix("10.0.0.0/16"), c = prefix("11.0.0.0/8"), d = prefix("::/0");

	(void)state;
	assert_true(prefix_compare(&a, &b) < 0);
	assert_true(prefix_compare(&b, &c) < 0);
	assert_true(prefix_compare(&c, &d) < 0);
	assert_true(prefix_compare(&d, &a) > 0);
	assert_int_equal(prefix_compare(&a, &a), 0);
	assert_true(ip_equal(&a.ip, &b.ip));
	assert_int_equal(ip_bits(AF_INET), 32);
	assert_int_equal(ip_bits(AF_INET6), 128);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_round_trip),
		cmocka_unit_test(wrong_addresses_leave_the_result),
		cmocka_unit_test(prefixes_round_trip),
		cmocka_unit_test(wrong_prefixes_leave_the_result),
		cmocka_unit_test(networks),
		cmocka_unit_test(containing),
		cmocka_unit_test(covering_and_overlapping),
		cmocka_unit_test(order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
