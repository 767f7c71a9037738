#include "conf/tree_build.h"

#include "conf/tree.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64 * 1024 }; /* octets, at least */

struct block {
	struct block *before;
	max_align_t octets[];
};

struct tree {
	struct block *blocks; /* the one that is being filled first */
	char *at; /* what is free in it */
	size_t left;
	struct node *open; /* nodes that wait for their place */
	size_t n_open, room;
	const struct node *root;
};

struct tree *tree_new(void)
{
	return calloc(1, sizeof(struct tree));
}

static void *allocate(struct tree *t, size_t len)
{
	len = (len + sizeof(void *) - 1) / sizeof(void *) * sizeof(void *);
	if (len > t->left) {
		size_t size = len > BLOCK ? len : BLOCK;
		struct block *b = malloc(sizeof(*b) + size);
		if (!b)
			return NULL;
		b->before = t->blocks;
		t->blocks = b;
		t->at = (char *)b->octets;
		t->left = size;
	}
	char *octets = t->at;
	t->at += len;
	t->left -= len;
	return octets;
}

char *tree_copy(struct tree *t, const char *octets, size_t len)
{
	char *copy = allocate(t, len);

	return copy ? memcpy(copy, octets, len) : NULL;
}

size_t tree_mark(const struct tree *t)
{
	return t->n_open;
}

int tree_push(struct tree *t, const struct node *n)
{
	if (t->n_open == t->room) {
		size_t room = t->room ? t->room * 2 : 64;
		struct node *open = reallocarray(t->open, room, sizeof(*open));
		if (!open)
			return -ENOMEM;
		t->open = open;
		t->room = room;
	}
	t->open[t->n_open++] = *n;
	return 0;
}

const struct node *tree_open(const struct tree *t, size_t mark, size_t *ret_n)
{
	*ret_n = t->n_open - mark;
	return *ret_n ? t->open + mark : NULL;
}

/* Nodes to where they stay; what they hold is there already, and learns where they are. NULL when memory ran out. */
static struct node *place(struct tree *t, const struct node *nodes, size_t n)
{
	struct node *placed = allocate(t, n * sizeof(*placed));

	if (!placed)
		return NULL;
	memcpy(placed, nodes, n * sizeof(*placed));
	for (size_t i = 0; i < n; i++) {
		/* They lie in memory of this tree, which is not constant. */
		struct node *entries = node_is_aggregate(&placed[i]) ? (struct node *)(uintptr_t)placed[i].entries : NULL;
		for (size_t k = 0; entries && k < placed[i].n; k++)
			entries[k].parent = &placed[i];
	}
	return placed;
}

int tree_close(struct tree *t, size_t mark, struct node *n)
{
	size_t entries = t->n_open - mark;

	n->n = (unsigned)entries & 0xfffffff;
	n->entries = entries ? place(t, t->open + mark, entries) : NULL;
	t->n_open = mark;
	return entries && !n->entries ? -ENOMEM : 0;
}

int tree_finish(struct tree *t, const struct node *root)
{
	t->root = place(t, root, 1);
	return t->root ? 0 : -ENOMEM;
}

const struct node *tree_root(const struct tree *t)
{
	return t->root;
}

void tree_free(struct tree *t)
{
	if (!t)
		return;
	while (t->blocks) {
		struct block *before = t->blocks->before;
		free(t->blocks);
		t->blocks = before;
	}
	free(t->open);
	free(t);
}
