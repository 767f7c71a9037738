/* Policies of a real kernel, in a network namespace of our own, that others change. The test plays SAs and charon. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/charon.h"
#include "appliance/daemon/link_index.h"
#include "appliance/daemon/links.h"
#include "appliance/daemon/order.h"
#include "appliance/daemon/policy_mend.h"
#include "appliance/isolation/drift.h"
#include "appliance/isolation/sa.h"
#include "appliance/isolation/sa_watch.h"
#include "conf/model.h"
#include "lib/buf.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char name[] = "one", apn_name[] = "fleet";
static struct tunnel tunnel = { .name = name };
static struct apn apn = { .name = apn_name };
static struct prefix local, remote;
static struct link links[2]; /* if_ids 1 and 2, of one tunnel */
static const struct link_entry entries[] = { { &apn, &links[0] }, { &apn, &links[1] } };

static const struct sa sas[] = {
	{ .if_id = 0, .spi = 1 },
	{ .if_id = 1, .spi = 2 },
	{ .if_id = 1, .spi = 3, .outbound = true },
	{ .if_id = 2, .spi = 4 },
	{ .if_id = 2, .spi = 5, .outbound = true },
	{ .if_id = 9, .spi = 6 },
	{ .if_id = 9, .spi = 7, .outbound = true },
};
static size_t n_sas;

static sd_event *event;
static struct policy_mend *mend;
static struct buf said; /* what is told and ordered */
static int charon_result; /* of the request */
static int charon_error; /* of what it did */
static struct {
	int error;
	charon_done_fn done;
	void *userdata;
} asked;

struct sa_watch *links_sas(const struct links *l)
{
	(void)l;
	return (struct sa_watch *)&mend;
}

const struct link_entry *links_find(const struct links *l, uint32_t if_id)
{
	(void)l;
	return if_id == 1 || if_id == 2 ? &entries[if_id - 1] : NULL;
}

void links_add_drift(struct links *l, const struct drifts *found)
{
	(void)l;
	for (size_t i = 0; i < found->count; i++) {
		assert_true(found->items[i].later && !found->items[i].repaired);
		buf_printf(&said, "%s;", found->items[i].what);
	}
}

void links_drift_mended(struct links *l)
{
	(void)l;
	buf_puts(&said, "mended;");
}

const struct sa *sa_watch_all(const struct sa_watch *w, size_t *ret_count)
{
	(void)w;
	*ret_count = n_sas;
	return sas;
}

bool links_knows(const struct links *l, uint32_t if_id)
{
	return links_find(l, if_id);
}

void links_leave(struct links *l, const char *which)
{
	(void)l;
	buf_printf(&said, "leave %s;", which);
}

bool charon_is_up(const struct charon *c)
{
	(void)c;
	return !charon_result;
}

static int on_answer(sd_event_source *s, void *userdata)
{
	(void)s;
	(void)userdata;
	charon_done_fn done = asked.done;
	asked.done = NULL;
	done(asked.userdata, asked.error, asked.error ? "tunnel one is not up" : "");
	return 0;
}

int charon_request(struct charon *c, const char *line, uint64_t limit, charon_done_fn done, void *userdata)
{
	(void)c;
	assert_int_equal(limit, ORDER_LIMIT);
	buf_printf(&said, "%s%s;", line, charon_result ? " (away)" : charon_error ? " (refused)" : "");
	if (charon_result)
		return charon_result;
	assert_null(asked.done); /* a tunnel is asked for one thing at a time */
	asked.error = charon_error;
	asked.done = done;
	asked.userdata = userdata;
	assert_true(sd_event_add_defer(event, NULL, on_answer, NULL) >= 0);
	return 0;
}

static void note_change(void *userdata)
{
	(void)userdata;
	buf_puts(&said, "changed;");
}

static void run(const char *line)
{
	assert_int_equal(system(line), 0); /* NOLINT(cert-env33-c): fixed texts */
}

static void set_policies(const char *verb)
{
	static const char *const all[] = { "src 10.64.0.0/16 dst 10.110.0.0/20 dir in",
		"src 10.64.0.0/16 dst 10.110.0.0/20 dir fwd", "src 10.110.0.0/20 dst 10.64.0.0/16 dir out" };
	struct buf line = { 0 };

	for (size_t i = 0; i < 3; i++)
		for (unsigned if_id = 1; if_id <= 2; if_id++)
			buf_printf(&line, "ip xfrm policy %s %s if_id %u tmpl proto esp mode tunnel && ", verb, all[i], if_id);
	buf_puts(&line, "true");
	run(buf_text(&line));
	buf_free(&line);
}

static int enter_namespace(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) < 0)
		return -1;
	prefix_parse("10.110.0.0/20", &local);
	prefix_parse("10.64.0.0/16", &remote);
	for (uint32_t i = 0; i < 2; i++)
		links[i] = (struct link){
			.if_id = i + 1, .tunnel = &tunnel, .local = &local, .n_local = 1, .remote = &remote, .n_remote = 1
		};
	return 0;
}

static int start(void **state)
{
	(void)state;
	alarm(60);
	charon_result = charon_error = 0;
	asked.done = NULL;
	n_sas = sizeof(sas) / sizeof(*sas);
	set_policies("update");
	if (sd_event_new(&event) < 0 || policy_mend_new(event, NULL, NULL, note_change, NULL, &mend) < 0)
		return -1;
	policy_mend_hold(mend, false);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	policy_mend_free(mend);
	sd_event_unref(event);
	buf_free(&said);
	return 0;
}

/* Goes on until the last word is said, or for that long; that long if nothing is to be said. */
static void assert_said(const char *expected, uint64_t usec)
{
	uint64_t now, end;

	assert_true(sd_event_now(event, CLOCK_BOOTTIME, &end) >= 0);
	end += usec;
	do {
		assert_true(sd_event_run(event, 50 * 1000) >= 0);
		assert_true(sd_event_now(event, CLOCK_BOOTTIME, &now) >= 0);
	} while ((!*expected || strcmp(buf_text(&said), expected) != 0) && now < end);
	assert_string_equal(buf_text(&said), expected);
	buf_free(&said);
}

#define GONE(if_id) "XFRM policies of link fleet/one (if_id " if_id ") are gone;"
enum { SECOND = 1000 * 1000 };

/* Devices leave a tunnel before it is restarted; that its SAs are gone then mends nothing. */
static void what_a_renewal_does_not_mend_a_restart_does(void **state)
{
	(void)state;
	run("ip xfrm policy flush");
	assert_said("changed;rekey one;" GONE("1") GONE("2"), 10 * SECOND);
	assert_said("leave one;restart one;", 40 * SECOND);
	n_sas = 1;
	set_policies("update");
	assert_said("changed;", 10 * SECOND);
	assert_said("", 2 * SECOND);
	n_sas = sizeof(sas) / sizeof(*sas);
	set_policies("update");
	assert_said("changed;mended;", 10 * SECOND);
}

/* It is told at once; charon is asked when the last order had its time. */
static void a_relapse_waits(void **state)
{
	(void)state;
	run("ip xfrm policy flush");
	assert_said("changed;rekey one;" GONE("1") GONE("2"), 10 * SECOND);
	set_policies("update");
	assert_said("changed;mended;", 10 * SECOND);
	run("ip xfrm policy flush");
	assert_said("changed;" GONE("1") GONE("2"), 10 * SECOND);
	assert_said("", 3 * SECOND);
	set_policies("update");
	assert_said("changed;mended;", 10 * SECOND);
}

/* A tunnel that is connecting is not ended. */
static void a_renewal_that_is_refused_is_asked_for_again(void **state)
{
	(void)state;
	charon_error = -EREMOTEIO;
	run("ip xfrm policy flush");
	assert_said("changed;rekey one (refused);" GONE("1") GONE("2"), 10 * SECOND);
	assert_said("rekey one (refused);", 20 * SECOND);
	charon_error = -ETIME;
	assert_said("rekey one (refused);", 20 * SECOND);
	charon_error = 0;
	assert_said("rekey one;", 20 * SECOND);
	set_policies("update");
	assert_said("changed;mended;", 10 * SECOND);
}

/* What one link lost calls for its tunnel. */
static void one_direction_is_enough(void **state)
{
	(void)state;
	run("ip xfrm policy delete src 10.64.0.0/16 dst 10.110.0.0/20 dir fwd if_id 2");
	assert_said("changed;rekey one;" GONE("2"), 10 * SECOND);
	set_policies("update");
	assert_said("changed;mended;", 20 * SECOND);
}

static void a_policy_that_blocks_is_none(void **state)
{
	(void)state;
	run("ip xfrm policy update src 10.64.0.0/16 dst 10.110.0.0/20 dir in action block if_id 1");
	assert_said("changed;rekey one;" GONE("1"), 10 * SECOND);
}

static void a_charon_that_is_away_is_asked_again(void **state)
{
	(void)state;
	charon_result = -ENOTCONN;
	run("ip xfrm policy flush");
	assert_said("changed;rekey one (away);" GONE("1") GONE("2"), 10 * SECOND);
	charon_result = 0;
	assert_said("rekey one;", 20 * SECOND);
}

/* A link that comes or goes has SAs, or policies, for a moment only. */
static void what_does_not_last_is_no_loss(void **state)
{
	(void)state;
	run("ip xfrm policy flush");
	assert_said("changed;", 10 * SECOND);
	n_sas = 1;
	assert_said("", 2 * SECOND);
}

static void what_is_wrong_is_told_and_a_rekey_is_not(void **state)
{
	(void)state;
	set_policies("update");
	assert_said("", SECOND / 2);
	run("ip xfrm policy update src 10.0.0.0/8 dst 10.110.0.0/20 dir fwd if_id 1 tmpl proto esp mode tunnel");
	assert_said("changed;", 10 * SECOND);
	run("ip xfrm policy add src 10.64.0.0/16 dst 10.110.0.0/20 dir out");
	assert_said("changed;", 10 * SECOND);
	run("ip xfrm policy update src 10.64.0.0/16 dst 10.110.0.0/24 dir in if_id 1");
	assert_said("changed;", 10 * SECOND);
}

static void during_a_reload_nothing_is_ordered(void **state)
{
	(void)state;
	policy_mend_hold(mend, true);
	run("ip xfrm policy flush");
	assert_said("changed;", 10 * SECOND);
	assert_said("", 2 * SECOND);
	policy_mend_hold(mend, false);
	assert_said("rekey one;" GONE("1") GONE("2"), 10 * SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_a_renewal_does_not_mend_a_restart_does, start, stop),
		cmocka_unit_test_setup_teardown(a_relapse_waits, start, stop),
		cmocka_unit_test_setup_teardown(a_renewal_that_is_refused_is_asked_for_again, start, stop),
		cmocka_unit_test_setup_teardown(one_direction_is_enough, start, stop),
		cmocka_unit_test_setup_teardown(a_policy_that_blocks_is_none, start, stop),
		cmocka_unit_test_setup_teardown(a_charon_that_is_away_is_asked_again, start, stop),
		cmocka_unit_test_setup_teardown(what_does_not_last_is_no_loss, start, stop),
		cmocka_unit_test_setup_teardown(what_is_wrong_is_told_and_a_rekey_is_not, start, stop),
		cmocka_unit_test_setup_teardown(during_a_reload_nothing_is_ordered, start, stop),
	};

	return cmocka_run_group_tests_name("policy_mend", tests, enter_namespace, NULL);
}
