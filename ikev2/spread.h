/*
 * When each of many tunnels is rekeyed, so that those which rose together do not rekey together. A calendar counts what
 * is planned for each second. Who asks for a time gets one at the end of the window, where that second is not fuller
 * than all rekeys evenly spread would make it, and otherwise the emptiest second from soonest on: a storm of tunnels
 * that rise becomes even within their first period and stays so, since each rekey looks for the gaps of the next
 * period. Within the window the time is random, or two ends with the same settings would meet at every rekey.
 *
 * Pure: times are given, randomness is from the seed. O(log n) for each call, memory independent of the number of SAs.
 */
#ifndef CULVERT_IKEV2_SPREAD_H
#define CULVERT_IKEV2_SPREAD_H

#include <stddef.h>
#include <stdint.h>

enum {
	SPREAD_SECONDS = 4096, /* how far ahead the calendar reaches: more than a key may live */
};

struct spread;

/* All times are milliseconds of one clock. soonest <= usual <= last < now + SPREAD_SECONDS. */
struct spread_wish {
	uint64_t soonest; /* brought forward, never to before this */
	uint64_t usual; /* the window begins here, */
	uint64_t last; /* and ends here */
	uint64_t period; /* from one rekey to the next, at most: its share of the load */
	const uint64_t *others; /* times that it should not be near to, if there is any choice */
	size_t n_others;
	uint64_t distance; /* how near */
};

/* A place in the calendar. */
struct spread_slot {
	uint64_t at; /* 0: none */
	uint16_t second, part; /* the calendar's */
	uint32_t share;
};

/* NULL without memory. */
struct spread *spread_new(uint64_t seed);
void spread_free(struct spread *s);
/* Plans a rekey. ret_slot must be given back when its time has come or it is not wanted any more. */
void spread_take(struct spread *s, const struct spread_wish *wish, struct spread_slot *ret_slot);
/* Gives a place back; nothing happens if there is none. */
void spread_release(struct spread *s, struct spread_slot *slot);

#endif
