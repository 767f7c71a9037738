/* What plans hold is in the goldens; here: the limits, and the order of changes from one plan to another. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/carrying.h"
#include "appliance/isolation/changes.h"
#include "appliance/isolation/plan.h"
#include "conf/model.h"
#include "lib/buf.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static char cloud_interface[] = "eth1", other_interface[] = "eth2";

/* One APN with two links; what a test changes, it changes before it plans. */
struct sample {
	struct prefix pool[1], cloud[1];
	struct link links[2];
	struct apn apn;
	struct model model;
};

static void make_sample(struct sample *s)
{
	*s = (struct sample){
		.pool = { prefix("10.64.0.0/16") },
		.cloud = { prefix("10.110.0.0/20") },
		.links = { { .if_id = 1 }, { .if_id = 2 } },
	};
	s->apn = (struct apn){ .pool = s->pool, .n_pool = 1, .links = s->links, .n_links = 2, .table = 1001 };
	s->apn.cloud = (struct cloud){
		.interface = cloud_interface,
		.address = prefix("10.110.0.4/20"),
		.prefixes = s->cloud,
		.n_prefixes = 1,
	};
	s->model = (struct model){ .apns = &s->apn, .n_apns = 1 };
}

static struct plan plan_of(const struct sample *s, uint32_t first, uint32_t second)
{
	struct carrying c = { 0 };
	struct plan p = { 0 };

	if (first)
		carrying_add(&c, first);
	if (second)
		carrying_add(&c, second);
	assert_int_equal(plan_build(&s->model, &c, &p), 0);
	carrying_free(&c);
	return p;
}

/* Frees both plans. */
static void assert_changes(struct plan *want, struct plan *have, bool new_links, const char *expected)
{
	struct changes c = { 0 };
	struct buf text = { 0 };

	assert_int_equal((new_links ? changes_new_links : changes_between)(want, have, &c), 0);
	changes_print(&c, &text);
	assert_string_equal(buf_text(&text), expected);
	buf_free(&text);
	changes_free(&c);
	plan_free(want);
	plan_free(have);
}

static struct object named(enum object_kind kind, const char *name)
{
	struct object o = { .kind = kind };

	snprintf(o.name, sizeof(o.name), "%s", name);
	return o;
}

static void names_fit_up_to_the_limit(void **state)
{
	char name[IFNAMSIZ];

	(void)state;
	assert_string_equal(plan_vrf_name(1001, name), "culv-v1001");
	assert_string_equal(plan_xfrm_name(PLAN_NUMBER_MAX, name), "culv-x999999999");
	assert_true(plan_is_ours(name));
	assert_false(plan_is_ours("eth0"));
	assert_false(plan_is_ours("culv"));
}

static void numbers_that_give_no_name_are_refused(void **state)
{
	const struct carrying none = { 0 };
	struct plan p = { 0 };
	struct sample s;

	(void)state;
	make_sample(&s);
	s.links[1].if_id = 0;
	assert_int_equal(plan_build(&s.model, &none, &p), -ERANGE);
	s.links[1].if_id = PLAN_NUMBER_MAX + 1;
	assert_int_equal(plan_build(&s.model, &none, &p), -ERANGE);
	make_sample(&s);
	s.apn.table = 0;
	assert_int_equal(plan_build(&s.model, &none, &p), -ERANGE);
	assert_null(p.objects);
}

static void doubles_are_one(void **state)
{
	struct object o = named(OBJECT_UP, "eth1");
	struct plan p = { 0 };

	(void)state;
	plan_sort(&p);
	for (int i = 0; i < 3; i++)
		assert_int_equal(plan_add(&p, &o), 0);
	plan_sort(&p);
	assert_int_equal(p.count, 1);
	plan_free(&p);
	plan_free(NULL);
}

/* Takes turns among so many ascending sequences of names, each of which comes twice. */
static void sort_sequences(uint32_t sequences)
{
	struct plan p = { 0 };

	for (uint32_t i = 0; i < 1200; i++) {
		struct object o = { .kind = i % 3 == 0 ? OBJECT_UP : OBJECT_MTU, .value = 1 };
		uint32_t number = (sequences - 1 - i % sequences) * 1200 + i / 6;
		snprintf(o.name, sizeof(o.name), "culv-x%u", number);
		assert_int_equal(plan_add(&p, &o), 0);
		assert_int_equal(plan_add(&p, &o), 0);
	}
	plan_sort(&p);
	for (size_t i = 1; i < p.count; i++)
		assert_true(object_compare(&p.objects[i - 1], &p.objects[i]) < 0);
	assert_in_range(p.count, 200, 1200);
	plan_free(&p);
}

static void any_order_is_sorted(void **state)
{
	(void)state;
	sort_sequences(1);
	sort_sequences(5);
	sort_sequences(100);
	struct object nine = { .kind = OBJECT_UP, .name = "culv-x9" }, ten = { .kind = OBJECT_UP, .name = "culv-x10" };
	struct object other = { .kind = OBJECT_UP, .name = "culv-x10a" };
	assert_true(object_compare(&nine, &ten) < 0 && object_compare(&ten, &nine) > 0);
	assert_true(object_compare(&ten, &other) < 0 && object_compare(&nine, &other) < 0);
	assert_int_equal(object_compare(&ten, &ten), 0);
}

static void from_nothing(void **state)
{
	struct plan want, have = { 0 };
	struct sample s;

	(void)state;
	make_sample(&s);
	want = plan_of(&s, 1, 0);
	assert_changes(&want, &have, false,
		"+ rule inet pref 1000 l3mdev\n"
		"+ rule inet6 pref 1000 l3mdev\n"
		"+ rule inet pref 32765 lookup local\n"
		"+ rule inet6 pref 32765 lookup local\n"
		"+ link culv-v1001 type vrf table 1001\n"
		"+ link culv-x1 type xfrm dev lo if_id 1\n"
		"+ link culv-x2 type xfrm dev lo if_id 2\n"
		"+ link culv-x1 mtu 1400\n"
		"+ link culv-x2 mtu 1400\n"
		"+ sysctl net/ipv4/conf/culv-x1/rp_filter = 0\n"
		"+ sysctl net/ipv4/conf/culv-x2/rp_filter = 0\n"
		"+ sysctl net/ipv6/conf/culv-v1001/disable_ipv6 = 1\n"
		"+ sysctl net/ipv6/conf/culv-x1/disable_ipv6 = 1\n"
		"+ sysctl net/ipv6/conf/culv-x2/disable_ipv6 = 1\n"
		"+ route unreachable 0.0.0.0/0 table 1001 metric 4278198272\n"
		"+ route unreachable ::/0 table 1001 metric 4278198272\n"
		"+ link culv-x1 master culv-v1001\n"
		"+ link culv-x2 master culv-v1001\n"
		"+ link eth1 master culv-v1001\n"
		"+ link culv-v1001 up\n"
		"+ link culv-x1 up\n"
		"+ link culv-x2 up\n"
		"+ link eth1 up\n"
		"+ address 10.110.0.4/20 dev eth1\n"
		"+ route 10.64.0.0/16 table 1001 dev culv-x1 metric 100\n"
		"+ sysctl net/ipv4/ip_forward = 1\n"
		"+ sysctl net/ipv4/route/min_pmtu = 1280\n"
		"+ sysctl net/netfilter/nf_conntrack_udp_timeout = 300\n"
		"+ sysctl net/netfilter/nf_conntrack_udp_timeout_stream = 300\n"
		"+ sysctl net/ipv4/conf/eth1/forwarding = 1\n");
}

static void nothing_to_do(void **state)
{
	struct plan want, have;
	struct sample s;

	(void)state;
	make_sample(&s);
	want = plan_of(&s, 1, 2);
	have = plan_of(&s, 1, 2);
	assert_changes(&want, &have, false, "");
}

static void routes_follow_what_carries(void **state)
{
	struct plan want, have;
	struct sample s;

	(void)state;
	make_sample(&s);
	have = plan_of(&s, 1, 0);
	want = plan_of(&s, 0, 2);
	assert_changes(&want, &have, false,
		"+ route 10.64.0.0/16 table 1001 dev culv-x2 metric 200\n"
		"- route 10.64.0.0/16 table 1001 dev culv-x1 metric 100\n");
}

static void links_that_change_places(void **state)
{
	struct plan want, have;
	struct sample s;

	(void)state;
	make_sample(&s);
	have = plan_of(&s, 1, 2);
	s.links[0].if_id = 2;
	s.links[1].if_id = 1;
	want = plan_of(&s, 1, 2);
	/* Each new route replaces the one with its metric; removing that one by its interface then finds nothing. */
	assert_changes(&want, &have, false,
		"+ route 10.64.0.0/16 table 1001 dev culv-x2 metric 100\n"
		"+ route 10.64.0.0/16 table 1001 dev culv-x1 metric 200\n"
		"- route 10.64.0.0/16 table 1001 dev culv-x1 metric 100\n"
		"- route 10.64.0.0/16 table 1001 dev culv-x2 metric 200\n");
}

static void an_apn_that_goes(void **state)
{
	struct plan want, have;
	struct sample s;

	(void)state;
	make_sample(&s);
	have = plan_of(&s, 1, 0);
	s.model.n_apns = 0;
	want = plan_of(&s, 0, 0);
	assert_changes(&want, &have, false,
		"- address 10.110.0.4/20 dev eth1\n"
		"- route 10.64.0.0/16 table 1001 dev culv-x1 metric 100\n"
		"- link eth1 up\n"
		"- link eth1 master culv-v1001\n"
		"- link culv-x1 type xfrm dev lo if_id 1\n"
		"- link culv-x2 type xfrm dev lo if_id 2\n"
		"- link culv-v1001 type vrf table 1001\n"
		"- route unreachable 0.0.0.0/0 table 1001 metric 4278198272\n"
		"- route unreachable ::/0 table 1001 metric 4278198272\n");
}

static void what_can_be_set_is_not_removed_first(void **state)
{
	struct plan want, have;
	struct sample s;

	(void)state;
	make_sample(&s);
	want = plan_of(&s, 1, 0);
	have = plan_of(&s, 1, 0);
	for (size_t i = 0; i < have.count; i++) {
		struct object *o = &have.objects[i];
		if (o->kind == OBJECT_MTU && strcmp(o->name, "culv-x1") == 0)
			o->value = 1500;
		if (o->kind == OBJECT_MASTER && strcmp(o->name, "eth1") == 0)
			strcpy(o->master, "br0");
		if (o->kind == OBJECT_SYSCTL && strcmp(o->name, "net/ipv4/ip_forward") == 0)
			o->value = 0;
	}
	plan_sort(&have);
	assert_changes(&want, &have, false,
		"+ link culv-x1 mtu 1400\n"
		"+ link eth1 master culv-v1001\n"
		"+ sysctl net/ipv4/ip_forward = 1\n");
}

/* The kernel lets every interface forward when the host begins to. */
static void what_comes_in_outside_is_not_forwarded(void **state)
{
	struct plan want, have;
	struct sample s;

	(void)state;
	make_sample(&s);
	s.model.gateway.outer.interface = (char[]){ "eth0" };
	want = plan_of(&s, 1, 0);
	have = plan_of(&s, 1, 0);
	for (size_t i = 0; i < have.count; i++)
		if (strcmp(have.objects[i].name, "net/ipv4/ip_forward") == 0)
			have.objects[i].value = 0;
	plan_sort(&have);
	assert_changes(&want, &have, false,
		"+ sysctl net/ipv4/ip_forward = 1\n"
		"+ sysctl net/ipv4/conf/eth0/forwarding = 0\n");
	want = plan_of(&s, 1, 0);
	have = plan_of(&s, 1, 0);
	for (size_t i = 0; i < have.count; i++)
		if (strcmp(have.objects[i].name, "net/ipv4/conf/eth0/forwarding") == 0)
			have.objects[i].value = 1;
	plan_sort(&have);
	assert_changes(&want, &have, false, "+ sysctl net/ipv4/conf/eth0/forwarding = 0\n");
}

static void what_bears_our_name_wrongly_goes_first(void **state)
{
	struct object stray = named(OBJECT_FOREIGN, "culv-x7"), up = named(OBJECT_UP, "culv-x7");
	struct plan want, have;
	struct sample s;

	(void)state;
	make_sample(&s);
	want = plan_of(&s, 0, 0);
	have = plan_of(&s, 0, 0);
	for (size_t i = 0; i < have.count; i++)
		if (have.objects[i].kind == OBJECT_XFRM && have.objects[i].value == 1)
			have.objects[i].value = 9;
	assert_int_equal(plan_add(&have, &stray), 0);
	assert_int_equal(plan_add(&have, &up), 0);
	plan_sort(&have);
	assert_changes(&want, &have, false,
		"- link culv-x1 type xfrm dev lo if_id 9\n"
		"+ link culv-x1 type xfrm dev lo if_id 1\n"
		"- link culv-x7 of another make\n");
}

static void the_local_rule_moves_back(void **state)
{
	struct object first = { .kind = OBJECT_RULE, .table = RT_TABLE_LOCAL, .prefix.ip.family = AF_INET };
	struct plan want, have = { 0 };
	struct sample s;

	(void)state;
	make_sample(&s);
	s.model.n_apns = 0;
	want = plan_of(&s, 0, 0);
	for (size_t i = 0; i < want.count; i++)
		if (want.objects[i].kind != OBJECT_RULE || want.objects[i].prefix.ip.family == AF_INET6)
			assert_int_equal(plan_add(&have, &want.objects[i]), 0);
	assert_int_equal(plan_add(&have, &first), 0);
	plan_sort(&have);
	assert_changes(&want, &have, false,
		"+ rule inet pref 1000 l3mdev\n"
		"+ rule inet pref 32765 lookup local\n"
		"- rule inet pref 0 lookup local\n");
}

static void new_links_touch_nothing_else(void **state)
{
	struct link third[3] = { { .if_id = 1 }, { .if_id = 2 }, { .if_id = 3 } };
	struct plan want, have;
	struct sample s;

	(void)state;
	make_sample(&s);
	have = plan_of(&s, 1, 0);
	for (size_t i = 0; i < have.count; i++)
		if (have.objects[i].kind == OBJECT_MTU)
			have.objects[i].value = 1500;
	s.apn.links = third;
	s.apn.n_links = 3;
	s.apn.cloud.interface = other_interface;
	want = plan_of(&s, 0, 3);
	assert_changes(&want, &have, true,
		"+ link culv-x3 type xfrm dev lo if_id 3\n"
		"+ link culv-x3 mtu 1400\n"
		"+ sysctl net/ipv4/conf/culv-x3/rp_filter = 0\n"
		"+ sysctl net/ipv6/conf/culv-x3/disable_ipv6 = 1\n"
		"+ link culv-x3 master culv-v1001\n"
		"+ link culv-x3 up\n");
}

static void a_vlan_is_no_part_of_preparing(void **state)
{
	struct plan want, have = { 0 };
	struct changes c = { 0 };
	struct buf text = { 0 };
	struct sample s;

	(void)state;
	make_sample(&s);
	s.apn.cloud.attach = CLOUD_VLAN;
	s.apn.cloud.vlan = 110;
	want = plan_of(&s, 0, 0);
	assert_int_equal(changes_new_links(&want, &have, &c), 0);
	changes_print(&c, &text);
	assert_null(strstr(buf_text(&text), "culv-c"));
	assert_non_null(strstr(buf_text(&text), "+ link culv-x1 up\n"));
	buf_free(&text);
	changes_free(&c);
	plan_free(&want);
}

static void a_vlan_is_up_after_what_carries_it(void **state)
{
	struct plan want, have = { 0 };
	struct changes c = { 0 };
	struct buf text = { 0 };
	struct sample s;

	(void)state;
	make_sample(&s);
	s.apn.cloud.attach = CLOUD_VLAN;
	s.apn.cloud.vlan = 110;
	want = plan_of(&s, 1, 0);
	assert_int_equal(changes_between(&want, &have, &c), 0);
	changes_print(&c, &text);
	const char *made = strstr(buf_text(&text), "+ link culv-c1001 type vlan link eth1 id 110\n");
	assert_non_null(made);
	const char *member = strstr(made, "+ link culv-c1001 master culv-v1001\n");
	assert_non_null(member);
	const char *parent = strstr(member, "+ link eth1 up\n");
	assert_non_null(parent);
	assert_non_null(strstr(parent, "+ link culv-c1001 up\n"));
	buf_free(&text);
	changes_free(&c);
	plan_free(&want);
}

static void a_vlan_that_changes_is_made_anew(void **state)
{
	struct plan want, have;
	struct sample s;

	(void)state;
	make_sample(&s);
	s.apn.cloud.attach = CLOUD_VLAN;
	s.apn.cloud.vlan = 110;
	have = plan_of(&s, 1, 0);
	s.apn.cloud.vlan = 120;
	want = plan_of(&s, 1, 0);
	assert_changes(&want, &have, false,
		"- link culv-c1001 type vlan link eth1 id 110\n"
		"+ link culv-c1001 type vlan link eth1 id 120\n");
}

static void an_apn_on_a_vlan_that_goes(void **state)
{
	struct plan want, have;
	struct changes c = { 0 };
	struct buf text = { 0 };
	struct sample s;

	(void)state;
	make_sample(&s);
	s.apn.cloud.attach = CLOUD_VLAN;
	s.apn.cloud.vlan = 110;
	have = plan_of(&s, 1, 0);
	s.model.n_apns = 0;
	want = plan_of(&s, 0, 0);
	assert_int_equal(changes_between(&want, &have, &c), 0);
	changes_print(&c, &text);
	const char *vlan = strstr(buf_text(&text), "- link culv-c1001 type vlan");
	assert_non_null(vlan);
	assert_non_null(strstr(vlan, "- link culv-v1001 type vrf")); /* behind it */
	buf_free(&text);
	changes_free(&c);
	plan_free(&want);
	plan_free(&have);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_fit_up_to_the_limit),
		cmocka_unit_test(numbers_that_give_no_name_are_refused),
		cmocka_unit_test(doubles_are_one),
		cmocka_unit_test(any_order_is_sorted),
		cmocka_unit_test(from_nothing),
		cmocka_unit_test(nothing_to_do),
		cmocka_unit_test(routes_follow_what_carries),
		cmocka_unit_test(links_that_change_places),
		cmocka_unit_test(an_apn_that_goes),
		cmocka_unit_test(what_can_be_set_is_not_removed_first),
		cmocka_unit_test(what_comes_in_outside_is_not_forwarded),
		cmocka_unit_test(what_bears_our_name_wrongly_goes_first),
		cmocka_unit_test(the_local_rule_moves_back),
		cmocka_unit_test(new_links_touch_nothing_else),
		cmocka_unit_test(a_vlan_is_no_part_of_preparing),
		cmocka_unit_test(a_vlan_is_up_after_what_carries_it),
		cmocka_unit_test(a_vlan_that_changes_is_made_anew),
		cmocka_unit_test(an_apn_on_a_vlan_that_goes),
	};
	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
