#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/carrying.h"

static void starts_empty(void **state)
{
	struct carrying c = { 0 };

	(void)state;
	assert_false(carrying_has(&c, 0));
	assert_false(carrying_has(&c, 1));
	carrying_free(&c);
	carrying_free(NULL);
}

static void holds_each_once_in_order(void **state)
{
	const uint32_t given[] = { 7, 3, 3, UINT32_MAX, 1, 7, 5 };
	const struct carrying_link sorted[] = { { 1, 0, 1 }, { 3, 0, 2 }, { 5, 0, 1 }, { 7, 0, 2 }, { UINT32_MAX, 0, 1 } };
	struct carrying c = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++)
		assert_int_equal(carrying_add(&c, given[i]), 0);
	assert_int_equal(c.count, 5);
	assert_memory_equal(c.links, sorted, sizeof(sorted));
	for (size_t i = 0; i < c.count; i++)
		assert_true(carrying_has(&c, sorted[i].if_id));
	assert_false(carrying_has(&c, 2));
	assert_false(carrying_has(&c, 8));
	carrying_free(&c);
	assert_int_equal(c.count, 0);
}

static void compares_sets(void **state)
{
	struct carrying a = { 0 }, b = { 0 };

	(void)state;
	assert_true(carrying_equal(&a, &b));
	carrying_add(&a, 1);
	assert_false(carrying_equal(&a, &b));
	carrying_add(&b, 2);
	assert_false(carrying_equal(&a, &b));
	carrying_add(&b, 1);
	carrying_add(&a, 2);
	assert_true(carrying_equal(&a, &b));
	assert_int_equal(carrying_put(&a, 2, 1), 0);
	assert_false(carrying_equal(&a, &b));
	carrying_add(&a, 2);
	assert_int_equal(carrying_find(&a, 2)->rank, 1);
	assert_int_equal(carrying_put(&b, 2, 1), 0);
	assert_false(carrying_equal(&a, &b));
	carrying_add(&b, 2);
	assert_true(carrying_equal(&a, &b));
	assert_null(carrying_find(&a, 3));
	carrying_free(&a);
	carrying_free(&b);
}

static void takes_many(void **state)
{
	struct carrying c = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 10000; i++)
		assert_int_equal(carrying_add(&c, i * 7919 % 10007), 0);
	assert_int_equal(c.count, 10000);
	for (size_t i = 1; i < c.count; i++)
		assert_true(c.links[i - 1].if_id < c.links[i].if_id);
	carrying_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_empty),
		cmocka_unit_test(holds_each_once_in_order),
		cmocka_unit_test(compares_sets),
		cmocka_unit_test(takes_many),
	};
	return cmocka_run_group_tests_name("carrying", tests, NULL, NULL);
}
