/*
 * Failure policy: whatever goes wrong on the connection ends it; every request that waits is answered with the reason
 * and the connection is tried anew. Prepared state belongs to the connection, so a lost one aborts it in charon: that a
 * question which is not out yet comes too late is no reason for that.
 *
 * Call-backs may queue requests and may find the connection up or down, but are never called from charon_request().
 */
#include "appliance/daemon/charon.h"

#include "lib/utf8.h"
#include "lib/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct request {
	STAILQ_ENTRY(request) next;
	char *line; /* owned, ends with a newline */
	size_t len;
	size_t sent;
	bool many; /* the answer is lines up to `end`: it only asks */
	uint64_t expiry; /* CLOCK_BOOTTIME, microseconds */
	charon_done_fn done; /* NULL: was told that it is late */
	void *userdata;
};

STAILQ_HEAD(request_list, request);

struct charon {
	sd_event *event; /* referenced */
	struct sockaddr_un address;
	charon_state_fn state_fn;
	void *userdata;
	int fd; /* -1: down */
	sd_event_source *io;
	sd_event_source *retry; /* on while down */
	sd_event_source *limit; /* on while requests wait, at the earliest expiry */
	struct request_list queue;
	size_t n_queue;
	struct buf in; /* what came of the first request's answer */
	size_t line; /* offset of the line that is still coming in */
};

static void request_free(struct request *r)
{
	free(r->line);
	free(r);
}

/* Takes a request off and calls back. */
static void finish_one(struct charon *c, struct request *r, int error, const char *answer)
{
	STAILQ_REMOVE(&c->queue, r, request, next);
	c->n_queue--;
	if (r->done)
		r->done(r->userdata, error, answer);
	request_free(r);
}

static void finish(struct charon *c, int error, const char *answer)
{
	finish_one(c, STAILQ_FIRST(&c->queue), error, answer);
}

static void start_retry(struct charon *c)
{
	sd_event_source_set_time_relative(c->retry, CHARON_RETRY);
	sd_event_source_set_enabled(c->retry, SD_EVENT_ONESHOT);
}

/* Down: state first, so that call-backs see it and can queue nothing; then everybody who waits. */
static void disconnect(struct charon *c, int error)
{
	bool was_up = c->fd >= 0;

	c->io = sd_event_source_disable_unref(c->io);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	buf_free(&c->in);
	c->line = 0;
	sd_event_source_set_enabled(c->limit, SD_EVENT_OFF);
	start_retry(c);
	if (!STAILQ_EMPTY(&c->queue))
		finish(c, error, "");
	while (!STAILQ_EMPTY(&c->queue))
		finish(c, -ENOTCONN, "");
	if (was_up)
		c->state_fn(c->userdata, false);
}

/* Arms the limit and asks for writability when the first request still has something to send. */
static void next_request(struct charon *c)
{
	const struct request *first = STAILQ_FIRST(&c->queue);
	const struct request *r;
	uint64_t earliest = UINT64_MAX;

	for (r = first; r; r = STAILQ_NEXT(r, next))
		earliest = r->expiry < earliest ? r->expiry : earliest;
	sd_event_source_set_io_events(c->io, first && first->sent < first->len ? EPOLLIN | EPOLLOUT : EPOLLIN);
	if (first)
		sd_event_source_set_time(c->limit, earliest);
	sd_event_source_set_enabled(c->limit, first ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static bool is_late(const struct charon *c, const struct request *r)
{
	uint64_t now = 0;

	sd_event_now(c->event, CLOCK_BOOTTIME, &now);
	return r->expiry <= now;
}

static int send_request(struct charon *c)
{
	struct request *r = STAILQ_FIRST(&c->queue);
	ssize_t n;

	if (!r || r->sent == r->len)
		return 0;
	/* What is too late before it is out stays here for on_limit(), which must get its turn. */
	if (!r->sent && is_late(c, r)) {
		sd_event_source_set_io_events(c->io, EPOLLIN);
		return 0;
	}
	n = send(c->fd, r->line + r->sent, r->len - r->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -ENOTCONN;
	r->sent += (size_t)n;
	if (r->sent == r->len)
		sd_event_source_set_io_events(c->io, EPOLLIN);
	return 0;
}

/* The text behind a keyword that stands alone or before a space, or NULL. */
static const char *behind(const char *line, const char *keyword)
{
	size_t len = strlen(keyword);

	if (strncmp(line, keyword, len) != 0 || (line[len] && line[len] != ' '))
		return NULL;
	return line[len] ? line + len + 1 : line + len;
}

/* One line of the first request's answer, NUL-terminated, at c->line. Sets *ret_done when it was the last. */
static int take_line(struct charon *c, char *line, bool *ret_done)
{
	const struct request *r = STAILQ_FIRST(&c->queue);
	const char *text = behind(line, "error");

	*ret_done = true;
	if (text) {
		finish(c, -EREMOTEIO, text);
		return 0;
	}
	if (r->many) {
		if (strcmp(line, "end") != 0) {
			*ret_done = false;
			return 0;
		}
		*line = '\0'; /* the answer is what stands before */
		finish(c, 0, buf_text(&c->in));
		return 0;
	}
	text = behind(line, "ok");
	if (!text)
		return -EPROTO;
	finish(c, 0, text);
	return 0;
}

/* charon quotes peers, and what is made of its words (JSON) takes UTF-8 only. */
static void mend(char *line, const char *end)
{
	while ((line += utf8_valid(line, (size_t)(end - line))) < end)
		*line++ = '?';
}

/* Goes through the whole lines that came in. An answer that nobody asked for is out of step: -EPROTO. */
static int take_lines(struct charon *c)
{
	char *end;

	while (c->line < c->in.len && (end = memchr(c->in.text + c->line, '\n', c->in.len - c->line))) {
		bool done;
		int r;

		if (STAILQ_EMPTY(&c->queue) || STAILQ_FIRST(&c->queue)->sent < STAILQ_FIRST(&c->queue)->len)
			return -EPROTO;
		*end = '\0';
		mend(c->in.text + c->line, end);
		r = take_line(c, c->in.text + c->line, &done);
		if (r)
			return r;
		if (done && end + 1 != c->in.text + c->in.len)
			return -EPROTO;
		if (done) {
			c->in.len = 0;
			c->line = 0;
			next_request(c);
			return 0;
		}
		*end = '\n';
		c->line = (size_t)(end + 1 - c->in.text);
	}
	return 0;
}

static int receive(struct charon *c)
{
	char chunk[16384];
	ssize_t n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -ENOTCONN;
	if (n == 0)
		return -ENOTCONN;
	if (memchr(chunk, '\0', (size_t)n))
		return -EPROTO;
	if (c->in.len + (size_t)n > CHARON_ANSWER_MAX)
		return -EMSGSIZE;
	buf_add(&c->in, chunk, (size_t)n);
	return c->in.error ? c->in.error : take_lines(c);
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
	struct charon *c = userdata;
	int r = 0;

	(void)s;
	(void)fd;
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		r = receive(c);
	/* A call-back never ends the connection, so c->fd is still the one. */
	if (!r && (events & EPOLLOUT))
		r = send_request(c);
	if (r)
		disconnect(c, r);
	return 0;
}

/* It is told that it is late; its answer, which will come in turn, is nobody's any more. */
static void abandon(const struct charon *c, struct request *r)
{
	charon_done_fn done = r->done;
	uint64_t now = 0;

	sd_event_now(c->event, CLOCK_BOOTTIME, &now);
	r->done = NULL;
	r->expiry = now + CHARON_PATIENCE;
	done(r->userdata, -ETIME, "");
}

static int on_limit(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct charon *c = userdata;
	struct request *r = STAILQ_FIRST(&c->queue);
	struct request *next;

	(void)s;
	(void)usec;
	if (r && r->sent && is_late(c, r)) {
		if (!r->many || !r->done) {
			disconnect(c, -ETIME);
			return 0;
		}
		abandon(c, r);
	}
	for (; r; r = next) {
		next = STAILQ_NEXT(r, next);
		if (is_late(c, r))
			finish_one(c, r, -ETIME, "");
	}
	next_request(c);
	return 0;
}

static int try_connect(struct charon *c)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&c->address, sizeof(c->address)))
		r = -errno;
	if (!r)
		r = sd_event_add_io(c->event, &c->io, fd, EPOLLIN, on_io, c);
	if (r < 0) {
		close(fd);
		return r;
	}
	c->fd = fd;
	return 0;
}

static int on_retry(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct charon *c = userdata;

	(void)s;
	(void)usec;
	if (try_connect(c))
		start_retry(c);
	else
		c->state_fn(c->userdata, true);
	return 0;
}

/* Both timers, switched off. */
static int add_timers(struct charon *c)
{
	int r = sd_event_add_time(c->event, &c->retry, CLOCK_BOOTTIME, 0, 1, on_retry, c);

	if (r >= 0)
		r = sd_event_source_set_enabled(c->retry, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(c->event, &c->limit, CLOCK_BOOTTIME, 0, 1, on_limit, c);
	/* After a long turn of the loop an answer that is there comes before the limit that has passed meanwhile. */
	if (r >= 0)
		r = sd_event_source_set_priority(c->limit, SD_EVENT_PRIORITY_NORMAL + 1);
	return r < 0 ? r : sd_event_source_set_enabled(c->limit, SD_EVENT_OFF);
}

int charon_open(sd_event *event, const char *path, charon_state_fn state_fn, void *userdata, struct charon **ret)
{
	struct charon *c;
	int r;

	if (strlen(path) >= sizeof(c->address.sun_path))
		return -ENAMETOOLONG;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	*c = (struct charon){
		.event = sd_event_ref(event),
		.address = { .sun_family = AF_UNIX },
		.state_fn = state_fn,
		.userdata = userdata,
		.fd = -1,
	};
	STAILQ_INIT(&c->queue);
	memcpy(c->address.sun_path, path, strlen(path) + 1);
	r = add_timers(c);
	if (r < 0) {
		charon_close(c);
		return r;
	}
	if (try_connect(c))
		start_retry(c);
	*ret = c;
	return 0;
}

int charon_open_beside(const struct charon *c, charon_state_fn state_fn, void *userdata, struct charon **ret)
{
	return charon_open(c->event, c->address.sun_path, state_fn, userdata, ret);
}

bool charon_is_up(const struct charon *c)
{
	return c->fd >= 0;
}

static bool is_many(const char *line)
{
	return !strcmp(line, "report") || !strcmp(line, "watch") || !strncmp(line, "compare ", 8);
}

static struct request *request_new(const char *line, charon_done_fn done, void *userdata)
{
	struct request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	*r = (struct request){ .many = is_many(line), .done = done, .userdata = userdata };
	if (asprintf(&r->line, "%s\n", line) < 0) {
		free(r);
		return NULL;
	}
	r->len = strlen(r->line);
	return r;
}

int charon_request(struct charon *c, const char *line, uint64_t limit, charon_done_fn done, void *userdata)
{
	struct request *r;
	uint64_t now = 0;

	if (c->fd < 0)
		return -ENOTCONN;
	if (c->n_queue == CHARON_QUEUE_MAX)
		return -ENOBUFS;
	r = request_new(line, done, userdata);
	if (!r)
		return -ENOMEM;
	sd_event_now(c->event, CLOCK_BOOTTIME, &now);
	r->expiry = now + limit;
	STAILQ_INSERT_TAIL(&c->queue, r, next);
	c->n_queue++;
	next_request(c);
	return 0;
}

void charon_close(struct charon *c)
{
	if (!c)
		return;
	while (!STAILQ_EMPTY(&c->queue)) {
		struct request *r = STAILQ_FIRST(&c->queue);

		STAILQ_REMOVE_HEAD(&c->queue, next);
		request_free(r);
	}
	sd_event_source_disable_unref(c->io);
	sd_event_source_disable_unref(c->retry);
	sd_event_source_disable_unref(c->limit);
	if (c->fd >= 0)
		close(c->fd);
	buf_free(&c->in);
	sd_event_unref(c->event);
	free(c);
}
