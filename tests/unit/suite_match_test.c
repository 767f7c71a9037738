#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ikev2/suite.h"
#include "ikev2/suite_match.h"
#include "lib/buf.h"

#include <string.h>

/* IANA's numbers, so that the tests do not read the table that they check. */
#define AES256       { 1, 12, 256 }
#define AES128       { 1, 12, 128 }
#define GCM256       { 1, 20, 256 }
#define PRF256       { 2, 5, 0 }
#define PRF384       { 2, 6, 0 }
#define SHA256       { 3, 12, 0 }
#define SHA1         { 3, 2, 0 }
#define MODP2048     { 4, 14, 0 }
#define MODP1024     { 4, 2, 0 }
#define ECP384       { 4, 20, 0 }
#define NO_ESN       { 5, 0, 0 }
#define ESN          { 5, 1, 0 }
#define KE1_MLKEM768 { 6, 36, 0 }

#define ITEMS(...)    ((const struct suite_transform[]){ __VA_ARGS__ })
#define COUNT(...)    (sizeof(ITEMS(__VA_ARGS__)) / sizeof(struct suite_transform))
#define IS(rule, ...) suite_rule_is(rule, ITEMS(__VA_ARGS__), COUNT(__VA_ARGS__))
#define IN(rule, ...) suite_rule_in(rule, ITEMS(__VA_ARGS__), COUNT(__VA_ARGS__))

static struct suite_rule rule_of(const char *name, enum suite_use use)
{
	struct suite_rule rule;

	assert_true(suite_rule(suite_find(name), use, &rule));
	return rule;
}

static void the_default_as_chosen(void **state)
{
	struct suite_rule ike = rule_of(SUITE_DEFAULT, SUITE_IKE_SA), child = rule_of(SUITE_DEFAULT, SUITE_CHILD);
	struct suite_rule first = rule_of(SUITE_DEFAULT, SUITE_FIRST_CHILD);

	(void)state;
	assert_true(IS(&ike, AES256, PRF256, SHA256, MODP2048));
	assert_true(IS(&ike, MODP2048, SHA256, PRF256, AES256));
	assert_true(IS(&child, AES256, SHA256, MODP2048, NO_ESN));
	assert_true(IS(&first, AES256, SHA256, NO_ESN));
	/* What may stand there without a meaning: none, and what the peer will want later. */
	assert_true(IS(&first, AES256, SHA256, NO_ESN, { 4, 0, 0 }));
	assert_true(IS(&first, AES256, SHA256, NO_ESN, MODP2048));
	assert_true(IS(&ike, AES256, PRF256, SHA256, MODP2048, { 6, 0, 0 }));
}

static void anything_else_is_not_it(void **state)
{
	struct suite_rule ike = rule_of(SUITE_DEFAULT, SUITE_IKE_SA), child = rule_of(SUITE_DEFAULT, SUITE_CHILD);
	struct suite_rule first = rule_of(SUITE_DEFAULT, SUITE_FIRST_CHILD);

	(void)state;
	assert_false(suite_rule_is(&ike, NULL, 0));
	assert_false(IS(&ike, AES256, PRF256, SHA256));
	assert_false(IS(&ike, AES256, PRF256, MODP2048));
	assert_false(IS(&ike, AES256, PRF256, { 3, 0, 0 }, MODP2048));
	assert_false(IS(&ike, AES256, PRF256, SHA256, { 4, 0, 0 }));
	assert_false(IS(&ike, { 1, 12, 0 }, PRF256, SHA256, MODP2048));
	assert_false(IS(&ike, { 1, 12, 255 }, PRF256, SHA256, MODP2048));
	assert_false(IS(&ike, AES256, PRF256, { 3, 12, 128 }, MODP2048));
	assert_false(IS(&ike, AES256, PRF256, SHA256, MODP2048, KE1_MLKEM768));
	assert_false(IS(&ike, AES256, PRF256, SHA256, MODP2048, NO_ESN));
	assert_false(IS(&ike, AES256, PRF256, SHA256, MODP2048, { 13, 1, 0 }));
	assert_false(IS(&ike, AES256, PRF256, SHA256, MODP2048, { 13, 0, 0 }));
	assert_false(IS(&ike, AES256, PRF256, SHA256, MODP2048, { 0, 0, 0 }));
	assert_false(IS(&ike, AES256, AES128, PRF256, SHA256, MODP2048));
	assert_false(IS(&ike, AES256, AES256, PRF256, SHA256, MODP2048));
	assert_false(IS(&child, AES256, SHA256, NO_ESN));
	assert_false(IS(&child, AES256, SHA256, { 4, 0, 0 }, NO_ESN));
	assert_false(IS(&child, AES256, SHA256, MODP2048));
	assert_false(IS(&child, AES256, SHA256, MODP2048, ESN));
	assert_false(IS(&child, { 1, 11, 0 }, SHA256, MODP2048, NO_ESN));
	assert_false(IS(&child, AES256, SHA256, MODP2048, NO_ESN, PRF256));
	assert_false(IS(&first, AES256, SHA256, NO_ESN, MODP1024));
	assert_false(IS(&first, AES256, SHA256, MODP2048));
}

/* Each transform replaced by each neighbour: nothing but the suite itself is the suite. */
static void every_other_combination(void **state)
{
	struct suite_rule rule = rule_of(SUITE_DEFAULT, SUITE_IKE_SA);
	size_t accepted = 0, tried = 0;

	(void)state;
	for (uint16_t encr = 0; encr < 32; encr++) {
		for (uint16_t bits = 0; bits <= 512; bits = (uint16_t)(bits + 64)) {
			for (uint16_t integ = 0; integ < 16; integ++) {
				for (uint16_t ke = 0; ke < 40; ke++) {
					tried++;
					accepted += IS(&rule, { 1, encr, bits }, PRF256, { 3, integ, 0 }, { 4, ke, 0 });
				}
			}
		}
	}
	assert_int_equal(tried, 32 * 9 * 16 * 40);
	assert_int_equal(accepted, 1);
}

static void offers(void **state)
{
	struct suite_rule ike = rule_of(SUITE_DEFAULT, SUITE_IKE_SA);
	struct suite_rule gcm = rule_of("aes256gcm16-prfsha384-ecp384", SUITE_IKE_SA);

	(void)state;
	assert_true(IN(&ike, AES128, AES256, PRF384, PRF256, SHA1, SHA256, MODP1024, MODP2048));
	assert_true(IN(&gcm, AES256, GCM256, PRF384, PRF256, SHA256, { 3, 0, 0 }, ECP384, MODP2048));
	/* A cipher that authenticates by itself has no integrity algorithm beside it. */
	assert_false(IN(&gcm, GCM256, PRF384, SHA256, ECP384));
	assert_false(IN(&ike, AES128, PRF256, SHA256, MODP2048));
	assert_false(IN(&ike, AES256, PRF256, SHA256, MODP2048, { 241, 1, 0 }));
	/* An additional key exchange that cannot be left out. */
	assert_false(IN(&ike, AES256, PRF256, SHA256, MODP2048, KE1_MLKEM768));
	assert_true(IN(&ike, AES256, PRF256, SHA256, MODP2048, KE1_MLKEM768, { 6, 0, 0 }));
}

static void hybrid(void **state)
{
	struct suite_rule rule = rule_of("aes256-sha256-ecp384-ke1_mlkem768", SUITE_IKE_SA);

	(void)state;
	assert_int_equal(suite_rule_extra(&rule), 1);
	assert_true(IS(&rule, AES256, PRF256, SHA256, ECP384, KE1_MLKEM768));
	assert_false(IS(&rule, AES256, PRF256, SHA256, ECP384));
	assert_false(IS(&rule, AES256, PRF256, SHA256, ECP384, { 6, 0, 0 }));
	assert_false(IS(&rule, AES256, PRF256, SHA256, ECP384, { 6, 35, 0 }));
	assert_false(IS(&rule, AES256, PRF256, SHA256, ECP384, { 7, 36, 0 }));
	assert_false(IS(&rule, AES256, PRF256, SHA256, { 4, 36, 0 }));
}

static void narrowing(void **state)
{
	static const struct suite_transform offer[] = { AES128, AES256, PRF256, SHA1, SHA256, MODP1024, MODP2048, ECP384,
		KE1_MLKEM768, { 6, 0, 0 } };
	struct suite_rule rules[3] = { rule_of(SUITE_DEFAULT, SUITE_IKE_SA), rule_of("aes256-sha256-ecp384", SUITE_IKE_SA),
		rule_of("aes256-sha256-ecp384-ke1_mlkem768", SUITE_IKE_SA) };
	struct suite_transform left[3 * SUITE_TRANSFORMS_MAX];
	size_t n;

	(void)state;
	n = suite_narrow(rules, 3, false, offer, sizeof(offer) / sizeof(offer[0]), left);
	assert_int_equal(n, 4);
	assert_true(suite_rule_is(&rules[0], left, n));
	n = suite_narrow(rules + 2, 1, false, offer, sizeof(offer) / sizeof(offer[0]), left);
	assert_true(suite_rule_is(&rules[2], left, n));
	/* All of them together: what is in none is gone, and each can still be chosen. */
	n = suite_narrow(rules, 3, true, offer, sizeof(offer) / sizeof(offer[0]), left);
	assert_int_equal(n, 7);
	for (size_t i = 0; i < 3; i++)
		assert_true(suite_rule_in(&rules[i], left, n));
	assert_int_equal(suite_narrow(rules, 3, true, offer, 1, left), 0);
	assert_int_equal(suite_narrow(rules, 0, true, offer, sizeof(offer) / sizeof(offer[0]), left), 0);
}

#define SAYS(what, expected)                                                                                           \
	do {                                                                                                               \
		struct buf said = { 0 };                                                                                       \
		what;                                                                                                          \
		assert_string_equal(buf_text(&said), expected);                                                                \
		buf_free(&said);                                                                                               \
	} while (0)
#define SPELLS(expected, ...) SAYS(suite_spell(ITEMS(__VA_ARGS__), COUNT(__VA_ARGS__), &said), expected)
#define DIFFERS(rule, expected, ...)                                                                                   \
	SAYS(suite_difference(rule, ITEMS(__VA_ARGS__), COUNT(__VA_ARGS__), &said), expected)

static void words_for_people(void **state)
{
	struct suite_rule ike = rule_of(SUITE_DEFAULT, SUITE_IKE_SA), child = rule_of(SUITE_DEFAULT, SUITE_CHILD);
	struct suite_rule gcm = rule_of("aes256gcm16-prfsha384-ecp384", SUITE_CHILD);

	(void)state;
	SPELLS("aes256-sha256-prfsha256-modp2048", MODP2048, PRF256, SHA256, AES256);
	SPELLS("aes128/aes256-sha1-modp1024-esn", AES128, AES256, SHA1, MODP1024, ESN);
	SPELLS("aes256-sha256-ecp384-ke1_mlkem768", AES256, SHA256, ECP384, KE1_MLKEM768, NO_ESN);
	SPELLS("encr99_40-integ77-none-type13_4", { 1, 99, 40 }, { 3, 77, 0 }, { 4, 0, 0 }, { 13, 4, 0 });
	SAYS(suite_spell(NULL, 0, &said), "nothing");
	DIFFERS(&ike, "encryption aes128 instead of aes256, key exchange modp1024/ecp384 instead of modp2048", AES128,
		PRF256, SHA256, MODP1024, ECP384);
	DIFFERS(&child, "no key exchange instead of modp2048", AES256, SHA256, NO_ESN);
	DIFFERS(&child, "sequence numbers esn instead of noesn", AES256, SHA256, MODP2048, ESN);
	DIFFERS(&gcm, "encryption aes256 instead of aes256gcm16, integrity sha256 instead of none", AES256, SHA256, ECP384,
		NO_ESN);
	DIFFERS(&ike, "transforms of the unknown type 99", AES256, PRF256, SHA256, MODP2048, { 99, 1, 0 });
	DIFFERS(&ike, "", AES256, PRF256, SHA256, MODP2048);
}

static void what_is_no_suite(void **state)
{
	static const char *const texts[] = { "aes256--modp2048", "aes256-aes128", "aes257", "ke1_aes256", "ke8_mlkem768",
		"ke1_", "-" };
	struct suite_rule rule;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const struct suite suite = { .name = "x", .ike = texts[i], .esp = texts[i] };
		assert_false(suite_rule(&suite, SUITE_IKE_SA, &rule) && suite_rule(&suite, SUITE_CHILD, &rule));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default_as_chosen),
		cmocka_unit_test(anything_else_is_not_it),
		cmocka_unit_test(every_other_combination),
		cmocka_unit_test(offers),
		cmocka_unit_test(hybrid),
		cmocka_unit_test(narrowing),
		cmocka_unit_test(words_for_people),
		cmocka_unit_test(what_is_no_suite),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
