/* The transaction, step by step: kernel and charon are played here and write down what they are asked, in order. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/charon.h"
#include "appliance/daemon/generation.h"
#include "appliance/daemon/links.h"
#include "appliance/daemon/reload.h"
#include "appliance/isolation/report.h"
#include "conf/model.h"
#include "lib/utf8.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char conf_format[] =
	"gateway = { name = \"%s\"; outer = { interface = \"none0\"; address = \"192.0.2.1\"; }; };\n"
	"carriers = ( { name = \"c\"; local_id = \"a\"; psk_file = \"c.psk\";\n"
	"  tunnels = ( { name = \"t\"; peer = \"192.0.2.11\"; } ); } );\n"
	"apns = ( { name = \"a\"; pool = [ \"10.64.0.0/16\" ]; tunnels = [ \"t\" ]; cloud = { attach = \"dedicated\";\n"
	"  interface = \"none1\"; address = \"10.110.0.4/20\"; prefixes = [ \"10.110.0.0/20\" ]; }; } );\n";

static char folder[64];
static struct reload *reload;
static struct buf steps;

/* The kernel: fails at the call that is named. */
static const char *kernel_fails;
static struct report_entry failure = { .text = (char *)(uintptr_t)"no VRF here" };
static struct report report;

static int kernel(const char *verb, const struct model *m)
{
	bool fails = kernel_fails && !strcmp(kernel_fails, verb);

	buf_printf(&steps, "%s(%s);", verb, m ? m->gateway.name : "-");
	kernel_fails = fails ? NULL : kernel_fails;
	report = (struct report){ .entries = &failure, .count = fails, .failed = fails };
	return fails ? -EIO : 0;
}

int links_extend(struct links *l, const struct model *next)
{
	(void)l;
	return kernel("extend", next);
}

int links_use(struct links *l, const struct model *model)
{
	(void)l;
	return kernel("use", model);
}

const struct report *links_report(const struct links *l)
{
	(void)l;
	return &report;
}

/* charon: what is asked waits here until the test answers it. */
enum { QUEUE = 8 };
static bool charon_up;
static struct {
	charon_done_fn done;
	void *userdata;
} queue[QUEUE];
static size_t n_queue;

bool charon_is_up(const struct charon *c)
{
	(void)c;
	return charon_up;
}

int charon_request(struct charon *c, const char *line, uint64_t limit, charon_done_fn done, void *userdata)
{
	(void)c;
	(void)limit;
	if (!charon_up)
		return -ENOTCONN;
	assert_true(n_queue < QUEUE);
	buf_printf(&steps, "%s;", line);
	queue[n_queue].done = done;
	queue[n_queue++].userdata = userdata;
	return 0;
}

/* charon answers the oldest question. */
static void charon_says(int error, const char *text)
{
	charon_done_fn done = queue[0].done;
	void *userdata = queue[0].userdata;

	assert_true(n_queue > 0);
	memmove(&queue[0], &queue[1], --n_queue * sizeof(queue[0]));
	done(userdata, error, text);
}

static bool expect_counts;
static size_t n_messages; /* of the last transaction */

static void on_done(void *userdata, const struct reload_outcome *o)
{
	(void)userdata;
	n_messages = o->diags->count;
	buf_printf(&steps, "done(%d,%u,%s%s%s);", o->error, o->generation, o->changed ? "changed" : "same",
		o->text ? ": " : "", o->text ? o->text : "");
	if (expect_counts)
		buf_printf(&steps, "%s %u %u %u %u;", o->by_charon ? "charon" : "text", o->tunnels.added, o->tunnels.changed,
			o->tunnels.removed, o->tunnels.kept);
}

static void write_text(const char *path, const char *text)
{
	assert_int_equal(io_write_file(path, text, strlen(text), 0600), 0);
}

static void write_conf(const char *gateway)
{
	struct buf text = { 0 };

	buf_printf(&text, conf_format, gateway);
	write_text("etc/culvert.conf", buf_text(&text));
	buf_free(&text);
}

static const struct reload_order by_file = { .source = RELOAD_FILE, .who = "root (uid 0)" };
static const struct reload_order by_start = { .source = RELOAD_START, .who = "start of culvertd" };

static void begin(void)
{
	assert_int_equal(reload_begin(reload, &by_file, on_done, NULL), 0);
}

static void begin_rollback(unsigned number)
{
	struct reload_order order = { .source = RELOAD_ROLLBACK, .number = number, .who = "uid 7" };

	assert_int_equal(reload_begin(reload, &order, on_done, NULL), 0);
}

/* Brings a file into force while charon is away. */
static void bring(const char *gateway)
{
	charon_up = false;
	write_conf(gateway);
	begin();
	buf_free(&steps);
	charon_up = true;
}

static void assert_steps(const char *expected)
{
	assert_string_equal(buf_text(&steps), expected);
	buf_free(&steps);
}

static void assert_current(const char *expected)
{
	char target[16] = "";

	assert_int_equal(readlink("run/gen/current", target, sizeof(target) - 1), (ssize_t)strlen(expected));
	assert_string_equal(target, expected);
}

/* In a folder of its own, with generation 1 ("one") in force, made without charon. */
static int start(void **state)
{
	static const struct reload_parts parts = { .conf = "etc/culvert.conf", .run = "run", .state = "state" };

	(void)state;
	charon_up = false;
	n_queue = 0;
	kernel_fails = NULL;
	snprintf(folder, sizeof(folder), "/tmp/culvert-reload-XXXXXX");
	if (!mkdtemp(folder) || chdir(folder) || mkdir("etc", 0755) || mkdir("etc/secrets", 0700))
		return -1;
	write_text("etc/secrets/c.psk", "0123456789abcdef0123456789abcdef\n");
	write_conf("one");
	if (reload_new(&parts, &reload))
		return -1;
	begin();
	assert_steps("extend(one);use(one);done(0,1,changed);");
	charon_up = true;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	reload_free(reload);
	buf_free(&steps);
	return chdir("/") || io_remove_tree(folder) ? -1 : 0;
}

static void changes_in_order(void **state)
{
	(void)state;
	write_conf("two");
	begin();
	assert_steps("prepare 2;");
	assert_true(reload_is_running(reload));
	assert_int_equal(reload_begin(reload, &by_file, on_done, NULL), -EBUSY);
	charon_says(0, "added=0");
	assert_steps("extend(two);commit;");
	assert_current("1");
	charon_says(0, "");
	assert_steps("use(two);done(0,2,changed);");
	assert_current("2");
	assert_false(reload_is_running(reload));
}

static void same_file_disturbs_nothing(void **state)
{
	(void)state;
	begin();
	assert_steps("use(one);done(0,1,same);");
}

static void an_invalid_file_leaves_what_is(void **state)
{
	(void)state;
	write_text("etc/culvert.conf", "gateway = {");
	begin();
	assert_steps("done(-22,1,same: etc/culvert.conf: the configuration is not valid, culvert check says why);");
	assert_current("1");
}

static void charon_refuses_to_prepare(void **state)
{
	(void)state;
	write_conf("two");
	begin();
	charon_says(-EREMOTEIO, "no such key");
	assert_steps("prepare 2;use(one);done(-121,1,same: charon refuses the new configuration: no such key);");
	assert_current("1");
	assert_int_equal(access("run/gen/2", F_OK), -1);
}

static void the_kernel_refuses_what_is_new(void **state)
{
	(void)state;
	write_conf("two");
	kernel_fails = "extend";
	begin();
	charon_says(0, "");
	assert_steps("prepare 2;extend(two);abort;use(one);"
				 "done(-5,1,same: the kernel does not take the new configuration: no VRF here);");
	assert_current("1");
}

static void charon_refuses_to_commit(void **state)
{
	(void)state;
	write_conf("two");
	begin();
	charon_says(0, "");
	charon_says(-EREMOTEIO, "out of memory");
	assert_steps("prepare 2;extend(two);commit;use(one);prepare 1;commit;"
				 "done(-121,1,same: charon could not switch to the new configuration: out of memory);");
	assert_current("1");
}

static void the_kernel_refuses_at_the_end(void **state)
{
	(void)state;
	write_conf("two");
	kernel_fails = "use";
	begin();
	charon_says(0, "");
	charon_says(0, "");
	assert_steps("prepare 2;extend(two);commit;use(two);use(one);prepare 1;commit;"
				 "done(-5,1,same: the kernel does not take the new configuration: no VRF here);");
	assert_current("1");
}

/* What failed before is no reason to refuse the next configuration, which may heal a part of it. */
static void the_kernel_fails_before_and_after(void **state)
{
	(void)state;
	kernel_fails = "use";
	begin();
	assert_steps("use(one);done(0,1,same);");
	write_conf("two");
	kernel_fails = "use";
	begin();
	charon_says(0, "");
	charon_says(0, "");
	assert_steps("prepare 2;extend(two);commit;use(two);done(0,2,changed);");
	assert_current("2");
}

/* A reason is cut between two characters: half of one is no UTF-8, and the answer to the client would be lost. */
static void a_long_reason_is_cut_cleanly(void **state)
{
	struct buf reason = { 0 };
	struct buf text = { 0 };

	(void)state;
	for (size_t i = 0; i < 300; i++)
		buf_puts(&reason, "\xc3\xa9");
	write_conf("two");
	for (size_t odd = 0; odd < 2; odd++) {
		begin();
		buf_printf(&text, "%.*s%s", (int)odd, "x", buf_text(&reason));
		charon_says(-EREMOTEIO, buf_text(&text));
		assert_int_equal(utf8_valid(buf_text(&steps), steps.len), steps.len);
		buf_free(&steps);
		buf_free(&text);
	}
	buf_free(&reason);
}

static void the_switch_fails(void **state)
{
	(void)state;
	write_conf("two");
	begin();
	charon_says(0, "");
	/* A folder that holds something cannot be replaced by a link. */
	assert_int_equal(unlink("run/gen/current"), 0);
	assert_int_equal(mkdir("run/gen/current", 0700) | mkdir("run/gen/current/x", 0700), 0);
	charon_says(0, "");
	assert_non_null(strstr(buf_text(&steps), "use(two);use(one);prepare 1;commit;done(-"));
	assert_int_equal(reload_current(reload)->number, 1);
}

static void charon_vanishes_and_returns(void **state)
{
	(void)state;
	write_conf("two");
	begin();
	charon_up = false;
	charon_says(-ENOTCONN, "");
	assert_steps("prepare 2;extend(two);use(two);done(0,2,changed);");
	assert_current("2");
	charon_up = true;
	reload_sync_charon(reload);
	assert_steps("prepare 2;commit;");
}

static void charon_that_refuses_what_is_in_force_is_told_of(void **state)
{
	(void)state;
	assert_null(reload_charon_refusal(reload));
	reload_sync_charon(reload);
	charon_says(-EREMOTEIO, "no such key");
	charon_says(-EREMOTEIO, "nothing is prepared");
	assert_string_equal(reload_charon_refusal(reload), "charon does not take the generation in force: no such key");
	write_conf("two");
	begin();
	charon_says(0, "");
	charon_says(0, "");
	assert_null(reload_charon_refusal(reload));
	buf_free(&steps);
}

static void charon_vanishes_at_the_commit(void **state)
{
	(void)state;
	write_conf("two");
	begin();
	charon_says(0, "");
	charon_up = false;
	charon_says(-ENOTCONN, "");
	assert_steps("prepare 2;extend(two);commit;use(two);done(0,2,changed);");
	assert_current("2");
}

static void charon_that_comes_meanwhile_is_told_afterwards(void **state)
{
	(void)state;
	write_conf("two");
	begin();
	reload_sync_charon(reload);
	charon_says(0, "");
	charon_says(0, "");
	assert_steps("prepare 2;extend(two);commit;use(two);prepare 2;commit;done(0,2,changed);");
}

static void the_first_generation_stands_with_what_the_kernel_takes(void **state)
{
	static const struct reload_parts parts = { .conf = "etc/culvert.conf", .run = "run2", .state = "state" };
	struct reload *first;

	(void)state;
	charon_up = false;
	kernel_fails = "extend";
	assert_int_equal(reload_new(&parts, &first), 0);
	assert_int_equal(reload_begin(first, &by_file, on_done, NULL), 0);
	assert_steps("extend(one);use(one);done(0,1,changed);");
	reload_free(first);
}

static void a_new_culvertd_goes_on_with_what_is_in_force(void **state)
{
	static const struct reload_parts parts = { .conf = "etc/culvert.conf", .run = "run", .state = "state" };
	struct diag_list diags = { 0 };
	struct reload *next;

	(void)state;
	assert_int_equal(reload_new(&parts, &next), 0);
	assert_int_equal(reload_adopt(next, &diags), 0);
	assert_steps("use(one);");
	assert_int_equal(reload_begin(next, &by_start, on_done, NULL), 0);
	assert_steps("use(one);done(0,1,same);");
	reload_free(next);
	diag_free(&diags);
}

static void what_changed_is_counted_by_charon(void **state)
{
	(void)state;
	expect_counts = true;
	write_conf("two");
	begin();
	charon_says(0, "added=1 changed=2 removed=3 kept=4996");
	charon_says(0, "");
	assert_steps("prepare 2;extend(two);commit;use(two);done(0,2,changed);charon 1 2 3 4996;");
	charon_up = false;
	write_conf("three");
	begin();
	assert_steps("extend(three);use(three);done(0,3,changed);text 0 0 0 1;");
	expect_counts = false;
}

static void a_silent_charon_refuses(void **state)
{
	(void)state;
	write_conf("two");
	begin();
	charon_says(-ETIME, "");
	assert_steps("prepare 2;use(one);prepare 1;commit;done(-62,1,same: charon does not say whether it takes the new "
				 "configuration: no answer within 30 seconds);");
	assert_current("1");
}

/* What charon saw has its number for good: its log speaks of it. */
static void numbers_are_not_given_twice(void **state)
{
	(void)state;
	write_conf("two");
	begin();
	charon_says(-EREMOTEIO, "no");
	buf_free(&steps);
	begin();
	assert_steps("prepare 3;");
	charon_says(0, "");
	charon_says(0, "");
	assert_current("3");
	assert_int_equal(access("run/gen/2", F_OK), -1);
	write_text("etc/culvert.conf", "gateway = {");
	begin();
	write_conf("three");
	buf_free(&steps);
	begin();
	assert_steps("prepare 4;");
}

static void a_rollback_is_a_new_generation(void **state)
{
	(void)state;
	bring("two");
	bring("three");
	begin_rollback(0);
	assert_steps("prepare 4;");
	charon_says(0, "");
	charon_says(0, "");
	assert_steps("extend(two);commit;use(two);done(0,4,changed);");
	assert_current("4");
	assert_int_equal(reload_current(reload)->rollback_of, 2);
	begin_rollback(1);
	charon_says(0, "");
	charon_says(0, "");
	assert_current("5");
	assert_int_equal(reload_current(reload)->rollback_of, 1);
	buf_free(&steps);
	begin_rollback(9);
	assert_steps("done(-2,5,same: generation 9 is not kept; culvert history lists those that are);");
}

static void there_may_be_nothing_to_roll_back_to(void **state)
{
	(void)state;
	begin_rollback(0);
	assert_steps("done(-2,1,same: no generation before the one in force is kept);");
	begin_rollback(1);
	assert_steps("use(one);done(0,1,same);");
}

static void a_reload_ends_a_rollback(void **state)
{
	(void)state;
	bring("two");
	charon_up = false;
	begin_rollback(1);
	buf_free(&steps);
	begin();
	assert_steps("extend(two);use(two);done(0,4,changed);");
	assert_int_equal(reload_current(reload)->rollback_of, 0);
	/* Also if the file says the same as the rollback. */
	begin_rollback(1);
	write_conf("one");
	buf_free(&steps);
	begin();
	assert_steps("extend(one);use(one);done(0,6,changed);");
	assert_int_equal(reload_current(reload)->rollback_of, 0);
}

/* What a new culvertd does with a rollback of 1 that passed "two" over. */
static void assert_restart(const char *expected)
{
	static const struct reload_parts parts = { .conf = "etc/culvert.conf", .run = "run", .state = "state" };
	struct diag_list diags = { 0 };
	struct reload *next;

	assert_int_equal(reload_new(&parts, &next), 0);
	assert_int_equal(reload_adopt(next, &diags), 0);
	assert_int_equal(reload_begin(next, &by_start, on_done, NULL), 0);
	assert_steps(expected);
	reload_free(next);
	diag_free(&diags);
}

static void a_restart_keeps_a_rollback_until_the_file_changes(void **state)
{
	(void)state;
	bring("two");
	charon_up = false;
	begin_rollback(1);
	buf_free(&steps);
	assert_restart("use(one);use(one);done(0,3,same);");
	write_text("etc/culvert.conf", "gateway = {");
	assert_restart(
		"use(one);done(-22,3,same: etc/culvert.conf: the configuration is not valid, culvert check says why);");
	write_conf("two");
	assert_restart("use(one);use(one);done(0,3,same);");
	write_text("etc/secrets/c.psk", "another-0123456789abcdef0123456789\n");
	assert_restart("use(one);extend(two);use(two);done(0,4,changed);");
}

static void a_restart_keeps_a_rollback_from_a_broken_file(void **state)
{
	(void)state;
	bring("two");
	charon_up = false;
	write_text("etc/culvert.conf", "gateway = {");
	begin_rollback(1);
	buf_free(&steps);
	assert_restart(
		"use(one);done(-22,3,same: etc/culvert.conf: the configuration is not valid, culvert check says why);");
	write_conf("two");
	assert_restart("use(one);extend(two);use(two);done(0,4,changed);");
}

/* A secret comes back with its generation. */
static void a_rollback_brings_its_secrets(void **state)
{
	char *secret = NULL;
	size_t len = 0;

	(void)state;
	write_text("etc/secrets/c.psk", "another-0123456789abcdef0123456789\n");
	bring("two");
	charon_up = false;
	begin_rollback(1);
	assert_int_equal(io_read_file("run/gen/3/secrets", 100, &secret, &len), 0);
	assert_string_equal(secret, "secrets 1\nc.psk 33\n0123456789abcdef0123456789abcdef\n\n");
	free(secret);
	buf_free(&steps);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, start, stop)

/* The file names two interfaces that no machine has: whoever asks is told, and both are waited for. */
static void absent_interfaces_are_said(void **state)
{
	(void)state;
	charon_up = false;
	begin();
	assert_steps("use(one);done(0,1,same);");
	assert_int_equal(n_messages, 2);
	write_conf("two");
	begin();
	assert_steps("extend(two);use(two);done(0,2,changed);");
	assert_int_equal(n_messages, 2);
	assert_int_equal(reload_begin(reload, &by_start, on_done, NULL), 0);
	assert_int_equal(n_messages, 0);
	buf_free(&steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(changes_in_order),
		in_folder(same_file_disturbs_nothing),
		in_folder(an_invalid_file_leaves_what_is),
		in_folder(charon_refuses_to_prepare),
		in_folder(the_kernel_refuses_what_is_new),
		in_folder(charon_refuses_to_commit),
		in_folder(the_kernel_refuses_at_the_end),
		in_folder(the_kernel_fails_before_and_after),
		in_folder(a_long_reason_is_cut_cleanly),
		in_folder(the_switch_fails),
		in_folder(charon_vanishes_and_returns),
		in_folder(charon_that_refuses_what_is_in_force_is_told_of),
		in_folder(charon_vanishes_at_the_commit),
		in_folder(charon_that_comes_meanwhile_is_told_afterwards),
		in_folder(the_first_generation_stands_with_what_the_kernel_takes),
		in_folder(a_new_culvertd_goes_on_with_what_is_in_force),
		in_folder(what_changed_is_counted_by_charon),
		in_folder(a_silent_charon_refuses),
		in_folder(numbers_are_not_given_twice),
		in_folder(a_rollback_is_a_new_generation),
		in_folder(there_may_be_nothing_to_roll_back_to),
		in_folder(a_reload_ends_a_rollback),
		in_folder(a_restart_keeps_a_rollback_until_the_file_changes),
		in_folder(a_restart_keeps_a_rollback_from_a_broken_file),
		in_folder(a_rollback_brings_its_secrets),
		in_folder(absent_interfaces_are_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
