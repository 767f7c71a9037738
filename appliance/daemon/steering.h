/*
 * Which links of an APN devices are reached by. Pure: no system calls, and time is handed in, in microseconds.
 *
 * A link carries while the kernel has its outbound SA, or one of them where each pair of selectors has its own. One
 * that carries is suspect while its peer does not answer IKE, its probes stay unanswered, or pairs of selectors remain
 * without an SA for longer than it takes to make one; then it stands behind every better one, but stays in use where
 * nothing better carries, so that no APN is worse off than without all this: if all are suspect, the APN's order holds.
 * A link that was lost or suspect stands behind the good ones for its hold-down, which doubles with each relapse. A
 * link that is probed and has not answered yet stands there as well.
 */
#ifndef CULVERT_DAEMON_STEERING_H
#define CULVERT_DAEMON_STEERING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct apn;
struct buf;
struct carrying;
struct link;
struct model;

enum {
	STEERING_PARTIAL = 10, /* seconds that pairs of selectors may lack an SA while no more of them get one */
	STEERING_TIERS = 3, /* more than the rank of any link */
	STEERING_DOUBLINGS = 4, /* of the hold-down, at most */
	STEERING_CALM = 10, /* hold-downs without a relapse, after which the next failure is a first one again */
};

enum steering_state {
	STEERING_DOWN, /* no SA */
	STEERING_GOOD,
	STEERING_UNPROVEN, /* no probe was answered yet */
	STEERING_HELD,
	STEERING_SUSPECT,
};

struct steered { /* one link */
	uint32_t if_id;
	const struct apn *apn; /* borrowed from the model, as link */
	const struct link *link;
	bool carries;
	uint32_t pairs; /* of selectors that have an SA */
	uint32_t wanted; /* pairs, when that was looked at */
	uint64_t partial_since; /* some have none, and no more than then have one */
	bool silent; /* its peer does not answer */
	uint64_t silent_since;
	bool probed; /* probes go over it */
	bool proven; /* one of them was answered */
	bool failing; /* the newest were not */
	uint32_t unanswered; /* how many of them */
	bool sound; /* carries, is neither silent nor failing, and no pair of selectors lacks its SA for long */
	bool fell; /* was sound and then not, or is so again */
	uint64_t since; /* it is sound, or not */
	uint64_t held_until; /* 0: it never was held down */
	unsigned relapses; /* doublings of the hold-down */
	bool used; /* as of the last steering_rank() */
	enum steering_state said; /* what its keeper has logged of it */
	bool said_used;
};

struct steering { /* zero-initialise: no links */
	const struct model *model; /* borrowed; NULL: none */
	struct steered *links; /* owned, by if_id */
	size_t count;
};

/* The links of model, NULL for none, from now on; what is known of those that stay is kept. 0, or -ENOMEM unchanged. */
int steering_use(struct steering *s, const struct model *model);
/* NULL if there is no link of that if_id. */
struct steered *steering_find(const struct steering *s, uint32_t if_id);

/* What happens to links. sas: with the number of pairs of selectors that have one. */
void steering_carry(struct steering *s, const struct carrying *sas, uint64_t now);
void steering_silence(struct steering *s, const char *tunnel, bool silent, uint64_t now);
/* The state of its probes; probed is false while none go over it. */
void steering_probe(struct steered *l, bool probed, bool proven, uint32_t unanswered, bool failing, uint64_t now);

enum steering_state steering_state(const struct steered *l, uint64_t now);
/* All that carry with their ranks, and which is used. 0 with *ret (carrying_free() it), or -ENOMEM. */
int steering_rank(struct steering *s, uint64_t now, struct carrying *ret);
/* When ranks may change by themselves, as a hold-down ends or patience does; UINT64_MAX: never. */
uint64_t steering_next(const struct steering *s, uint64_t now);
/* Why a link is not simply good, in words; nothing if it is. */
void steering_reason(const struct steered *l, uint64_t now, struct buf *out);
void steering_free(struct steering *s); /* empties it */

#endif
