/*
 * The links that carry: a sorted set of if_ids. A link carries while the kernel holds an outbound SA of its if_id. Its
 * rank says how far it stands behind those of the same APN that are better, whatever the APN's order.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_CARRYING_H
#define CULVERT_APPLIANCE_ISOLATION_CARRYING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct carrying_link {
	uint32_t if_id;
	uint32_t rank; /* 0: where the APN's order has it; one of a higher rank is behind all of a lower one */
	uint32_t pairs; /* how often it was added: pairs of selectors that have an SA */
};

struct carrying { /* zero-initialise: nothing carries */
	struct carrying_link *links; /* owned, by if_id, each once */
	size_t count;
	size_t size;
};

/* Adds one of rank 0, or only counts, if it is there. 0, or -ENOMEM with the set unchanged. Cheap in ascending order.
 */
int carrying_add(struct carrying *c, uint32_t if_id);
/* Adds one with its rank, which one that was there takes over. */
int carrying_put(struct carrying *c, uint32_t if_id, uint32_t rank);
/* NULL if it does not carry. Valid until the set changes. */
const struct carrying_link *carrying_find(const struct carrying *c, uint32_t if_id);
bool carrying_has(const struct carrying *c, uint32_t if_id);
/* The same links with the same ranks and counts. */
bool carrying_equal(const struct carrying *a, const struct carrying *b);
/* Empties the set and frees what it owns; NULL is allowed. */
void carrying_free(struct carrying *c);

#endif
