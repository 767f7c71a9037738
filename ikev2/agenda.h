/*
 * What is due when: a heap of items that the caller owns and embeds. The earliest is at hand, any can be moved or taken
 * out; O(log n) each, and no memory but one pointer for each item.
 */
#ifndef CULVERT_IKEV2_AGENDA_H
#define CULVERT_IKEV2_AGENDA_H

#include <stddef.h>
#include <stdint.h>

struct agenda_item {
	uint64_t due; /* in the caller's unit; read only */
	size_t place; /* 0: in no agenda; the agenda's */
};

struct agenda {
	struct agenda_item **items; /* items[1] is the earliest */
	size_t n, room;
};

/* Puts an item in, or moves the one that is in. -ENOMEM: nothing has changed. */
int agenda_put(struct agenda *a, struct agenda_item *item, uint64_t due);
/* Takes an item out, if it is in. */
void agenda_drop(struct agenda *a, struct agenda_item *item);
/* The earliest item, which stays in; NULL if there is none. */
struct agenda_item *agenda_first(const struct agenda *a);
/* Frees what the agenda owns, which is not the items. */
void agenda_free(struct agenda *a);

#endif
