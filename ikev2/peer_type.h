/* Types of peers, and what each needs: what operators would otherwise find out from a tunnel that half works. */
#ifndef CULVERT_IKEV2_PEER_TYPE_H
#define CULVERT_IKEV2_PEER_TYPE_H

#include <stdbool.h>

struct buf;

#define PEER_TYPE_DEFAULT "policy-based"

struct peer_type {
	const char *name;
	bool any; /* selectors are any to any unless the APN has its own */
	bool each_pair; /* a CHILD_SA for each pair of selectors unless the APN says otherwise */
	const char *why; /* half a sentence: what such peers do */
};

/* By name, or NULL. */
const struct peer_type *peer_type_find(const char *name);
/* Appends all names: "a, b or c". */
void peer_type_names(struct buf *out);
/* The i-th, NULL behind the last one. */
const struct peer_type *peer_type_at(unsigned i);

#endif
