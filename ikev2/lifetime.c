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
	/* The last share of the time between rekey and ceiling, and at most so many milliseconds, is for the farewell. */
	FAREWELL_SHARE = 10,
	FAREWELL_MOST = 10000,
	/* Seconds from the ceiling to the kernel's own limit, which is a matter of whole seconds and of the wall clock. */
	KERNEL_LAG = 5,
	/* Milliseconds between attempts, first and at most; and which shares of the time there is they may be. */
	PAUSE_FIRST = 2000,
	PAUSE_MOST = 60000,
	PAUSE_FIRST_SHARE = 16,
	PAUSE_MOST_SHARE = 8,
	SOONEST_SHARE = 8,
	/* Seconds below the limit at which culvertd waits no longer: it counts whole ones, and has to do it. */
	WATCH_SLACK = 5,
};

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Milliseconds between the latest rekey and the ceiling. */
static uint64_t margin(const struct lifetime *l)
{
	return l->ceiling > l->rekey ? (l->ceiling - l->rekey) * UINT64_C(1000) : 0;
}

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
	unsigned jitter = rekey < JITTER_SHARE ? 1 : rekey / JITTER_SHARE;
	return (struct lifetime){ .rekey = rekey, .jitter = jitter, .ceiling = ceiling };
}

const char *lifetime_check(const struct lifetime *l, const struct retransmission *r)
{
	if (l->rekey < LIFETIME_REKEY_MIN)
		return "rekeys too often: less than 2 s apart";
	if (l->jitter >= l->rekey)
		return "the jitter is not shorter than the rekey time";
	if (l->ceiling >= LIFETIME_LIMIT)
		return "the SA would still be used at the age of 3600 s";
	if (l->rekey + retransmission_total(r) >= l->ceiling)
		return "a rekey that starts so late cannot be given up before the SA must end";
	return NULL;
}

uint64_t lifetime_soonest(const struct lifetime *l)
{
	return l->rekey * UINT64_C(1000) / SOONEST_SHARE;
}

uint64_t lifetime_farewell(const struct lifetime *l)
{
	return lifetime_end(l) - least(margin(l) / FAREWELL_SHARE, FAREWELL_MOST);
}

uint64_t lifetime_end(const struct lifetime *l)
{
	return l->ceiling * UINT64_C(1000);
}

unsigned lifetime_kernel(const struct lifetime *l)
{
	return (unsigned)least((uint64_t)l->ceiling + KERNEL_LAG, LIFETIME_LIMIT - 1);
}

uint64_t lifetime_pause(const struct lifetime *l, unsigned tries, uint32_t random)
{
	uint64_t pause = least(PAUSE_FIRST, margin(l) / PAUSE_FIRST_SHARE);
	uint64_t most = least(PAUSE_MOST, margin(l) / PAUSE_MOST_SHARE);

	for (unsigned i = 1; i < tries && pause < most; i++)
		pause *= 2;
	pause = least(pause, most);
	return pause - pause / 2 * (random % 1024) / 1024;
}

unsigned lifetime_watch(const struct lifetime *l)
{
	return (unsigned)least((uint64_t)l->ceiling + LIFETIME_WATCH_GRACE, LIFETIME_LIMIT - WATCH_SLACK);
}
