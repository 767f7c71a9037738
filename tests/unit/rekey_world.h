/*
 * Tunnels in model time, each with an IKE_SA and a CHILD_SA: all rise within a minute and are rekeyed for some periods,
 * by the calendar or as stock strongSwan would. What comes out is the rate of rekeys.
 */
#ifndef REKEY_WORLD_H
#define REKEY_WORLD_H

#include "ikev2/agenda.h"
#include "ikev2/lifetime.h"
#include "ikev2/spread.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum {
	WORLD_KINDS = 2,
	WORLD_PERIODS = 5,
	WORLD_BEGIN = 5000000, /* ms; the clock does not begin with the tunnels */
	WORLD_RISE = 60000, /* ms in which all of them rise */
	WORLD_TICK = 100, /* ms: rekeys are counted in tenths of a second, */
	WORLD_TICKS = (WORLD_PERIODS + 1) * LIFETIME_REKEY_IKE * 10,
	WORLD_SECOND = 1000 / WORLD_TICK, /* and looked at in seconds, wherever those begin */
};

struct world_sa {
	struct agenda_item item; /* first */
	struct spread_slot slot;
	size_t tunnel;
	int kind;
	bool by_peer; /* the peer rekeys it before we would */
};

struct world {
	struct spread *spread; /* NULL: as stock does */
	struct agenda agenda;
	struct lifetime lifetimes[WORLD_KINDS];
	struct world_sa (*sas)[WORLD_KINDS];
	size_t tunnels;
	uint32_t ticks[WORLD_TICKS];
	uint64_t rekeys, early, together;
	unsigned wild; /* one of so many rekeys is the peer's, 0: none */
	unsigned churn; /* after one of so many a tunnel rises anew, 0: none */
};

struct world_rate {
	unsigned peak; /* most rekeys in one second, once the first period is over */
	double mean; /* of all those seconds */
};

/* strongSwan takes off up to rand_time, which is a tenth of the rekey time unless it is configured. */
static inline uint64_t world_stock(const struct lifetime *l, uint64_t now)
{
	uint64_t jitter = l->rekey * UINT64_C(1000) / 10 + 1;

	return now + l->rekey * UINT64_C(1000) - (uint64_t)((double)jitter * (rand() / (RAND_MAX + 1.0)));
}

static inline uint64_t world_ours(struct world *w, struct world_sa *sa, uint64_t now)
{
	const struct lifetime *l = &w->lifetimes[sa->kind];
	const struct world_sa *other = &w->sas[sa->tunnel][!sa->kind];
	struct spread_wish wish = {
		.soonest = now + lifetime_soonest(l),
		.usual = now + (l->rekey - l->jitter) * UINT64_C(1000),
		.last = now + l->rekey * UINT64_C(1000),
		.period = l->rekey * UINT64_C(1000),
		.others = &other->slot.at,
		.n_others = other->slot.at ? 1 : 0,
		.distance = 10000,
	};

	spread_release(w->spread, &sa->slot);
	spread_take(w->spread, &wish, &sa->slot);
	if (sa->slot.at < wish.soonest || sa->slot.at > wish.last)
		abort();
	w->early += sa->slot.at < wish.usual;
	w->together += other->slot.at && sa->slot.at / 1000 == other->slot.at / 1000;
	return sa->slot.at;
}

static inline void world_plan(struct world *w, struct world_sa *sa, uint64_t now)
{
	const struct lifetime *l = &w->lifetimes[sa->kind];
	uint64_t due = w->spread ? world_ours(w, sa, now) : world_stock(l, now);

	sa->by_peer = w->wild && (unsigned)rand() % w->wild == 0;
	if (sa->by_peer)
		due = now + (uint64_t)rand() % (l->rekey * UINT64_C(1000));
	if (agenda_put(&w->agenda, &sa->item, due) < 0)
		abort();
}

static inline struct world *world_new(size_t tunnels, bool stock, unsigned seed)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->sas = calloc(tunnels, sizeof(*w->sas));
	w->spread = stock ? NULL : spread_new(seed);
	if (!w->sas || (!stock && !w->spread))
		abort();
	srand(seed);
	w->tunnels = tunnels;
	w->lifetimes[0] = lifetime_for(LIFETIME_REKEY_IKE, 0);
	w->lifetimes[1] = lifetime_for(LIFETIME_REKEY_CHILD, 0);
	return w;
}

static inline void world_free(struct world *w)
{
	agenda_free(&w->agenda);
	spread_free(w->spread);
	free(w->sas);
	free(w);
}

static inline void world_rise(struct world *w)
{
	for (size_t t = 0; t < w->tunnels; t++) {
		for (int kind = 0; kind < WORLD_KINDS; kind++) {
			struct world_sa *sa = &w->sas[t][kind];
			sa->tunnel = t;
			sa->kind = kind;
			world_plan(w, sa, WORLD_BEGIN + t * WORLD_RISE / w->tunnels);
		}
	}
}

static inline void world_live(struct world *w)
{
	const uint64_t end = WORLD_BEGIN + (uint64_t)WORLD_PERIODS * LIFETIME_REKEY_IKE * 1000;
	struct world_sa *sa;

	world_rise(w);
	while ((sa = (struct world_sa *)agenda_first(&w->agenda)) && sa->item.due < end) {
		uint64_t now = sa->item.due;
		/* What peers do costs as well, but we do not choose when. */
		w->ticks[(now - WORLD_BEGIN) / WORLD_TICK] += !sa->by_peer;
		w->rekeys++;
		if (w->churn && (unsigned)rand() % w->churn == 0) {
			now += (uint64_t)rand() % 30000;
			world_plan(w, &w->sas[sa->tunnel][0], now);
			world_plan(w, &w->sas[sa->tunnel][1], now);
		} else {
			world_plan(w, sa, now);
		}
	}
}

static inline struct world_rate world_rate(const struct world *w)
{
	const size_t from = (size_t)LIFETIME_REKEY_IKE * WORLD_SECOND;
	const size_t to = (size_t)(WORLD_PERIODS - 1) * LIFETIME_REKEY_IKE * WORLD_SECOND;
	struct world_rate rate = { 0 };
	unsigned sum = 0, total = 0;

	for (size_t i = from; i < to; i++) {
		sum += w->ticks[i];
		if (i >= from + WORLD_SECOND)
			sum -= w->ticks[i - WORLD_SECOND];
		rate.peak = sum > rate.peak ? sum : rate.peak;
		total += w->ticks[i];
	}
	rate.mean = total * (double)WORLD_SECOND / (double)(to - from);
	return rate;
}

#endif
