#include "appliance/cmd/client.h"

#include "lib/buf.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	ANSWER_MAX = 64 * 1024 * 1024, /* octets */
	SILENCE_MAX = 120, /* seconds; a reload may ask charon twice, 30 s each */
	CONNECT_MAX = 5, /* seconds; only one that hangs leaves callers waiting in its queue */
};

static int connect_to(const char *path, int *ret)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval silence = { .tv_sec = SILENCE_MAX };
	struct timeval limit = { .tv_sec = CONNECT_MAX };
	int fd;
	int error = 0;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* The limit of sending is that of connecting as well, which then fails with EAGAIN. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence)) ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
		connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		error = errno == EAGAIN ? -EBUSY : -errno;
	if (error) {
		close(fd);
		return error;
	}
	*ret = fd;
	return 0;
}

static int read_all(int fd, struct buf *answer)
{
	char chunk[16384];
	ssize_t n;

	while ((n = recv(fd, chunk, sizeof(chunk), 0)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ECONNRESET && answer->len)
			break; /* a refusal, closed with the question unread */
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (answer->len + (size_t)n > ANSWER_MAX)
			return -EMSGSIZE;
		buf_add(answer, chunk, (size_t)n);
	}
	return answer->error;
}

static int converse(const char *path, const char *verb, struct buf *answer)
{
	CLEANUP(cleanup_close) int fd = -1;
	struct buf line = { 0 };
	int error = connect_to(path, &fd);

	if (error)
		return error;
	buf_printf(&line, "%s\n", verb);
	error = line.error;
	/* A refusal comes before the question is read, so a failed send still has an answer to read. */
	if (!error && send(fd, line.text, line.len, MSG_NOSIGNAL) < 0 && errno != EPIPE)
		error = -errno;
	buf_free(&line);
	return error ? error : read_all(fd, answer);
}

static void complain(const char *path, int error)
{
	switch (error) {
	case -ENOENT:
	case -ECONNREFUSED:
		fprintf(
			stderr, "culvert: culvertd does not run (nobody listens at %s); see: systemctl status culvertd\n", path);
		break;
	case -EACCES:
	case -EPERM:
		fprintf(stderr, "culvert: no permission to use %s: be root or a member of the group culvert\n", path);
		break;
	case -EBUSY:
		fprintf(stderr, "culvert: culvertd has not taken the connection within %d seconds: it hangs, or is overrun\n",
			CONNECT_MAX);
		break;
	case -ETIMEDOUT:
		fprintf(stderr, "culvert: culvertd gave no answer within %d seconds\n", SILENCE_MAX);
		break;
	case -EBADMSG:
		fprintf(stderr, "culvert: what culvertd answered is not JSON; it may have ended meanwhile\n");
		break;
	default:
		fprintf(stderr, "culvert: %s: %s\n", path, strerror(-error));
	}
}

int client_ask(const char *run, const char *verb, json_t **ret)
{
	struct buf path = { 0 };
	struct buf answer = { 0 };
	json_t *json = NULL;
	int error;

	buf_printf(&path, "%s/control.sock", run);
	error = path.error ? path.error : converse(buf_text(&path), verb, &answer);
	if (!error) {
		json = json_loadb(buf_text(&answer), answer.len, 0, NULL);
		error = json_is_object(json) ? 0 : -EBADMSG;
	}
	if (error) {
		complain(buf_text(&path), error);
		json_decref(json);
	} else {
		*ret = json;
	}
	buf_free(&answer);
	buf_free(&path);
	return error;
}

const char *client_text(const json_t *object, const char *key, const char *fallback)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : fallback;
}

json_int_t client_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

void client_print(FILE *out, const char *text)
{
	for (; *text; text++)
		fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
}
