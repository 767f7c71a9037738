/*
 * The operator's file as one table: which keys there are, of what kind, where in the model each value lives, and what
 * it means. Reading, printing, freeing, the pages of reference and the commented example all walk this table, so that
 * none can forget a key.
 */
#ifndef CULVERT_CONF_SCHEMA_H
#define CULVERT_CONF_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

struct value_kind;
struct schema_group;

struct schema_key {
	const char *name;
	const struct value_kind *kind; /* of the value, or of each entry of a list; NULL: group is set */
	const struct schema_group *group; /* what stands in { }, or in each { } of a list */
	bool list;
	bool single; /* lists: one value may stand without brackets */
	bool required;
	size_t offset; /* octets into the record; a group that is no list is read into the record at that place */
	size_t count_offset; /* lists: where the number of entries (size_t) lives */
	size_t min, max; /* lists: entries */
	long long least, most; /* numbers: what is allowed; such as may have a fraction: in tenths */
	const char *fallback; /* what an absent value is taken as, in the text or number of its kind; or NULL */
	const char *absent; /* in words, what it means that an optional key is absent; or NULL */
	const char *example; /* a value as the operator writes it */
	const char *doc; /* one or two sentences; what stands in `backquotes` is literal */
	const char *note; /* in the commented example: a few words behind the value, or lines above a group; or NULL */
	bool shown; /* an optional key that is in force in the example, not in a comment */
	bool inlined; /* there, a group or list of groups on one line: as in example */
};

enum { SCHEMA_KEYS_MAX = 32 }; /* of one group */

struct schema_group {
	const char *doc;
	size_t size; /* octets of a record, in lists */
	bool has_origin; /* the record's first member is a struct origin */
	const struct schema_key *keys;
	size_t n_keys;
};

/* The whole file; its record is struct model. */
extern const struct schema_group schema_root;

/* A field of a record. */
static inline void *schema_field(void *record, size_t offset)
{
	return (char *)record + offset;
}

static inline const void *schema_field_const(const void *record, size_t offset)
{
	return (const char *)record + offset;
}

/* Octets of one entry of a list. */
size_t schema_entry_size(const struct schema_key *key);

#endif
