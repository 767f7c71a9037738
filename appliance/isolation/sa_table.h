/* The SAs that the kernel holds, found by what names them there and listed by if_id. Pure. */
#ifndef CULVERT_APPLIANCE_ISOLATION_SA_TABLE_H
#define CULVERT_APPLIANCE_ISOLATION_SA_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct ip;
struct sa;
struct sa_node;

struct sa_table { /* zero-initialise; seed may be set to something that a peer cannot know (it chooses SPIs) */
	struct sa_node **buckets; /* owned */
	size_t n_buckets;
	size_t count;
	uint32_t seed;
	struct sa *list; /* owned; the order of sa_compare(), as of the last sa_table_list() */
	size_t list_count;
};

/* Adds sa, or puts it in the place of the one with its SPI and destination. 0 or -ENOMEM with the table unchanged. */
int sa_table_put(struct sa_table *t, const struct sa *sa);
/* NULL if there is none; valid until the table changes. */
const struct sa *sa_table_find(const struct sa_table *t, uint32_t spi, const struct ip *daddr);
void sa_table_remove(struct sa_table *t, uint32_t spi, const struct ip *daddr);
void sa_table_clear(struct sa_table *t);
/* Makes list what the table holds now. 0, or -ENOMEM with the list as it was. */
int sa_table_list(struct sa_table *t);
/*
 * After sa_table_list(): an outbound SA that came with an inbound one, or after it, is as old as that one, in list and
 * table. A responder installs it only when the peer has deleted its predecessor; the keys of both were made at once.
 * They then come to an end together as well.
 */
void sa_table_pair(struct sa_table *t);
/* Changes every SA in place: not its SPI or destination. */
void sa_table_each(struct sa_table *t, void (*change)(struct sa *sa, const void *arg), const void *arg);
/* The part of list that is of one if_id. */
const struct sa *sa_table_of(const struct sa_table *t, uint32_t if_id, size_t *ret_count);
void sa_table_free(struct sa_table *t);

#endif
