#include "ikev2/lifetime.h"

#include <stddef.h>

/*
 * Six transmissions, given up after 52.6 s. strongSwan's own default takes 165 s, which would cost each rekey two
 * minutes of margin before the ceiling and leave a dead carrier unnoticed as long.
 */
const struct retransmission retransmission_default = { .timeout = 2.0, .base = 1.6, .tries = 5 };

enum {
	JITTER_SHARE = 8,
	/* Seconds behind a short rekey time: one exchange given up, and a second one. */
	CEILING_MARGIN = 120,
	/* Seconds below the limit at which culvertd waits no longer: it counts whole ones, and has to do it. */
	WATCH_SLACK = 5,
};

double retransmission_total(const struct retransmission *r)
{
	double total = 0, wait = r->timeout;

	for (unsigned i = 0; i <= r->tries; i++) {
		total += wait;
		wait *= r->base;
	}
	return total;
}

struct lifetime lifetime_for(unsigned rekey, unsigned ceiling)
{
	/* A short rekey time asks for short-lived keys: the ceiling follows, no nearer than the margin. */
	if (!ceiling && rekey < (LIFETIME_CEILING - CEILING_MARGIN) / 2)
		ceiling = 2 * rekey + CEILING_MARGIN;
	else if (!ceiling)
		ceiling = LIFETIME_CEILING;
	return (struct lifetime){ .rekey = rekey, .jitter = rekey / JITTER_SHARE, .ceiling = ceiling };
}

const char *lifetime_check(const struct lifetime *l, const struct retransmission *r)
{
	if (l->rekey < LIFETIME_REKEY_MIN)
		return "rekeys too often: less than 30 s apart";
	if (l->jitter >= l->rekey)
		return "the jitter is not shorter than the rekey time";
	if (l->ceiling >= LIFETIME_LIMIT)
		return "the SA would still be used at the age of 3600 s";
	if (l->rekey + retransmission_total(r) >= l->ceiling)
		return "a rekey that starts so late cannot be given up before the SA must end";
	return NULL;
}

unsigned lifetime_watch(const struct lifetime *l)
{
	unsigned most = LIFETIME_LIMIT - WATCH_SLACK;

	return l->ceiling < most - LIFETIME_WATCH_GRACE ? l->ceiling + LIFETIME_WATCH_GRACE : most;
}
