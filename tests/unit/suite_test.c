#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ikev2/suite.h"
#include "lib/buf.h"

#include <stdlib.h>
#include <string.h>

static void the_contracts_suite(void **state)
{
	const struct suite *suite = suite_find(SUITE_DEFAULT);

	(void)state;
	assert_non_null(suite);
	assert_string_equal(suite->name, "aes256-sha256-modp2048");
	assert_string_equal(suite->ike, "aes256-sha256-prfsha256-modp2048");
	assert_string_equal(suite->esp, "aes256-sha256-modp2048");
}

static void nothing_weaker(void **state)
{
	static const char *const weak[] = { "", "aes256", "aes256-sha256", "aes128-sha256-modp2048", "aes256-sha1-modp2048",
		"aes256-sha256-modp1024", "3des-md5-modp1024", "AES256-SHA256-MODP2048", "aes256-sha256-modp2048 ", "null" };

	(void)state;
	for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++)
		assert_null(suite_find(weak[i]));
}

static void names_are_listed_and_found(void **state)
{
	struct buf b = { 0 };

	(void)state;
	suite_names(&b);
	assert_string_equal(buf_text(&b), "aes256-sha256-modp2048, aes256-sha256-ecp384 or aes256gcm16-prfsha384-ecp384");
	char *names = buf_steal(&b), *rest = names;
	for (const char *word = strsep(&rest, ", "); word; word = strsep(&rest, ", ")) {
		if (*word && strcmp(word, "or") != 0)
			assert_non_null(suite_find(word));
	}
	free(names);
}

/* Key exchange in each: no CHILD_SA without forward secrecy. */
static void every_suite_exchanges_keys(void **state)
{
	static const char *const names[] = { SUITE_DEFAULT, "aes256-sha256-ecp384", "aes256gcm16-prfsha384-ecp384" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct suite *suite = suite_find(names[i]);
		assert_true(strstr(suite->esp, "modp2048") || strstr(suite->esp, "ecp384"));
		assert_true(strstr(suite->ike, "modp2048") || strstr(suite->ike, "ecp384"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_contracts_suite),
		cmocka_unit_test(nothing_weaker),
		cmocka_unit_test(names_are_listed_and_found),
		cmocka_unit_test(every_suite_exchanges_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
