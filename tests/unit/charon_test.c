/* The client of charon.sock against a charon that the test plays, one event loop run by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/charon.h"
#include "lib/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const uint64_t second = 1000000;
static const uint64_t soon = 400000; /* microseconds: a limit that is not over before what was asked is sent */

static char folder[64];
static struct sockaddr_un address;
static sd_event *event;
static struct charon *charon;
static int listener;
static int peer; /* charon's end of the connection */
static struct buf heard;

static void on_state(void *userdata, bool up)
{
	(void)userdata;
	buf_puts(&heard, up ? "up;" : "gone;");
}

/* Called back, "slow" takes its time, as a reload does that makes a thousand interfaces. */
static void on_done(void *userdata, int error, const char *answer)
{
	if (!strncmp(answer, "slow", 4))
		usleep((useconds_t)(2 * soon));
	buf_printf(&heard, "%s=%d:%s;", (const char *)userdata, error, answer);
}

static void ask(const char *line, uint64_t limit)
{
	assert_int_equal(charon_request(charon, line, limit, on_done, (void *)(uintptr_t)line), 0);
}

static void settle(void)
{
	while (sd_event_run(event, 0) > 0)
		;
}

/* Runs the loop until something was heard. The alarm of the runner bounds it. */
static void assert_heard(const char *expected)
{
	while (!heard.len)
		sd_event_run(event, UINT64_MAX);
	settle();
	assert_string_equal(buf_text(&heard), expected);
	buf_free(&heard);
}

static void assert_asked(const char *expected)
{
	char text[256] = "";

	settle();
	assert_true(recv(peer, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	assert_string_equal(text, expected);
}

static void answer(const char *text)
{
	assert_int_equal(send(peer, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	settle();
}

static void listen_at_path(void)
{
	unlink(address.sun_path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0)
		abort();
	assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 4), 0);
}

static int start(void **state)
{
	(void)state;
	alarm(120);
	snprintf(folder, sizeof(folder), "/tmp/culvert-charon-XXXXXX");
	if (!mkdtemp(folder) || sd_event_new(&event) < 0)
		return -1;
	address.sun_family = AF_UNIX;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/charon.sock", folder);
	listen_at_path();
	if (charon_open(event, address.sun_path, on_state, NULL, &charon))
		return -1;
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	return peer < 0 || !charon_is_up(charon);
}

static int stop(void **state)
{
	(void)state;
	charon_close(charon);
	sd_event_unref(event);
	close(peer);
	close(listener);
	buf_free(&heard);
	unlink(address.sun_path);
	return rmdir(folder);
}

static void one_at_a_time_in_order(void **state)
{
	(void)state;
	ask("prepare 3", 10 * second);
	ask("commit", 10 * second);
	assert_asked("prepare 3\n");
	answer("ok added=1 ch");
	answer("anged=0\n");
	assert_heard("prepare 3=0:added=1 changed=0;");
	assert_asked("commit\n");
	answer("ok\n");
	assert_heard("commit=0:;");
}

static void an_error_is_its_sentence(void **state)
{
	(void)state;
	ask("prepare 9", 10 * second);
	assert_asked("prepare 9\n");
	answer("error there is no generation 9\n");
	assert_heard("prepare 9=-121:there is no generation 9;");
	assert_true(charon_is_up(charon));
}

static void a_report_is_many_lines(void **state)
{
	(void)state;
	ask("report", 10 * second);
	assert_asked("report\n");
	answer("tunnel t up 1 - - -\nchi");
	answer("ld t a 1 2 3 4\nend\n");
	assert_heard("report=0:tunnel t up 1 - - -\nchild t a 1 2 3 4\n;");
	ask("report", 10 * second);
	assert_asked("report\n");
	answer("end\n");
	assert_heard("report=0:;");
}

static void a_lost_connection_answers_everybody(void **state)
{
	(void)state;
	ask("prepare 1", 10 * second);
	ask("commit", 10 * second);
	settle();
	close(peer);
	assert_heard("prepare 1=-107:;commit=-107:;gone;");
	assert_false(charon_is_up(charon));
	assert_int_equal(charon_request(charon, "commit", second, on_done, NULL), -ENOTCONN);
	assert_heard("up;");
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ask("commit", 10 * second);
	assert_asked("commit\n");
}

static void a_charon_that_returns_is_found(void **state)
{
	(void)state;
	close(listener);
	close(peer);
	assert_heard("gone;");
	listen_at_path();
	assert_heard("up;");
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

static void silence_has_a_limit(void **state)
{
	(void)state;
	ask("commit", soon);
	assert_heard("commit=-62:;gone;");
}

/* A report that takes its time costs its asker the answer, and nobody else anything. */
static void a_late_report_disturbs_nothing(void **state)
{
	(void)state;
	ask("report", soon);
	ask("prepare 4", 10 * second);
	assert_asked("report\n");
	assert_heard("report=-62:;");
	assert_true(charon_is_up(charon));
	answer("tunnel t up 1 - - -\n");
	answer("end\n");
	assert_asked("prepare 4\n");
	answer("ok\n");
	assert_heard("prepare 4=0:;");
}

static void a_comparison_is_many_lines(void **state)
{
	(void)state;
	ask("compare 1000000000", 10 * second);
	assert_asked("compare 1000000000\n");
	answer("tunnel t added\nkept 3\nend\n");
	assert_heard("compare 1000000000=0:tunnel t added\nkept 3\n;");
	ask("compare 1", 10 * second);
	assert_asked("compare 1\n");
	answer("error unknown request\n");
	assert_heard("compare 1=-121:unknown request;");
}

static void one_that_is_late_in_the_queue_ends_alone(void **state)
{
	(void)state;
	ask("prepare 4", 10 * second);
	ask("report", soon);
	ask("commit", 10 * second);
	assert_asked("prepare 4\n");
	assert_heard("report=-62:;");
	answer("ok\n");
	assert_heard("prepare 4=0:;");
	assert_asked("commit\n");
	assert_true(charon_is_up(charon));
}

static void one_that_became_late_in_a_long_turn_is_not_sent(void **state)
{
	(void)state;
	ask("prepare 5", 10 * second);
	ask("report", soon);
	assert_asked("prepare 5\n");
	answer("ok slow\n");
	assert_heard("prepare 5=0:slow;report=-62:;");
	ask("commit", 10 * second);
	assert_asked("commit\n");
}

static void an_answer_that_is_there_is_not_late(void **state)
{
	(void)state;
	ask("report", soon);
	assert_asked("report\n");
	assert_int_equal(send(peer, "end\n", 4, MSG_NOSIGNAL), 4);
	usleep((useconds_t)(2 * soon));
	assert_heard("report=0:;");
}

static void octets_that_are_not_utf_8_are_mended(void **state)
{
	(void)state;
	ask("prepare 6", 10 * second);
	assert_asked("prepare 6\n");
	answer("error \xc3\xa9 \xff\xc3\n");
	assert_heard("prepare 6=-121:\xc3\xa9 ??;");
}

static void answers_out_of_step_end_the_connection(void **state)
{
	static const char *const bad[] = { "hello\n", "ok\nok\n", "okay\n", "ok\n " };

	(void)state;
	answer("ok\n");
	assert_heard("gone;");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_heard("up;");
		close(peer);
		peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		ask("commit", 10 * second);
		assert_asked("commit\n");
		answer(bad[i]);
		assert_false(charon_is_up(charon));
		assert_non_null(strstr(buf_text(&heard), "gone;"));
		buf_free(&heard);
	}
}

static void the_queue_is_bounded(void **state)
{
	(void)state;
	for (size_t i = 0; i < CHARON_QUEUE_MAX; i++)
		ask("abort", 10 * second);
	assert_int_equal(charon_request(charon, "abort", second, on_done, NULL), -ENOBUFS);
}

#define with_charon(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_charon(one_at_a_time_in_order),
		with_charon(an_error_is_its_sentence),
		with_charon(a_report_is_many_lines),
		with_charon(a_lost_connection_answers_everybody),
		with_charon(a_charon_that_returns_is_found),
		with_charon(silence_has_a_limit),
		with_charon(a_late_report_disturbs_nothing),
		with_charon(a_comparison_is_many_lines),
		with_charon(one_that_is_late_in_the_queue_ends_alone),
		with_charon(one_that_became_late_in_a_long_turn_is_not_sent),
		with_charon(an_answer_that_is_there_is_not_late),
		with_charon(octets_that_are_not_utf_8_are_mended),
		with_charon(answers_out_of_step_end_the_connection),
		with_charon(the_queue_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
