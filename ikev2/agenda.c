#include "ikev2/agenda.h"

#include <errno.h>
#include <stdlib.h>

enum { ROOM_FIRST = 64 };

static void place(struct agenda *a, struct agenda_item *item, size_t at)
{
	a->items[at] = item;
	item->place = at;
}

static size_t rise(struct agenda *a, struct agenda_item *item, size_t at)
{
	while (at > 1 && item->due < a->items[at / 2]->due) {
		place(a, a->items[at / 2], at);
		at /= 2;
	}
	return at;
}

static size_t sink(struct agenda *a, struct agenda_item *item, size_t at)
{
	for (size_t child = 2 * at; child <= a->n; child = 2 * at) {
		if (child < a->n && a->items[child + 1]->due < a->items[child]->due)
			child++;
		if (item->due <= a->items[child]->due)
			break;
		place(a, a->items[child], at);
		at = child;
	}
	return at;
}

/* The item belongs at that place or above or below it. */
static void settle(struct agenda *a, struct agenda_item *item, size_t at)
{
	at = rise(a, item, at);
	place(a, item, sink(a, item, at));
}

static int grow(struct agenda *a)
{
	size_t room = a->room ? 2 * a->room : ROOM_FIRST;

	if (a->n + 1 < a->room)
		return 0;
	struct agenda_item **items = realloc(a->items, room * sizeof(struct agenda_item *));
	if (!items)
		return -ENOMEM;
	a->items = items;
	a->room = room;
	return 0;
}

int agenda_put(struct agenda *a, struct agenda_item *item, uint64_t due)
{
	if (!item->place) {
		int r = grow(a);
		if (r < 0)
			return r;
		place(a, item, ++a->n);
	}
	item->due = due;
	settle(a, item, item->place);
	return 0;
}

void agenda_drop(struct agenda *a, struct agenda_item *item)
{
	size_t at = item->place;

	if (!at)
		return;
	struct agenda_item *last = a->items[a->n--];
	item->place = 0;
	if (last != item)
		settle(a, last, at);
}

struct agenda_item *agenda_first(const struct agenda *a)
{
	return a->n ? a->items[1] : NULL;
}

void agenda_free(struct agenda *a)
{
	free(a->items);
	*a = (struct agenda){ 0 };
}
