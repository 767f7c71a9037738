/*
 * Two canonical texts (conf_print()) compared by the names in them: which tunnels and APNs came, went or became
 * different. Read from the text, by its indentation alone, so that no key of the operator's file has to be known here.
 * Pure.
 */
#ifndef CULVERT_DAEMON_OUTLINE_H
#define CULVERT_DAEMON_OUTLINE_H

#include "appliance/daemon/meta.h"

enum outline_kind { OUTLINE_TUNNEL, OUTLINE_APN };
enum outline_verb { OUTLINE_ADDED, OUTLINE_CHANGED, OUTLINE_REMOVED };

struct outline_change {
	enum outline_kind kind;
	enum outline_verb verb;
	char *name; /* owned */
};

struct outline_difference { /* zero-initialise */
	struct counts tunnels;
	struct counts apns;
	bool gateway; /* what belongs to no tunnel and no APN differs */
	struct outline_change *changes; /* owned, by kind and name */
	size_t n_changes;
};

/*
 * A tunnel is different if its own text is, or its carrier's apart from the carrier's name and other tunnels, or if one
 * of the secrets it or its carrier names is in changed_secrets (a NULL at the end; NULL: none). old may be "". 0 with
 * *ret (outline_free() it) or -ENOMEM.
 */
int outline_compare(const char *old, const char *next, char *const *changed_secrets, struct outline_difference *ret);
/* A zeroed one is allowed. */
void outline_free(struct outline_difference *d);

#endif
