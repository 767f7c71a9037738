/*
 * A client is in one of three phases: asking (readable, timed), waiting (its verb works: neither watched nor timed, the
 * verbs bound themselves), taking (writable, timed). Failure policy: a client that breaks a rule is told if it listens
 * and dropped; nothing a client does reaches another one.
 */
#include "appliance/daemon/control.h"

#include "appliance/daemon/peer.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct control_client {
	LIST_ENTRY(control_client) next;
	struct control *control;
	int fd;
	struct peer peer;
	sd_event_source *io;
	sd_event_source *limit;
	char line[CONTROL_LINE_MAX];
	size_t line_len;
	char *answer; /* owned, JSON; NULL until taking */
	size_t answer_len;
	size_t sent;
};

LIST_HEAD(client_list, control_client);

struct control {
	sd_event *event; /* referenced */
	int fd;
	sd_event_source *io;
	const struct control_verb *verbs;
	void *userdata;
	struct client_list clients;
	size_t n_clients;
};

static void client_free(struct control_client *c)
{
	LIST_REMOVE(c, next);
	c->control->n_clients--;
	sd_event_source_disable_unref(c->io);
	sd_event_source_disable_unref(c->limit);
	close(c->fd);
	peer_free(&c->peer);
	free(c->answer);
	free(c);
}

json_t *control_error(const char *format, ...)
{
	char *text = NULL;
	json_t *answer;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	answer = json_pack("{s:b, s:s}", "ok", 0, "error", text ? text : "out of memory");
	free(text);
	return answer;
}

const char *control_who(const struct control_client *client, char *ret, size_t size)
{
	const struct passwd *user = getpwuid(client->peer.uid);

	if (user)
		snprintf(ret, size, "%s (uid %u)", user->pw_name, client->peer.uid);
	else
		snprintf(ret, size, "uid %u", client->peer.uid);
	return ret;
}

static void send_answer(struct control_client *c)
{
	ssize_t n = send(c->fd, c->answer + c->sent, c->answer_len - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n >= 0)
		c->sent += (size_t)n;
	if (n < 0 || c->sent == c->answer_len)
		client_free(c);
}

/* The JSON text and a newline, or NULL. */
static char *render(json_t *answer, size_t *ret_len)
{
	char *json = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	char *text;
	int len;

	if (!json)
		return NULL;
	len = asprintf(&text, "%s\n", json);
	free(json);
	if (len < 0)
		return NULL;
	*ret_len = (size_t)len;
	return text;
}

/* What is to be sent stands. */
static void begin_answer(struct control_client *c)
{
	if (!c->answer) {
		client_free(c);
		return;
	}
	sd_event_source_set_io_events(c->io, EPOLLOUT);
	sd_event_source_set_enabled(c->io, SD_EVENT_ON);
	sd_event_source_set_time_relative(c->limit, CONTROL_TIME);
	sd_event_source_set_enabled(c->limit, SD_EVENT_ONESHOT);
}

void control_answer(struct control_client *c, json_t *answer)
{
	c->answer = render(answer, &c->answer_len);
	json_decref(answer);
	begin_answer(c);
}

void control_answer_text(struct control_client *c, const char *text, size_t len)
{
	c->answer = malloc(len);
	if (c->answer)
		memcpy(c->answer, text, len);
	c->answer_len = len;
	begin_answer(c);
}

static const struct control_verb *find_verb(const struct control_verb *verbs, const char *name)
{
	for (; verbs->name; verbs++)
		if (!strcmp(verbs->name, name))
			return verbs;
	return NULL;
}

static bool allowed(const struct peer *p, const struct control_verb *v)
{
	return p->uid == 0 || peer_in_group(p, CONTROL_ADMIN_GROUP) || (v->group && peer_in_group(p, v->group));
}

/* Runs the line that is complete. The verb may answer at once, later, or never if the daemon ends. */
static void dispatch(struct control_client *c)
{
	char *arg = c->line;
	const char *name = strsep(&arg, " ");
	const struct control_verb *v = find_verb(c->control->verbs, name);

	sd_event_source_set_enabled(c->io, SD_EVENT_OFF);
	sd_event_source_set_enabled(c->limit, SD_EVENT_OFF);
	if (!v)
		control_answer(c, control_error("unknown verb"));
	else if (!allowed(&c->peer, v))
		control_answer(c, control_error("permission denied: %s is for root and members of the group %s", name,
							  v->group ? v->group : CONTROL_ADMIN_GROUP));
	else
		v->run(c, arg ? arg : "", c->control->userdata);
}

static void read_line(struct control_client *c)
{
	ssize_t n = recv(c->fd, c->line + c->line_len, sizeof(c->line) - c->line_len, MSG_DONTWAIT);
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_free(c);
		return;
	}
	c->line_len += (size_t)n;
	end = memchr(c->line, '\n', c->line_len);
	if (end) {
		*end = '\0';
		dispatch(c);
	} else if (c->line_len == sizeof(c->line)) {
		control_answer(c, control_error("the request is longer than %d octets", CONTROL_LINE_MAX - 1));
	}
}

static int on_client(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
	struct control_client *c = userdata;

	(void)s;
	(void)fd;
	(void)events;
	if (c->answer)
		send_answer(c);
	else
		read_line(c);
	return 0;
}

static int on_limit(sd_event_source *s, uint64_t usec, void *userdata)
{
	(void)s;
	(void)usec;
	client_free(userdata);
	return 0;
}

static bool has_room(const struct control *control, const struct peer *peer)
{
	return control->n_clients < CONTROL_CLIENTS_MAX - (peer->uid == 0 ? 0 : CONTROL_CLIENTS_ROOT);
}

/* Takes fd and peer over, also on failure. */
static int client_new(struct control *control, int fd, struct peer *peer)
{
	struct control_client *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		peer_free(peer);
		close(fd);
		return -ENOMEM;
	}
	c->control = control;
	c->fd = fd;
	c->peer = *peer;
	LIST_INSERT_HEAD(&control->clients, c, next);
	control->n_clients++;
	r = sd_event_add_io(control->event, &c->io, fd, EPOLLIN, on_client, c);
	if (r >= 0)
		r = sd_event_add_time_relative(control->event, &c->limit, CLOCK_BOOTTIME, CONTROL_TIME, 0, on_limit, c);
	if (r < 0)
		client_free(c);
	return r;
}

/* Refused clients are told without waiting for their request: one small send into an empty socket buffer. */
static void refuse(int fd, const char *text)
{
	json_t *answer = control_error("%s", text);
	size_t len = 0;
	char *json = render(answer, &len);

	json_decref(answer);
	if (json)
		(void)!send(fd, json, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	free(json);
	close(fd);
}

static int on_connect(sd_event_source *s, int listener, uint32_t events, void *userdata)
{
	struct control *control = userdata;
	struct peer peer = { 0 };
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)s;
	(void)events;
	if (fd < 0)
		return 0; /* gone again, or no descriptor left: the others go on */
	if (peer_of(fd, &peer)) {
		refuse(fd, "who is asking cannot be told");
	} else if (!has_room(control, &peer)) {
		peer_free(&peer);
		refuse(fd, "too many clients; try again");
	} else {
		client_new(control, fd, &peer);
	}
	return 0;
}

/* Giving a file to a group that the process is in needs no privilege; where it is not in it, the socket stays root's.
 */
static int set_owner(const char *path)
{
	const struct group *g = getgrnam(CONTROL_GROUP);
	bool shared = g && !chown(path, (uid_t)-1, g->gr_gid);

	return chmod(path, shared ? 0660 : 0600) ? -errno : 0;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd;
	int r;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(path);
	mask = umask(0177);
	r = bind(fd, (const struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
	umask(mask);
	if (!r)
		r = set_owner(path);
	if (!r && listen(fd, CONTROL_CLIENTS_MAX))
		r = -errno;
	if (r) {
		close(fd);
		return r;
	}
	return fd;
}

int control_open(
	sd_event *event, const char *path, const struct control_verb *verbs, void *userdata, struct control **ret)
{
	struct control *c;
	int fd = listen_at(path);
	int r;

	if (fd < 0)
		return fd;
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	*c = (struct control){ .event = sd_event_ref(event), .fd = fd, .verbs = verbs, .userdata = userdata };
	LIST_INIT(&c->clients);
	r = sd_event_add_io(event, &c->io, fd, EPOLLIN, on_connect, c);
	if (r < 0) {
		control_close(c);
		return r;
	}
	*ret = c;
	return 0;
}

void control_close(struct control *c)
{
	struct control_client *client;
	struct control_client *next;

	if (!c)
		return;
	for (client = LIST_FIRST(&c->clients); client; client = next) {
		next = LIST_NEXT(client, next);
		client_free(client);
	}
	sd_event_source_disable_unref(c->io);
	close(c->fd);
	sd_event_unref(c->event);
	free(c);
}
