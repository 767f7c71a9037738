/* The control socket with real clients, one event loop run by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/control.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];
static char path[80];
static sd_event *event;
static struct control *control;
static struct control_client *waiting;

static void run_echo(struct control_client *client, const char *arg, void *userdata)
{
	assert_ptr_equal(userdata, &control);
	control_answer(client, json_pack("{s:b, s:s}", "ok", 1, "arg", arg));
}

static void run_who(struct control_client *client, const char *arg, void *userdata)
{
	char who[64];

	(void)arg;
	(void)userdata;
	control_answer(client, json_pack("{s:b, s:s}", "ok", 1, "who", control_who(client, who, sizeof(who))));
}

static void run_wait(struct control_client *client, const char *arg, void *userdata)
{
	(void)arg;
	(void)userdata;
	waiting = client;
}

static const struct control_verb verbs[] = {
	{ "echo", NULL, run_echo },
	{ "who", NULL, run_who },
	{ "wait", CONTROL_GROUP, run_wait },
	{ NULL, NULL, NULL },
};

static int start(void **state)
{
	(void)state;
	waiting = NULL;
	snprintf(folder, sizeof(folder), "/tmp/culvert-control-XXXXXX");
	if (!mkdtemp(folder) || sd_event_new(&event) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/control.sock", folder);
	return control_open(event, path, verbs, &control, &control);
}

static int stop(void **state)
{
	(void)state;
	control_close(control);
	sd_event_unref(event);
	unlink(path);
	return rmdir(folder);
}

/* Lets the server do all it can without waiting. */
static void settle(void)
{
	while (sd_event_run(event, 0) > 0)
		;
}

static int client(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		abort();
	memcpy(address.sun_path, path, strlen(path) + 1);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	settle();
}

/* The server has answered exactly this and closed. */
static void assert_answer(int fd, const char *expected)
{
	char text[1024] = "";
	size_t len = 0;
	ssize_t n;

	settle();
	while ((n = recv(fd, text + len, sizeof(text) - 1 - len, MSG_DONTWAIT)) > 0)
		len += (size_t)n;
	assert_int_equal(n, 0);
	assert_string_equal(text, expected);
	close(fd);
}

static void answers_and_closes(void **state)
{
	int fd = client();

	(void)state;
	say(fd, "echo a b\n");
	assert_answer(fd, "{\"ok\":true,\"arg\":\"a b\"}\n");
	fd = client();
	say(fd, "ec");
	say(fd, "ho\nmore");
	assert_answer(fd, "{\"ok\":true,\"arg\":\"\"}\n");
}

/* By the credentials of the connection; the test may be run by anybody. */
static void tells_who_asks(void **state)
{
	const struct passwd *user = getpwuid(getuid());
	char expected[128];
	int fd = client();

	(void)state;
	if (user)
		snprintf(expected, sizeof(expected), "{\"ok\":true,\"who\":\"%s (uid %u)\"}\n", user->pw_name, getuid());
	else
		snprintf(expected, sizeof(expected), "{\"ok\":true,\"who\":\"uid %u\"}\n", getuid());
	say(fd, "who\n");
	assert_answer(fd, expected);
}

static void refuses_what_it_does_not_know(void **state)
{
	int fd = client();

	(void)state;
	say(fd, "format-disk\n");
	assert_answer(fd, "{\"ok\":false,\"error\":\"unknown verb\"}\n");
	fd = client();
	say(fd, "\n");
	assert_answer(fd, "{\"ok\":false,\"error\":\"unknown verb\"}\n");
}

static void bounds_the_line(void **state)
{
	char line[CONTROL_LINE_MAX + 1];
	int fd = client();

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	say(fd, line);
	assert_answer(fd, "{\"ok\":false,\"error\":\"the request is longer than 255 octets\"}\n");
}

static void a_client_may_wait_while_others_are_served(void **state)
{
	int first = client();
	int second = client();

	(void)state;
	say(first, "wait\n");
	assert_non_null(waiting);
	say(second, "echo x\n");
	assert_answer(second, "{\"ok\":true,\"arg\":\"x\"}\n");
	control_answer(waiting, control_error("%s", "late"));
	assert_answer(first, "{\"ok\":false,\"error\":\"late\"}\n");
}

static void a_client_may_leave_while_its_verb_works(void **state)
{
	int fd = client();

	(void)state;
	say(fd, "wait\n");
	close(fd);
	settle();
	control_answer(waiting, control_error("nobody hears this"));
	settle();
	fd = client();
	say(fd, "echo y\n");
	assert_answer(fd, "{\"ok\":true,\"arg\":\"y\"}\n");
}

static void a_large_answer_arrives_whole(void **state)
{
	enum { SIZE = 3 * 1024 * 1024 };
	int fd = client();
	char *text = malloc(SIZE + 1);
	char chunk[65536];
	size_t len = 0;
	ssize_t n;

	(void)state;
	memset(text, 'z', SIZE);
	text[SIZE] = '\0';
	say(fd, "wait\n");
	control_answer(waiting, json_pack("{s:s}", "text", text));
	free(text);
	do {
		settle();
		n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (n > 0)
			len += (size_t)n;
	} while (n > 0);
	assert_int_equal(len, SIZE + strlen("{\"text\":\"\"}\n"));
	close(fd);
}

static void too_many_are_told(void **state)
{
	int fds[CONTROL_CLIENTS_MAX];
	size_t room = CONTROL_CLIENTS_MAX - (getuid() ? CONTROL_CLIENTS_ROOT : 0);
	int fd;

	(void)state;
	for (size_t i = 0; i < room; i++) {
		fds[i] = client();
		settle();
	}
	fd = client();
	assert_answer(fd, "{\"ok\":false,\"error\":\"too many clients; try again\"}\n");
	close(fds[0]);
	settle();
	fds[0] = client();
	say(fds[0], "echo z\n");
	assert_answer(
		fds[0], getuid() ? "{\"ok\":false,\"error\":\"permission denied: echo is for root and members of the group "
						   "culvert-admin\"}\n"
						 : "{\"ok\":true,\"arg\":\"z\"}\n");
	for (size_t i = 1; i < room; i++)
		close(fds[i]);
	settle();
}

/* Without the groups the socket is root's; a member of neither is refused by verb as well. */
static void permissions(void **state)
{
	struct stat st;
	pid_t other;
	int status;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07, 0);
	if (getuid())
		skip(); /* another user is what is tested */
	assert_int_equal(chmod(folder, 0755) | chmod(path, 0666), 0);
	other = fork();
	if (other == 0) {
		int fd;
		char answer[256] = "";

		if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(2);
		fd = client();
		if (write(fd, "wait\n", 5) != 5 || read(fd, answer, sizeof(answer) - 1) < 0)
			_exit(3);
		_exit(strstr(answer, "permission denied: wait is for root and members of the group culvert") ? 0 : 1);
	}
	while (waitpid(other, &status, WNOHANG) == 0)
		sd_event_run(event, 10000);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		skip(); /* a user namespace that maps root alone */
	assert_int_equal(status, 0);
	assert_null(waiting);
}

#define with_server(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_server(answers_and_closes),
		with_server(tells_who_asks),
		with_server(refuses_what_it_does_not_know),
		with_server(bounds_the_line),
		with_server(a_client_may_wait_while_others_are_served),
		with_server(a_client_may_leave_while_its_verb_works),
		with_server(a_large_answer_arrives_whole),
		with_server(too_many_are_told),
		with_server(permissions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
