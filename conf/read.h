/* The tree of a text into the model, by the schema: kinds, ranges, what is missing, what is unknown. */
#ifndef CULVERT_CONF_READ_H
#define CULVERT_CONF_READ_H

struct diag_list;
struct locator;
struct model;
struct schema_key;

/*
 * Fills a zeroed model. What is wrong goes to diags and leaves its field zero, so that the rest can still be checked.
 * 0, or -ENOMEM.
 */
int read_model(const struct locator *where, struct diag_list *diags, struct model *m);
/* A key of the record that falls back to something takes that. 0 or -ENOMEM. */
int read_fallback(const struct schema_key *key, void *record);

#endif
