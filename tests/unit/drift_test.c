/* What others changed, as told by what was left and what is there. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/drift.h"
#include "appliance/isolation/plan.h"
#include "appliance/isolation/scope.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static struct object named(enum object_kind kind, const char *name, uint32_t value)
{
	struct object o = { .kind = kind, .value = value };

	snprintf(o.name, sizeof(o.name), "%s", name);
	return o;
}

static struct object route(const char *interface)
{
	struct object o = named(OBJECT_ROUTE, interface, 100);

	o.table = 1001;
	o.type = RTN_UNICAST;
	o.prefix.ip.family = AF_INET;
	return o;
}

static struct object member(const char *name, const char *vrf)
{
	struct object o = named(OBJECT_MASTER, name, 0);

	snprintf(o.master, sizeof(o.master), "%s", vrf);
	return o;
}

static struct plan plan_of(const struct object *objects, size_t count)
{
	struct plan p = { 0 };

	for (size_t i = 0; i < count; i++)
		assert_int_equal(plan_add(&p, &objects[i]), 0);
	plan_sort(&p);
	return p;
}

#define PLAN(...)                                                                                                      \
	plan_of((const struct object[]){ __VA_ARGS__ },                                                                    \
		sizeof((const struct object[]){ __VA_ARGS__ }) / sizeof(struct object))

/* The kernel was left as wanted; then it was changed. Each in a word; what is found in the words expected. */
static void assert_drift(struct plan want, struct plan have, const struct scope *scope, const char *const *expected)
{
	struct drifts d = { 0 };
	size_t n = 0;

	drifts_find(&want, &want, &have, scope, &d);
	for (; expected[n]; n++) {
		assert_true(n < d.count);
		assert_string_equal(d.items[n].what, expected[n]);
	}
	assert_int_equal(d.count, n);
	drifts_settle(&d, &want, &have);
	for (size_t i = 0; i < d.count; i++)
		assert_false(d.items[i].repaired);
	drifts_settle(&d, &want, &want);
	for (size_t i = 0; i < d.count; i++)
		assert_true(d.items[i].repaired);
	plan_free(&want);
	plan_free(&have);
}

#define ASSERT_DRIFT(want, have, ...) assert_drift(want, have, NULL, (const char *const[]){ __VA_ARGS__, NULL })

static void what_is_gone_and_what_is_new_is_named(void **state)
{
	(void)state;
	ASSERT_DRIFT(PLAN(named(OBJECT_UP, "culv-x1", 0), route("culv-x1")), PLAN(named(OBJECT_UP, "culv-x1", 0)),
		"route 0.0.0.0/0 table 1001 dev culv-x1 metric 100 is gone");
	ASSERT_DRIFT(PLAN(named(OBJECT_UP, "eth1", 0)), PLAN(named(OBJECT_UP, "eth1", 0), route("eth1")),
		"route 0.0.0.0/0 table 1001 dev eth1 metric 100 was added");
}

static struct object rule(uint32_t preference)
{
	return (struct object){ .kind = OBJECT_STRANGE_RULE,
		.value = preference,
		.prefix.ip.family = AF_INET,
		.type = FR_ACT_TO_TBL,
		.table = 1001 };
}

/* Behind the VRFs' rule it is its table that is in the way. */
static void where_a_rule_may_stand_is_said(void **state)
{
	(void)state;
	ASSERT_DRIFT((struct plan){ 0 }, PLAN(rule(10), rule(2000)),
		"rule inet pref 10 lookup 1001 was added; one of your own may have a preference above 1000",
		"rule inet pref 2000 lookup 1001 was added");
}

static void what_has_one_value_is_told_once(void **state)
{
	(void)state;
	ASSERT_DRIFT(PLAN(named(OBJECT_MTU, "culv-x1", 1400), named(OBJECT_UP, "culv-x1", 0), member("eth1", "culv-v1001")),
		PLAN(named(OBJECT_MTU, "culv-x1", 1300), named(OBJECT_UP, "culv-x1", 0), member("eth1", "other")),
		"link culv-x1 mtu 1300 instead of 1400", "link eth1 master other instead of culv-v1001");
}

static void what_goes_with_an_interface_is_not_said_again(void **state)
{
	(void)state;
	ASSERT_DRIFT(PLAN(named(OBJECT_XFRM, "culv-x1", 1), named(OBJECT_MTU, "culv-x1", 1400),
					 member("culv-x1", "culv-v1001"), named(OBJECT_UP, "culv-x1", 0), route("culv-x1"),
					 named(OBJECT_SYSCTL, "net/ipv4/conf/culv-x1/rp_filter", 0)),
		PLAN(named(OBJECT_UP, "eth1", 0)), "link culv-x1 type xfrm dev lo if_id 1 is gone", "link eth1 up was added");
}

/* Of an interface outside of the scope nothing was read: that it is not there says nothing. */
static void of_a_part_only_the_part_counts(void **state)
{
	uint32_t table = 1001;
	const struct scope scope = { .tables = &table, .n_tables = 1 };
	static const char *const expected[] = { "route 0.0.0.0/0 table 1001 dev culv-x1 metric 100 is gone", NULL };

	(void)state;
	assert_drift(PLAN(named(OBJECT_XFRM, "culv-x1", 1), named(OBJECT_UP, "culv-x1", 0), route("culv-x1")),
		(struct plan){ 0 }, &scope, expected);
}

static void what_is_wanted_anyway_is_no_drift(void **state)
{
	struct plan left = PLAN(named(OBJECT_UP, "eth1", 0), route("eth1")), want = PLAN(named(OBJECT_UP, "eth2", 0));
	struct plan have = PLAN(named(OBJECT_UP, "eth1", 0), named(OBJECT_UP, "eth2", 0));
	struct drifts d = { 0 };

	(void)state;
	drifts_find(&left, &want, &have, NULL, &d);
	assert_int_equal(d.count, 0);
	plan_free(&left);
	plan_free(&want);
	plan_free(&have);
}

static void too_many_are_counted(void **state)
{
	struct plan want = { 0 }, none = { 0 };
	struct drifts d = { 0 };

	(void)state;
	for (uint32_t i = 0; i < DRIFT_MAX + 7; i++) {
		struct object o = named(OBJECT_SYSCTL, "net/x", i);
		assert_int_equal(plan_add(&want, &o), 0);
	}
	plan_sort(&want);
	drifts_find(&want, &want, &none, NULL, &d);
	assert_int_equal(d.count, DRIFT_MAX);
	assert_int_equal(d.dropped, 7);
	plan_free(&want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_gone_and_what_is_new_is_named),
		cmocka_unit_test(where_a_rule_may_stand_is_said),
		cmocka_unit_test(what_has_one_value_is_told_once),
		cmocka_unit_test(what_goes_with_an_interface_is_not_said_again),
		cmocka_unit_test(of_a_part_only_the_part_counts),
		cmocka_unit_test(what_is_wanted_anyway_is_no_drift),
		cmocka_unit_test(too_many_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
