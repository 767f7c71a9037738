/*
 * Takes SAs out of the kernel that nobody answers for: those of an if_id that no generation in force knows, at once;
 * those that an earlier charon left, when the new one has replaced them (stale.h). On the event loop's thread.
 */
#ifndef CULVERT_DAEMON_SWEEP_H
#define CULVERT_DAEMON_SWEEP_H

#include <systemd/sd-event.h>

struct charon;
struct links;
struct sweep;

enum {
	SWEEP_AGAIN = 3 * 1000 * 1000, /* microseconds between two questions to charon while stale SAs are remembered */
	SWEEP_LIMIT = 5 * 1000 * 1000, /* microseconds for its answer */
};

/* links and charon are borrowed for its life. 0 with *ret (sweep_free() it), or -errno. */
int sweep_new(sd_event *event, struct links *links, struct charon *charon, struct sweep **ret);
/* charon came: whatever it does not list now is of an earlier one. */
void sweep_charon_up(struct sweep *s);
/* Deletes the SAs of unknown if_ids. To be called when SAs or the model changed, but not between two generations. */
void sweep_unknown(struct sweep *s);
/* NULL is allowed. */
void sweep_free(struct sweep *s);

#endif
