#include "appliance/isolation/carrying.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Index of the first if_id that is not less. */
static size_t lower_bound(const struct carrying *c, uint32_t if_id)
{
	size_t low = 0, high = c->count;

	/* Links come in ascending order from a sorted list: then this is the end. */
	if (high > 0 && c->if_ids[high - 1] < if_id)
		return high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (c->if_ids[middle] < if_id)
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
	uint32_t *if_ids = reallocarray(c->if_ids, size, sizeof(*if_ids));
	if (!if_ids)
		return -ENOMEM;
	c->if_ids = if_ids;
	c->size = size;
	return 0;
}

int carrying_add(struct carrying *c, uint32_t if_id)
{
	if (carrying_has(c, if_id))
		return 0;
	int r = make_room(c);
	if (r < 0)
		return r;
	size_t at = lower_bound(c, if_id);
	memmove(c->if_ids + at + 1, c->if_ids + at, (c->count - at) * sizeof(*c->if_ids));
	c->if_ids[at] = if_id;
	c->count++;
	return 0;
}

bool carrying_has(const struct carrying *c, uint32_t if_id)
{
	size_t at = lower_bound(c, if_id);

	return at < c->count && c->if_ids[at] == if_id;
}

bool carrying_equal(const struct carrying *a, const struct carrying *b)
{
	return a->count == b->count && (a->count == 0 || memcmp(a->if_ids, b->if_ids, a->count * sizeof(*a->if_ids)) == 0);
}

void carrying_free(struct carrying *c)
{
	if (!c)
		return;
	free(c->if_ids);
	*c = (struct carrying){ 0 };
}
