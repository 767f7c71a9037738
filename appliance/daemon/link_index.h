/* The links of a model, found by if_id. Pure. */
#ifndef CULVERT_DAEMON_LINK_INDEX_H
#define CULVERT_DAEMON_LINK_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct apn;
struct link;
struct model;

struct link_entry { /* both borrowed from the model */
	const struct apn *apn;
	const struct link *link;
};

struct link_index { /* zero-initialise: no links */
	struct link_entry *entries; /* owned, by if_id */
	size_t count;
};

/* Of model, which may be NULL, in place of what was there. 0, or -ENOMEM with the index empty. */
int link_index_make(struct link_index *index, const struct model *model);
/* NULL if no link has it. */
const struct link_entry *link_index_find(const struct link_index *index, uint32_t if_id);
void link_index_free(struct link_index *index);

#endif
