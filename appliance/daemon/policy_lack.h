/*
 * Which links have SAs and lack XFRM policies, and what is known of those that did lately: what charon was ordered for
 * their tunnels, and how long to wait for the next order. That outlasts the mending, so that somebody who deletes
 * policies again and again does not keep charon renewing keys. Touches nothing.
 */
#ifndef CULVERT_DAEMON_POLICY_LACK_H
#define CULVERT_DAEMON_POLICY_LACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct links;
struct policies;

enum {
	LACK_CONFIRM = 1000 * 1000, /* microseconds: what is missing for so long is missing */
	/* Microseconds: from an order to the next; twice as long for each order after that. CHILD_SAs are renewed one by
	 * one. */
	LACK_PATIENCE = 15 * 1000 * 1000,
	LACK_PATIENCE_EACH = 1000 * 1000, /* for each CHILD_SA of the tunnel */
	LACK_DOUBLINGS = 7,
	LACK_KEPT = 600 * 1000 * 1000, /* microseconds: how long one that is mended is known, and at most the wait */
};

enum lack_state {
	LACK_MENDED,
	LACK_OPEN,
	LACK_AWAY, /* there are no SAs: nothing is known of its policies, nor can they be missed */
};

/* Times in microseconds of CLOCK_BOOTTIME. */
struct lack {
	uint32_t if_id;
	enum lack_state state;
	uint64_t since; /* that state began */
	uint64_t next; /* no order for its tunnel before that */
	unsigned orders; /* that count, for its tunnel */
	bool tried; /* one of them since it was last whole */
	bool told; /* that it lacks policies */
};

struct lacks { /* zero-initialise; lacks_free() it */
	struct lack *items; /* owned; by if_id */
	size_t count;
	size_t unmended; /* among them */
};

/* What becomes of those before, and what has come. 0 with *ret or -ENOMEM. */
int lacks_find(
	const struct links *links, const struct policies *p, const struct lacks *before, uint64_t now, struct lacks *ret);
void lacks_free(struct lacks *l);

/* Whether the link of the if_id is one of the tunnel. */
bool lack_is_of(const struct links *links, uint32_t if_id, const char *tunnel);
/* Of all links of a tunnel: the most orders, whether any was tried, and until when a former order asks to wait. */
struct lack lacks_sum(const struct lacks *l, const struct links *links, const char *tunnel);
/* All links of a tunnel wait until then. */
void lacks_put_off(struct lacks *l, const struct links *links, const char *tunnel, uint64_t next);
/* An order that charon refused, as the tunnel is not up, or did not hear of: it will know of none before. */
void lacks_not_begun(struct lacks *l, const struct links *links, const char *tunnel, uint64_t next);
/* An order for a tunnel that counts: the next one is due only when this one had its time. */
void lacks_ordered(struct lacks *l, const struct links *links, const char *tunnel, uint64_t now);

#endif
