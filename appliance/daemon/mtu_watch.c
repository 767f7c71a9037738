#include "appliance/daemon/mtu_watch.h"

#include "appliance/isolation/mtu.h"
#include "appliance/isolation/mtu_path.h"
#include "appliance/isolation/netlink.h"
#include "appliance/isolation/sa.h"
#include "appliance/isolation/sa_watch.h"
#include "conf/model.h"
#include "lib/grow.h"
#include "lib/log.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>

/* The way from one of our addresses to a peer. */
struct way {
	struct ip from, to;
	struct mtu_path path;
	bool used; /* by an SA, in the look that runs or was last */
};

struct mtu_watch {
	struct nl_sock *sk;
	sd_event_source *timer;
	mtu_watch_fn fn;
	void *userdata;
	struct way *ways; /* owned; sorted by compare() */
	size_t n_ways;
	size_t size;
	struct link_mtus known;
	struct link_mtus measured; /* of these only octets count */
	uint32_t searched; /* if_id of the link that is being measured; 0: none */
};

static int compare(const void *a, const void *b)
{
	const struct way *x = a, *y = b;
	int c = ip_compare(&x->to, &y->to);

	return c != 0 ? c : ip_compare(&x->from, &y->from);
}

static struct mtu_path read_path(struct mtu_reader *r, const struct way *w)
{
	struct mtu_path path;

	if (mtu_path_read(r, &w->from, &w->to, &path) < 0)
		path = (struct mtu_path){ MTU_USUAL, MTU_ASSUMED };
	return path;
}

/* Asks again about all ways. True if one has another size. */
static bool read_again(struct mtu_watch *w)
{
	struct mtu_reader reader = { .sk = w->sk };
	bool changed = false;

	for (size_t i = 0; i < w->n_ways; i++) {
		struct mtu_path now = read_path(&reader, &w->ways[i]);
		changed = changed || now.outer != w->ways[i].path.outer || now.source != w->ways[i].path.source;
		w->ways[i].path = now;
	}
	return changed;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct mtu_watch *w = userdata;

	(void)usec;
	if (read_again(w))
		w->fn(w->userdata);
	sd_event_source_set_time_relative(s, MTU_WATCH_INTERVAL);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

int mtu_watch_new(sd_event *event, mtu_watch_fn fn, void *userdata, struct mtu_watch **ret)
{
	struct mtu_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->fn = fn;
	w->userdata = userdata;
	int r = netlink_open(NETLINK_ROUTE, &w->sk);
	if (r == 0)
		r = sd_event_add_time_relative(event, &w->timer, CLOCK_BOOTTIME, MTU_WATCH_INTERVAL, 0, on_timer, w);
	if (r < 0) {
		mtu_watch_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

void mtu_watch_free(struct mtu_watch *w)
{
	if (!w)
		return;
	sd_event_source_disable_unref(w->timer);
	nl_socket_free(w->sk);
	free(w->ways);
	mtu_free(&w->known);
	mtu_free(&w->measured);
	free(w);
}

/* The way of an SA, asked about if nothing is known of it. NULL for want of memory. */
static struct way *way_of(struct mtu_watch *w, const struct sa *sa)
{
	struct way way = { .from = sa->saddr, .to = sa->daddr };
	struct mtu_reader reader = { .sk = w->sk };
	size_t at = 0;

	struct way *found = w->n_ways > 0 ? bsearch(&way, w->ways, w->n_ways, sizeof(way), compare) : NULL;
	if (found)
		return found;
	struct way *ways = grow(w->ways, w->n_ways, &w->size, sizeof(*ways));
	if (!ways)
		return NULL;
	w->ways = ways;
	way.path = read_path(&reader, &way);
	while (at < w->n_ways && compare(&w->ways[at], &way) < 0)
		at++;
	memmove(w->ways + at + 1, w->ways + at, (w->n_ways - at) * sizeof(way));
	w->ways[at] = way;
	w->n_ways++;
	return &w->ways[at];
}

static void drop_unused(struct mtu_watch *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->n_ways; i++)
		if (w->ways[i].used)
			w->ways[kept++] = w->ways[i];
	w->n_ways = kept;
}

/* What was measured, where it is less; while the link is measured anew, for TCP alone. */
static void take_measured(const struct mtu_watch *w, bool ipv6, struct link_mtu *mtu)
{
	const struct link_mtu *measured = mtu_find(&w->measured, mtu->if_id);
	uint32_t least = ipv6 ? MTU_LEAST_IPV6 : MTU_LEAST_IPV4;

	mtu->most = mtu->octets;
	if (!measured || measured->octets >= mtu->octets)
		return;
	uint32_t octets = measured->octets < least ? least : measured->octets;
	if (w->searched == mtu->if_id) {
		mtu->tcp = octets;
		return;
	}
	mtu->octets = octets;
	mtu->path.source = MTU_MEASURED;
}

/* The smallest of the link's SAs, or what is known if it has none: octets is 0 if that is nothing. 0 or -ENOMEM. */
static int size_of(
	struct mtu_watch *w, const struct apn *a, uint32_t if_id, const struct sa_watch *sas, struct link_mtu *ret)
{
	const struct link_mtu *before = mtu_find(&w->known, if_id);
	bool ipv6 = a->n_pool > 0 && a->pool[0].ip.family == AF_INET6;
	struct link_mtu least = { .if_id = if_id };
	size_t n = 0;
	const struct sa *list = sa_watch_of(sas, if_id, &n);

	for (size_t i = 0; i < n; i++) {
		if (!list[i].outbound)
			continue;
		struct way *way = way_of(w, &list[i]);
		if (!way)
			return -ENOMEM;
		way->used = true;
		uint32_t octets = mtu_of(&list[i].shape, &way->path, ipv6);
		if (least.octets == 0 || octets < least.octets)
			least = (struct link_mtu){ .if_id = if_id, .octets = octets, .path = way->path };
	}
	take_measured(w, ipv6, &least);
	*ret = least.octets == 0 && before ? *before : least;
	return 0;
}

static void log_size(const struct apn *a, const struct link *l, const struct link_mtu *mtu)
{
	log_info("link %s/%s takes packets of %u octets; outside %u (%s)", a->name, l->tunnel->name, mtu->octets,
		mtu->path.outer, mtu_source_name(mtu->path.source));
}

/* Appends the link to next, if anything is known of it. 0 or -ENOMEM. */
static int look_at(struct mtu_watch *w, const struct apn *a, const struct link *l, const struct sa_watch *sas,
	struct link_mtus *next, bool *changed)
{
	const struct link_mtu *before = mtu_find(&w->known, l->if_id);
	struct link_mtu now;
	int r = size_of(w, a, l->if_id, sas, &now);

	if (r < 0 || now.octets == 0)
		return r;
	if (!before || !mtu_equal(before, &now)) {
		*changed = *changed || !before || before->octets != now.octets || before->tcp != now.tcp;
		log_size(a, l, &now);
	}
	return mtu_add(next, &now);
}

bool mtu_watch_look(struct mtu_watch *w, const struct model *m, const struct sa_watch *sas)
{
	struct link_mtus next = { 0 };
	bool changed = false;
	int r = 0;

	if (!sas)
		return false;
	for (size_t i = 0; i < w->n_ways; i++)
		w->ways[i].used = false;
	for (size_t i = 0; i < m->n_apns && r == 0; i++)
		for (size_t k = 0; k < m->apns[i].n_links && r == 0; k++)
			r = look_at(w, &m->apns[i], &m->apns[i].links[k], sas, &next, &changed);
	if (r < 0) {
		mtu_free(&next);
		return false;
	}
	drop_unused(w);
	mtu_sort(&next);
	mtu_free(&w->known);
	w->known = next;
	return changed;
}

int mtu_watch_measured(struct mtu_watch *w, uint32_t if_id, uint32_t octets)
{
	struct link_mtu mtu = { .if_id = if_id, .octets = octets };

	if (w->searched == if_id)
		w->searched = 0;
	return mtu_put(&w->measured, &mtu);
}

void mtu_watch_search(struct mtu_watch *w, uint32_t if_id)
{
	w->searched = if_id;
}

void mtu_watch_doubt(struct mtu_watch *w)
{
	(void)read_again(w);
}

const struct link_mtus *mtu_watch_known(const struct mtu_watch *w)
{
	return &w->known;
}
