/*
 * What others changed under us and what became of it: the last cases, how many there were, and how soon the next one is
 * looked at. Pure.
 */
#ifndef CULVERT_DAEMON_DRIFT_LOG_H
#define CULVERT_DAEMON_DRIFT_LOG_H

#include "appliance/isolation/drift.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DRIFT_LOG_KEPT = 16,
	/* Microseconds: between two looks in a row at first, and at most. The first of a quiet time is at once. */
	DRIFT_LOG_SETTLE = 100 * 1000,
	DRIFT_LOG_PATIENCE = 5 * 1000 * 1000,
};

struct drift_entry {
	uint64_t when; /* microseconds since boot */
	bool repaired;
	bool later; /* as in struct drift */
	char what[DRIFT_TEXT];
	char by[DRIFT_BY];
};

struct drift_log { /* zero-initialise */
	struct drift_entry last[DRIFT_LOG_KEPT]; /* a ring; the newest is number count - 1 */
	uint64_t count;
	uint64_t unlisted; /* among count: too many at once to be told apart */
	uint64_t looked; /* when somebody's change was last looked at; 0: never */
	uint64_t wait; /* microseconds between that look and the next one */
};

/* Takes in what a look found at that time. */
void drift_log_add(struct drift_log *l, const struct drifts *found, uint64_t now);
/* Everything is in place: what was not repaired at once is by now; or what charon was to mend. */
void drift_log_settled(struct drift_log *l, bool later);
/*
 * Microseconds to wait before a change of others is looked at: none after a quiet time; from look to look twice as
 * long, so that somebody who goes on and on does not keep us busy.
 */
uint64_t drift_log_wait(const struct drift_log *l, uint64_t now);
/* Such a look is made. */
void drift_log_looked(struct drift_log *l, uint64_t now);
/*
 * {"count":N,"last":[{"age":SECONDS,"what":TEXT,"by":TEXT|null,"repaired":BOOL}...],"foreign_chains":[TEXT...]}, the
 * newest first. NULL when memory is short.
 */
json_t *drift_log_json(const struct drift_log *l, uint64_t now, const char *const *strangers, size_t n_strangers);

#endif
