#include "appliance/isolation/sa_table.h"

#include "appliance/isolation/sa.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct sa_node {
	struct sa sa;
	struct sa_node *next;
};

static size_t bucket_of(const struct sa_table *t, uint32_t spi, const struct ip *daddr)
{
	uint32_t hash = (t->seed ^ spi) * 0x9e3779b1u;

	for (size_t i = 0; i < sizeof(daddr->octets); i++)
		hash = (hash ^ daddr->octets[i]) * 0x01000193u;
	return (hash ^ hash >> 16) & (t->n_buckets - 1);
}

static int grow(struct sa_table *t)
{
	struct sa_table bigger = *t;

	bigger.n_buckets = t->n_buckets > 0 ? 2 * t->n_buckets : 64;
	bigger.buckets = calloc(bigger.n_buckets, sizeof(*bigger.buckets));
	if (!bigger.buckets)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_buckets; i++)
		for (struct sa_node *n = t->buckets[i], *next; n; n = next) {
			size_t to = bucket_of(&bigger, n->sa.spi, &n->sa.daddr);
			next = n->next;
			n->next = bigger.buckets[to];
			bigger.buckets[to] = n;
		}
	free(t->buckets);
	*t = bigger;
	return 0;
}

/* Where the pointer to the SA is, or would be. The table has buckets. */
static struct sa_node **find(const struct sa_table *t, uint32_t spi, const struct ip *daddr)
{
	struct sa_node **at = &t->buckets[bucket_of(t, spi, daddr)];

	while (*at && ((*at)->sa.spi != spi || !ip_equal(&(*at)->sa.daddr, daddr)))
		at = &(*at)->next;
	return at;
}

const struct sa *sa_table_find(const struct sa_table *t, uint32_t spi, const struct ip *daddr)
{
	struct sa_node **at = t->n_buckets ? find(t, spi, daddr) : NULL;

	return at && *at ? &(*at)->sa : NULL;
}

int sa_table_put(struct sa_table *t, const struct sa *sa)
{
	if (t->count == t->n_buckets) {
		int r = grow(t);
		if (r < 0)
			return r;
	}
	struct sa_node **at = find(t, sa->spi, &sa->daddr);
	if (*at) {
		(*at)->sa = *sa;
		return 0;
	}
	struct sa_node *n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->sa = *sa;
	*at = n;
	t->count++;
	return 0;
}

void sa_table_remove(struct sa_table *t, uint32_t spi, const struct ip *daddr)
{
	if (t->count == 0)
		return;
	struct sa_node **at = find(t, spi, daddr), *n = *at;
	if (!n)
		return;
	*at = n->next;
	free(n);
	t->count--;
}

void sa_table_clear(struct sa_table *t)
{
	for (size_t i = 0; i < t->n_buckets; i++) {
		for (struct sa_node *n = t->buckets[i], *next; n; n = next) {
			next = n->next;
			free(n);
		}
		t->buckets[i] = NULL;
	}
	t->count = 0;
}

static int compare_sas(const void *a, const void *b)
{
	return sa_compare(a, b);
}

int sa_table_list(struct sa_table *t)
{
	struct sa *list = calloc(t->count + 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_buckets; i++)
		for (const struct sa_node *node = t->buckets[i]; node; node = node->next)
			list[n++] = node->sa;
	qsort(list, n, sizeof(*list), compare_sas);
	free(t->list);
	t->list = list;
	t->list_count = n;
	return 0;
}

/* The youngest of these inbound SAs that was there when out came, or NULL. */
static const struct sa *partner_of(const struct sa *inbound, size_t n, const struct sa *out)
{
	const struct sa *partner = NULL;

	/* A second: both are installed at once, in either order. */
	for (size_t i = 0; i < n; i++)
		if (inbound[i].added <= out->added + 1 && (!partner || inbound[i].added > partner->added) &&
			ip_equal(&inbound[i].saddr, &out->daddr) && ip_equal(&inbound[i].daddr, &out->saddr))
			partner = &inbound[i];
	return partner;
}

void sa_table_pair(struct sa_table *t)
{
	/* A peer that makes more SAs of one link than this has their own ages counted. */
	enum { MOST = 64 };
	size_t first = 0;
	size_t n = 0;

	for (size_t i = 0; i < t->list_count; i++) {
		struct sa *sa = &t->list[i];

		if (t->list[first].if_id != sa->if_id) {
			first = i;
			n = 0;
		}
		if (!sa->outbound) {
			n += n < MOST;
		} else if (!sa->paired) {
			const struct sa *partner = partner_of(t->list + first, n, sa);
			if (partner && partner->added < sa->added)
				sa->added = partner->added;
			sa->paired = true;
			struct sa_node *node = *find(t, sa->spi, &sa->daddr);
			if (node)
				node->sa = *sa;
		}
	}
}

void sa_table_each(struct sa_table *t, void (*change)(struct sa *sa, const void *arg), const void *arg)
{
	for (size_t i = 0; i < t->n_buckets; i++)
		for (struct sa_node *n = t->buckets[i]; n; n = n->next)
			change(&n->sa, arg);
}

/* Index of the first SA whose if_id is not below. */
static size_t lower_bound(const struct sa_table *t, uint64_t if_id)
{
	size_t low = 0, high = t->list_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (t->list[middle].if_id < if_id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct sa *sa_table_of(const struct sa_table *t, uint32_t if_id, size_t *ret_count)
{
	size_t first = lower_bound(t, if_id);

	*ret_count = lower_bound(t, (uint64_t)if_id + 1) - first;
	return t->list ? t->list + first : NULL;
}

void sa_table_free(struct sa_table *t)
{
	if (!t)
		return;
	sa_table_clear(t);
	free(t->buckets);
	free(t->list);
	*t = (struct sa_table){ 0 };
}
