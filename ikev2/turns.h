/*
 * Who is next: those who wait take turns in the order in which they came, each not before its time, and only so many at
 * once. Pure; the caller owns and embeds the items.
 */
#ifndef CULVERT_IKEV2_TURNS_H
#define CULVERT_IKEV2_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: neither waits nor has its turn. */
struct turn {
	struct turn *next, *previous; /* while it waits; NULL at the ends */
	uint64_t due; /* in the caller's unit */
	bool waits, has_turn;
};

struct turns {
	struct turn *first, *last; /* who wait */
	size_t at_once; /* how many may have their turn, the caller's choice */
	size_t now; /* how many have */
};

/* Goes to the end of those who wait; gives its turn up, or its place further in front. */
void turns_wait(struct turns *t, struct turn *item, uint64_t due);
/* The first, if its time has come and another one may have its turn: it has it now. NULL: nobody. */
struct turn *turns_take(struct turns *t, uint64_t now);
/* Neither waits nor has its turn any more. */
void turns_leave(struct turns *t, struct turn *item);

#endif
