/*
 * The last guard over key ages: whatever charon and the kernel's own timers do, culvertd deletes every ESP SA whose key
 * is older than its tunnel's ceiling and LIFETIME_WATCH_GRACE, by the time since boot. SAs of no link count by the
 * default ceiling. What it knows of the wall clock is kept in RUN/clock for its successor. On the event loop's thread.
 */
#ifndef CULVERT_DAEMON_KEY_AGE_H
#define CULVERT_DAEMON_KEY_AGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct key_age;
struct key_mend;
struct links;
struct sa_clock;

enum {
	KEY_AGE_RETRY = 1, /* seconds until what could not be deleted is tried again */
	KEY_AGE_LOOK = 60, /* seconds between two looks at the clocks when nothing happens */
};

/* Takes up what RUN/clock says. 0 with *ret (key_age_free() it), or -errno. */
int key_age_new(sd_event *event, const char *run, struct key_age **ret);
/* For links_open(); as long as k lives. */
struct sa_clock *key_age_clock(struct key_age *k);
/* From now on keys end, and mend is told of each that was a link's. Both are borrowed until key_age_free(). */
void key_age_begin(struct key_age *k, struct links *links, struct key_mend *mend);
/* To be called after SAs or the model in use changed. */
void key_age_changed(struct key_age *k);

/* What was ended since this culvertd began. */
struct key_age_record {
	uint64_t ended; /* SAs */
	uint64_t age; /* seconds since the last one; with ended */
	const char *tunnel; /* of the last one; NULL: of none. Valid until the loop goes on */
};

struct key_age_record key_age_record(const struct key_age *k);
/* Seconds since the oldest key of that link was made. False if it has none. */
bool key_age_oldest(const struct key_age *k, uint32_t if_id, uint64_t *ret);
/* Leaves RUN/clock. NULL is allowed. */
void key_age_free(struct key_age *k);

#endif
