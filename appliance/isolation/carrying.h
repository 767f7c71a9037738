/* The links that carry: a sorted set of if_ids. A link carries while the kernel holds an outbound SA of its if_id. */
#ifndef CULVERT_APPLIANCE_ISOLATION_CARRYING_H
#define CULVERT_APPLIANCE_ISOLATION_CARRYING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct carrying { /* zero-initialise: nothing carries */
	uint32_t *if_ids; /* owned, ascending, each once */
	size_t count;
	size_t size;
};

/* 0, also when it was there already, or -ENOMEM with the set unchanged. Cheap in ascending order. */
int carrying_add(struct carrying *c, uint32_t if_id);
bool carrying_has(const struct carrying *c, uint32_t if_id);
bool carrying_equal(const struct carrying *a, const struct carrying *b);
/* Empties the set and frees what it owns; NULL is allowed. */
void carrying_free(struct carrying *c);

#endif
