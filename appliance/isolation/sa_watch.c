/*
 * Two sockets: events come in on one, questions and their answers use the other, so that neither waits for the other.
 * Groups are joined before the first dump, so nothing is missed; an event that the dump already knew does no harm.
 * After a loss the rest of the queue is thrown away before the dump: it is older than what was lost.
 */
#include "appliance/isolation/sa_watch.h"

#include "appliance/isolation/carrying.h"
#include "appliance/isolation/netlink.h"
#include "appliance/isolation/sa.h"
#include "appliance/isolation/sa_clock.h"
#include "appliance/isolation/sa_table.h"
#include "lib/prefix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { DUMP_TRIES = 5 };

struct sa_watch {
	struct nl_sock *events;
	struct nl_sock *requests;
	struct ip outer;
	struct sa_clock *clock; /* borrowed */
	struct sa_table table;
	const struct sa_table *before; /* while all is read anew: what was known; else NULL */
	struct carrying carrying;
};

/* An SA that is known keeps its age, whatever the kernel says of it later: it goes by a clock that can be set. */
static void set_age(const struct sa_watch *w, struct sa *sa)
{
	const struct sa *known = sa_table_find(&w->table, sa->spi, &sa->daddr);

	if (!known && w->before)
		known = sa_table_find(w->before, sa->spi, &sa->daddr);
	sa->added = known ? known->added : sa_clock_boot_time(w->clock, sa->made);
	sa->paired = known && known->paired;
}

static int take_message(struct nl_msg *msg, void *arg)
{
	const struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct sa_watch *w = arg;
	struct sa_event event;
	int r = sa_event_parse(nlh, nlh->nlmsg_len, &event);

	if (r < 0)
		return r;
	switch (event.kind) {
	case SA_EVENT_NONE:
		return 0;
	case SA_EVENT_NEW:
		event.sa.outbound = ip_equal(&event.sa.saddr, &w->outer);
		set_age(w, &event.sa);
		return sa_table_put(&w->table, &event.sa);
	case SA_EVENT_GONE:
		sa_table_remove(&w->table, event.sa.spi, &event.sa.daddr);
		return 0;
	case SA_EVENT_FLUSH:
		sa_table_clear(&w->table);
		return 0;
	}
	return 0;
}

static int read_all(struct sa_watch *w)
{
	struct sa_table before = w->table;
	int r = -EINTR;

	w->table = (struct sa_table){ .seed = before.seed };
	w->before = &before;
	for (int i = 0; i < DUMP_TRIES && r == -EINTR; i++) {
		sa_table_clear(&w->table);
		r = netlink_dump(w->requests, XFRM_MSG_GETSA, NULL, 0, take_message, w);
	}
	w->before = NULL;
	sa_table_free(&before);
	return r;
}

/* Whether one that is outbound is the first of its pair of selectors in the list. */
static bool begins_pair(const struct sa_table *t, size_t at)
{
	const struct sa *sa = &t->list[at], *before = at > 0 ? sa - 1 : NULL;

	return !before || before->if_id != sa->if_id || !before->outbound || before->reqid != sa->reqid;
}

/* Brings list and carrying up to the table. */
static int conclude(struct sa_watch *w, bool *ret_changed)
{
	struct carrying carrying = { 0 };
	int r = sa_table_list(&w->table);

	if (r == 0)
		sa_table_pair(&w->table);
	for (size_t i = 0; i < w->table.list_count && r == 0; i++) {
		const struct sa *sa = &w->table.list[i];
		if (sa->outbound && sa->if_id != 0 && begins_pair(&w->table, i))
			r = carrying_add(&carrying, sa->if_id);
	}
	if (r < 0) {
		carrying_free(&carrying);
		return r;
	}
	*ret_changed = !carrying_equal(&carrying, &w->carrying);
	carrying_free(&w->carrying);
	w->carrying = carrying;
	return 0;
}

static int open_sockets(struct sa_watch *w)
{
	static const int groups[] = { XFRMNLGRP_SA, XFRMNLGRP_EXPIRE, 0 };
	int r = netlink_listen(NETLINK_XFRM, groups, &w->events);

	return r < 0 ? r : netlink_open(NETLINK_XFRM, &w->requests);
}

int sa_watch_open(const struct ip *outer_address, struct sa_clock *clock, struct sa_watch **ret)
{
	struct sa_watch *w = calloc(1, sizeof(*w));
	bool changed;

	if (!w)
		return -ENOMEM;
	w->outer = *outer_address;
	w->clock = clock;
	sa_clock_look(clock);
	/* Without a random seed the table is only easier to slow down. */
	(void)!getrandom(&w->table.seed, sizeof(w->table.seed), GRND_NONBLOCK);
	int r = open_sockets(w);
	if (r == 0)
		r = read_all(w);
	if (r == 0)
		r = conclude(w, &changed);
	if (r < 0) {
		sa_watch_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

void sa_watch_free(struct sa_watch *w)
{
	if (!w)
		return;
	nl_socket_free(w->events);
	nl_socket_free(w->requests);
	sa_table_free(&w->table);
	carrying_free(&w->carrying);
	free(w);
}

static void set_direction(struct sa *sa, const void *arg)
{
	const struct sa_watch *w = arg;

	sa->outbound = ip_equal(&sa->saddr, &w->outer);
}

int sa_watch_set_outer(struct sa_watch *w, const struct ip *outer_address, bool *ret_changed)
{
	w->outer = *outer_address;
	sa_table_each(&w->table, set_direction, w);
	return conclude(w, ret_changed);
}

int sa_watch_fd(const struct sa_watch *w)
{
	return nl_socket_get_fd(w->events);
}

int sa_watch_process(struct sa_watch *w, bool *ret_changed)
{
	sa_clock_look(w->clock);
	int r = netlink_drain(w->events, take_message, w);

	/* A message that makes no sense is handled like one that was lost. */
	if (r == -ENOBUFS || r == -EBADMSG || r == -ENOMEM)
		r = read_all(w);
	return r < 0 ? r : conclude(w, ret_changed);
}

const struct carrying *sa_watch_carrying(const struct sa_watch *w)
{
	return &w->carrying;
}

const struct sa *sa_watch_all(const struct sa_watch *w, size_t *ret_count)
{
	*ret_count = w->table.list_count;
	return w->table.list;
}

const struct sa *sa_watch_of(const struct sa_watch *w, uint32_t if_id, size_t *ret_count)
{
	return sa_table_of(&w->table, if_id, ret_count);
}

int sa_watch_delete(struct sa_watch *w, const struct sa *sa)
{
	struct xfrm_usersa_id id = { .spi = htonl(sa->spi), .family = (uint16_t)sa->daddr.family, .proto = IPPROTO_ESP };
	struct nl_msg *msg = nlmsg_alloc_simple(XFRM_MSG_DELSA, 0);

	memcpy(&id.daddr, sa->daddr.octets, sizeof(id.daddr));
	if (msg && nlmsg_append(msg, &id, sizeof(id), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	int r = netlink_request(w->requests, msg);
	return r == -ESRCH ? 0 : r < 0 ? r : 1;
}
