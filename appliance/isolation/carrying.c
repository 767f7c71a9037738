#include "appliance/isolation/carrying.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Index of the first if_id that is not less. */
static size_t lower_bound(const struct carrying *c, uint32_t if_id)
{
	size_t low = 0, high = c->count;

	/* Links come in ascending order from a sorted list: then this is the end. */
	if (high > 0 && c->links[high - 1].if_id < if_id)
		return high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (c->links[middle].if_id < if_id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int make_room(struct carrying *c)
{
	if (c->count < c->size)
		return 0;
	size_t size = c->size > 0 ? 2 * c->size : 16;
	struct carrying_link *links = reallocarray(c->links, size, sizeof(*links));
	if (!links)
		return -ENOMEM;
	c->links = links;
	c->size = size;
	return 0;
}

/* The link of that if_id, which is of rank 0 if it was not there. NULL: no memory. */
static struct carrying_link *obtain(struct carrying *c, uint32_t if_id)
{
	size_t at = lower_bound(c, if_id);

	if (at < c->count && c->links[at].if_id == if_id)
		return &c->links[at];
	if (make_room(c) < 0)
		return NULL;
	memmove(c->links + at + 1, c->links + at, (c->count - at) * sizeof(*c->links));
	c->links[at] = (struct carrying_link){ .if_id = if_id };
	c->count++;
	return &c->links[at];
}

int carrying_add(struct carrying *c, uint32_t if_id)
{
	struct carrying_link *l = obtain(c, if_id);

	if (!l)
		return -ENOMEM;
	l->pairs++;
	return 0;
}

int carrying_put(struct carrying *c, uint32_t if_id, uint32_t rank)
{
	struct carrying_link *l = obtain(c, if_id);

	if (!l)
		return -ENOMEM;
	l->rank = rank;
	return 0;
}

const struct carrying_link *carrying_find(const struct carrying *c, uint32_t if_id)
{
	size_t at = lower_bound(c, if_id);

	return at < c->count && c->links[at].if_id == if_id ? &c->links[at] : NULL;
}

bool carrying_has(const struct carrying *c, uint32_t if_id)
{
	return carrying_find(c, if_id) != NULL;
}

bool carrying_equal(const struct carrying *a, const struct carrying *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->links[i].if_id != b->links[i].if_id || a->links[i].rank != b->links[i].rank ||
			a->links[i].pairs != b->links[i].pairs)
			return false;
	return true;
}

void carrying_free(struct carrying *c)
{
	if (!c)
		return;
	free(c->links);
	*c = (struct carrying){ 0 };
}
