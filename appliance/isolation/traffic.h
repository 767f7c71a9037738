/*
 * Whether traffic on a link goes one way only. Two readings of its counters tell what happened between them; a view
 * adds that up. Pure: time is handed in, microseconds of any clock that never goes back.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_TRAFFIC_H
#define CULVERT_APPLIANCE_ISOLATION_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

struct traffic { /* packets since the interface was made */
	uint64_t out; /* protected and sent */
	uint64_t in; /* proved to be the peer's */
};

enum traffic_step {
	TRAFFIC_NONE, /* nothing was sent and nothing came, or the interface is another one */
	TRAFFIC_OUT, /* something was sent and nothing came */
	TRAFFIC_HEARD, /* something came */
};

/* What happened between two readings. */
enum traffic_step traffic_step(const struct traffic *before, const struct traffic *after);

struct traffic_view { /* zero-initialise: nothing was read yet */
	bool known;
	struct traffic last;
	uint64_t read; /* when */
	uint64_t heard; /* the last reading that found something come in; 0: none */
	uint64_t
		unanswered; /* the reading before the first one that found something sent and nothing come since; 0: none */
};

/* Takes a reading in. */
void traffic_take(struct traffic_view *v, const struct traffic *now, uint64_t time);
/* True if for that long at least nothing came though something was sent. */
bool traffic_one_sided(const struct traffic_view *v, uint64_t time, uint64_t patience);
/* What was sent until now has been seen to: only what is sent from now on can be unanswered. */
void traffic_excuse(struct traffic_view *v);

#endif
