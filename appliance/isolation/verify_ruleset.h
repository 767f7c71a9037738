/*
 * A ruleset as text, taken apart: what `nft list ruleset` prints, or nft_rules, in a form in which the two compare. Any
 * text is taken; what has another form than either gives parts that nobody knows. Pure.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_VERIFY_RULESET_H
#define CULVERT_APPLIANCE_ISOLATION_VERIFY_RULESET_H

#include <stdbool.h>
#include <stddef.h>

struct facts;

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
	struct block *blocks; /* owned */
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
/*
 * Adds to unproven what keeps the constant rules from having the meaning that they have: chains and sets that are
 * missing, others, or unknown; base chains of other tables that might alter verdicts.
 */
void ruleset_check(const struct ruleset *r, struct facts *unproven);
void ruleset_free(struct ruleset *r);

#endif
