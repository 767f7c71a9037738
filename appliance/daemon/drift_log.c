#include "appliance/daemon/drift_log.h"

#include <stdio.h>

void drift_log_add(struct drift_log *l, const struct drifts *found, uint64_t now)
{
	for (size_t i = 0; i < found->count; i++) {
		const struct drift *d = &found->items[i];
		struct drift_entry *e = &l->last[(l->count - l->unlisted) % DRIFT_LOG_KEPT];

		*e = (struct drift_entry){ .when = now, .repaired = d->repaired, .later = d->later };
		snprintf(e->what, sizeof(e->what), "%s", d->what);
		snprintf(e->by, sizeof(e->by), "%s", d->by);
		l->count++;
	}
	l->count += found->dropped;
	l->unlisted += found->dropped;
}

void drift_log_settled(struct drift_log *l, bool later)
{
	for (size_t i = 0; i < DRIFT_LOG_KEPT; i++)
		l->last[i].repaired = l->last[i].repaired || l->last[i].later == later;
}

/* After so long without a look the next one is the first of its row again. */
static uint64_t quiet_after(const struct drift_log *l)
{
	return 2 * l->wait;
}

uint64_t drift_log_wait(const struct drift_log *l, uint64_t now)
{
	uint64_t since = now - l->looked;

	if (!l->looked || since >= quiet_after(l))
		return 0;
	return since >= l->wait ? 0 : l->wait - since;
}

void drift_log_looked(struct drift_log *l, uint64_t now)
{
	bool in_row = l->looked && now - l->looked < quiet_after(l);

	l->wait = in_row ? 2 * l->wait : DRIFT_LOG_SETTLE;
	if (l->wait > DRIFT_LOG_PATIENCE)
		l->wait = DRIFT_LOG_PATIENCE;
	l->looked = now;
}

static json_t *entry(const struct drift_entry *e, uint64_t now)
{
	return json_pack("{s:I, s:s, s:o, s:b}", "age", (json_int_t)((now - e->when) / 1000000), "what", e->what, "by",
		e->by[0] ? json_string(e->by) : json_null(), "repaired", e->repaired);
}

json_t *drift_log_json(const struct drift_log *l, uint64_t now, const char *const *strangers, size_t n_strangers)
{
	json_t *last = json_array();
	json_t *chains = json_array();
	uint64_t listed = l->count - l->unlisted;

	for (uint64_t i = 0; i < listed && i < DRIFT_LOG_KEPT; i++)
		json_array_append_new(last, entry(&l->last[(listed - 1 - i) % DRIFT_LOG_KEPT], now));
	for (size_t i = 0; i < n_strangers; i++)
		json_array_append_new(chains, json_string(strangers[i]));
	return json_pack("{s:I, s:o, s:o}", "count", (json_int_t)l->count, "last", last, "foreign_chains", chains);
}
