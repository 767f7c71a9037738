/* charon's answer to compare. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/comparison.h"

#include <errno.h>

static void takes_what_charon_says(void **state)
{
	struct comparison c = { 0 };
	const struct comparison_child *child;
	size_t n = 0;

	(void)state;
	assert_int_equal(comparison_parse("tunnel t2 children\nchild t2 b replaced\nchild t2 a added\n"
									  "tunnel t1 reestablished\nkept 4998\n",
						 &c),
		0);
	assert_int_equal(c.n_tunnels, 2);
	assert_string_equal(c.tunnels[0].name, "t1");
	assert_string_equal(c.tunnels[0].change, "reestablished");
	assert_int_equal(c.kept, 4998);
	child = comparison_children(&c, "t2", &n);
	assert_int_equal(n, 2);
	assert_string_equal(child[0].apn, "a");
	assert_string_equal(child[1].change, "replaced");
	assert_null(comparison_children(&c, "t1", &n));
	assert_int_equal(n, 0);
	comparison_free(&c);
}

static void takes_further_words_of_a_tunnel(void **state)
{
	struct comparison c = { 0 };

	(void)state;
	assert_int_equal(comparison_parse("tunnel t1 changed credentials initiator\nchild t1 a replaced for good\n"
									  "tunnel t2 credentials\nkept 0\n",
						 &c),
		0);
	assert_string_equal(c.tunnels[0].change, "changed");
	assert_string_equal(c.tunnels[0].also, "credentials initiator");
	assert_string_equal(c.children[0].change, "replaced");
	assert_string_equal(c.tunnels[1].change, "credentials");
	assert_null(c.tunnels[1].also);
	comparison_free(&c);
}

static void a_later_charon_may_say_more(void **state)
{
	struct comparison c = { 0 };

	(void)state;
	assert_int_equal(
		comparison_parse("weather fine\n\ntunnel t added because of the peer\nkept 0 of 1\nalone\n", &c), 0);
	assert_int_equal(c.n_tunnels, 1);
	assert_string_equal(c.tunnels[0].change, "added");
	comparison_free(&c);
	assert_int_equal(comparison_parse("", &c), 0);
	comparison_free(&c);
}

static void what_lacks_a_word_is_refused(void **state)
{
	static const char *const bad[] = { "tunnel t\n", "tunnel\n", "child t a\n", "kept\n", "kept x\n", "kept -1\n",
		"kept 99999999999999999999999\n", "tunnel  added\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct comparison c = { 0 };

		assert_int_equal(comparison_parse(bad[i], &c), -EPROTO);
	}
}

static void assert_interrupts(const char *text, bool expected)
{
	struct comparison c = { 0 };

	assert_int_equal(comparison_parse(text, &c), 0);
	assert_int_equal(comparison_interrupts(&c), expected);
	comparison_free(&c);
}

static void tells_what_interrupts(void **state)
{
	(void)state;
	assert_interrupts("kept 3\n", false);
	assert_interrupts("tunnel t added\n", false);
	assert_interrupts("tunnel t initiator\n", false);
	assert_interrupts("tunnel t rehearsal\n", false);
	assert_interrupts("tunnel t credentials\n", false);
	assert_interrupts("tunnel t changed\nchild t a added\n", false);
	assert_interrupts("tunnel t changed\nchild t a removed\n", true);
	assert_interrupts("tunnel t children\nchild t a added\n", false);
	assert_interrupts("tunnel t children\nchild t a replaced\n", true);
	assert_interrupts("tunnel t children\nchild t a narrowed\n", true);
	assert_interrupts("tunnel t children\nchild t a extended\n", false);
	assert_interrupts("tunnel t changed credentials\nchild t a rekeyed\n", false);
	assert_interrupts("tunnel t reestablished credentials\n", true);
	assert_interrupts("tunnel t children\nchild t a rekeyed\nchild t b added\n", false);
	assert_interrupts("tunnel t children\nchild t a removed\n", true);
	assert_interrupts("tunnel t reestablished\n", true);
	assert_interrupts("tunnel t removed\n", true);
	assert_interrupts("tunnel t transmogrified\n", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_charon_says),
		cmocka_unit_test(takes_further_words_of_a_tunnel),
		cmocka_unit_test(a_later_charon_may_say_more),
		cmocka_unit_test(what_lacks_a_word_is_refused),
		cmocka_unit_test(tells_what_interrupts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
