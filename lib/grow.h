/* Arrays that grow as items are added. */
#ifndef CULVERT_LIB_GROW_H
#define CULVERT_LIB_GROW_H

#include <stddef.h>
#include <stdlib.h>

enum { GROW_FIRST = 64 }; /* items that there is room for at first */

/*
 * An array of count items, with room for *size, that can take one more: items itself, or where it has moved to, with
 * *size then raised; the caller keeps it in place of items. NULL, with all as before, when memory ran out.
 */
static inline void *grow(void *items, size_t count, size_t *size, size_t item)
{
	if (count < *size)
		return items;
	size_t more = *size > 0 ? 2 * *size : GROW_FIRST;
	void *grown = reallocarray(items, more, item);
	if (grown)
		*size = more;
	return grown;
}

#endif
