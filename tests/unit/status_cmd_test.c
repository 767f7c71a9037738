/* culvert status against a culvertd that the test plays: its exit code is what a script watches. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/cmd/client.h"
#include "appliance/cmd/cmd.h"
#include "tests/unit/control_end.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATUS(generation, charon, messages, carrying)                                                                 \
	"{\"ok\":true,\"gateway\":\"g\",\"generation\":" generation ",\"charon\":\"" charon "\",\"messages\":[" messages   \
	"],\"tunnels\":[],\"links\":[{\"apn\":\"a\",\"tunnel\":\"t\",\"carrying\":" carrying "}]}\n"

/* Answers one client without reading its question, but not before it is there. */
static pid_t serve(const char *answer)
{
	pid_t pid = fork();

	if (pid == 0) {
		int fd = accept(control_listener, NULL, NULL);
		char octet;

		if (fd < 0 || recv(fd, &octet, 1, MSG_PEEK) != 1 || write(fd, answer, strlen(answer)) < 0)
			_exit(1);
		_exit(0);
	}
	return pid;
}

static void assert_exit(const char *answer, int expected)
{
	static char name[] = "status";
	char *argv[] = { name, NULL };
	struct cmd_options o = { .run = control_folder };
	pid_t server = serve(answer);
	int status;

	assert_int_equal(cmd_status(&o, 1, argv), expected);
	assert_int_equal(waitpid(server, &status, 0), server);
	assert_int_equal(status, 0);
}

static void good_only_if_all_is_well(void **state)
{
	(void)state;
	assert_exit(STATUS("3", "up", "", "true"), EXIT_OK);
	assert_exit(STATUS("3", "up", "", "false"), EXIT_BAD);
	assert_exit(STATUS("0", "up", "", "true"), EXIT_BAD);
	assert_exit(STATUS("3", "down", "", "true"), EXIT_BAD); /* SAs live on, but nobody renews their keys */
	assert_exit(STATUS("3", "up", "\"culv-v1001: no such device\"", "true"), EXIT_BAD);
	assert_exit("{\"ok\":false,\"error\":\"too many clients; try again\"}\n", EXIT_BAD);
	assert_exit("{\"ok\":true,\"generation\":3,\"charon\":\"up\",\"tunnels\":[],\"links\":[{\"apn\":\"a\","
				"\"tunnel\":\"t\",\"carrying\":true,\"state\":\"suspect\",\"reason\":\"x\"}]}\n",
		EXIT_BAD);
}

/* That a guard had to act is told, and is over. */
static void keys_that_culvertd_ended_are_no_fault_of_now(void **state)
{
	(void)state;
	assert_exit("{\"ok\":true,\"gateway\":\"g\",\"generation\":3,\"charon\":\"up\",\"messages\":[],\"keys_ended\":"
				"{\"count\":2,\"age\":7,\"tunnel\":\"t\"},\"tunnels\":[],\"links\":[]}\n",
		EXIT_OK);
	assert_exit("{\"ok\":true,\"gateway\":\"g\",\"generation\":3,\"charon\":\"up\",\"messages\":[],\"keys_ended\":"
				"{\"count\":1,\"age\":7,\"tunnel\":null},\"tunnels\":[],\"links\":[]}\n",
		EXIT_OK);
}

static void a_refusal_is_read_although_the_question_was_not(void **state)
{
	pid_t server = serve("{\"ok\":false,\"error\":\"too many clients; try again\"}\n");
	json_t *answer = NULL;

	(void)state;
	assert_int_equal(client_ask(control_folder, "status", &answer), 0);
	assert_string_equal(client_text(answer, "error", ""), "too many clients; try again");
	json_decref(answer);
	assert_int_equal(waitpid(server, NULL, 0), server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(good_only_if_all_is_well, control_start, control_stop),
		cmocka_unit_test_setup_teardown(keys_that_culvertd_ended_are_no_fault_of_now, control_start, control_stop),
		cmocka_unit_test_setup_teardown(a_refusal_is_read_although_the_question_was_not, control_start, control_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
