/* The difference between two plans, as a list of changes in an order that is safe at every step. Pure. */
#ifndef CULVERT_APPLIANCE_ISOLATION_CHANGES_H
#define CULVERT_APPLIANCE_ISOLATION_CHANGES_H

#include "appliance/isolation/object.h"

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct plan;

enum change_verb { CHANGE_ADD, CHANGE_REMOVE };

struct change {
	enum change_verb verb;
	struct object object;
};

struct changes { /* zero-initialise */
	struct change *items; /* owned, in the order in which they are to be made */
	size_t count;
};

/*
 * What turns have into want; both sorted. Refusals stand before a VRF is up or has members that may be, an
 * interface is a member before it is up, forwarding comes on last. Of what goes, routes are first, then the cloud
 * interface goes down before it leaves its VRF (a VRF that vanishes under a live interface leaks), then links, then
 * refusals. 0 or -ENOMEM.
 */
int changes_between(const struct plan *want, const struct plan *have, struct changes *ret);
/*
 * The part that disturbs nothing: VRFs that are not there yet with their refusals, and new XFRM interfaces. It is
 * what charon needs before it takes over a generation, and what may stay for a while if it does not. 0 or -ENOMEM.
 */
int changes_new_links(const struct plan *want, const struct plan *have, struct changes *ret);
/*
 * True if making c could take along something that have names and c does not: an interface that is enslaved loses
 * routes and addresses, a primary address its secondaries. Then the kernel is to be looked at once more.
 */
bool changes_disturb(const struct changes *c, const struct plan *have);
/* "+ OBJECT" or "- OBJECT", one line a change. */
void changes_print(const struct changes *c, struct buf *out);
void changes_free(struct changes *c);

#endif
