/*
 * When a link is to be measured, and between which sizes. Pure; times in microseconds.
 *
 * A link is measured when it has become sound, when the size that its SAs and the way leave is another one, and after a
 * while: soon where everything passed, since that takes one packet and a way may lose what is too big at any time;
 * seldom where less passed, since the link takes sizes that get lost while it is measured anew.
 */
#ifndef CULVERT_DAEMON_MTU_TURN_H
#define CULVERT_DAEMON_MTU_TURN_H

#include <stdbool.h>
#include <stdint.h>

struct link_mtu;

#define MTU_TURN_WHOLE  (UINT64_C(3600) * 1000 * 1000)
#define MTU_TURN_LESS   (UINT64_C(86400) * 1000 * 1000)
#define MTU_TURN_FAILED (UINT64_C(600) * 1000 * 1000) /* nothing was found, or it could not be looked for */

enum {
	/*
	 * Octets outside that are taken for granted, as IPv6 does (RFC 8200): who leaves smaller packets unanswered is a
	 * target that does not want to answer large pings, not a narrow way.
	 */
	MTU_TURN_LEAST = 1280,
};

struct mtu_turn { /* zero-initialise: never measured */
	uint64_t since; /* the link was sound when it was measured */
	uint32_t most; /* that SAs and way left then */
	uint64_t next; /* when it is measured for no other reason */
};

/* since: the link is sound and its probes are answered. most: octets that its SAs and the way leave; 0: not known. */
bool mtu_turn_due(const struct mtu_turn *t, uint64_t since, uint32_t most, uint64_t now);
void mtu_turn_done(struct mtu_turn *t, uint64_t since, uint32_t most, uint64_t next);
/* The size inside that passes in any case. At most what the link takes without being measured. */
uint32_t mtu_turn_least(const struct link_mtu *mtu, bool ipv6);

#endif
