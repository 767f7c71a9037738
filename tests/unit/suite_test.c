#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ikev2/suite.h"
#include "ikev2/suite_match.h"
#include "lib/buf.h"

#include <stdlib.h>
#include <string.h>

static void the_contracts_suite(void **state)
{
	const struct suite *suite = suite_find(SUITE_DEFAULT);

	(void)state;
	assert_non_null(suite);
	assert_ptr_equal(suite, suite_at(0));
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
	size_t found = 0, rows = 0;

	(void)state;
	suite_names(&b);
	assert_memory_equal(buf_text(&b), SUITE_DEFAULT ", ", strlen(SUITE_DEFAULT ", "));
	char *names = buf_steal(&b), *rest = names;
	for (const char *word = strsep(&rest, ", "); word; word = strsep(&rest, ", ")) {
		if (!*word || !strcmp(word, "or"))
			continue;
		assert_non_null(suite_find(word));
		found++;
	}
	free(names);
	while (suite_at(rows))
		rows++;
	assert_int_equal(found, rows);
}

/* The floor, by IANA's numbers, for whatever row is added: nothing below the contract's suite. */
static bool is_strong(const struct suite_transform *item)
{
	switch (item->type) {
	case SUITE_ENCR:
		return (item->id == 12 || item->id == 20) && item->bits == 256;
	case SUITE_PRF:
		return item->id >= 5 && item->id <= 7;
	case SUITE_INTEG:
		return item->id >= 12 && item->id <= 14;
	case SUITE_KE:
		return item->id == 14 || item->id == 15 || item->id == 16 || item->id == 20 || item->id == 21;
	case SUITE_KE1:
		return item->id == 36 || item->id == 37;
	case SUITE_ESN:
		return item->id <= 1;
	default:
		return false;
	}
}

static bool has_type(const struct suite_rule *rule, uint8_t type)
{
	for (size_t i = 0; i < rule->n; i++) {
		if (rule->items[i].type == type)
			return true;
	}
	return false;
}

static bool is_aead(const struct suite_rule *rule)
{
	return rule->items[0].type == SUITE_ENCR && rule->items[0].id == 20;
}

static void nothing_below_the_floor(void **state)
{
	static const enum suite_use uses[] = { SUITE_IKE_SA, SUITE_FIRST_CHILD, SUITE_CHILD };
	const struct suite *suite;

	(void)state;
	for (size_t i = 0; (suite = suite_at(i)); i++) {
		for (size_t u = 0; u < 3; u++) {
			struct suite_rule rule;
			assert_true(suite_rule(suite, uses[u], &rule));
			for (size_t k = 0; k < rule.n; k++)
				assert_true(is_strong(&rule.items[k]));
			assert_true(has_type(&rule, SUITE_ENCR));
			assert_int_equal(has_type(&rule, SUITE_INTEG), !is_aead(&rule));
			assert_int_equal(has_type(&rule, SUITE_PRF), uses[u] == SUITE_IKE_SA);
			assert_int_equal(has_type(&rule, SUITE_KE), uses[u] != SUITE_FIRST_CHILD);
			assert_int_equal(has_type(&rule, SUITE_ESN), uses[u] != SUITE_IKE_SA);
		}
	}
}

/* The IKE_SA and its CHILD_SAs exchange keys alike, and the name says which ESN. */
static void rows_are_consistent(void **state)
{
	static const struct suite_transform esn = { SUITE_ESN, 1, 0 };
	const struct suite *suite;

	(void)state;
	for (size_t i = 0; (suite = suite_at(i)); i++) {
		struct suite_rule ike, child;
		assert_true(suite_rule(suite, SUITE_IKE_SA, &ike));
		assert_true(suite_rule(suite, SUITE_CHILD, &child));
		assert_int_equal(suite_rule_extra(&ike), suite_rule_extra(&child));
		assert_int_equal(ike.items[0].id, child.items[0].id);
		bool extended = false;
		for (size_t k = 0; k < child.n; k++)
			extended |= !memcmp(&child.items[k], &esn, sizeof(esn));
		assert_int_equal(extended, strstr(suite->name, "-esn") != NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_contracts_suite),
		cmocka_unit_test(nothing_weaker),
		cmocka_unit_test(names_are_listed_and_found),
		cmocka_unit_test(nothing_below_the_floor),
		cmocka_unit_test(rows_are_consistent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
