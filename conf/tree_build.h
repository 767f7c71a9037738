/*
 * How a tree comes about: nodes are pushed; where a bracket closes, those since it opened become the entries of one,
 * in their lasting place. Nodes that are not yet placed move; nothing may point to them.
 */
#ifndef CULVERT_CONF_TREE_BUILD_H
#define CULVERT_CONF_TREE_BUILD_H

#include <stddef.h>

struct node;
struct tree;

/* NULL when memory ran out. */
struct tree *tree_new(void);
/* len octets of its own, as long as it lives; NULL when memory ran out. */
char *tree_copy(struct tree *t, const char *octets, size_t len);
/* Where the next node will be, for the calls below. */
size_t tree_mark(const struct tree *t);
/* Adds a node behind the others. 0 or -ENOMEM. */
int tree_push(struct tree *t, const struct node *n);
/* The nodes from a mark on; until the next push. */
const struct node *tree_open(const struct tree *t, size_t mark, size_t *ret_n);
/* The nodes from a mark on become the entries of n, which is to be pushed, or is the root. 0 or -ENOMEM. */
int tree_close(struct tree *t, size_t mark, struct node *n);
/* root is the whole. 0 or -ENOMEM. */
int tree_finish(struct tree *t, const struct node *root);

#endif
