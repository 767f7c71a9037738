/*
 * The search for the largest packet that a way takes where nobody says so: routers that drop what is too big without a
 * word. Whoever can ask something that answers (a probe of a size, with DF, that is answered in kind) asks what
 * mtu_search_next() says and tells mtu_search_answer() what came of it. Pure.
 *
 * What stays unanswered counts as too big only if a small packet behind it is answered: one that has fallen asleep
 * answers nothing of any size, and then nothing is found.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_MTU_SEARCH_H
#define CULVERT_APPLIANCE_ISOLATION_MTU_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

enum {
	MTU_SEARCH_TRIES = 3, /* of a size, before it counts as unanswered */
	MTU_SEARCH_STEP = 4, /* octets; what is found is smaller than the truth by less than this */
};

struct mtu_search { /* mtu_search_begin() it */
	uint32_t least; /* octets of the small packet */
	uint32_t low; /* the largest that was answered; 0: none yet */
	uint32_t high; /* the smallest that is too big */
	uint32_t size; /* that is being tried */
	unsigned tries; /* of it, or of the small packet behind it */
	bool confirming;
	bool over;
};

/* Sizes from least to most octets; most is tried first, since it passes as a rule. */
void mtu_search_begin(struct mtu_search *s, uint32_t least, uint32_t most);
/* The size to send now; 0: the search is over. */
uint32_t mtu_search_next(const struct mtu_search *s);
/* Whether the packet that was sent was answered in time. */
void mtu_search_answer(struct mtu_search *s, bool came);
/* When it is over: the largest packet that passes; 0: nothing was found, as nobody answers. */
uint32_t mtu_search_result(const struct mtu_search *s);

#endif
