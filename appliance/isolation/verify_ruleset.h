/*
 * A ruleset as text, taken apart: what `nft list ruleset` prints, or nft_rules, in a form in which the two compare. Any
 * text is taken; what has another form than either gives parts that nobody knows. Pure.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_VERIFY_RULESET_H
#define CULVERT_APPLIANCE_ISOLATION_VERIFY_RULESET_H

#include <stdbool.h>
#include <stddef.h>

struct facts;

#define RULESET_OURS "inet culvert"

enum { ELEMENT_FIELDS = 4 };

/* "culv-x1 . 10.110.0.5 . udp . 5684 : value"; without quotation marks. */
struct element {
	const char *set;
	const char *fields[ELEMENT_FIELDS]; /* NULL behind the last */
	const char *value; /* of a map; "" */
};

struct block { /* a chain, set, map, counter, ... */
	const char *table; /* "inet culvert" */
	const char *kind, *name;
	const char **statements; /* owned; normalised: one space, no quotation marks, lists in order, numbers in decimal */
	size_t n_statements;
};

struct ruleset { /* zero-initialise */
	struct block *blocks; /* owned; by table, kind and name */
	size_t n_blocks;
	struct element *elements; /* owned; of the table `inet culvert` only, by set and first field */
	size_t n_elements;
	char **texts; /* owned: all that the above point to */
	size_t n_texts;
	bool stands; /* the table `inet culvert` is there, and not switched off */
	int error; /* 0 or -ENOMEM */
};

/* 0 or -ENOMEM; ruleset_free() it either way. */
int ruleset_parse(const char *text, struct ruleset *ret);
/* The elements of a set whose first field is that (NULL: all of the set). */
const struct element *ruleset_find(const struct ruleset *r, const char *set, const char *first, size_t *ret_n);
/* Of the table `inet culvert`; NULL if it has none such. */
const struct block *ruleset_block(const struct ruleset *r, const char *kind, const char *name);
/* True if a chain or a map has a shape that those of single APNs and shared interfaces have. */
bool ruleset_is_of_model(const struct block *b);
/* True if a map of a shared interface is asked by nobody: left behind by an interface that is shared no more. */
bool ruleset_is_unasked(const struct ruleset *r, const char *map);
/*
 * Adds to unproven which chains of single APNs and interfaces do not say what the sets say of who is led to them, and
 * who is led past what the sets say.
 */
void ruleset_check_ways(const struct ruleset *r, struct facts *unproven);
/*
 * Adds to unproven what keeps the rules from having the meaning that they have: chains and sets that are missing,
 * others, or unknown; base chains of other tables that might alter verdicts.
 */
void ruleset_check(const struct ruleset *r, struct facts *unproven);
void ruleset_free(struct ruleset *r);

#endif
