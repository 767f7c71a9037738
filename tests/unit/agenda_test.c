#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "ikev2/agenda.h"

enum { ITEMS = 2000, STEPS = 20000 };

static struct agenda_item *slowly_first(struct agenda_item *items)
{
	struct agenda_item *first = NULL;

	for (size_t i = 0; i < ITEMS; i++) {
		if (items[i].place && (!first || items[i].due < first->due))
			first = &items[i];
	}
	return first;
}

static void empty(void **state)
{
	struct agenda a = { 0 };
	struct agenda_item item = { 0 };

	(void)state;
	assert_null(agenda_first(&a));
	agenda_drop(&a, &item);
	agenda_free(&a);
}

/* Put, moved and dropped at random: the first one is always the earliest. */
static void the_earliest_is_first(void **state)
{
	static struct agenda_item items[ITEMS];
	struct agenda a = { 0 };
	size_t in = 0;

	(void)state;
	srand(1);
	for (int step = 0; step < STEPS; step++) {
		struct agenda_item *item = &items[rand() % ITEMS], *first;
		in -= item->place != 0;
		if (rand() % 3) {
			assert_int_equal(agenda_put(&a, item, (uint64_t)rand() % 5000), 0);
			in++;
		} else {
			agenda_drop(&a, item);
		}
		assert_int_equal(a.n, in);
		if (step % 10)
			continue;
		first = slowly_first(items);
		assert_true(first ? agenda_first(&a)->due == first->due : !agenda_first(&a));
	}
	for (uint64_t last = 0; agenda_first(&a); last = agenda_first(&a) ? agenda_first(&a)->due : last) {
		assert_true(agenda_first(&a)->due >= last);
		agenda_drop(&a, agenda_first(&a));
	}
	agenda_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(the_earliest_is_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
