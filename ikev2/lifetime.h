/*
 * Key lifetimes. IKEv2 does not negotiate them (RFC 7296 section 2.8): ours must hold alone. The arithmetic that keeps
 * every key under an hour: rekey starts in [rekey - jitter, rekey]; a rekey whose peer does not answer takes the whole
 * retransmission time, one that is refused is tried again after pauses that grow; shortly before the ceiling the peer
 * is told that the SA ends, at the ceiling it is gone, and a little later the kernel would drop it by itself. So rekey
 * + retransmission < ceiling < 3600 s. A key's age counts from before it was made.
 */
#ifndef CULVERT_IKEV2_LIFETIME_H
#define CULVERT_IKEV2_LIFETIME_H

#include <stdint.h>

enum {
	LIFETIME_LIMIT = 3600, /* seconds; no key is used at this age */
	LIFETIME_WATCH_GRACE = 15, /* seconds beyond the ceiling for charon and the kernel, then culvertd ends an ESP key */
	LIFETIME_CEILING = 3480, /* seconds; hard end of an SA by default */
	LIFETIME_REKEY_IKE = 2760, /* seconds; default, apart from the CHILD_SAs' */
	LIFETIME_REKEY_CHILD = 2400, /* seconds; default */
	LIFETIME_REKEY_MIN = 2, /* seconds; the least an operator may write, */
	LIFETIME_REKEY_FEW = 30, /* and the least that makes sense where there is traffic */
};

struct retransmission {
	double timeout; /* seconds before the first retransmission */
	double base; /* factor from one to the next */
	unsigned tries; /* retransmissions before giving up */
};

struct lifetime {
	unsigned rekey; /* seconds: a rekey starts at the latest */
	unsigned jitter; /* seconds: it starts up to this much earlier, many at once apart */
	unsigned ceiling; /* seconds: the SA is ended */
};

/* What Culvert configures charon with. */
extern const struct retransmission retransmission_default;

/* Seconds until an exchange that is never answered is given up. */
double retransmission_total(const struct retransmission *r);
/* Rekey time and ceiling as configured, jitter (an eighth of the rekey time, a second at least); ceiling 0: one that
 * fits. */
struct lifetime lifetime_for(unsigned rekey, unsigned ceiling);
/* NULL if l keeps the rule above with r, else what breaks it (static text). */
const char *lifetime_check(const struct lifetime *l, const struct retransmission *r);
/* Age in seconds, by the time since boot, at which culvertd ends an ESP key: behind all others, under the limit. */
unsigned lifetime_watch(const struct lifetime *l);

/*
 * Age in milliseconds to which the rekey of an SA may be brought forward so that many tunnels spread: a rekey that is
 * early costs one exchange, a peak costs them all.
 */
uint64_t lifetime_soonest(const struct lifetime *l);
/* Age in milliseconds at which an SA that could not be rekeyed is ended in agreement with the peer. */
uint64_t lifetime_farewell(const struct lifetime *l);
/* Age in milliseconds at which it ends whatever the peer says. */
uint64_t lifetime_end(const struct lifetime *l);
/* Age in seconds at which the kernel is to drop an ESP key by itself: behind the ceiling, under the limit. */
unsigned lifetime_kernel(const struct lifetime *l);
/*
 * Milliseconds until a rekey that was refused or got lost is tried again: from 2 s up to a minute, less where there is
 * less time between rekey and ceiling. tries: attempts so far; random: any number, which takes off up to a half.
 */
uint64_t lifetime_pause(const struct lifetime *l, unsigned tries, uint32_t random);

#endif
