/*
 * After culvertd has ended keys: charon is asked whether it takes them to be in use still. If it says so twice the
 * tunnel is there for charon and for the peer, and carries nothing: it is restarted. A charon that was stopped ends
 * such keys itself when it goes on, one that is gone has forgotten them. On the event loop's thread.
 */
#ifndef CULVERT_DAEMON_KEY_MEND_H
#define CULVERT_DAEMON_KEY_MEND_H

#include <systemd/sd-event.h>

struct charon;
struct key_mend;
struct links;
struct sa;

enum {
	KEY_MEND_PAUSE = 3 * 1000 * 1000, /* microseconds until charon is asked, and asked again */
	KEY_MEND_LIMIT = 5 * 1000 * 1000, /* microseconds for its answer to that */
	KEY_MEND_ORDERS = 16, /* restarts that charon has not answered; it has a queue, and others have some for it */
	KEY_MEND_MOST = 65536, /* keys that are remembered; those beyond are for charon to notice */
};

/* links and charon are borrowed for its life. 0 with *ret (key_mend_free() it), or -errno. */
int key_mend_new(sd_event *event, struct links *links, struct charon *charon, struct key_mend **ret);
/* That key, of a link, was ended. */
void key_mend_add(struct key_mend *m, const struct sa *sa);
/* NULL is allowed. */
void key_mend_free(struct key_mend *m);

#endif
