/*
 * Key lifetimes. IKEv2 does not negotiate them (RFC 7296 section 2.8): ours must hold alone. The arithmetic that keeps
 * every key under an hour: rekey starts in [rekey - jitter, rekey]; a rekey whose peer does not answer takes the whole
 * retransmission time; the ceiling ends the SA. So rekey + retransmission < ceiling < 3600 s.
 */
#ifndef CULVERT_IKEV2_LIFETIME_H
#define CULVERT_IKEV2_LIFETIME_H

enum {
	LIFETIME_LIMIT = 3600, /* seconds; no key is used at this age */
	LIFETIME_WATCH_GRACE = 15, /* seconds beyond the ceiling for charon and the kernel, then culvertd ends an ESP key */
	LIFETIME_CEILING = 3480, /* seconds; hard end of an SA by default */
	LIFETIME_REKEY_IKE = 2760, /* seconds; default, apart from the CHILD_SAs' */
	LIFETIME_REKEY_CHILD = 2400, /* seconds; default */
	LIFETIME_REKEY_MIN = 30, /* seconds; the least an operator may write */
};

struct retransmission {
	double timeout; /* seconds before the first retransmission */
	double base; /* factor from one to the next */
	unsigned tries; /* retransmissions before giving up */
};

struct lifetime {
	unsigned rekey; /* seconds: a rekey starts at the latest */
	unsigned jitter; /* seconds: it starts up to this much earlier */
	unsigned ceiling; /* seconds: the SA is ended */
};

/* What Culvert configures charon with. */
extern const struct retransmission retransmission_default;

/* Seconds until an exchange that is never answered is given up. */
double retransmission_total(const struct retransmission *r);
/* Rekey time and ceiling as configured, jitter (an eighth of the rekey time); ceiling 0: one that fits. */
struct lifetime lifetime_for(unsigned rekey, unsigned ceiling);
/* NULL if l keeps the rule above with r, else what breaks it (static text). */
const char *lifetime_check(const struct lifetime *l, const struct retransmission *r);
/* Age in seconds, by the time since boot, at which culvertd ends an ESP key: behind all others, under the limit. */
unsigned lifetime_watch(const struct lifetime *l);

#endif
