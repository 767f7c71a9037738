#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ikev2/identity.h"

#include <stdlib.h>
#include <string.h>

static void kinds(void **state)
{
	static const struct {
		const char *text;
		enum identity_kind kind;
	} cases[] = {
		{ "192.0.2.1", IDENTITY_ADDRESS },
		{ "2001:db8::1", IDENTITY_ADDRESS },
		{ "gw.example.net", IDENTITY_NAME },
		{ "@gw.example.net", IDENTITY_NAME },
		{ "@192.0.2.1", IDENTITY_NAME },
		{ "gw", IDENTITY_NAME },
		{ "gw@example.net", IDENTITY_MAIL },
		{ "@@gw@example.net", IDENTITY_MAIL },
		{ "C=CZ, CN=gw", IDENTITY_DN },
		{ "/C=CZ/CN=gw@example.net", IDENTITY_DN },
		{ "@#6b6579", IDENTITY_KEY_ID },
		{ "2001:db8::x", IDENTITY_KEY_ID },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(identity_kind(cases[i].text), cases[i].kind);
}

static void assert_same(const char *a, const char *b, int same)
{
	char *x = identity_canonical(a), *y = identity_canonical(b);

	assert_non_null(x);
	assert_non_null(y);
	if ((strcmp(x, y) == 0) != same)
		fail_msg("\"%s\" is %s, \"%s\" is %s", a, x, b, y);
	free(x);
	free(y);
}

static void spelt_differently(void **state)
{
	static const char *const pairs[][2] = {
		{ "gw.example.net", "@GW.Example.Net" },
		{ "2001:DB8:0::1", "2001:db8::1" },
		{ "gw@example.net", "@@GW@example.net" },
		{ "C=CZ, O=Example, CN=gw", "c=cz,o=EXAMPLE,cn=gw" },
		{ "C=CZ, O=Example, CN=gw", "/C=CZ/O=Example/CN=gw" },
		{ "C=CZ,CN=gw", "  C = CZ ,  CN = gw , " },
		{ "CN=gw, E=a@example.net", "CN=gw, emailAddress=a@example.net" },
		{ "@#6B6579", "@#6b6579" },
		{ "key:1", "@#6b65793a31" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		assert_same(pairs[i][0], pairs[i][1], 1);
}

static void different(void **state)
{
	static const char *const pairs[][2] = {
		{ "gw.example.net", "gw2.example.net" },
		{ "192.0.2.1", "@192.0.2.1" },
		{ "192.0.2.1", "192.0.2.10" },
		{ "C=CZ, CN=gw", "CN=gw, C=CZ" },
		{ "CN=gw", "gw" },
		{ "CN=a b", "CN=ab" },
		{ "Key:1", "key:1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		assert_same(pairs[i][0], pairs[i][1], 0);
}

static void unknown_parts(void **state)
{
	static const char *const pairs[][2] = {
		{ "C=CZ, O=Example, CN=gw, emailAddress=a@b, street=x, SerialNumber=1", NULL },
		{ "/C = CZ/CN=a, b", NULL },
		{ "C=CZ, CN=a, Ltd", "Ltd" },
		{ "C=CZ, GN=Jan, CN=gw", "GN=Jan" },
		{ "gw@a=b", "gw@a=b" },
		{ "gw.example.net", NULL },
		{ "gw@example.net", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const char *part;
		size_t len;
		bool found = identity_find_unknown(pairs[i][0], &part, &len);
		assert_int_equal(found, pairs[i][1] != NULL);
		if (found) {
			assert_int_equal(len, strlen(pairs[i][1]));
			assert_memory_equal(part, pairs[i][1], len);
		}
	}
}

/* Broken ones are no reason to fall over. */
static void odd_texts(void **state)
{
	static const char *const texts[] = { "", "@", "@@", "@#", "=", "/", "/=", ",=,", " = ", "=/=,=", "CN=", "@=" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_same(texts[i], texts[i], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(spelt_differently),
		cmocka_unit_test(different),
		cmocka_unit_test(unknown_parts),
		cmocka_unit_test(odd_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
