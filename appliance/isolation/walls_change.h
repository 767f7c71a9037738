/*
 * The second wall of one model after another. What stands is remembered with the number that the kernel's ruleset had
 * then: while that is the same, nobody has changed anything, and a change is the difference of two texts. Otherwise, or
 * if more differs than such a change may touch, the whole is put in place.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_WALLS_CHANGE_H
#define CULVERT_APPLIANCE_ISOLATION_WALLS_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

struct link_mtus;
struct model;
struct report;
struct walls_damage;

struct walls_memory { /* zero-initialise but for mtus; walls_forget() it */
	const struct link_mtus *mtus; /* borrowed: what is known of links when walls are made; NULL: nothing */
	char *text; /* owned: nft_render() and mtu_render() of what stands; NULL: not known */
	uint32_t generation; /* of the kernel's ruleset with that */
	const struct model *next; /* of the last walls_prepare(), until the next walls_change(); never looked into */
	char *next_text; /* owned: nft_render() of next */
};

/* Each returns 0, or -errno with a failure in the report. */

/* Nothing is forwarded any more; but walls that stand already stay as they are. */
int walls_close(struct walls_memory *w, struct report *report);
/* Asks the kernel whether it would take the walls of m. */
int walls_prepare(struct walls_memory *w, const struct model *m, struct report *report);
/* Puts up the walls of m. If walls_prepare() came last, then with the same m: it is frozen. */
int walls_change(struct walls_memory *w, const struct model *m, struct report *report);
/*
 * Puts back what others have damaged in the walls of m, and no more where that is known for certain; d may say that it
 * is not. What stays out of order on failure is what was before.
 */
int walls_mend(struct walls_memory *w, const struct model *m, const struct walls_damage *d, struct report *report);
/* Others have changed the ruleset, but not our table: it has that number now. */
void walls_moved_on(struct walls_memory *w, uint32_t generation);
/* True if the ruleset has the number that the walls were put up with, which is stored in any case. */
bool walls_unchanged(const struct walls_memory *w, uint32_t *ret_generation);
/* True if nothing has changed since, or the table is there at least. */
bool walls_in_force(const struct walls_memory *w);
void walls_forget(struct walls_memory *w);

#endif
