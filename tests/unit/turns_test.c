/* Who is next: order, time, and how many at once. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ikev2/turns.h"

static void in_the_order_in_which_they_came(void **state)
{
	struct turns t = { .at_once = 3 };
	struct turn a = { 0 }, b = { 0 }, c = { 0 };

	(void)state;
	assert_null(turns_take(&t, 100));
	turns_wait(&t, &a, 10);
	turns_wait(&t, &b, 11);
	turns_wait(&t, &c, 12);
	turns_wait(&t, &a, 13); /* put off: behind the others */
	assert_null(turns_take(&t, 10));
	assert_ptr_equal(turns_take(&t, 12), &b);
	assert_ptr_equal(turns_take(&t, 12), &c);
	assert_null(turns_take(&t, 12));
	assert_ptr_equal(turns_take(&t, 13), &a);
	assert_null(turns_take(&t, 100));
}

static void only_so_many_at_once(void **state)
{
	struct turns t = { .at_once = 2 };
	struct turn items[1000] = { 0 };
	struct turn *one;
	size_t done = 0;

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		turns_wait(&t, &items[i], 1);
	while (t.first) {
		one = turns_take(&t, 1);
		assert_ptr_equal(one, &items[done]);
		if (done + 1 < 1000)
			assert_ptr_equal(turns_take(&t, 1), &items[done + 1]);
		assert_null(turns_take(&t, 1));
		turns_leave(&t, one);
		turns_leave(&t, one);
		if (done + 1 < 1000)
			turns_leave(&t, &items[done + 1]);
		done += 2;
	}
	assert_int_equal(done, 1000);
	assert_int_equal(t.now, 0);
}

static void any_may_leave(void **state)
{
	struct turns t = { .at_once = 1 };
	struct turn a = { 0 }, b = { 0 }, c = { 0 };

	(void)state;
	turns_wait(&t, &a, 1);
	turns_wait(&t, &b, 1);
	turns_wait(&t, &c, 1);
	turns_leave(&t, &b);
	turns_leave(&t, &b);
	assert_ptr_equal(t.first, &a);
	assert_ptr_equal(t.last, &c);
	turns_leave(&t, &c);
	assert_ptr_equal(t.last, &a);
	assert_ptr_equal(turns_take(&t, 1), &a);
	/* Who has its turn and is to wait gives it up. */
	turns_wait(&t, &a, 5);
	assert_int_equal(t.now, 0);
	turns_leave(&t, &a);
	assert_null(t.first);
	assert_null(t.last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_the_order_in_which_they_came),
		cmocka_unit_test(only_so_many_at_once),
		cmocka_unit_test(any_may_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
