#include "ikev2/turns.h"

static void unlink_item(struct turns *t, struct turn *item)
{
	*(item->previous ? &item->previous->next : &t->first) = item->next;
	*(item->next ? &item->next->previous : &t->last) = item->previous;
	item->next = NULL;
	item->previous = NULL;
	item->waits = false;
}

void turns_leave(struct turns *t, struct turn *item)
{
	if (item->waits)
		unlink_item(t, item);
	if (item->has_turn)
		t->now--;
	item->has_turn = false;
}

void turns_wait(struct turns *t, struct turn *item, uint64_t due)
{
	turns_leave(t, item);
	item->due = due;
	item->waits = true;
	item->previous = t->last;
	*(t->last ? &t->last->next : &t->first) = item;
	t->last = item;
}

struct turn *turns_take(struct turns *t, uint64_t now)
{
	struct turn *item = t->first;

	if (!item || item->due > now || t->now >= t->at_once)
		return NULL;
	unlink_item(t, item);
	item->has_turn = true;
	t->now++;
	return item;
}
