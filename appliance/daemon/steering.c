#include "appliance/daemon/steering.h"

#include "appliance/isolation/carrying.h"
#include "conf/model.h"
#include "lib/buf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND = 1000 * 1000 };

static int compare(const void *a, const void *b)
{
	const struct steered *x = a, *y = b;

	return (x->if_id > y->if_id) - (x->if_id < y->if_id);
}

struct steered *steering_find(const struct steering *s, uint32_t if_id)
{
	const struct steered key = { .if_id = if_id };

	return s->count ? bsearch(&key, s->links, s->count, sizeof(key), compare) : NULL;
}

static size_t count_links(const struct model *m)
{
	size_t count = 0;

	for (size_t i = 0; m && i < m->n_apns; i++)
		count += m->apns[i].n_links;
	return count;
}

int steering_use(struct steering *s, const struct model *model)
{
	struct steering next = { .model = model, .count = count_links(model) };
	size_t n = 0;

	next.links = calloc(next.count + 1, sizeof(*next.links));
	if (!next.links)
		return -ENOMEM;
	for (size_t i = 0; model && i < model->n_apns; i++) {
		for (size_t k = 0; k < model->apns[i].n_links; k++) {
			const struct link *link = &model->apns[i].links[k];
			const struct steered *known = steering_find(s, link->if_id);

			if (known)
				next.links[n] = *known;
			next.links[n].if_id = link->if_id;
			next.links[n].apn = &model->apns[i];
			next.links[n++].link = link;
		}
	}
	qsort(next.links, next.count, sizeof(*next.links), compare);
	free(s->links);
	*s = next;
	return 0;
}

static uint64_t hold_down(const struct steered *l)
{
	return (uint64_t)l->apn->hold_down * SECOND;
}

/* A failure soon after a hold-down, or during it, is a relapse. */
static void note_fall(struct steered *l, uint64_t now)
{
	bool relapse = l->held_until && now < l->held_until + STEERING_CALM * hold_down(l);

	if (!relapse)
		l->relapses = 0;
	else if (l->relapses < STEERING_DOUBLINGS)
		l->relapses++;
	l->fell = true;
}

/* How many CHILD_SAs a link has when it is whole; a selector pairs with those of its own family. */
static uint32_t pairs_wanted(const struct link *l)
{
	uint32_t count = 0;

	for (size_t i = 0; l->each_pair && i < l->n_local; i++)
		for (size_t k = 0; k < l->n_remote; k++)
			count += l->local[i].ip.family == l->remote[k].ip.family;
	return count ? count : 1;
}

static bool is_partial(const struct steered *l)
{
	return l->carries && l->pairs < pairs_wanted(l->link);
}

static uint64_t partial_until(const struct steered *l)
{
	return l->partial_since + (uint64_t)STEERING_PARTIAL * SECOND;
}

/* What follows from what has changed, and from the time. */
static void judge(struct steered *l, uint64_t now)
{
	bool sound = l->carries && !l->silent && !l->failing && !(is_partial(l) && now >= partial_until(l));

	if (sound == l->sound)
		return;
	l->sound = sound;
	l->since = now;
	if (!sound)
		note_fall(l, now);
	else if (l->fell)
		l->held_until = now + (hold_down(l) << l->relapses);
}

/* sa: NULL if it has none. */
static void take_pairs(struct steered *l, const struct carrying_link *sa, uint64_t now)
{
	uint32_t pairs = sa ? sa->pairs : 0, wanted = pairs_wanted(l->link);

	/* While more and more get one it is coming up. */
	if (!is_partial(l) || pairs > l->pairs || wanted != l->wanted)
		l->partial_since = now;
	l->carries = sa != NULL;
	l->pairs = pairs;
	l->wanted = wanted;
}

void steering_carry(struct steering *s, const struct carrying *sas, uint64_t now)
{
	for (size_t i = 0; i < s->count; i++) {
		struct steered *l = &s->links[i];
		const struct carrying_link *sa = carrying_find(sas, l->if_id);

		/* What was seen on SAs that are gone says nothing of those to come. */
		if (l->carries != (sa != NULL))
			l->failing = l->proven = l->probed = false;
		take_pairs(l, sa, now);
		judge(l, now);
	}
}

void steering_silence(struct steering *s, const char *tunnel, bool silent, uint64_t now)
{
	for (size_t i = 0; i < s->count; i++) {
		struct steered *l = &s->links[i];

		if (strcmp(l->link->tunnel->name, tunnel) != 0 || l->silent == silent)
			continue;
		l->silent = silent;
		l->silent_since = now;
		judge(l, now);
	}
}

void steering_probe(struct steered *l, bool probed, bool proven, uint32_t unanswered, bool failing, uint64_t now)
{
	l->probed = probed;
	l->proven = proven;
	l->unanswered = unanswered;
	l->failing = probed && failing;
	judge(l, now);
}

enum steering_state steering_state(const struct steered *l, uint64_t now)
{
	if (!l->carries)
		return STEERING_DOWN;
	if (!l->sound)
		return STEERING_SUSPECT;
	if (now < l->held_until)
		return STEERING_HELD;
	return l->probed && !l->proven ? STEERING_UNPROVEN : STEERING_GOOD;
}

/* Only of links that carry. */
static uint32_t tier(const struct steered *l, uint64_t now)
{
	static const uint32_t tiers[] = {
		[STEERING_GOOD] = 0,
		[STEERING_UNPROVEN] = 1,
		[STEERING_HELD] = 1,
		[STEERING_SUSPECT] = 2,
	};

	return tiers[steering_state(l, now)];
}

/* The best tier among an APN's links that carry, and which of them is used: the first of that tier. */
static struct steered *find_best(const struct steering *s, const struct apn *a, uint64_t now)
{
	struct steered *best = NULL;

	for (size_t i = 0; i < a->n_links; i++) {
		struct steered *l = steering_find(s, a->links[i].if_id);

		if (!l)
			continue;
		l->used = false;
		if (l->carries && (!best || tier(l, now) < tier(best, now)))
			best = l;
	}
	return best;
}

/* Ranks count from the best one's: where all links of an APN are alike, nothing changes. */
static int rank_apn(const struct steering *s, const struct apn *a, uint64_t now, struct carrying *c)
{
	struct steered *best = find_best(s, a, now);
	int r = 0;

	if (!best)
		return 0;
	best->used = true;
	for (size_t i = 0; i < a->n_links && r == 0; i++) {
		const struct steered *l = steering_find(s, a->links[i].if_id);

		if (l && l->carries)
			r = carrying_put(c, l->if_id, tier(l, now) - tier(best, now));
	}
	return r;
}

int steering_rank(struct steering *s, uint64_t now, struct carrying *ret)
{
	struct carrying c = { 0 };
	int r = 0;

	for (size_t i = 0; i < s->count; i++)
		judge(&s->links[i], now);
	for (size_t i = 0; s->model && i < s->model->n_apns && r == 0; i++)
		r = rank_apn(s, &s->model->apns[i], now, &c);
	if (r < 0) {
		carrying_free(&c);
		return r;
	}
	*ret = c;
	return 0;
}

uint64_t steering_next(const struct steering *s, uint64_t now)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < s->count; i++) {
		const struct steered *l = &s->links[i];

		if (l->sound && l->held_until > now && l->held_until < next)
			next = l->held_until;
		if (l->sound && is_partial(l) && partial_until(l) < next)
			next = partial_until(l);
	}
	return next;
}

static void print_suspicion(const struct steered *l, uint64_t now, struct buf *out)
{
	const char *before = "";

	if (l->silent) {
		buf_printf(out, "peer does not answer since %" PRIu64 " s", (now - l->silent_since) / SECOND);
		before = "; ";
	}
	if (l->failing) {
		buf_printf(out, "%sprobe: the last %" PRIu32 " unanswered", before, l->unanswered);
		before = "; ";
	}
	if (is_partial(l))
		buf_printf(out, "%sSAs for %" PRIu32 " of %" PRIu32 " pairs of selectors only, since %" PRIu64 " s", before,
			l->pairs, pairs_wanted(l->link), (now - l->partial_since) / SECOND);
}

void steering_reason(const struct steered *l, uint64_t now, struct buf *out)
{
	switch (steering_state(l, now)) {
	case STEERING_GOOD:
		return;
	case STEERING_DOWN:
		buf_puts(out, "no SA");
		return;
	case STEERING_UNPROVEN:
		buf_puts(out, "no probe was answered yet");
		return;
	case STEERING_HELD:
		buf_printf(out, "held down for %" PRIu64 " s more", (l->held_until - now + SECOND - 1) / SECOND);
		return;
	case STEERING_SUSPECT:
		print_suspicion(l, now, out);
		return;
	}
}

void steering_free(struct steering *s)
{
	free(s->links);
	*s = (struct steering){ 0 };
}
