#include "conf/tree_build.h"

#include "conf/tree.h"
#include "lib/arena.h"
#include "lib/grow.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct tree {
	struct arena *memory;
	struct node *open; /* nodes that wait for their place */
	size_t n_open, room;
	const struct node *root;
};

struct tree *tree_new(void)
{
	struct tree *t = calloc(1, sizeof(*t));

	if (t)
		t->memory = arena_new();
	if (t && t->memory)
		return t;
	free(t);
	return NULL;
}

char *tree_copy(struct tree *t, const char *octets, size_t len)
{
	return arena_copy(t->memory, octets, len);
}

size_t tree_mark(const struct tree *t)
{
	return t->n_open;
}

int tree_push(struct tree *t, const struct node *n)
{
	struct node *open = grow(t->open, t->n_open, &t->room, sizeof(*open));
	if (!open)
		return -ENOMEM;
	t->open = open;
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
	struct node *placed = arena_copy(t->memory, nodes, n * sizeof(*placed));

	for (size_t i = 0; placed && i < n; i++) {
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

void tree_spoil(struct tree *t, const struct node *n)
{
	(void)t; /* whose memory it lies in, which is not constant */
	((struct node *)(uintptr_t)n)->spoilt = true;
}

void tree_free(struct tree *t)
{
	if (!t)
		return;
	arena_free(t->memory);
	free(t->open);
	free(t);
}
