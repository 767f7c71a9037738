/*
 * A search whose result is less than what should pass is made twice, the second time from the first one's result
 * upwards: on a way that loses packets by chance one of them may come out too small. The number in a packet is its
 * size: an answer says what it answers, however late it is. Failure policy: what cannot be sent for reasons of this
 * machine says nothing; the link keeps what it had and has another turn later.
 */
#include "appliance/daemon/mtu_prober.h"

#include "appliance/daemon/link_choice.h"
#include "appliance/daemon/link_index.h"
#include "appliance/daemon/links.h"
#include "appliance/daemon/mtu_turn.h"
#include "appliance/daemon/probe_packet.h"
#include "appliance/daemon/probe_socket.h"
#include "appliance/isolation/mtu.h"
#include "appliance/isolation/mtu_search.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	SECOND = 1000 * 1000,
	PACKET_MAX = 65535,
	HEADER_IPV4 = 20,
	HEADER_IPV6 = 40,
	READS = 8, /* before others have their turn */
	SENDS = 2, /* an error of an earlier packet is told instead of sending */
};

struct measured { /* one link */
	uint32_t if_id;
	struct probe probe;
	struct mtu_turn turn;
};

struct search { /* .link is NULL while none runs */
	struct measured *link;
	struct mtu_search sizes;
	uint64_t since; /* the link is sound */
	uint32_t least, most;
	bool again; /* it is the second one */
	uint64_t cookie; /* in every packet; nobody else knows it */
	uint32_t asked; /* the size that waits for its answer; 0: none */
	int fd; /* -1: none */
	sd_event_source *io;
};

struct mtu_prober {
	sd_event *event; /* referenced */
	struct links *links; /* borrowed */
	struct measured *list; /* owned */
	size_t count;
	size_t turn; /* in list: who is looked at first */
	struct search search;
	bool held;
	sd_event_source *timer;
	uint8_t packet[PACKET_MAX]; /* zero beyond what probes carry */
	uint8_t answer[PACKET_MAX]; /* a ping socket tells the length of what it copied alone */
};

static uint64_t now_of(const struct mtu_prober *p)
{
	uint64_t now = 0;

	sd_event_now(p->event, CLOCK_BOOTTIME, &now);
	return now;
}

static void wake_in(struct mtu_prober *p, uint64_t usec)
{
	sd_event_source_set_time(p->timer, now_of(p) + usec);
	sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
}

/* Nothing runs any more; what is looked for next is found in a moment. */
static void close_search(struct mtu_prober *p)
{
	p->search.io = sd_event_source_disable_unref(p->search.io);
	if (p->search.fd >= 0)
		close(p->search.fd);
	p->search = (struct search){ .fd = -1 };
	wake_in(p, MTU_PROBER_LOOK);
}

/* The link keeps what it had. */
static void give_up(struct mtu_prober *p)
{
	struct search *s = &p->search;

	mtu_turn_done(&s->link->turn, s->since, s->most, now_of(p) + MTU_TURN_FAILED);
	close_search(p);
	links_search(p->links, 0);
}

static void log_result(const struct mtu_prober *p, uint32_t octets)
{
	const struct search *s = &p->search;
	const struct link_entry *e = links_find(p->links, s->link->if_id);

	if (!e)
		return;
	if (octets == 0)
		log_notice("link %s/%s is not measured: the probe's target answers, but nothing of %u octets or more",
			e->apn->name, e->link->tunnel->name, s->least);
	else if (octets < s->most)
		log_warning("link %s/%s: packets of more than %u octets get lost on the way and nobody says so; %u should pass",
			e->apn->name, e->link->tunnel->name, octets, s->most);
}

/* Both searches are over, or the first one left no doubt. */
static void conclude(struct mtu_prober *p, uint32_t octets)
{
	struct search *s = &p->search;
	uint32_t if_id = s->link->if_id;
	bool whole = octets == s->most;

	if (octets == 0) {
		log_result(p, 0);
		give_up(p);
		return;
	}
	log_result(p, octets);
	mtu_turn_done(&s->link->turn, s->since, s->most, now_of(p) + (whole ? MTU_TURN_WHOLE : MTU_TURN_LESS));
	close_search(p);
	links_measured(p->links, if_id, whole ? 0 : octets);
}

static uint32_t header_of(const struct probe *p)
{
	return p->target.family == AF_INET6 ? HEADER_IPV6 : HEADER_IPV4;
}

/* 0, -EMSGSIZE: it is too big already here, or -errno. */
static int send_size(struct mtu_prober *p, uint32_t size)
{
	const struct search *s = &p->search;
	int r = 0;

	(void)probe_packet_write(&s->link->probe, s->cookie, size, p->packet);
	for (int i = 0; i < SENDS; i++) {
		if (send(s->fd, p->packet, size - header_of(&s->link->probe), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return 0;
		r = -errno;
	}
	return r;
}

/* Sends what the search asks for, until one is on its way; ends the search when it asks for no more. */
static void ask(struct mtu_prober *p)
{
	struct search *s = &p->search;
	uint32_t size;

	s->asked = 0;
	if (p->held) {
		wake_in(p, MTU_PROBER_LOOK);
		return;
	}
	while ((size = mtu_search_next(&s->sizes)) > 0) {
		int r = send_size(p, size);

		if (r == 0) {
			s->asked = size;
			wake_in(p, (uint64_t)s->link->probe.patience * SECOND);
			return;
		}
		if (r != -EMSGSIZE) {
			give_up(p);
			return;
		}
		mtu_search_answer(&s->sizes, false);
	}
	uint32_t found = mtu_search_result(&s->sizes);
	if (found == 0 || found == s->most || s->again) {
		conclude(p, found);
		return;
	}
	s->again = true;
	mtu_search_begin(&s->sizes, found, s->most);
	ask(p);
}

static void take(struct mtu_prober *p, bool came)
{
	mtu_search_answer(&p->search.sizes, came);
	ask(p);
}

/* Whether it is the answer to what was asked, as a whole. */
static bool is_answer(const struct search *s, const uint8_t *packet, size_t len)
{
	uint32_t number;

	return s->asked > 0 && len == s->asked - header_of(&s->link->probe) &&
		   probe_packet_read(&s->link->probe, s->cookie, packet, len, &number) && number == s->asked;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct mtu_prober *p = userdata;

	(void)source;
	(void)events;
	for (int i = 0; i < READS; i++) {
		ssize_t len = recv(fd, p->answer, sizeof(p->answer), MSG_DONTWAIT);

		if (len < 0 && errno == EMSGSIZE && p->search.asked > 0) { /* a router has said so */
			take(p, false);
			return 0;
		}
		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (len >= 0 && is_answer(&p->search, p->answer, (size_t)len)) {
			take(p, true);
			return 0;
		}
	}
	return 0;
}

/* Packets leave whole, with DF, whatever the kernel believes of the way; the interface's MTU alone bounds them. */
static int forbid_fragments(int fd, int family)
{
	const int probe4 = IP_PMTUDISC_PROBE, probe6 = IPV6_PMTUDISC_PROBE, yes = 1;

	if (family == AF_INET)
		return setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe4, sizeof(probe4)) < 0 ? -errno : 0;
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe6, sizeof(probe6)) < 0 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_DONTFRAG, &yes, sizeof(yes)) < 0)
		return -errno;
	return 0;
}

static int connect_socket(int fd, const struct probe *p)
{
	struct sockaddr_storage source, target;
	socklen_t len = probe_socket_address(&p->source, 0, &source);
	int r = forbid_fragments(fd, p->target.family);

	if (r < 0)
		return r;
	probe_socket_address(&p->target, 0, &target);
	if (bind(fd, (struct sockaddr *)&source, len) < 0 || connect(fd, (struct sockaddr *)&target, len) < 0)
		return -errno;
	return 0;
}

static int open_socket(struct mtu_prober *p)
{
	struct search *s = &p->search;
	int r = s->fd = probe_socket_open(&s->link->probe, s->link->if_id);

	if (r >= 0)
		r = connect_socket(s->fd, &s->link->probe);
	if (r >= 0)
		r = sd_event_add_io(p->event, &s->io, s->fd, EPOLLIN, on_io, p);
	return r < 0 ? r : 0;
}

/* Whether its probes go through, and since when. */
static bool is_well(const struct mtu_prober *p, const struct measured *l, uint64_t *ret_since)
{
	struct link_choice_view view = { 0 };
	struct buf reason = { 0 };
	bool known = links_view(p->links, l->if_id, &view, &reason);

	buf_free(&reason);
	*ret_since = view.since;
	return known && view.sound && view.proven;
}

static void begin(struct mtu_prober *p, struct measured *l, const struct link_mtu *mtu, uint64_t since)
{
	p->search = (struct search){
		.link = l,
		.since = since,
		.least = mtu_turn_least(mtu, l->probe.target.family == AF_INET6),
		.most = mtu->most,
		.fd = -1,
	};
	/* Without random octets answers are told apart by size alone. */
	(void)!getrandom(&p->search.cookie, sizeof(p->search.cookie), GRND_NONBLOCK);
	mtu_search_begin(&p->search.sizes, p->search.least, p->search.most);
	links_search(p->links, l->if_id);
	if (open_socket(p) < 0)
		give_up(p);
	else
		ask(p);
}

/* Begins with the next link whose turn it is. */
static void look(struct mtu_prober *p)
{
	for (size_t i = 0; i < p->count; i++) {
		size_t at = (p->turn + i) % p->count;
		struct measured *l = &p->list[at];
		const struct link_mtu *mtu = mtu_find(links_mtus(p->links), l->if_id);
		uint64_t since;

		if (!mtu || !is_well(p, l, &since) || !mtu_turn_due(&l->turn, since, mtu->most, now_of(p)))
			continue;
		p->turn = at + 1;
		begin(p, l, mtu, since);
		return;
	}
	wake_in(p, MTU_PROBER_LOOK);
}

/* What runs says nothing any more once the link was lost, or its SAs or way are others. */
static bool is_void(const struct mtu_prober *p)
{
	const struct search *s = &p->search;
	const struct link_mtu *mtu = mtu_find(links_mtus(p->links), s->link->if_id);
	uint64_t since;

	return !is_well(p, s->link, &since) || since != s->since || !mtu || mtu->most != s->most;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct mtu_prober *p = userdata;

	(void)source;
	(void)usec;
	if (p->held) {
		p->search.asked = 0; /* it is sent again behind that */
		wake_in(p, MTU_PROBER_LOOK);
	} else if (!p->search.link) {
		look(p);
	} else if (is_void(p)) {
		give_up(p);
	} else if (p->search.asked > 0) {
		take(p, false);
	} else {
		ask(p);
	}
	return 0;
}

int mtu_prober_new(sd_event *event, struct links *links, struct mtu_prober **ret)
{
	struct mtu_prober *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->event = sd_event_ref(event);
	p->links = links;
	p->search.fd = -1;
	r = sd_event_add_time(event, &p->timer, CLOCK_BOOTTIME, 0, 0, on_timer, p);
	/* Behind sockets: an answer that was there in time is read before its lack is found. */
	if (r >= 0)
		r = sd_event_source_set_priority(p->timer, SD_EVENT_PRIORITY_NORMAL + 10);
	if (r >= 0)
		r = sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
	if (r < 0) {
		mtu_prober_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

static struct measured *find(struct measured *list, size_t n, uint32_t if_id)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].if_id == if_id)
			return &list[i];
	return NULL;
}

static bool asks_the_same(const struct probe *a, const struct probe *b)
{
	return ip_equal(&a->source, &b->source) && ip_equal(&a->target, &b->target) && a->patience == b->patience;
}

static size_t count_links(const struct model *m)
{
	size_t n = 0;

	for (size_t i = 0; m && i < m->n_apns; i++)
		n += m->apns[i].n_links;
	return n;
}

/* The links of m that are to be measured, with what is known of their turns. How many. */
static size_t fill(struct mtu_prober *p, const struct model *m, struct measured *list)
{
	size_t n = 0;

	for (size_t i = 0; m && i < m->n_apns; i++) {
		const struct apn *a = &m->apns[i];

		for (size_t k = 0; a->probe.measure && k < a->n_links; k++) {
			struct measured *known = find(p->list, p->count, a->links[k].if_id);

			list[n] = (struct measured){ .if_id = a->links[k].if_id, .probe = a->probe };
			if (known && asks_the_same(&known->probe, &a->probe))
				list[n].turn = known->turn;
			n++;
		}
	}
	return n;
}

/* What was measured of links that are not in list is forgotten. */
static void forget(struct mtu_prober *p, struct measured *list, size_t n)
{
	for (size_t i = 0; i < p->count; i++)
		if (!find(list, n, p->list[i].if_id))
			links_measured(p->links, p->list[i].if_id, 0);
}

int mtu_prober_use(struct mtu_prober *p, const struct model *model)
{
	struct measured *list = calloc(count_links(model) + 1, sizeof(*list));
	struct search *s = &p->search;

	if (!list)
		return -ENOMEM;
	size_t n = fill(p, model, list);
	struct measured *link = s->link ? find(list, n, s->link->if_id) : NULL;
	if (s->link && (!link || !asks_the_same(&link->probe, &s->link->probe))) {
		close_search(p);
		links_search(p->links, 0);
	} else {
		s->link = link;
	}
	forget(p, list, n);
	free(p->list);
	p->list = list;
	p->count = n;
	if (n > 0 && !s->link)
		wake_in(p, MTU_PROBER_LOOK);
	else if (n == 0)
		sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
	return 0;
}

void mtu_prober_hold(struct mtu_prober *p, bool held)
{
	p->held = held;
}

void mtu_prober_free(struct mtu_prober *p)
{
	if (!p)
		return;
	sd_event_source_disable_unref(p->search.io);
	if (p->search.fd >= 0)
		close(p->search.fd);
	sd_event_source_disable_unref(p->timer);
	sd_event_unref(p->event);
	free(p->list);
	free(p);
}
