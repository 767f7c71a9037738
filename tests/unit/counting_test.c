/* Who gets which answer. The process that reads counters is this program as well, and says for what it was started. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/child.h"
#include "appliance/daemon/control.h"
#include "appliance/daemon/counting.h"
#include "lib/buf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static sd_event *event;
static struct counting *counting;
static char clients[CONTROL_CLIENTS_MAX + 1]; /* only their addresses count */
static unsigned answered;
static struct buf said; /* "CLIENT TEXT" each */

void control_answer_text(struct control_client *c, const char *text, size_t len)
{
	answered++;
	buf_printf(&said, "%d %.*s", (int)((char *)c - clients), (int)len, text);
}

void control_answer(struct control_client *c, json_t *answer)
{
	answered++;
	buf_printf(&said, "%d error\n", (int)((char *)c - clients));
	json_decref(answer);
}

json_t *control_error(const char *format, ...)
{
	return json_string(format);
}

static int start(void **state)
{
	(void)state;
	alarm(60);
	return sd_event_new(&event) < 0 ? -1 : counting_new(event, "folder", &counting);
}

static int stop(void **state)
{
	(void)state;
	counting_free(counting);
	sd_event_unref(event);
	buf_free(&said);
	return 0;
}

static void ask(int client, const char *apn)
{
	counting_answer(counting, (struct control_client *)&clients[client], apn);
}

static void assert_said(unsigned count, const char *expected)
{
	while (answered < count)
		assert_true(sd_event_run(event, UINT64_MAX) >= 0);
	assert_int_equal(answered, count);
	assert_string_equal(buf_text(&said), expected);
	buf_free(&said);
	answered = 0;
}

static void who_asks_for_the_same_shares_a_process(void **state)
{
	(void)state;
	ask(0, "");
	/* That one is under way already. */
	ask(1, "");
	ask(2, "fleet");
	ask(3, "");
	assert_said(4, "0 --counters --run folder\n"
				   "1 --counters --run folder\n"
				   "3 --counters --run folder\n"
				   "2 --counters --run folder --apn fleet\n");
	ask(0, "fleet");
	assert_said(1, "0 --counters --run folder --apn fleet\n");
}

static void as_many_as_may_ask_are_answered(void **state)
{
	char apn[16];

	(void)state;
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		snprintf(apn, sizeof(apn), "%s", i % 2 ? "odd" : "even");
		ask(i, apn);
	}
	assert_int_equal(answered, 0);
	ask(CONTROL_CLIENTS_MAX, "odd");
	assert_int_equal(answered, 1);
	while (answered <= CONTROL_CLIENTS_MAX)
		assert_true(sd_event_run(event, UINT64_MAX) >= 0);
	assert_int_equal(answered, CONTROL_CLIENTS_MAX + 1);
	answered = 0;
	buf_free(&said);
}

/* It says nothing, or not all. */
static void no_answer_is_an_error(void **state)
{
	(void)state;
	ask(0, "silent");
	ask(1, "cut");
	assert_said(2, "0 error\n1 error\n");
}

static void without_a_process_there_is_an_error_and_nothing_is_left(void **state)
{
	struct rlimit before, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	ask(0, "");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_said(1, "0 error\n");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void fail_if_called(void *userdata, struct buf *output)
{
	(void)userdata;
	(void)output;
	fail();
}

static void note_end(void *userdata, struct buf *output)
{
	bool *ended = userdata;

	assert_int_equal(output->len, 0);
	*ended = true;
}

static void a_process_that_hangs_is_ended(void **state)
{
	static const char *const hang[] = { "hang", NULL };
	struct child *c = NULL;
	bool ended = false;

	(void)state;
	assert_int_equal(child_start(event, hang, 1000, note_end, &ended, &c), 0);
	while (!ended)
		assert_true(sd_event_run(event, UINT64_MAX) >= 0);
	assert_int_equal(child_start(event, hang, UINT64_MAX / 4, fail_if_called, NULL, &c), 0);
	child_end(c);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* Where the loop cannot watch it, no process is left. */
static void a_process_that_cannot_be_watched_is_ended(void **state)
{
	static const char *const hang[] = { "hang", NULL };
	struct child *c = NULL;
	sd_event *over = NULL;

	(void)state;
	assert_true(sd_event_new(&over) >= 0);
	assert_true(sd_event_exit(over, 0) >= 0);
	assert_true(sd_event_run(over, 0) >= 0);
	assert_true(child_start(over, hang, UINT64_MAX / 4, fail_if_called, NULL, &c) < 0);
	assert_null(c);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	sd_event_unref(over);
}

static void a_process_has_no_more_arguments_than_there_is_room_for(void **state)
{
	static const char *const many[CHILD_ARGS + 1] = { "a", "b", "c", "d", "e", "f", "g", "h", NULL };
	struct child *c = NULL;

	(void)state;
	assert_int_equal(child_start(event, many, 1000, fail_if_called, NULL, &c), -E2BIG);
}

/* What the process does. */
static int be_asked(int argc, char **argv)
{
	const char *last = argv[argc - 1];

	if (strcmp(last, "hang") == 0)
		return pause();
	if (strcmp(last, "silent") == 0)
		return 1;
	if (strcmp(last, "cut") == 0)
		return fputs("{\"ok\":", stdout) < 0;
	for (int i = 1; i < argc; i++)
		printf("%s%c", argv[i], i + 1 < argc ? ' ' : '\n');
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_asks_for_the_same_shares_a_process),
		cmocka_unit_test(as_many_as_may_ask_are_answered),
		cmocka_unit_test(no_answer_is_an_error),
		cmocka_unit_test(without_a_process_there_is_an_error_and_nothing_is_left),
		cmocka_unit_test(a_process_that_hangs_is_ended),
		cmocka_unit_test(a_process_that_cannot_be_watched_is_ended),
		cmocka_unit_test(a_process_has_no_more_arguments_than_there_is_room_for),
	};

	return argc > 1 ? be_asked(argc, argv) : cmocka_run_group_tests_name("counting", tests, start, stop);
}
