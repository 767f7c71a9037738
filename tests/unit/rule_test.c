/* Rules of others, in a network namespace of our own: which are removed, that only these are, and what verify says. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/apply.h"
#include "appliance/isolation/carrying.h"
#include "appliance/isolation/changes.h"
#include "appliance/isolation/netlink.h"
#include "appliance/isolation/observe.h"
#include "appliance/isolation/plan.h"
#include "appliance/isolation/report.h"
#include "appliance/isolation/snapshot.h"
#include "appliance/isolation/verify.h"
#include "conf/conf.h"
#include "conf/ids.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <linux/netlink.h>
#include <netlink/socket.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GOLDEN "tests/golden/mapped/culvert.conf"

/* In the way of ours, and what is said of each. The second word is "-6" where it is one of IPv6. */
static const struct {
	const char *rule, *words;
} strange[] = {
	{ "pref 10 from 10.64.0.0/16 lookup 200", "rule inet pref 10 from 10.64.0.0/16 lookup 200" },
	{ "pref 10 from 10.64.0.0/16 to 10.0.0.0/8 tos 0x10 lookup 200",
		"rule inet pref 10 from 10.64.0.0/16 to 10.0.0.0/8 and more lookup 200" },
	{ "pref 10 not iif eth0 lookup 200", "rule inet pref 10 not iif eth0 lookup 200" },
	{ "pref 10 fwmark 7 lookup main", "rule inet pref 10 fwmark 0x7 lookup 254" },
	{ "pref 10 fwmark 0/0xff goto 32766", "rule inet pref 10 fwmark 0x0/0xff goto 32766" },
	{ "pref 900 fwmark 0x63750001/0xff lookup 200", "rule inet pref 900 fwmark 0x63750001/0xff lookup 200" },
	{ "pref 999 goto 32766", "rule inet pref 999 goto 32766" },
	{ "pref 999 nop", "rule inet pref 999 nop" },
	{ "pref 999 blackhole", "rule inet pref 999 blackhole" },
	{ "pref 999 ipproto udp sport 1-5 dport 7 uidrange 3-4 prohibit",
		"rule inet pref 999 ipproto 17 sport 1-5 dport 7-7 uidrange 3-4 prohibit" },
	{ "pref 1000 lookup main", "rule inet pref 1000 lookup 254" },
	{ "pref 1000 l3mdev suppress_prefixlength 0", "rule inet pref 1000 suppress_prefixlength 0 l3mdev" },
	{ "pref 999 l3mdev", "rule inet pref 999 l3mdev" },
	{ "pref 2000 l3mdev", "rule inet pref 2000 l3mdev" },
	{ "pref 2000 from 192.0.2.7 lookup 1001", "rule inet pref 2000 from 192.0.2.7/32 lookup 1001" },
	{ "pref 2000 iif culv-x1 lookup 200", "rule inet pref 2000 iif culv-x1 lookup 200" },
	{ "pref 2000 oif culv-v1001 lookup 200", "rule inet pref 2000 oif culv-v1001 lookup 200" },
	{ "pref 2000 lookup local", "rule inet pref 2000 lookup local" },
	{ "-6 pref 10 from fd64::/64 lookup 200", "rule inet6 pref 10 from fd64::/64 lookup 200" },
	{ "-6 pref 10 iif eth1 fwmark 5/7 unreachable", "rule inet6 pref 10 fwmark 0x5/0x7 iif eth1 unreachable" },
	{ "-6 pref 999 goto 32766", "rule inet6 pref 999 goto 32766" },
};

/* The machine's own, which stay. */
static const char *const machines[] = {
	"pref 1001 from 192.0.2.7 lookup 200",
	"pref 5000 lookup main",
	"pref 5000 fwmark 5 lookup main",
	"pref 5000 lookup main suppress_prefixlength 0",
	"pref 5000 iif eth0 goto 32767",
	"pref 32800 unreachable",
	"-6 pref 5000 from fd00::7 lookup 200",
};

static struct nl_sock *sk;
static struct model *model;
static struct plan ours; /* the rules that are wanted */

static void ip(const char *verb, const char *rule)
{
	const char *six = strncmp(rule, "-6 ", 3) == 0 ? "-6" : "";
	char line[256];

	snprintf(line, sizeof(line), "ip %s rule %s %s", six, verb, rule + (six[0] ? 3 : 0));
	assert_int_equal(system(line), 0); /* NOLINT(cert-env33-c): fixed texts */
}

static struct plan rules_of(struct plan *all)
{
	struct plan rules = { 0 };

	for (size_t i = 0; i < all->count; i++)
		if (all->objects[i].kind <= OBJECT_STRANGE_RULE)
			assert_int_equal(plan_add(&rules, &all->objects[i]), 0);
	plan_sort(&rules);
	plan_free(all);
	return rules;
}

static struct plan observed(void)
{
	struct plan have = { 0 };

	assert_int_equal(observe(sk, model, &ours, &have), 0);
	return rules_of(&have);
}

/* What would be changed, as a text; after that it is. The caller frees it. */
static char *repair(void)
{
	struct plan have = observed();
	struct changes changes = { 0 };
	struct report report = { 0 };
	struct buf text = { 0 };

	assert_int_equal(changes_between(&ours, &have, &changes), 0);
	changes_print(&changes, &text);
	apply(sk, &changes, &report);
	assert_int_equal(report.failed, 0);
	assert_int_equal(report.changed, changes.count);
	changes_free(&changes);
	report_free(&report);
	plan_free(&have);
	return buf_steal(&text);
}

static void load_model(void)
{
	struct diag_list diags = { 0 };
	struct ids *ids = NULL;
	char *text = NULL;
	size_t len;

	assert_int_equal(io_read_file(GOLDEN, CONF_FILE_MAX, &text, &len), 0);
	assert_int_equal(conf_load_text(text, len, GOLDEN, &diags, &model), 0);
	assert_int_equal(ids_load("tests/golden/no-such-file", &ids), 0);
	assert_int_equal(ids_assign(ids, model), 0);
	ids_free(ids);
	diag_free(&diags);
	free(text);
}

static int enter_namespace(void **state)
{
	static const struct carrying none;
	struct plan want = { 0 };

	(void)state;
	if (unshare(CLONE_NEWNET | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) < 0)
		return -1;
	load_model();
	assert_int_equal(netlink_open(NETLINK_ROUTE, &sk), 0);
	assert_int_equal(plan_build(model, &none, &want), 0);
	ours = rules_of(&want);
	free(repair());
	return 0;
}

static int leave(void **state)
{
	(void)state;
	plan_free(&ours);
	nl_socket_free(sk);
	conf_free(model);
	return 0;
}

/* Differences about rules, as verify finds them. */
static size_t verified(void)
{
	struct snapshot s = { 0 };
	struct verify v = { 0 };
	size_t n = 0;

	assert_int_equal(snapshot_read(&s), 0);
	assert_int_equal(verify(&s, model, &v), 0);
	for (size_t i = 0; i < v.differences.count; i++)
		n += strstr(v.differences.items[i].text, "routing: rule ") != NULL;
	verify_free(&v);
	snapshot_free(&s);
	return n;
}

static void assert_right(void)
{
	struct plan have = observed();

	assert_int_equal(have.count, ours.count);
	for (size_t i = 0; i < have.count; i++)
		assert_int_equal(object_compare(&have.objects[i], &ours.objects[i]), 0);
	assert_int_equal(verified(), 0);
	plan_free(&have);
}

static void others_rules_in_the_way_are_removed(void **state)
{
	char expected[256], *changes;

	(void)state;
	assert_right();
	for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++) {
		ip("add", strange[i].rule);
		assert_int_equal(verified(), 1);
		changes = repair();
		snprintf(expected, sizeof(expected), "- %s\n", strange[i].words);
		assert_string_equal(changes, expected);
		free(changes);
		assert_right();
	}
}

static void the_machines_rules_stay(void **state)
{
	char *changes;

	(void)state;
	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++) {
		ip("add", machines[i]);
		assert_right();
		changes = repair();
		assert_string_equal(changes, "");
		free(changes);
	}
	/* Each is still there to be deleted. */
	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++)
		ip("del", machines[i]);
}

/* It is not taken for ours, and ours is not taken for it. */
static void one_in_the_place_of_ours_does_not_pass_for_it(void **state)
{
	char *changes;

	(void)state;
	ip("del", "pref 1000");
	ip("add", "pref 1000 l3mdev suppress_prefixlength 0");
	assert_int_equal(verified(), 2);
	changes = repair();
	assert_string_equal(changes, "- rule inet pref 1000 suppress_prefixlength 0 l3mdev\n"
								 "+ rule inet pref 1000 l3mdev\n");
	free(changes);
	assert_right();
}

/* Conditions that do not fit into what is said of a rule do not keep it. */
static void however_long_it_goes(void **state)
{
	static const char *const alike[] = {
		"-6 pref 5 from fd64:1111:2222:3333::/64 to fd65:1111:2222:3333:4::/80 iif one",
		"-6 pref 5 from fd64:1111:2222:3333::/64 to fd65:1111:2222:3333:4::/80 iif two"
	};
	char *changes;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		ip("add", alike[i]);
	assert_int_equal(verified(), 1);
	for (size_t i = 0; i < 2; i++) {
		changes = repair();
		assert_string_equal(changes,
			"- rule inet6 pref 5 from fd64:1111:2222:3333::/64 to fd65:1111:2222:3333:4::/80 iif... lookup 254\n");
		free(changes);
	}
	assert_right();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_rules_in_the_way_are_removed),
		cmocka_unit_test(the_machines_rules_stay),
		cmocka_unit_test(one_in_the_place_of_ours_does_not_pass_for_it),
		cmocka_unit_test(however_long_it_goes),
	};

	return cmocka_run_group_tests_name("rule", tests, enter_namespace, leave);
}
