#include "appliance/daemon/policy_lack.h"

#include "appliance/daemon/link_index.h"
#include "appliance/daemon/links.h"
#include "appliance/isolation/policy.h"
#include "appliance/isolation/sa.h"
#include "appliance/isolation/sa_watch.h"
#include "conf/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct sa *sas_of(const struct links *links, size_t *ret_count)
{
	struct sa_watch *w = links_sas(links);

	*ret_count = 0;
	return w ? sa_watch_all(w, ret_count) : NULL;
}

static void enter(struct lacks *l, const struct lack *item)
{
	l->items[l->count++] = *item;
	l->unmended += item->state != LACK_MENDED;
}

static void change(struct lack *l, enum lack_state state, uint64_t now)
{
	if (l->state != state)
		l->since = now;
	l->state = state;
}

static bool is_forgotten(const struct lack *l, uint64_t now)
{
	return l->state == LACK_MENDED && now - l->since >= LACK_KEPT;
}

/* A link with SAs both ways; was: what is known of it, or NULL. */
static void take_present(struct lacks *found, uint32_t if_id, const struct lack *was, bool complete, uint64_t now)
{
	struct lack l = was && !is_forgotten(was, now) ? *was : (struct lack){ .if_id = if_id };

	if (complete && !l.orders)
		return;
	if (complete) {
		l.told = false;
		l.tried = false;
	} else if (l.state != LACK_OPEN && l.next < now + LACK_CONFIRM) {
		l.next = now + LACK_CONFIRM;
	}
	change(&l, complete ? LACK_MENDED : LACK_OPEN, now);
	enter(found, &l);
}

/* One whose SAs are gone, be it for the time of our own restart. What was not lasting is no loss. */
static void take_absent(struct lacks *found, const struct links *links, const struct lack *was, uint64_t now)
{
	struct lack l = *was;

	if (is_forgotten(was, now) || (!was->told && !was->orders) || !links_knows(links, was->if_id))
		return;
	if (l.state == LACK_OPEN)
		change(&l, LACK_AWAY, now);
	enter(found, &l);
}

/* SAs come by if_id, inbound first: there is one such place for each link that has them both ways. */
static bool is_both_ways(const struct sa *s)
{
	return s[0].if_id == s[1].if_id && !s[0].outbound && s[1].outbound;
}

int lacks_find(
	const struct links *links, const struct policies *p, const struct lacks *before, uint64_t now, struct lacks *ret)
{
	size_t n, k = 0;
	const struct sa *all = sas_of(links, &n);
	struct lacks found = { .items = calloc(n + before->count + 1, sizeof(*found.items)) };

	if (!found.items)
		return -ENOMEM;
	for (size_t i = 0; i + 1 < n; i++) {
		uint32_t if_id = all[i].if_id;
		const struct lack *was = NULL;

		if (!is_both_ways(&all[i]) || !links_find(links, if_id))
			continue;
		while (k < before->count && before->items[k].if_id < if_id)
			take_absent(&found, links, &before->items[k++], now);
		if (k < before->count && before->items[k].if_id == if_id)
			was = &before->items[k++];
		take_present(&found, if_id, was, policies_complete(p, if_id), now);
	}
	while (k < before->count)
		take_absent(&found, links, &before->items[k++], now);
	if (!found.count)
		lacks_free(&found);
	*ret = found;
	return 0;
}

void lacks_free(struct lacks *l)
{
	free(l->items);
	*l = (struct lacks){ 0 };
}

bool lack_is_of(const struct links *links, uint32_t if_id, const char *tunnel)
{
	const struct link_entry *e = links_find(links, if_id);

	return e && strcmp(e->link->tunnel->name, tunnel) == 0;
}

struct lack lacks_sum(const struct lacks *l, const struct links *links, const char *tunnel)
{
	struct lack sum = { 0 };

	for (size_t i = 0; i < l->count; i++) {
		const struct lack *one = &l->items[i];
		if (!one->orders || !lack_is_of(links, one->if_id, tunnel))
			continue;
		sum.orders = one->orders > sum.orders ? one->orders : sum.orders;
		sum.next = one->next > sum.next ? one->next : sum.next;
		sum.tried = sum.tried || one->tried;
	}
	return sum;
}

void lacks_put_off(struct lacks *l, const struct links *links, const char *tunnel, uint64_t next)
{
	for (size_t i = 0; i < l->count; i++)
		if (lack_is_of(links, l->items[i].if_id, tunnel))
			l->items[i].next = next;
}

void lacks_not_begun(struct lacks *l, const struct links *links, const char *tunnel, uint64_t next)
{
	lacks_put_off(l, links, tunnel, next);
	for (size_t i = 0; i < l->count; i++)
		if (lack_is_of(links, l->items[i].if_id, tunnel))
			l->items[i].tried = false;
}

static uint64_t patience(const struct links *links, const char *tunnel)
{
	uint64_t usec = LACK_PATIENCE;
	size_t n;
	const struct sa *all = sas_of(links, &n);

	for (size_t i = 0; i < n; i++)
		if (all[i].outbound && lack_is_of(links, all[i].if_id, tunnel))
			usec += LACK_PATIENCE_EACH;
	return usec;
}

void lacks_ordered(struct lacks *l, const struct links *links, const char *tunnel, uint64_t now)
{
	unsigned orders = lacks_sum(l, links, tunnel).orders;
	uint64_t wait = patience(links, tunnel) << (orders < LACK_DOUBLINGS ? orders : LACK_DOUBLINGS);

	if (wait > LACK_KEPT)
		wait = LACK_KEPT;
	for (size_t i = 0; i < l->count; i++) {
		struct lack *one = &l->items[i];
		if (!lack_is_of(links, one->if_id, tunnel))
			continue;
		one->orders = orders + 1;
		one->next = now + wait;
		one->tried = one->tried || one->state == LACK_OPEN;
	}
}
