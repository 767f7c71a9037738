/* The tree of a text into the model, by the schema: kinds, ranges, what is missing, what is unknown. */
#ifndef CULVERT_CONF_READ_H
#define CULVERT_CONF_READ_H

#include "conf/places.h"

#include <stdbool.h>

struct arena;
struct diag_list;
struct locator;
struct model;
struct schema_key;

/*
 * Fills a zeroed model, conf_free() it or its memory. What is wrong goes to diags and leaves its field zero, so that
 * the rest can still be checked. 0, or -ENOMEM.
 */
int read_model(const struct locator *where, struct diag_list *diags, struct model *m);

enum { FALLBACK_OCTETS = 16 };

/* Values that keys fall back to, as they lie in a record; zero-initialise. For one model. */
struct fallbacks {
	struct places places;
	struct {
		bool known;
		char octets[FALLBACK_OCTETS];
	} list[PLACES_MAX];
};

/*
 * A key of the record that falls back to something takes that; known spares reading it again. memory is the model's.
 * 0 or -ENOMEM.
 */
int read_fallback(struct fallbacks *known, struct arena *memory, const struct schema_key *key, void *record);

#endif
