/*
 * A place for each key of which something is remembered, as what its line said the last time. Records of a list want
 * the same keys in the same order again and again, so that each is found where the one before it leads to.
 */
#ifndef CULVERT_CONF_PLACES_H
#define CULVERT_CONF_PLACES_H

#include <stddef.h>

struct schema_key;

enum { PLACES_MAX = 64 };

/* Zero-initialise. */
struct places {
	const struct schema_key *keys[PLACES_MAX];
	size_t n;
	size_t next; /* behind the one that was wanted last */
};

/* The key's own, from 0; PLACES_MAX: all are taken. */
static inline size_t places_find(struct places *p, const struct schema_key *key)
{
	for (size_t i = 0; i < p->n; i++) {
		size_t at = p->next + i < p->n ? p->next + i : p->next + i - p->n;
		if (p->keys[at] == key) {
			p->next = at + 1;
			return at;
		}
	}
	if (p->n == PLACES_MAX)
		return PLACES_MAX;
	p->keys[p->n] = key;
	p->next = p->n + 1;
	return p->n++;
}

#endif
