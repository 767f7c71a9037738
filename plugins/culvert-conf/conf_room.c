/*
 * Pieces are allocated and, but for the last one, freed again: freed memory is merged, and the last piece keeps it from
 * going back to the kernel at once. Failure policy: without stock it is slower and nothing else.
 */
#include "conf_room.h"

#include <malloc.h>
#include <sys/mman.h>

enum {
	/** octets; from M_MMAP_THRESHOLD's least on, a piece would be a mapping of its own */
	PIECE = 120 * 1024,
	/** octets for which it is not worth the trouble */
	LEAST = 16 * PIECE,
	/** octets that malloc keeps between two pieces */
	BETWEEN = 2 * sizeof(size_t),
};

struct conf_room_t {
	conf_room_t *before;
};

/** All of it will be written to: the pages are made in one go, and not when each is met. */
static void populate(uintptr_t from, uintptr_t to)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	from = (from + page - 1) / page * page;
	to = to / page * page;
	if (from < to)
		madvise((void *)from, to - from, MADV_POPULATE_WRITE);
}

conf_room_t *conf_room_create(size_t octets)
{
	conf_room_t *last = NULL, *piece;
	uintptr_t from = 0, to = 0;
	size_t had;

	if (octets < LEAST)
		return NULL;
	for (had = 0; had < octets && (piece = malloc(PIECE)); had += PIECE) {
		if ((uintptr_t)piece < to || (uintptr_t)piece > to + BETWEEN) {
			populate(from, to);
			from = (uintptr_t)piece;
		}
		to = (uintptr_t)piece + malloc_usable_size(piece);
		piece->before = last;
		last = piece;
	}
	populate(from, to);
	for (; last && last->before; free(piece)) {
		piece = last->before;
		last->before = piece->before;
	}
	return last;
}

void conf_room_destroy(conf_room_t *this)
{
	free(this);
}
