#include "appliance/daemon/child.h"

#include "lib/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	child_fn fn;
	void *userdata;
	sd_event_source *io, *ended, *limit;
	pid_t pid; /* 0: it has ended, and was waited for */
	int fd; /* its output; -1 */
	struct buf output;
};

extern char **environ;

/* This very program, with what it writes going into fd. argv begins with its name. 0 or -errno. */
static int spawn(char *const *argv, int fd, pid_t *ret)
{
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
	int r = posix_spawn(ret, argv[0], &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static int spawn_with(const char *const *args, int fd, pid_t *ret)
{
	char name[] = "/proc/self/exe", *argv[CHILD_ARGS + 1] = { name };
	size_t n = 0;

	/* posix_spawn() takes them without const, and leaves them as they are. */
	for (; n < CHILD_ARGS && args[n]; n++)
		memcpy(&argv[n + 1], &args[n], sizeof(argv[0]));
	return n < CHILD_ARGS ? spawn(argv, fd, ret) : -E2BIG;
}

static void close_output(struct child *c)
{
	c->io = sd_event_source_disable_unref(c->io);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* A part of what there is to be read; false: there is no more. */
static bool take_output(struct child *c)
{
	char chunk[65536];
	ssize_t n = c->fd < 0 ? 0 : read(c->fd, chunk, sizeof(chunk));

	if (n > 0 && c->output.len + (size_t)n <= CHILD_OUTPUT_MAX)
		buf_add(&c->output, chunk, (size_t)n);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		close_output(c);
	return n > 0;
}

static int on_output(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
	(void)s;
	(void)fd;
	(void)events;
	take_output(userdata);
	return 0;
}

static int on_limit(sd_event_source *s, uint64_t usec, void *userdata)
{
	const struct child *c = userdata;

	(void)s;
	(void)usec;
	kill(c->pid, SIGKILL);
	return 0;
}

static int on_ended(sd_event_source *s, const siginfo_t *si, void *userdata)
{
	struct child *c = userdata;
	struct buf output;

	(void)s;
	(void)si;
	while (take_output(c))
		;
	output = c->output;
	c->output = (struct buf){ 0 };
	c->pid = 0;
	child_fn fn = c->fn;
	void *whose = c->userdata;
	child_end(c);
	fn(whose, &output);
	buf_free(&output);
	return 0;
}

static int watch(struct child *c, sd_event *event, uint64_t limit)
{
	int r = fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
	sigset_t signals;

	/* The loop takes it in by a descriptor. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);

	if (r >= 0)
		r = sd_event_add_io(event, &c->io, c->fd, EPOLLIN, on_output, c);
	if (r >= 0)
		r = sd_event_add_child(event, &c->ended, c->pid, WEXITED, on_ended, c);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &c->limit, CLOCK_BOOTTIME, limit, 0, on_limit, c);
	return r;
}

int child_start(
	sd_event *event, const char *const *args, uint64_t limit, child_fn fn, void *userdata, struct child **ret)
{
	struct child *c;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fds[0]);
		close(fds[1]);
		return -ENOMEM;
	}
	*c = (struct child){ .fn = fn, .userdata = userdata, .fd = fds[0] };
	int r = spawn_with(args, fds[1], &c->pid);
	close(fds[1]);
	if (r < 0)
		c->pid = 0;
	else
		r = watch(c, event, limit);
	if (r < 0) {
		child_end(c);
		return r;
	}
	*ret = c;
	return 0;
}

void child_end(struct child *c)
{
	if (!c)
		return;
	sd_event_source_disable_unref(c->limit);
	sd_event_source_disable_unref(c->ended);
	close_output(c);
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
	buf_free(&c->output);
	free(c);
}
