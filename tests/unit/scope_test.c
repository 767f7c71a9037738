/* Parts of what the kernel holds: what a change touches, and what is put together from memory and a look. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/changes.h"
#include "appliance/isolation/plan.h"
#include "appliance/isolation/scope.h"
#include "lib/buf.h"

#include <linux/rtnetlink.h>
#include <stdio.h>
#include <sys/socket.h>

static struct object named(enum object_kind kind, const char *name, uint32_t value)
{
	struct object o = { .kind = kind, .value = value };

	snprintf(o.name, sizeof(o.name), "%s", name);
	return o;
}

static struct object route(uint32_t table, const char *interface, uint32_t metric)
{
	struct object o = named(OBJECT_ROUTE, interface, metric);

	o.table = table;
	o.type = RTN_UNICAST;
	o.prefix.ip.family = AF_INET;
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

static void assert_plan(const struct plan *p, const char *expected)
{
	struct buf text = { 0 };

	plan_print(p, &text);
	assert_string_equal(buf_text(&text), expected);
	buf_free(&text);
}

static struct scope scope_between(struct plan want, struct plan have)
{
	struct changes changes = { 0 };
	struct scope s = { 0 };

	assert_int_equal(changes_between(&want, &have, &changes), 0);
	assert_int_equal(scope_of(&changes, &s), 0);
	changes_free(&changes);
	plan_free(&want);
	plan_free(&have);
	return s;
}

static void what_a_change_touches(void **state)
{
	struct plan none = { 0 };
	struct scope s = scope_between(
		PLAN(named(OBJECT_UP, "eth1", 0), named(OBJECT_MTU, "culv-x1", 1400), route(1001, "eth1", 100),
			named(OBJECT_SYSCTL, "net/ipv4/conf/culv-x2/rp_filter", 0), named(OBJECT_SYSCTL, "net/ipv4/ip_forward", 1)),
		none);
	struct object address = named(OBJECT_ADDRESS, "eth1", 0), other = named(OBJECT_UP, "eth2", 0);
	struct object device = named(OBJECT_SYSCTL, "net/ipv6/conf/culv-x2/disable_ipv6", 1);
	struct object strange = named(OBJECT_SYSCTL, "net/ipv6/conf/culv-x3/disable_ipv6", 1);
	struct object host = named(OBJECT_SYSCTL, "net/ipv6/conf/all/forwarding", 1), rule = { .kind = OBJECT_RULE };
	struct object exception = named(OBJECT_SYSCTL, "net/ipv4/conf/eth0/forwarding", 0);
	struct object near = route(1001, "eth7", 1), far = route(1002, "eth1", 100);

	(void)state;
	assert_int_equal(s.n_names, 3);
	assert_int_equal(s.n_tables, 1);
	assert_true(scope_has(&s, &address) && scope_has(&s, &device) && scope_has(&s, &near));
	assert_true(scope_has(&s, &host) && scope_has(&s, &exception) && scope_has(&s, &rule));
	assert_false(scope_has(&s, &other) || scope_has(&s, &strange) || scope_has(&s, &far));
	scope_free(&s);
}

static void rules_and_vlans_have_their_place(void **state)
{
	struct object mark = named(OBJECT_MARK_RULE, "", 0x63750001), vlan = named(OBJECT_VLAN, "culv-c1001", 110);
	struct object reflect = named(OBJECT_SYSCTL, "net/ipv4/fwmark_reflect", 1);
	struct object keeping = named(OBJECT_SYSCTL, "net/ipv6/conf/eth1/keep_addr_on_down", 1);
	struct object parent = named(OBJECT_UP, "eth2", 0), address = named(OBJECT_ADDRESS, "culv-c1001", 0);
	struct plan none = { 0 };

	(void)state;
	mark.table = 1001;
	snprintf(vlan.master, sizeof(vlan.master), "eth2");
	struct scope s = scope_between(PLAN(mark, vlan, keeping), none);
	/* All rules are read anyway, and none of the table's routes on their account. */
	assert_int_equal(s.n_tables, 0);
	assert_int_equal(s.n_names, 2);
	assert_true(scope_has(&s, &mark) && scope_has(&s, &vlan) && scope_has(&s, &address));
	assert_true(scope_has(&s, &keeping) && scope_has(&s, &reflect));
	assert_false(scope_has(&s, &parent));
	scope_free(&s);
}

static void memory_gives_way_to_a_look(void **state)
{
	struct plan none = { 0 }, kept = { 0 }, part, known;
	struct scope s = scope_between(PLAN(named(OBJECT_UP, "eth1", 0), route(1001, "eth1", 100)), none);

	(void)state;
	known = PLAN(named(OBJECT_UP, "eth1", 0), named(OBJECT_UP, "eth2", 0), route(1001, "eth1", 200),
		route(1002, "eth2", 100), named(OBJECT_SYSCTL, "net/ipv4/ip_forward", 1));
	part = PLAN(route(1001, "eth1", 300), named(OBJECT_SYSCTL, "net/ipv4/ip_forward", 0));
	assert_int_equal(scope_filter(&s, &known, &kept), 0);
	assert_plan(&kept, "link eth1 up\n"
					   "route 0.0.0.0/0 table 1001 dev eth1 metric 200\n"
					   "sysctl net/ipv4/ip_forward = 1\n");
	assert_int_equal(scope_overlay(&s, &part, &known), 0);
	assert_plan(&known, "link eth2 up\n"
						"route 0.0.0.0/0 table 1001 dev eth1 metric 300\n"
						"route 0.0.0.0/0 table 1002 dev eth2 metric 100\n"
						"sysctl net/ipv4/ip_forward = 0\n");
	plan_free(&part);
	plan_free(&known);
	plan_free(&kept);
	scope_free(&s);
}

static bool disturbs(struct plan want, struct plan have)
{
	struct changes changes = { 0 };

	assert_int_equal(changes_between(&want, &have, &changes), 0);
	bool result = changes_disturb(&changes, &have);
	changes_free(&changes);
	plan_free(&want);
	plan_free(&have);
	return result;
}

static void what_calls_for_another_look(void **state)
{
	struct plan none = { 0 };
	struct object member = named(OBJECT_MASTER, "eth1", 0), up = named(OBJECT_UP, "eth1", 0);

	(void)state;
	snprintf(member.master, sizeof(member.master), "culv-v1001");
	assert_false(disturbs(PLAN(member, up, route(1001, "eth1", 100)), none));
	assert_false(disturbs(none, PLAN(route(1001, "eth1", 100))));
	assert_true(disturbs(PLAN(member, up), PLAN(up)));
	assert_true(disturbs(PLAN(route(1001, "eth1", 200)), PLAN(route(1001, "eth1", 100))));
	assert_true(disturbs(PLAN(up), PLAN(up, named(OBJECT_ADDRESS, "eth1", 0))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_change_touches),
		cmocka_unit_test(rules_and_vlans_have_their_place),
		cmocka_unit_test(memory_gives_way_to_a_look),
		cmocka_unit_test(what_calls_for_another_look),
	};

	return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}
