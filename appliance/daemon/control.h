/*
 * Server of control.sock: one line "VERB [ARG]" in, one JSON object and a newline out, close. Clients, line and time
 * are bounded; nothing blocks. Who may use a verb is decided here, by the peer's credentials.
 */
#ifndef CULVERT_DAEMON_CONTROL_H
#define CULVERT_DAEMON_CONTROL_H

#include <jansson.h>
#include <stddef.h>
#include <systemd/sd-event.h>

struct control;
struct control_client;

enum {
	CONTROL_LINE_MAX = 256, /* octets, newline included */
	CONTROL_CLIENTS_MAX = 32,
	CONTROL_CLIENTS_ROOT = 8, /* of these, kept for root */
	CONTROL_TIME = 10 * 1000 * 1000, /* microseconds, for the request and again for taking the answer */
};

struct control_verb {
	const char *name;
	const char *group; /* whose members may use it, besides root and CONTROL_ADMIN_GROUP; NULL: nobody else */
	/* arg is "" if none was given. Answers now or later, exactly once, with control_answer(). */
	void (*run)(struct control_client *client, const char *arg, void *userdata);
};

#define CONTROL_GROUP       "culvert"
#define CONTROL_ADMIN_GROUP "culvert-admin"

/*
 * Listens at path (replacing what is there), 0660, of CONTROL_GROUP if that exists. verbs ends with a NULL name and is
 * static; userdata goes to run. 0 with *ret (control_close() it), or -errno.
 */
int control_open(
	sd_event *event, const char *path, const struct control_verb *verbs, void *userdata, struct control **ret);
/* Who asks, for people: "root (uid 0)", "uid 1007". Writes it and returns it. */
const char *control_who(const struct control_client *client, char *ret, size_t size);
/* Takes the reference to answer. The client is gone afterwards, whether it has waited or not. */
void control_answer(struct control_client *client, json_t *answer);
/* The same with an answer that is JSON and a newline already, of which it makes a copy. */
void control_answer_text(struct control_client *client, const char *text, size_t len);
/* {"ok":false,"error":TEXT} */
json_t *control_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Ends all clients; a verb that has not answered yet must not any more. NULL is allowed. */
void control_close(struct control *c);

#endif
