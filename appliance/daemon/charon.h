/*
 * Client of charon.sock, the hand-over to the culvert-conf plugin. Never blocks: requests wait in a queue, one is out
 * at a time, each has its time limit and exactly one call-back. While charon is away the socket is tried again every
 * CHARON_RETRY. All on the event loop's thread.
 */
#ifndef CULVERT_DAEMON_CHARON_H
#define CULVERT_DAEMON_CHARON_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct charon;

enum {
	CHARON_PATIENCE = 60 * 1000 * 1000, /* microseconds */
	CHARON_RETRY = 250 * 1000, /* microseconds */
	CHARON_ANSWER_MAX = 32 * 1024 * 1024, /* octets; 10,000 tunnels report about 2 MiB, and at most 4 of refusals */
	CHARON_QUEUE_MAX = 64, /* requests */
};

/*
 * The outcome of a request. error 0: answer is what follows "ok", or the lines of a report, a comparison or a watch
 * without `end`; -EREMOTEIO: charon refused, answer is its sentence; -ENOTCONN: charon is away or went away; -ETIME: no
 * answer within the limit; -EPROTO or -EMSGSIZE: not an answer. In the last three the connection is given up (answers
 * would be out of step) and made anew, with two exceptions for one whose time is up: if it still waited behind others
 * it alone ends, and if it only asks (report, compare) its answer is waited for and thrown away, for up to
 * CHARON_PATIENCE more. answer is valid UTF-8, never NULL, and lives during the call.
 */
typedef void (*charon_done_fn)(void *userdata, int error, const char *answer);
/* Called when the connection stands (up) and when it is lost. */
typedef void (*charon_state_fn)(void *userdata, bool up);

/* Tries to connect at once; state_fn is called for changes after that only. 0 with *ret, or -errno. */
int charon_open(sd_event *event, const char *path, charon_state_fn state_fn, void *userdata, struct charon **ret);
/* Another connection to the same socket, for a request whose answer takes long: others must not wait for it. */
int charon_open_beside(const struct charon *c, charon_state_fn state_fn, void *userdata, struct charon **ret);
bool charon_is_up(const struct charon *c);
/*
 * Queues a request: "prepare 3", "commit", "report", "compare 3". limit counts from now, in microseconds. 0: done is
 * called later, never from within this call; or -ENOTCONN, -ENOBUFS (queue full), -ENOMEM: done is never called.
 */
int charon_request(struct charon *c, const char *line, uint64_t limit, charon_done_fn done, void *userdata);
/* Drops what is queued without calling back. NULL is allowed. */
void charon_close(struct charon *c);

#endif
