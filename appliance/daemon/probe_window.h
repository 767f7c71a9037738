/* The numbered probes of one link: what was sent, what was answered, and what follows from that. Pure; in microseconds.
 */
#ifndef CULVERT_DAEMON_PROBE_WINDOW_H
#define CULVERT_DAEMON_PROBE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

enum {
	PROBE_WINDOW = 64, /* probes that are remembered: the longest patience has 60 of the shortest interval */
	PROBE_LOST = 2, /* unanswered in succession: the link fails */
};

struct probe_window { /* zero-initialise */
	uint64_t times[PROBE_WINDOW]; /* when each was sent */
	uint64_t open; /* a bit for each of these that has no answer */
	uint32_t sent; /* the newest number; they begin with 1 */
	uint32_t newest; /* of those that were answered, or given up by probe_window_forget() */
	uint32_t answered; /* how many; late ones as well */
	uint32_t late; /* how many answers came when patience had ended */
	uint64_t round_trip; /* of the last answer */
	bool proven; /* there was an answer since probe_window_forget() */
};

/* Whose values do not change while a window lasts. */
struct probe_pace {
	uint64_t interval;
	uint64_t patience;
};

/* One more is sent; its number. */
uint32_t probe_window_send(struct probe_window *w, uint64_t now);
/* An answer to that number, or with 0 to the newest one that has none. False if nothing waits for it. */
bool probe_window_answer(struct probe_window *w, uint32_t number, uint64_t now, const struct probe_pace *pace);
/* How many of the newest in succession have waited for longer than patience. */
uint32_t probe_window_unanswered(const struct probe_window *w, uint64_t now, const struct probe_pace *pace);
bool probe_window_fails(const struct probe_window *w, uint64_t now, const struct probe_pace *pace);
/* When it fails, unless an answer comes first; UINT64_MAX: not before another probe is sent. */
uint64_t probe_window_end(const struct probe_window *w, const struct probe_pace *pace);
/* When the next one is due: after the interval, sooner while an answer is overdue and nothing is decided. */
uint64_t probe_window_due(const struct probe_window *w, const struct probe_pace *pace);
/* What was sent so far says nothing any more. */
void probe_window_forget(struct probe_window *w);

#endif
