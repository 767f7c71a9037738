/*
 * Failure policy: a process that fails, or takes too long, is a verdict as well ("failed"): nothing was proven. What
 * changed while it ran makes what it says worthless: it is thrown away and another one runs. Clients that wait get the
 * first one that began after they asked.
 */
#include "appliance/daemon/verify.h"

#include "appliance/daemon/control.h"
#include "lib/buf.h"
#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_MAX = 64 * 1024 * 1024, FIRST = 10, VERIFY_CLIENTS = CONTROL_CLIENTS_MAX };

struct verifier {
	sd_event *event; /* referenced */
	const char *run; /* borrowed */
	sd_event_source *due; /* the next one */
	sd_event_source *limit; /* of the one that runs */
	sd_event_source *io, *child;
	pid_t pid; /* 0: none runs */
	int fd; /* its output; -1 */
	struct buf output;
	uint64_t began, ended; /* microseconds of CLOCK_BOOTTIME; of the last one */
	uint64_t judged; /* when the last one that counts ended */
	bool stale; /* something changed since it began */
	bool soon; /* the next one is due after a change, and is not put off by further ones */
	bool held; /* a reload runs: what stands is between two generations */
	struct control_client *clients[VERIFY_CLIENTS]; /* who waits; those from n_now on for the next one */
	size_t n_clients, n_now;
	json_t *last; /* owned: the summary without its age */
};

extern char **environ;

static void start(struct verifier *v);

static uint64_t now(const struct verifier *v)
{
	uint64_t usec = 0;

	sd_event_now(v->event, CLOCK_BOOTTIME, &usec);
	return usec;
}

static void run_in(struct verifier *v, uint64_t usec)
{
	sd_event_source_set_time_relative(v->due, usec);
	sd_event_source_set_enabled(v->due, SD_EVENT_ONESHOT);
}

/* When the next one may run, in microseconds from now, if it is to run in that many. */
static uint64_t allowed_in(const struct verifier *v, uint64_t usec)
{
	uint64_t rest = VERIFY_REST * (v->ended - v->began), since = now(v) - v->ended;

	return rest > since && rest - since > usec ? rest - since : usec;
}

static json_t *summary_of(const json_t *answer)
{
	json_t *first = json_array();
	const json_t *lists[] = { json_object_get(answer, "unproven"), json_object_get(answer, "differences") };
	const char *verdict = json_string_value(json_object_get(answer, "verdict"));
	const char *error = json_string_value(json_object_get(answer, "error"));

	for (size_t l = 0; l < 2; l++)
		for (size_t i = 0; i < json_array_size(lists[l]) && json_array_size(first) < FIRST; i++)
			json_array_append(first, json_array_get(lists[l], i));
	if (!verdict)
		json_array_append_new(first, json_string(error ? error : "the verification gave no answer"));
	return json_pack("{s:s, s:f, s:I, s:I, s:o}", "verdict", verdict ? verdict : "failed", "seconds",
		json_real_value(json_object_get(answer, "seconds")), "differences", (json_int_t)json_array_size(lists[1]),
		"unproven", (json_int_t)json_array_size(lists[0]), "first", first);
}

/* Says what is different from last time. */
static void log_change(const json_t *before, const json_t *after)
{
	const json_t *first = json_object_get(after, "first");
	const char *verdict = json_string_value(json_object_get(after, "verdict"));

	if (before && json_equal(json_object_get(before, "first"), first) &&
		json_equal(json_object_get(before, "verdict"), json_object_get(after, "verdict")))
		return;
	if (verdict && strcmp(verdict, "exact") == 0) {
		log_notice("verify: exactly the configured paths exist");
		return;
	}
	log_error("verify: %s: %lld differences, %lld that cannot be proven", verdict ? verdict : "failed",
		(long long)json_integer_value(json_object_get(after, "differences")),
		(long long)json_integer_value(json_object_get(after, "unproven")));
	for (size_t i = 0; i < json_array_size(first); i++)
		log_error("verify: %s", json_string_value(json_array_get(first, i)));
}

static void answer_clients(struct verifier *v, const json_t *answer)
{
	for (size_t i = 0; i < v->n_now; i++) {
		json_t *copy = answer ? json_deep_copy(answer) : NULL;
		control_answer(
			v->clients[i], copy ? copy : control_error("the verification failed; the journal of culvertd says more"));
	}
	memmove(v->clients, v->clients + v->n_now, (v->n_clients - v->n_now) * sizeof(*v->clients));
	v->n_clients -= v->n_now;
	v->n_now = 0;
}

static void take_answer(struct verifier *v)
{
	json_t *answer = v->output.error ? NULL : json_loadb(buf_text(&v->output), v->output.len, 0, NULL);

	v->ended = now(v);
	answer_clients(v, answer);
	if (!v->stale) {
		/* Without a configuration there is nothing to be held against. */
		bool nothing = json_is_false(json_object_get(answer, "configured"));
		json_t *summary = nothing ? NULL : summary_of(answer);
		if (summary)
			log_change(v->last, summary);
		json_decref(v->last);
		v->last = summary;
		v->judged = v->ended;
	}
	json_decref(answer);
	buf_free(&v->output);
}

static void close_output(struct verifier *v)
{
	v->io = sd_event_source_disable_unref(v->io);
	if (v->fd >= 0)
		close(v->fd);
	v->fd = -1;
}

static int on_ended(sd_event_source *s, const siginfo_t *si, void *userdata)
{
	struct verifier *v = userdata;
	char chunk[16384];
	ssize_t n;

	(void)s;
	(void)si;
	while (v->fd >= 0 && (n = read(v->fd, chunk, sizeof(chunk))) > 0 && v->output.len < ANSWER_MAX)
		buf_add(&v->output, chunk, (size_t)n);
	close_output(v);
	v->child = sd_event_source_disable_unref(v->child);
	sd_event_source_set_enabled(v->limit, SD_EVENT_OFF);
	v->pid = 0;
	take_answer(v);
	if (v->n_clients > 0)
		start(v);
	else
		run_in(v, allowed_in(v, v->stale ? VERIFY_SETTLE : VERIFY_PERIOD));
	v->soon = v->stale;
	return 0;
}

static int on_output(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
	struct verifier *v = userdata;
	char chunk[65536];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	(void)s;
	(void)events;
	if (n > 0 && v->output.len + (size_t)n <= ANSWER_MAX)
		buf_add(&v->output, chunk, (size_t)n);
	else if (n >= 0 || errno != EAGAIN)
		close_output(v);
	return 0;
}

static int on_limit(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct verifier *v = userdata;

	(void)s;
	(void)usec;
	if (v->pid > 0)
		kill(v->pid, SIGKILL);
	return 0;
}

static int on_due(sd_event_source *s, uint64_t usec, void *userdata)
{
	(void)s;
	(void)usec;
	start(userdata);
	return 0;
}

/* This very program, with what it writes going into fd. 0 or -errno. */
static int spawn(const struct verifier *v, int fd, pid_t *ret)
{
	char program[] = "/proc/self/exe", verify[] = "--verify", option[] = "--run";
	char *run = strdup(v->run), *argv[] = { program, verify, option, run, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	/* The loop blocks its signals. */
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
	int r = run ? posix_spawn(ret, program, &actions, &attributes, argv, environ) : ENOMEM;
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	free(run);
	return -r;
}

static int launch(struct verifier *v)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	int r = spawn(v, fds[1], &v->pid);
	close(fds[1]);
	if (r < 0) {
		close(fds[0]);
		v->pid = 0;
		return r;
	}
	v->fd = fds[0];
	if (fcntl(v->fd, F_SETFL, O_NONBLOCK) == 0)
		r = sd_event_add_io(v->event, &v->io, v->fd, EPOLLIN, on_output, v);
	if (r >= 0)
		r = sd_event_add_child(v->event, &v->child, v->pid, WEXITED, on_ended, v);
	return r;
}

static void start(struct verifier *v)
{
	if (v->pid || v->held)
		return;
	v->soon = false;
	v->began = v->ended = now(v);
	v->stale = false;
	v->n_now = v->n_clients;
	sd_event_source_set_enabled(v->due, SD_EVENT_OFF);
	int r = launch(v);
	if (r >= 0) {
		sd_event_source_set_time_relative(v->limit, VERIFY_LIMIT);
		sd_event_source_set_enabled(v->limit, SD_EVENT_ONESHOT);
		return;
	}
	log_error("verify: no process can be started: %s", strerror(-r));
	close_output(v);
	answer_clients(v, NULL);
	run_in(v, VERIFY_PERIOD);
}

int verifier_new(sd_event *event, const char *run, struct verifier **ret)
{
	struct verifier *v = calloc(1, sizeof(*v));
	sigset_t child;

	if (!v)
		return -ENOMEM;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	v->event = sd_event_ref(event);
	v->run = run;
	v->fd = -1;
	int r = sd_event_add_time(event, &v->due, CLOCK_BOOTTIME, 0, 0, on_due, v);
	if (r >= 0)
		r = sd_event_source_set_enabled(v->due, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(event, &v->limit, CLOCK_BOOTTIME, 0, 0, on_limit, v);
	if (r >= 0)
		r = sd_event_source_set_enabled(v->limit, SD_EVENT_OFF);
	if (r < 0) {
		verifier_free(v);
		return r;
	}
	*ret = v;
	return 0;
}

void verify_run(struct verifier *v)
{
	v->stale = true;
	if (v->pid || v->held || v->soon)
		return;
	v->soon = true;
	run_in(v, allowed_in(v, VERIFY_SETTLE));
}

void verify_hold(struct verifier *v, bool on)
{
	v->held = on;
	v->stale = true;
	v->soon = false;
	if (on)
		sd_event_source_set_enabled(v->due, SD_EVENT_OFF);
	else if (v->n_clients > 0)
		start(v);
	else
		verify_run(v);
}

void verify_answer(struct verifier *v, struct control_client *client)
{
	if (v->n_clients == VERIFY_CLIENTS) {
		control_answer(client, control_error("too many wait for a verification"));
		return;
	}
	v->clients[v->n_clients++] = client;
	start(v);
}

json_t *verify_summary(const struct verifier *v)
{
	if (!v->last)
		return json_null();
	json_t *summary = json_copy(v->last);
	json_object_set_new(summary, "age", json_integer((json_int_t)((now(v) - v->judged) / 1000000)));
	return summary;
}

void verifier_free(struct verifier *v)
{
	if (!v)
		return;
	sd_event_source_disable_unref(v->due);
	sd_event_source_disable_unref(v->limit);
	sd_event_source_disable_unref(v->child);
	close_output(v);
	if (v->pid > 0)
		kill(v->pid, SIGKILL);
	buf_free(&v->output);
	json_decref(v->last);
	sd_event_unref(v->event);
	free(v);
}
