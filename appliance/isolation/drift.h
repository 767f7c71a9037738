/* What others changed of the things that we keep: found by holding what we left against what is there. Pure. */
#ifndef CULVERT_APPLIANCE_ISOLATION_DRIFT_H
#define CULVERT_APPLIANCE_ISOLATION_DRIFT_H

#include "appliance/isolation/object.h"

#include <stdbool.h>
#include <stddef.h>

struct plan;
struct scope;

enum {
	DRIFT_MAX = 32, /* of one look; further ones are only counted */
	DRIFT_TEXT = 240,
	DRIFT_BY = 64,
};

struct drift {
	char what[DRIFT_TEXT]; /* "route 10.64.0.0/16 table 1001 dev culv-x1 metric 100 is gone" */
	char by[DRIFT_BY]; /* who did it, "" if the kernel did not tell */
	bool repaired;
	bool appeared; /* object is there and was not; else the other way round */
	struct object object; /* of walls: all zero */
	bool walls;
	bool later; /* charon mends it: that all else is in place says nothing of it */
};

struct drifts { /* zero-initialise */
	struct drift items[DRIFT_MAX];
	size_t count;
	size_t dropped;
};

/*
 * Appends how have differs from what was left there, where it also differs from what is wanted; all sorted. Of left and
 * want only what is in scope (NULL: all). What follows from an interface that is gone is not said again.
 */
void drifts_find(const struct plan *left, const struct plan *want, const struct plan *have, const struct scope *scope,
	struct drifts *d);
/* Appends the rules of others in have, for when nothing is known of what was left: these are never ours. */
void drifts_add_strange(struct drifts *d, const struct plan *have);
/* Appends one about the walls, of which no object tells. */
void drifts_add_walls(struct drifts *d, const char *by, bool repaired, const char *what);
/* Appends one that charon is to mend. */
void drifts_add_later(struct drifts *d, const char *what);
/* Whether each is mended: what is there is what is wanted of it. */
void drifts_settle(struct drifts *d, const struct plan *want, const struct plan *have);
/* Takes the last ones back, down to count. */
void drifts_cut(struct drifts *d, size_t count);

#endif
