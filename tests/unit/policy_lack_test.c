/* What becomes of links that lack policies, over hours that the test counts itself. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/link_index.h"
#include "appliance/daemon/links.h"
#include "appliance/daemon/policy_lack.h"
#include "appliance/isolation/policy.h"
#include "appliance/isolation/sa.h"
#include "appliance/isolation/sa_watch.h"
#include "appliance/isolation/snapshot.h"
#include "conf/model.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

enum { LINKS = 3 };
static const uint64_t SECOND = 1000000, EVER = UINT64_MAX;

/* Links 1 and 2 are of tunnel one, link 3 of tunnel two. */
static char one[] = "one", two[] = "two", apn_name[] = "fleet";
static struct tunnel tunnels[] = { { .name = one }, { .name = two } };
static struct apn apn = { .name = apn_name };
static const struct link links[LINKS] = {
	{ .if_id = 1, .tunnel = &tunnels[0] },
	{ .if_id = 2, .tunnel = &tunnels[0] },
	{ .if_id = 3, .tunnel = &tunnels[1] },
};
static const struct link_entry entries[LINKS] = { { &apn, &links[0] }, { &apn, &links[1] }, { &apn, &links[2] } };

static bool known[LINKS], up[LINKS], whole[LINKS]; /* the model, the SAs and the policies, by link */
static struct sa sas[2 * LINKS];
static size_t n_sas;
static struct lacks lacks;
static uint64_t now;

struct sa_watch *links_sas(const struct links *l)
{
	(void)l;
	return (struct sa_watch *)&now;
}

const struct link_entry *links_find(const struct links *l, uint32_t if_id)
{
	(void)l;
	return if_id >= 1 && if_id <= LINKS && known[if_id - 1] ? &entries[if_id - 1] : NULL;
}

bool links_knows(const struct links *l, uint32_t if_id)
{
	return links_find(l, if_id);
}

const struct sa *sa_watch_all(const struct sa_watch *w, size_t *ret_count)
{
	(void)w;
	*ret_count = n_sas;
	return sas;
}

/* A size that cannot be had is refused with sanitizers as without. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static int find(uint64_t usec)
{
	struct policies_seen seen[LINKS];
	struct policies p = { .seen = seen };
	struct lacks found;

	for (uint32_t i = 0; i < LINKS; i++)
		if (whole[i])
			seen[p.count++] = (struct policies_seen){ i + 1, 1U << POLICY_IN | 1U << POLICY_OUT | 1U << POLICY_FWD };
	now += usec;
	int r = lacks_find(NULL, &p, &lacks, now, &found);
	if (r == 0) {
		lacks_free(&lacks);
		lacks = found;
	}
	return r;
}

static void look_after(uint64_t usec)
{
	n_sas = 0;
	for (uint32_t i = 0; i < LINKS; i++) {
		if (!up[i])
			continue;
		sas[n_sas++] = (struct sa){ .if_id = i + 1, .spi = 2 * i + 1 };
		sas[n_sas++] = (struct sa){ .if_id = i + 1, .spi = 2 * i + 2, .outbound = true };
	}
	assert_int_equal(find(usec), 0);
}

static const struct lack *lack_of(uint32_t if_id)
{
	for (size_t i = 0; i < lacks.count; i++)
		if (lacks.items[i].if_id == if_id)
			return &lacks.items[i];
	return NULL;
}

/* An order for the tunnel, now; how long it makes its links wait. */
static uint64_t ordered(const char *tunnel)
{
	lacks_ordered(&lacks, NULL, tunnel, now);
	return lacks_sum(&lacks, NULL, tunnel).next - now;
}

static int start(void **state)
{
	(void)state;
	now = 1000 * SECOND;
	for (size_t i = 0; i < LINKS; i++)
		known[i] = up[i] = whole[i] = true;
	look_after(0);
	return lacks.count ? -1 : 0;
}

static int stop(void **state)
{
	(void)state;
	lacks_free(&lacks);
	return 0;
}

static void what_lacks_policies_is_due_when_that_is_confirmed(void **state)
{
	(void)state;
	whole[1] = false;
	look_after(0);
	assert_int_equal(lacks.count, 1);
	assert_int_equal(lack_of(2)->state, LACK_OPEN);
	assert_int_equal(lack_of(2)->next, now + LACK_CONFIRM);
	look_after(LACK_CONFIRM / 2);
	assert_int_equal(lack_of(2)->next, now + LACK_CONFIRM / 2);
	whole[1] = true;
	look_after(0);
	assert_int_equal(lacks.count, 0);
}

static void each_order_waits_twice_as_long_and_not_for_ever(void **state)
{
	(void)state;
	whole[0] = whole[2] = false;
	look_after(0);
	uint64_t first = LACK_PATIENCE + 2 * (uint64_t)LACK_PATIENCE_EACH; /* both links are renewed */
	assert_int_equal(ordered(one), first);
	assert_int_equal(ordered(one), 2 * first);
	assert_int_equal(ordered(one), 4 * first);
	for (unsigned i = 0; i < 100; i++)
		assert_in_range(ordered(one), 4 * first, LACK_KEPT);
	assert_int_equal(ordered(one), LACK_KEPT);
	assert_int_equal(lack_of(3)->orders, 0);
	assert_int_equal(ordered(two), LACK_PATIENCE + LACK_PATIENCE_EACH);
}

/* Somebody deletes them every ten seconds, for a day, and each order mends that. */
static void relapses_wait_longer_and_longer(void **state)
{
	(void)state;
	unsigned orders = 0;

	for (unsigned i = 0; i < 24 * 360; i++) {
		whole[0] = whole[1] = false;
		look_after(2 * SECOND);
		look_after(8 * SECOND);
		if (lack_of(1)->next > now)
			continue;
		/* A renewal has helped each time. */
		assert_false(lacks_sum(&lacks, NULL, one).tried);
		ordered(one);
		orders++;
		whole[0] = whole[1] = true;
		look_after(0);
		assert_int_equal(lack_of(1)->state, LACK_MENDED);
	}
	assert_in_range(orders, 24 * 6 - 2, 24 * 6 + 8); /* every ten minutes */
}

static void what_stays_whole_is_forgotten(void **state)
{
	(void)state;
	whole[0] = false;
	look_after(0);
	ordered(one);
	whole[0] = true;
	look_after(SECOND);
	look_after(LACK_KEPT - SECOND);
	assert_int_equal(lack_of(1)->orders, 1);
	whole[0] = false;
	look_after(SECOND);
	assert_int_equal(lack_of(1)->orders, 0);
	assert_int_equal(lack_of(1)->next, now + LACK_CONFIRM);
}

/* Another link of the same tunnel takes part in what its tunnel was ordered. */
static void the_wait_is_the_tunnels(void **state)
{
	(void)state;
	whole[0] = false;
	look_after(0);
	ordered(one);
	whole[1] = false;
	look_after(SECOND);
	struct lack sum = lacks_sum(&lacks, NULL, one);
	assert_true(sum.tried);
	assert_true(sum.next > now + LACK_PATIENCE);
	assert_int_equal(sum.orders, 1);
	assert_int_equal(lacks_sum(&lacks, NULL, two).orders, 0);
	lacks_put_off(&lacks, NULL, one, EVER);
	assert_true(lack_of(1)->next == EVER && lack_of(2)->next == EVER);
	assert_true(lacks_sum(&lacks, NULL, one).tried);
}

/* A charon that was away knows of no order: its tunnel is not restarted before it was renewed. */
static void what_was_not_begun_was_not_tried(void **state)
{
	(void)state;
	whole[0] = false;
	look_after(0);
	ordered(one);
	lacks_not_begun(&lacks, NULL, one, now + SECOND);
	assert_false(lacks_sum(&lacks, NULL, one).tried);
	assert_int_equal(lacks_sum(&lacks, NULL, one).next, now + SECOND);
	assert_int_equal(lack_of(1)->orders, 1);
}

static void without_sas_nothing_is_mended_or_lacking(void **state)
{
	(void)state;
	whole[0] = whole[2] = false;
	look_after(0);
	lacks.items[0].told = true; /* link 3 was not confirmed */
	ordered(one);
	up[0] = up[2] = false;
	look_after(SECOND);
	assert_int_equal(lacks.count, 1);
	assert_int_equal(lack_of(1)->state, LACK_AWAY);
	look_after(2 * (uint64_t)LACK_KEPT);
	assert_int_equal(lack_of(1)->state, LACK_AWAY);
	assert_true(lack_of(1)->told);
	up[0] = true; /* its policies come after its SAs */
	look_after(SECOND);
	assert_int_equal(lack_of(1)->state, LACK_OPEN);
	assert_int_equal(lack_of(1)->next, now + LACK_CONFIRM);
	whole[0] = true;
	look_after(SECOND / 10);
	assert_int_equal(lack_of(1)->state, LACK_MENDED);
	assert_false(lack_of(1)->told);
	assert_int_equal(lacks.unmended, 0);
	up[0] = false;
	look_after(SECOND);
	assert_int_equal(lack_of(1)->state, LACK_MENDED);
}

static void a_link_that_the_model_has_no_more_is_forgotten(void **state)
{
	(void)state;
	whole[0] = whole[1] = false;
	look_after(0);
	ordered(one);
	known[0] = false;
	look_after(SECOND);
	assert_null(lack_of(1));
	assert_int_equal(lack_of(2)->orders, 1);
}

static void nothing_is_concluded_without_memory(void **state)
{
	(void)state;
	whole[0] = false;
	look_after(0);
	n_sas = SIZE_MAX / 16;
	assert_int_equal(find(SECOND), -ENOMEM);
	assert_int_equal(lack_of(1)->state, LACK_OPEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_lacks_policies_is_due_when_that_is_confirmed, start, stop),
		cmocka_unit_test_setup_teardown(each_order_waits_twice_as_long_and_not_for_ever, start, stop),
		cmocka_unit_test_setup_teardown(relapses_wait_longer_and_longer, start, stop),
		cmocka_unit_test_setup_teardown(what_stays_whole_is_forgotten, start, stop),
		cmocka_unit_test_setup_teardown(the_wait_is_the_tunnels, start, stop),
		cmocka_unit_test_setup_teardown(what_was_not_begun_was_not_tried, start, stop),
		cmocka_unit_test_setup_teardown(without_sas_nothing_is_mended_or_lacking, start, stop),
		cmocka_unit_test_setup_teardown(a_link_that_the_model_has_no_more_is_forgotten, start, stop),
		cmocka_unit_test_setup_teardown(nothing_is_concluded_without_memory, start, stop),
	};

	return cmocka_run_group_tests_name("policy_lack", tests, NULL, NULL);
}
