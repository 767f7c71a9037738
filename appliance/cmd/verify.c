/* culvert verify: which paths exist in the kernel, by APN, and whether they are the configured ones. */
#include "appliance/cmd/cmd.h"

#include "appliance/cmd/answer.h"
#include "appliance/cmd/client.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_DIFFERS = 1, EXIT_UNPROVEN = 2, WALLS = 3 };

static int compare_apns(const void *a, const void *b)
{
	const json_t *x = *(const json_t *const *)a, *y = *(const json_t *const *)b;

	return strcmp(client_text(x, "apn", ""), client_text(y, "apn", ""));
}

static void print_end(const json_t *path, const char *interface, const char *address)
{
	client_print(stdout, client_text(path, interface, "the gateway"));
	putchar(' ');
	client_print(stdout, client_text(path, address, "?"));
}

static void print_path(const json_t *path)
{
	const char *ports = client_text(path, "ports", "");

	fputs("  ", stdout);
	print_end(path, "in", "from");
	fputs(" -> ", stdout);
	print_end(path, "out", "to");
	putchar(' ');
	client_print(stdout, client_text(path, "protocol", "?"));
	printf("%s%s\n", *ports ? " " : "", ports);
}

/* Those of the machine first, then by APN; in an APN as they came. */
static void print_paths(const json_t *paths)
{
	size_t n = json_array_size(paths), i;
	const json_t **list = calloc(n + 1, sizeof(*list));
	const char *apn = NULL;
	json_t *path;

	if (!list)
		return;
	json_array_foreach(paths, i, path)
	{
		list[i] = path;
	}
	qsort(list, n, sizeof(*list), compare_apns);
	for (i = 0; i < n; i++) {
		const char *name = client_text(list[i], "apn", "");
		if (!apn || strcmp(apn, name) != 0) {
			client_print(stdout, *name ? name : "management");
			puts(":");
		}
		apn = name;
		print_path(list[i]);
	}
	free(list);
}

/* "device to the Internet: walls 1, 2, 3", and for how many APNs where not for all. */
static void print_packet(const json_t *packet)
{
	const json_t *stopped = json_object_get(packet, "stopped");
	long long apns = client_number(packet, "apns"), open = client_number(packet, "open");
	const char *before = " stopped by wall ";

	fputs("  ", stdout);
	client_print(stdout, client_text(packet, "packet", "?"));
	putchar(':');
	for (size_t wall = 0; wall < WALLS; wall++) {
		long long n = json_integer_value(json_array_get(stopped, wall));
		if (n == 0)
			continue;
		printf("%s%zu", before, wall + 1);
		if (n < apns)
			printf(" (%lld of %lld APNs)", n, apns);
		before = ", ";
	}
	if (open)
		printf(" OPEN for %lld of %lld APNs", open, apns);
	putchar('\n');
}

static void print_verdict(const char *verdict, const json_t *answer)
{
	printf("generation %lld, ", client_number(answer, "generation"));
	if (!strcmp(verdict, "exact"))
		puts("exactly the configured paths exist");
	else if (!strcmp(verdict, "differs"))
		printf("%zu differences\n", json_array_size(json_object_get(answer, "differences")));
	else
		puts("it cannot be proven which paths exist");
}

static int print_answer(const json_t *answer, bool json)
{
	const char *verdict = client_text(answer, "verdict", "failed");
	size_t i;
	json_t *packet;

	if (json) {
		answer_print_json(answer);
	} else {
		print_paths(json_object_get(answer, "paths"));
		answer_print_lines(stdout, "closed: ", json_object_get(answer, "closed"));
		puts("what must not pass:");
		json_array_foreach(json_object_get(answer, "packets"), i, packet)
		{
			print_packet(packet);
		}
		answer_print_lines(stdout, "! cannot be proven: ", json_object_get(answer, "unproven"));
		answer_print_lines(stdout, "! ", json_object_get(answer, "differences"));
		print_verdict(verdict, answer);
	}
	if (!strcmp(verdict, "exact"))
		return EXIT_OK;
	return strcmp(verdict, "differs") == 0 ? EXIT_DIFFERS : EXIT_UNPROVEN;
}

/* culvertd's program: beside this one, or as installed. */
static void find_culvertd(char path[static PATH_MAX])
{
	static const char *const places[] = { "culvertd", "../sbin/culvertd" };
	char self[PATH_MAX - 32];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	while (len > 0 && self[len - 1] != '/')
		len--;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places) && len > 0; i++) {
		snprintf(path, PATH_MAX, "%.*s%s", (int)len, self, places[i]);
		if (access(path, X_OK) == 0)
			return;
	}
	snprintf(path, PATH_MAX, "/usr/sbin/culvertd");
}

static pid_t start_reader(const char *run, int fds[static 2])
{
	char path[PATH_MAX];

	find_culvertd(path);
	if (pipe(fds) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execl(path, "culvertd", "--verify", "--run", run, (char *)NULL);
		_exit(EXIT_UNPROVEN);
	}
	close(fds[1]);
	return pid;
}

/* Has the kernel read without culvertd. NULL after a message. */
static json_t *ask_here(const char *run)
{
	struct buf text CLEANUP(buf_free) = { 0 };
	char chunk[65536];
	int fds[2], status;
	ssize_t n;
	pid_t pid = start_reader(run, fds);

	if (pid < 0) {
		fprintf(stderr, "culvert: no process can be started: %s\n", strerror(errno));
		return NULL;
	}
	while ((n = read(fds[0], chunk, sizeof(chunk))) > 0)
		buf_add(&text, chunk, (size_t)n);
	close(fds[0]);
	waitpid(pid, &status, 0);
	json_t *answer = json_loadb(buf_text(&text), text.len, 0, NULL);
	if (json_is_true(json_object_get(answer, "ok")))
		return answer;
	fprintf(stderr, "culvert: %s (%s)\n", client_text(answer, "error", "the kernel's state cannot be read"),
		client_text(answer, "reason", "are you root?"));
	json_decref(answer);
	return NULL;
}

int cmd_verify(const struct cmd_options *o, int argc, char **argv)
{
	bool json = false, here = false;
	json_t *answer = NULL;

	for (int i = 1; i < argc; i++) {
		json = json || !strcmp(argv[i], "--json");
		here = here || !strcmp(argv[i], "--here");
		if (strcmp(argv[i], "--json") != 0 && strcmp(argv[i], "--here") != 0) {
			fputs("usage: culvert verify [--here] [--json]\n", stderr);
			return EXIT_UNPROVEN;
		}
	}
	if (here)
		answer = ask_here(o->run);
	else if (answer_get(o->run, "verify", &answer))
		answer = NULL;
	int code = answer ? print_answer(answer, json) : EXIT_UNPROVEN;
	json_decref(answer);
	return code;
}
