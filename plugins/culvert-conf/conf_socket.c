/*
 * One job of charon's processor serves all connections in turn: requests are few, come from one program, and must not
 * overlap. A client that does not read its answers holds the others up for SEND_TIMEOUT, then it is closed.
 */
#include "conf_socket.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <processing/jobs/callback_job.h>

#include "conf_switch.h"
#include "conf_text.h"
#include "lib/buf.h"

typedef struct private_conf_socket_t private_conf_socket_t;
typedef struct connection_t connection_t;
typedef struct verb_t verb_t;

enum {
	/** octets of a request, with its newline */
	LINE_MAX_OCTETS = 256,
	/** connections at a time */
	CONNECTIONS_MAX = 8,
	/** seconds */
	SEND_TIMEOUT = 5,
};

struct connection_t {
	/** -1 if the slot is free */
	int fd;
	char line[LINE_MAX_OCTETS];
	size_t len;
	/** owned, what this connection has prepared */
	conf_switch_t *change;
	/** a watch waits for its answer */
	bool watching;
	/** number of the last state of liveness that it was told */
	uint64_t seen;
};

struct private_conf_socket_t {
	conf_socket_t public;
	const char *run;
	conf_backend_t *backend;
	conf_keeper_t *keeper;
	conf_report_t *report;
	conf_liveness_t *liveness;
	/** listening, -1 before start() */
	int fd;
	/** eventfd that ends the job */
	int stop;
	/** for the job alone once it runs */
	connection_t connections[CONNECTIONS_MAX];
};

struct verb_t {
	const char *name;
	/** whether a word follows */
	bool argument;
	void (*run)(private_conf_socket_t *this, connection_t *connection, const char *argument, struct buf *answer);
};

/** Answers ok or error, with error freed. */
static void answer_result(struct buf *answer, bool ok, char *error)
{
	if (ok)
		buf_puts(answer, "ok\n");
	else
		buf_printf(answer, "error %s\n", error ?: "out of memory");
	free(error);
}

/** @return the number of a generation, 0 if there is none; then that is the answer */
static u_int read_number(const char *argument, struct buf *answer)
{
	unsigned long number;
	char *end;

	number = strtoul(argument, &end, 10);
	if (!*end && isdigit((unsigned char)argument[0]) && number && number <= UINT32_MAX)
		return (u_int)number;
	buf_puts(answer, "error a generation is a number from 1\n");
	return 0;
}

static void run_prepare(private_conf_socket_t *this, connection_t *connection, const char *argument, struct buf *answer)
{
	u_int number = read_number(argument, answer);
	conf_difference_t difference;
	char *error = NULL;

	if (!number)
		return;
	if (connection->change->prepare(connection->change, number, &difference, &error))
		buf_printf(answer, "ok added=%u changed=%u removed=%u kept=%u\n", difference.added, difference.changed,
			difference.removed, difference.kept);
	else
		answer_result(answer, FALSE, error);
}

static void run_compare(private_conf_socket_t *this, connection_t *connection, const char *argument, struct buf *answer)
{
	u_int number = read_number(argument, answer);
	char *error = NULL;

	if (!number)
		return;
	if (connection->change->compare(connection->change, number, answer, &error))
		buf_puts(answer, "end\n");
	else
		answer_result(answer, FALSE, error);
}

static void run_commit(private_conf_socket_t *this, connection_t *connection, const char *argument, struct buf *answer)
{
	char *error = NULL;
	bool ok;

	ok = connection->change->commit(connection->change, &error);
	if (ok)
		this->liveness->prune(this->liveness);
	answer_result(answer, ok, error);
}

static void run_abort(private_conf_socket_t *this, connection_t *connection, const char *argument, struct buf *answer)
{
	connection->change->abort(connection->change);
	answer_result(answer, TRUE, NULL);
}

static void run_rekey(private_conf_socket_t *this, connection_t *connection, const char *argument, struct buf *answer)
{
	bool ok = this->keeper->rekey(this->keeper, argument);

	answer_result(answer, ok, ok ? NULL : conf_text("tunnel %s is not up", argument));
}

static void run_restart(private_conf_socket_t *this, connection_t *connection, const char *argument, struct buf *answer)
{
	bool ok = this->keeper->restart(this->keeper, argument);

	answer_result(answer, ok, ok ? NULL : conf_text("there is no tunnel %s", argument));
}

static void run_report(private_conf_socket_t *this, connection_t *connection, const char *argument, struct buf *answer)
{
	this->report->print(this->report, answer);
}

static void run_ask(private_conf_socket_t *this, connection_t *connection, const char *argument, struct buf *answer)
{
	bool ok = this->liveness->ask(this->liveness, argument);

	answer_result(answer, ok, ok ? NULL : conf_text("tunnel %s is not up", argument));
}

static void run_watch(private_conf_socket_t *this, connection_t *connection, const char *argument, struct buf *answer)
{
	if (this->liveness->print(this->liveness, &connection->seen, answer))
		buf_puts(answer, "end\n");
	else
		connection->watching = TRUE;
}

static const verb_t verbs[] = {
	{ "prepare", TRUE, run_prepare },
	{ "compare", TRUE, run_compare },
	{ "commit", FALSE, run_commit },
	{ "abort", FALSE, run_abort },
	{ "rekey", TRUE, run_rekey },
	{ "restart", TRUE, run_restart },
	{ "report", FALSE, run_report },
	{ "ask", TRUE, run_ask },
	{ "watch", FALSE, run_watch },
};

static void run_line(private_conf_socket_t *this, connection_t *connection, char *line, struct buf *answer)
{
	char *argument;
	size_t i;

	argument = strchr(line, ' ');
	if (argument)
		*argument++ = '\0';
	for (i = 0; i < countof(verbs); i++) {
		if (!streq(line, verbs[i].name))
			continue;
		if (verbs[i].argument == (argument && *argument))
			verbs[i].run(this, connection, argument, answer);
		else
			buf_printf(answer, "error %s takes %s argument\n", line, verbs[i].argument ? "one" : "no");
		return;
	}
	buf_puts(answer, "error unknown request; known: prepare N, compare N, commit, abort, rekey TUNNEL, restart TUNNEL, "
					 "report, ask TUNNEL, watch\n");
}

/** Blocking, for at most SEND_TIMEOUT a piece. */
static bool send_all(int fd, const char *text, size_t len)
{
	ssize_t sent;

	while (len) {
		sent = send(fd, text, len, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return FALSE;
		text += sent;
		len -= (size_t)sent;
	}
	return TRUE;
}

static void close_connection(connection_t *connection)
{
	connection->change->destroy(connection->change);
	connection->change = NULL;
	close(connection->fd);
	connection->fd = -1;
}

/** Runs the whole lines that have arrived. @return FALSE to close */
static bool run_lines(private_conf_socket_t *this, connection_t *connection)
{
	struct buf answer = {};
	char *end;
	size_t used;
	bool ok = TRUE;

	while (ok && !connection->watching && (end = memchr(connection->line, '\n', connection->len))) {
		*end = '\0';
		run_line(this, connection, connection->line, &answer);
		ok = !answer.error && send_all(connection->fd, buf_text(&answer), answer.len);
		buf_free(&answer);
		used = (size_t)(end + 1 - connection->line);
		connection->len -= used;
		memmove(connection->line, end + 1, connection->len);
	}
	return ok && connection->len < sizeof(connection->line);
}

/** What happened is told to those who wait for it; what they asked for meanwhile is next. */
static void tell(private_conf_socket_t *this, connection_t *connection)
{
	struct buf answer = {};
	bool ok;

	connection->watching = FALSE;
	run_watch(this, connection, NULL, &answer);
	ok = !answer.error && send_all(connection->fd, buf_text(&answer), answer.len);
	buf_free(&answer);
	if (!ok || !run_lines(this, connection))
		close_connection(connection);
}

static void tell_all(private_conf_socket_t *this)
{
	size_t i;

	this->liveness->clear(this->liveness);
	for (i = 0; i < CONNECTIONS_MAX; i++) {
		if (this->connections[i].fd >= 0 && this->connections[i].watching)
			tell(this, &this->connections[i]);
	}
}

static void serve(private_conf_socket_t *this, connection_t *connection)
{
	ssize_t got;

	got = recv(
		connection->fd, connection->line + connection->len, sizeof(connection->line) - connection->len, MSG_DONTWAIT);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got > 0) {
		connection->len += (size_t)got;
		if (run_lines(this, connection))
			return;
	}
	close_connection(connection);
}

/** The folder's mode and the socket's keep others out; this says it once more, of the process itself. */
static bool is_root(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == 0;
}

static connection_t *find_free(private_conf_socket_t *this)
{
	size_t i;

	for (i = 0; i < countof(this->connections); i++) {
		if (this->connections[i].fd < 0)
			return &this->connections[i];
	}
	return NULL;
}

static void accept_connection(private_conf_socket_t *this)
{
	struct timeval timeout = { .tv_sec = SEND_TIMEOUT };
	connection_t *connection;
	int fd;

	fd = accept4(this->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	connection = find_free(this);
	if (!is_root(fd) || !connection || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0) {
		close(fd);
		return;
	}
	connection->fd = fd;
	connection->len = 0;
	connection->watching = FALSE;
	connection->seen = 0;
	connection->change = conf_switch_create(this->run, this->backend, this->keeper);
}

static job_requeue_t serve_all(private_conf_socket_t *this)
{
	struct pollfd fds[CONNECTIONS_MAX + 3];
	connection_t *connection;
	size_t i;

	fds[CONNECTIONS_MAX] = (struct pollfd){ .fd = this->fd, .events = POLLIN };
	fds[CONNECTIONS_MAX + 1] = (struct pollfd){ .fd = this->stop, .events = POLLIN };
	fds[CONNECTIONS_MAX + 2] = (struct pollfd){ .fd = this->liveness->get_fd(this->liveness), .events = POLLIN };
	for (i = 0; i < CONNECTIONS_MAX; i++) {
		connection = &this->connections[i];
		/* Of one that waits only its end is of interest. */
		fds[i] = (struct pollfd){ .fd = connection->fd, .events = connection->watching ? 0 : POLLIN };
	}
	if (poll(fds, countof(fds), -1) < 0)
		return errno == EINTR ? JOB_REQUEUE_DIRECT : JOB_REQUEUE_NONE;
	if (fds[CONNECTIONS_MAX + 1].revents)
		return JOB_REQUEUE_NONE;
	for (i = 0; i < CONNECTIONS_MAX; i++) {
		if (!fds[i].revents)
			continue;
		if (this->connections[i].watching)
			close_connection(&this->connections[i]);
		else
			serve(this, &this->connections[i]);
	}
	if (fds[CONNECTIONS_MAX + 2].revents)
		tell_all(this);
	if (fds[CONNECTIONS_MAX].revents)
		accept_connection(this);
	return JOB_REQUEUE_DIRECT;
}

static bool cancel(private_conf_socket_t *this)
{
	return eventfd_write(this->stop, 1) == 0;
}

/** @return FALSE if the path is too long for a socket */
static bool socket_address(const char *run, struct sockaddr_un *address)
{
	int len;

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	len = snprintf(address->sun_path, sizeof(address->sun_path), "%s/charon.sock", run);
	return len > 0 && (size_t)len < sizeof(address->sun_path);
}

static bool open_socket(private_conf_socket_t *this)
{
	struct sockaddr_un address;

	if (!socket_address(this->run, &address))
		return FALSE;
	this->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (this->fd < 0)
		return FALSE;
	/* What a charon left that was killed. */
	unlink(address.sun_path);
	/* Linux gives the socket file the mode of the socket: never open to others, not even for a moment. */
	return fchmod(this->fd, S_IRUSR | S_IWUSR) == 0 &&
		   bind(this->fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(this->fd, CONNECTIONS_MAX) == 0;
}

METHOD(conf_socket_t, start, bool, private_conf_socket_t *this)
{
	if (!open_socket(this)) {
		DBG1(DBG_CFG, "cannot listen on %s/charon.sock: %s", this->run, strerror(errno));
		return FALSE;
	}
	lib->processor->queue_job(lib->processor, (job_t *)callback_job_create_with_prio((callback_job_cb_t)serve_all, this,
												  NULL, (callback_job_cancel_t)cancel, JOB_PRIO_CRITICAL));
	return TRUE;
}

METHOD(conf_socket_t, destroy, void, private_conf_socket_t *this)
{
	struct sockaddr_un address;
	size_t i;

	for (i = 0; i < countof(this->connections); i++) {
		if (this->connections[i].fd >= 0)
			close_connection(&this->connections[i]);
	}
	if (this->fd >= 0) {
		close(this->fd);
		if (socket_address(this->run, &address))
			unlink(address.sun_path);
	}
	close(this->stop);
	free(this);
}

conf_socket_t *conf_socket_create(
	const char *run, conf_backend_t *backend, conf_keeper_t *keeper, conf_report_t *report, conf_liveness_t *liveness)
{
	private_conf_socket_t *this;
	size_t i;

	INIT(this,
		.public = {
			.start = _start,
			.destroy = _destroy,
		},
		.run = run,
		.backend = backend,
		.keeper = keeper,
		.report = report,
		.liveness = liveness,
		.fd = -1,
		.stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	);
	for (i = 0; i < countof(this->connections); i++)
		this->connections[i].fd = -1;
	return &this->public;
}
