/* plan, reload, rollback, history and show against a culvertd that the test plays: what they ask, and their exit codes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/cmd/cmd.h"
#include "tests/unit/control_end.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Answers one client; ends with 0 if its question was the expected one. */
static pid_t serve(const char *question, const char *answer)
{
	pid_t pid = fork();

	if (pid == 0) {
		char line[64] = "";
		int fd = accept(control_listener, NULL, NULL);

		if (fd < 0 || recv(fd, line, sizeof(line) - 1, 0) <= 0 || write(fd, answer, strlen(answer)) < 0)
			_exit(1);
		_exit(strcmp(line, question) == 0 ? 0 : 2);
	}
	return pid;
}

typedef int (*command)(const struct cmd_options *o, int argc, char **argv);

/* line: the words of the command, apart by one space. */
static void assert_exit(command run, const char *line, const char *question, const char *answer, int expected)
{
	struct cmd_options o = { .run = control_folder };
	char *argv[8] = { 0 };
	char words[64];
	char *rest = words;
	int argc = 0;
	int status = 0;
	pid_t server = question ? serve(question, answer) : 0;

	snprintf(words, sizeof(words), "%s", line);
	while (rest)
		argv[argc++] = strsep(&rest, " ");
	assert_int_equal(run(&o, argc, argv), expected);
	if (server)
		assert_int_equal(waitpid(server, &status, 0), server);
	assert_int_equal(status, 0);
}

#define PLAN(changes, interrupts)                                                                                      \
	"{\"ok\":true,\"generation\":7,\"file\":\"x.conf\",\"changes\":" changes ",\"interrupts\":" interrupts             \
	",\"new_generation\":true,\"charon\":{\"state\":\"up\",\"kept\":3,\"tunnels\":[{\"name\":\"t\",\"change\":"        \
	"\"reestablished\",\"also\":[\"credentials\",7],\"interruption\":\"for about 1 "                                   \
	"s\",\"seconds\":1,\"children\":[{\"apn\":\"a\",\"change\":"                                                       \
	"\"replaced\",\"interruption\":null,\"seconds\":null}]}]},\"kernel\":[\"+ x\"],\"walls\":{\"missing\":true,"       \
	"\"changes\":[]},\"warnings\":[]}\n"
#define REFUSAL "{\"ok\":false,\"error\":\"no\",\"messages\":[\"x.conf:1: no\"],\"generation\":3}\n"
#define DONE                                                                                                           \
	"{\"ok\":true,\"generation\":8,\"changed\":true,\"warnings\":[],\"rollback_of\":5,\"by_charon\":false,\"note\":"   \
	"\"n\","                                                                                                           \
	"\"tunnels\":{\"added\":0,\"changed\":1,\"removed\":0,\"kept\":4999},\"apns\":{}}\n"

static void plan_tells_by_its_exit_code(void **state)
{
	(void)state;
	assert_exit(cmd_plan, "plan", "plan\n", PLAN("false", "false"), EXIT_OK);
	assert_exit(cmd_plan, "plan", "plan\n", PLAN("true", "false"), EXIT_CHANGES);
	assert_exit(cmd_plan, "plan", "plan\n", PLAN("true", "true"), EXIT_INTERRUPTS);
	assert_exit(cmd_plan, "plan --json", "plan\n", PLAN("true", "true"), EXIT_INTERRUPTS);
	assert_exit(cmd_plan, "plan", "plan\n", REFUSAL, EXIT_BAD);
	assert_exit(cmd_plan, "plan x.conf", NULL, NULL, EXIT_USAGE);
}

static void rollback_asks_for_its_number(void **state)
{
	(void)state;
	assert_exit(cmd_rollback, "rollback", "rollback\n", DONE, EXIT_OK);
	assert_exit(cmd_rollback, "rollback 5", "rollback 5\n", DONE, EXIT_OK);
	assert_exit(cmd_rollback, "rollback 5", "rollback 5\n", REFUSAL, EXIT_BAD);
	assert_exit(cmd_rollback, "rollback five", NULL, NULL, EXIT_USAGE);
	assert_exit(cmd_rollback, "rollback 0", NULL, NULL, EXIT_USAGE);
	assert_exit(cmd_rollback, "rollback 5 6", NULL, NULL, EXIT_USAGE);
	assert_exit(cmd_reload, "reload", "reload\n", DONE, EXIT_OK);
	assert_exit(cmd_reload, "reload", "reload\n", REFUSAL, EXIT_BAD);
}

static void history_and_show(void **state)
{
	static const char rows[] =
		"{\"ok\":true,\"generation\":2,\"generations\":[{\"number\":2,\"when\":null,\"who\":null,\"file\":null,"
		"\"in_force\":true,\"tunnels\":null,\"apns\":null}]}\n";

	(void)state;
	assert_exit(cmd_history, "history", "history\n", rows, EXIT_OK);
	assert_exit(cmd_history, "history --json", "history\n", rows, EXIT_OK);
	assert_exit(cmd_history, "history 3", NULL, NULL, EXIT_USAGE);
	assert_exit(cmd_show, "show config", "config\n", "{\"ok\":true,\"generation\":2,\"config\":\"x\"}\n", EXIT_OK);
	assert_exit(cmd_show, "show config 4", "config 4\n", REFUSAL, EXIT_BAD);
	assert_exit(cmd_show, "show", NULL, NULL, EXIT_USAGE);
	assert_exit(cmd_show, "show secrets", NULL, NULL, EXIT_USAGE);
}

/* One that hangs does not take connections: whoever asks is told so, and does not hang with it. */
static void a_queue_that_is_full_is_told(void **state)
{
	struct cmd_options o = { .run = control_folder };
	static char name[] = "history";
	char *argv[] = { name, NULL };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int waiting[16];
	size_t n = 0;

	(void)state;
	assert_int_equal(listen(control_listener, 0), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", control_folder);
	for (; n < 16; n++) {
		waiting[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(waiting[n], (const struct sockaddr *)&address, sizeof(address)))
			break;
	}
	assert_true(n < 16);
	assert_int_equal(cmd_history(&o, 1, argv), EXIT_BAD);
	for (size_t i = 0; i <= n; i++)
		close(waiting[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(plan_tells_by_its_exit_code, control_start, control_stop),
		cmocka_unit_test_setup_teardown(rollback_asks_for_its_number, control_start, control_stop),
		cmocka_unit_test_setup_teardown(history_and_show, control_start, control_stop),
		cmocka_unit_test_setup_teardown(a_queue_that_is_full_is_told, control_start, control_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
