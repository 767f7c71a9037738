#include "lib/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64 * 1024 - 64 }; /* octets, at least */

struct block {
	struct block *before;
	max_align_t octets[];
};

struct arena {
	struct block *blocks; /* the one that is being filled first */
	char *at; /* what is free in it */
	size_t left;
};

struct arena *arena_new(void)
{
	return calloc(1, sizeof(struct arena));
}

/* A block with room for len octets. What is left of the one before stays unused. */
static int add_block(struct arena *a, size_t len)
{
	size_t size = len > BLOCK ? len : BLOCK;
	struct block *b = size < SIZE_MAX - sizeof(*b) ? malloc(sizeof(*b) + size) : NULL;

	if (!b)
		return -1;
	b->before = a->blocks;
	a->blocks = b;
	a->at = (char *)b->octets;
	a->left = size;
	return 0;
}

void *arena_take(struct arena *a, size_t len)
{
	enum { ALIGN = 8 };

	if (len > SIZE_MAX / 2)
		return NULL;
	len = (len + ALIGN - 1) / ALIGN * ALIGN;
	if (len > a->left && add_block(a, len))
		return NULL;
	char *octets = a->at;
	a->at += len;
	a->left -= len;
	return octets;
}

void *arena_zeroed(struct arena *a, size_t len)
{
	void *octets = arena_take(a, len);

	return octets ? memset(octets, 0, len) : NULL;
}

void *arena_copy(struct arena *a, const void *octets, size_t len)
{
	void *copy = arena_take(a, len);

	return copy && len ? memcpy(copy, octets, len) : copy;
}

char *arena_text(struct arena *a, const char *text)
{
	return arena_copy(a, text, strlen(text) + 1);
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	while (a->blocks) {
		struct block *before = a->blocks->before;
		free(a->blocks);
		a->blocks = before;
	}
	free(a);
}
