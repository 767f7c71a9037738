/*
 * What isolation_apply() would do, without doing it: the same plan and the same look at the kernel, and the walls as
 * two texts. Reads rtnetlink and /proc/sys, changes nothing.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_PREVIEW_H
#define CULVERT_APPLIANCE_ISOLATION_PREVIEW_H

#include "appliance/isolation/changes.h"
#include "lib/buf.h"

#include <stdbool.h>

struct carrying;
struct model;

struct preview { /* zero-initialise */
	struct changes changes; /* of interfaces, routes and sysctls, in the order in which they would be made */
	struct buf walls; /* "+ " or "- " and a line of nft.h's text; empty: unchanged */
	bool walls_missing; /* the table is not in the kernel and would be loaded anew */
	char *refusal; /* owned: why the kernel's side would refuse it, as far as that can be seen; NULL: it would not */
	bool interrupts; /* traffic that passes would not pass for a moment, or any more */
};

/*
 * now is the model in force (NULL: none; its walls are closed), next the one to be, carrying the links that carry. 0
 * with *ret (preview_free() it) or -errno.
 */
int preview(const struct model *now, const struct model *next, const struct carrying *carrying, struct preview *ret);
/*
 * The difference of two wall texts, sorted; comments and empty lines are no part of it. *ret_narrower: something that
 * the old one let pass has no element in the new one that lets it pass. Pure. 0 or -ENOMEM.
 */
int preview_walls(const char *old, const char *next, struct buf *out, bool *ret_narrower);
/* *ret_narrower: an APN of both has a lower limit in next, or forgets UDP flows sooner. Pure. 0 or -ENOMEM. */
int preview_limits(const struct model *now, const struct model *next, bool *ret_narrower);
/* A zeroed one is allowed. */
void preview_free(struct preview *p);

#endif
