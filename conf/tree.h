/*
 * A text of libconfig's language as a tree. Most texts are plain and read here, in a fraction of libconfig's time; all
 * that is not, and all that is wrong, is read by libconfig, which has the last word on what a text means and on where
 * it breaks.
 */
#ifndef CULVERT_CONF_TREE_H
#define CULVERT_CONF_TREE_H

#include <stdbool.h>
#include <stddef.h>

/* What a setting is; the last three have entries. */
enum node_type { NODE_TEXT, NODE_NUMBER, NODE_REAL, NODE_BOOL, NODE_GROUP, NODE_ARRAY, NODE_LIST };

struct node {
	const char *name; /* NULL: an entry of an array or list, or the root */
	const struct node *parent; /* NULL: the root */
	union {
		const char *text;
		long long number; /* of NODE_BOOL 0 or 1 */
		double real;
		const struct node *entries;
	};
	unsigned line; /* of the text, from 1; as libconfig counts it */
	unsigned type : 3; /* enum node_type */
	unsigned spoilt : 1; /* its value does not count: what is wrong with it was told */
	unsigned n : 28; /* entries */
};

struct tree; /* owns all nodes and what they point to */

/* What libconfig says of a text that it does not take. */
struct tree_error {
	unsigned line;
	char text[80];
};
extern const char tree_key_twice[]; /* what it says of a key that its group has already */

/*
 * All take text with a NUL behind it and none in it. 0 with *ret (tree_free() it), -EINVAL, or -ENOMEM; *ret is then
 * untouched. The first and the last take what source_build() leaves: brackets not too deep, no @include.
 */
/* -EINVAL: *ret_error says why. */
int tree_parse(const char *text, size_t len, struct tree **ret, struct tree_error *ret_error);
/* -EINVAL: the text is not plain, or wrong, or source_build() would refuse or change it. */
int tree_parse_plain(const char *text, size_t len, struct tree **ret);
/* The same by libconfig, whatever the text is. */
int tree_parse_any(const char *text, struct tree **ret, struct tree_error *ret_error);
/* The whole text, which is a group. */
const struct node *tree_root(const struct tree *t);
/* The value of a node of the tree does not count. */
void tree_spoil(struct tree *t, const struct node *n);
/* NULL is allowed. */
void tree_free(struct tree *t);

static inline bool node_is_aggregate(const struct node *n)
{
	return n->type >= NODE_GROUP;
}

#endif
