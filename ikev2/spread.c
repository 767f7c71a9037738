/*
 * The calendar is a ring of seconds, with a tree of minima over it: node i has the least load of its two children 2i
 * and 2i + 1, the leaves are the seconds.
 */
#include "ikev2/spread.h"

#include <stdlib.h>

enum {
	WIDTH = 1000, /* milliseconds of one second of the calendar */
	PART_BITS = 5,
	PARTS = 1 << PART_BITS,
	SHARE_BITS = 20, /* shares are fixed-point, so that what is added can be taken off exactly */
};

struct spread {
	uint64_t random; /* state of the generator */
	uint32_t phase; /* where in a second the first one is, in 1/1000 */
	uint64_t shares; /* of all that is planned: loads that an even spread would give to each second */
	uint32_t load[2 * SPREAD_SECONDS]; /* the tree */
	uint32_t parts[SPREAD_SECONDS]; /* which parts of a second are taken: a bit each */
};

/* A second, absolute, and how much is planned for it. */
struct best {
	uint64_t second;
	uint32_t load;
};

static uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= UINT64_C(0x9e3779b97f4a7c15);
	x ^= x >> 29;
	x *= UINT64_C(0xd6e8feb86659fd93);
	return x ^ x >> 32;
}

static uint64_t next_random(struct spread *s)
{
	s->random += UINT64_C(0x9e3779b97f4a7c15);
	return mix(s->random);
}

static uint32_t leaf(uint64_t second)
{
	return (uint32_t)(second % SPREAD_SECONDS);
}

static void add(struct spread *s, uint32_t at, uint32_t difference)
{
	size_t i = SPREAD_SECONDS + at;

	s->load[i] += difference;
	for (i /= 2; i; i /= 2) {
		uint32_t left = s->load[2 * i], right = s->load[2 * i + 1];
		s->load[i] = left < right ? left : right;
	}
}

/* The last one of the emptiest leaves from first to last. */
static uint32_t emptiest_leaf(const struct spread *s, uint32_t first, uint32_t last)
{
	size_t i = SPREAD_SECONDS + first, k = SPREAD_SECONDS + last + 1, left = 0, right = 0, node;

	/* The nodes that cover the range: from the left one after the other to the right, from the right to the left. */
	for (; i < k; i /= 2, k /= 2) {
		if (i % 2) {
			if (!left || s->load[i] <= s->load[left])
				left = i;
			i++;
		}
		if (k % 2) {
			k--;
			if (!right || s->load[k] < s->load[right])
				right = k;
		}
	}
	node = !left || (right && s->load[right] <= s->load[left]) ? right : left;
	while (node < SPREAD_SECONDS)
		node = 2 * node + (s->load[2 * node + 1] <= s->load[2 * node]);
	return (uint32_t)(node - SPREAD_SECONDS);
}

static void better(const struct spread *s, struct best *best, uint64_t first, uint64_t last)
{
	uint32_t at = emptiest_leaf(s, leaf(first), leaf(last)), load = s->load[SPREAD_SECONDS + at];

	if (load <= best->load)
		*best = (struct best){ .second = first + (at - leaf(first)), .load = load };
}

/* The last one of the emptiest seconds from first to last that is better than best. */
static void search(const struct spread *s, struct best *best, uint64_t first, uint64_t last)
{
	uint64_t turn = last - leaf(last);

	if (first > last)
		return;
	/* Around the end of the ring. */
	if (leaf(first) > leaf(last)) {
		better(s, best, first, turn - 1);
		first = turn;
	}
	better(s, best, first, last);
}

/* The same, but not near to the other times from number i on. */
static void search_apart(
	const struct spread *s, const struct spread_wish *wish, size_t i, struct best *best, uint64_t first, uint64_t last)
{
	uint64_t from, to;

	if (i == wish->n_others) {
		search(s, best, first, last);
		return;
	}
	from = (wish->others[i] - (wish->others[i] < wish->distance ? wish->others[i] : wish->distance)) / WIDTH;
	to = (wish->others[i] + wish->distance) / WIDTH;
	if (to < first || from > last) {
		search_apart(s, wish, i + 1, best, first, last);
		return;
	}
	if (from > first)
		search_apart(s, wish, i + 1, best, first, from - 1);
	if (to < last)
		search_apart(s, wish, i + 1, best, to + 1, last);
}

/* The wish's times in whole seconds; of those at the edges only what lies mostly inside. */
static uint64_t begin_of(uint64_t time, uint64_t last)
{
	uint64_t second = time / WIDTH;

	return time % WIDTH > WIDTH / 2 && second < last ? second + 1 : second;
}

static uint64_t end_of(const struct spread_wish *wish)
{
	uint64_t second = wish->last / WIDTH;

	return wish->last % WIDTH < WIDTH / 2 && second > wish->usual / WIDTH ? second - 1 : second;
}

static struct best choose(struct spread *s, const struct spread_wish *wish)
{
	uint64_t last = end_of(wish), usual = begin_of(wish->usual, last), soonest = begin_of(wish->soonest, last);
	uint32_t fair = (uint32_t)(s->shares >> SHARE_BITS);
	struct best best = { .load = UINT32_MAX };

	search_apart(s, wish, 0, &best, usual, usual + next_random(s) % (last - usual + 1));
	if (best.load > fair)
		search_apart(s, wish, 0, &best, usual, last);
	if (best.load > fair) {
		struct best early = { .load = UINT32_MAX };
		search_apart(s, wish, 0, &early, soonest, last);
		if (early.load < best.load)
			best = early;
	}
	if (best.load == UINT32_MAX)
		search(s, &best, usual, last);
	return best;
}

/*
 * A part of a second that nobody has: of the free ones the first in an order that always halves the widest gap. Those
 * of a second share parts only where it has more rekeys than parts.
 */
static uint32_t free_part(const struct spread *s, uint32_t second)
{
	for (uint32_t k = 0; k < PARTS; k++) {
		uint32_t part = 0;
		for (unsigned bit = 0; bit < PART_BITS; bit++)
			part |= (k >> bit & 1) << (PART_BITS - 1 - bit);
		if (!(s->parts[second] >> part & 1))
			return part;
	}
	return s->load[SPREAD_SECONDS + second] % PARTS;
}

/* A moment in that part of the second, or of what the wish allows of the second. */
static uint64_t time_in(const struct spread *s, uint64_t second, uint32_t part, const struct spread_wish *wish)
{
	uint64_t from = second * WIDTH, to = from + WIDTH - 1;

	if (from < wish->soonest)
		from = wish->soonest;
	if (to > wish->last)
		to = wish->last;
	return from + (to - from) * ((s->phase + part * 1000 / PARTS) % 1000) / 1000;
}

void spread_take(struct spread *s, const struct spread_wish *wish, struct spread_slot *ret_slot)
{
	struct best best = choose(s, wish);
	uint64_t period = wish->period < WIDTH ? WIDTH : wish->period;

	uint32_t second = leaf(best.second), part = free_part(s, second);

	*ret_slot = (struct spread_slot){
		.at = time_in(s, best.second, part, wish),
		.second = (uint16_t)second,
		.part = (uint16_t)part,
		.share = (uint32_t)(((uint64_t)WIDTH << SHARE_BITS) / period),
	};
	add(s, second, 1);
	s->parts[second] |= UINT32_C(1) << part;
	s->shares += ret_slot->share;
}

void spread_release(struct spread *s, struct spread_slot *slot)
{
	if (!slot->at)
		return;
	add(s, slot->second, (uint32_t)-1);
	s->parts[slot->second] &= ~(UINT32_C(1) << slot->part);
	s->shares -= slot->share;
	*slot = (struct spread_slot){ 0 };
}

struct spread *spread_new(uint64_t seed)
{
	struct spread *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->random = seed;
	s->phase = (uint32_t)(next_random(s) % 1000);
	return s;
}

void spread_free(struct spread *s)
{
	free(s);
}
