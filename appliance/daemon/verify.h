/*
 * Verification that goes on: a process of its own (this program with --verify, which knows nothing of what culvertd
 * remembers) reads the kernel and says which paths exist; culvertd only waits for what it says. It runs after changes
 * and at times, and rests VERIFY_REST times as long as it took.
 */
#ifndef CULVERT_DAEMON_VERIFY_H
#define CULVERT_DAEMON_VERIFY_H

#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

struct control_client;
struct verifier;

enum {
	VERIFY_SETTLE = 1000 * 1000, /* microseconds after a change; what follows on it is done by then */
	VERIFY_PERIOD = 60 * 1000 * 1000, /* microseconds without a change */
	VERIFY_LIMIT = 60 * 1000 * 1000, /* microseconds that one may take */
	VERIFY_REST = 20, /* at most a twentieth of one processor */
};

/* run is borrowed: where generations are. 0 with *ret (verifier_free() it) or -errno. Nothing runs yet. */
int verifier_new(sd_event *event, const char *run, struct verifier **ret);
/* Something changed, by us or by others: what runs says nothing any more, the next one comes as soon as it may. */
void verify_run(struct verifier *v);
/* While a reload runs none begins, and clients wait. Afterwards as verify_run(). */
void verify_hold(struct verifier *v, bool on);
/* Answers the client with what the next one says, which begins at once, or when the one that runs has ended. */
void verify_answer(struct verifier *v, struct control_client *client);
/*
 * {"verdict":TEXT,"age":SECONDS,"seconds":SECONDS,"differences":N,"unproven":N,"first":[TEXT...]} of the last one that
 * counts, null if there is none yet. Verdict is also "failed". NULL when memory is short; the caller json_decref()s.
 */
json_t *verify_summary(const struct verifier *v);
void verifier_free(struct verifier *v); /* NULL is allowed */

/* The process itself: writes the JSON to standard output. 0 exact, 1 differences, 2 cannot be proven or asked. */
int verify_here(const char *run);

#endif
