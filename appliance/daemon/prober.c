/*
 * A lane is what one link has: its sockets, its timer, its window. ICMP and UDP keep one socket; TCP has two attempts
 * that take turns, each from a port of its own that it keeps, so that a target which does not answer leaves two entries
 * in the table of flows and not one for each attempt. Whatever goes wrong with a socket, the next probe has a fresh
 * one. Timers come behind sockets: an answer that was there in time is read before its lack is found.
 */
#include "appliance/daemon/prober.h"

#include "appliance/daemon/probe_packet.h"
#include "appliance/daemon/probe_socket.h"
#include "appliance/daemon/probe_window.h"
#include "conf/model.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SECOND = 1000 * 1000,
	ACCURACY = 10 * 1000, /* microseconds; probes of many links share a wake-up */
	TRIES = 2, /* sockets of a lane */
	READS = 8, /* of one socket before the others have their turn */
};

struct lane;

struct attempt { /* a socket; with TCP one connection */
	struct lane *lane;
	int fd; /* -1: none */
	sd_event_source *io;
	uint32_t number; /* TCP: the probe that it is */
	in_port_t port; /* TCP: the local one, network order; 0: none yet */
};

struct lane {
	struct prober *prober;
	uint32_t if_id;
	struct probe probe;
	struct probe_pace pace;
	struct probe_window window;
	uint64_t cookie; /* in every probe; nobody else knows it */
	struct attempt attempts[TRIES];
	sd_event_source *timer;
	uint64_t next; /* when the next probe is to be sent */
	bool told; /* that it fails */
	int error; /* of the last probe; 0: it was sent */
};

struct prober {
	sd_event *event; /* referenced */
	prober_fn fn;
	void *userdata;
	struct lane **lanes; /* owned, by if_id; each stays where it is, for its call-backs */
	size_t count;
};

static uint64_t now_of(const struct prober *p)
{
	uint64_t now = 0;

	sd_event_now(p->event, CLOCK_BOOTTIME, &now);
	return now;
}

static void close_attempt(struct attempt *a)
{
	a->io = sd_event_source_disable_unref(a->io);
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
}

static void set_timer(struct lane *l, uint64_t now)
{
	uint64_t end = probe_window_end(&l->window, &l->pace);

	sd_event_source_set_time(l->timer, !l->told && end < l->next ? (end > now ? end : now) : l->next);
	sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT);
}

static void take_answer(struct lane *l, uint32_t number)
{
	uint64_t now = now_of(l->prober);

	if (!probe_window_answer(&l->window, number, now, &l->pace))
		return;
	l->told = false;
	l->next = probe_window_due(&l->window, &l->pace);
	set_timer(l, now);
	l->prober->fn(l->prober->userdata, l->if_id);
}

/* Reads what has come. False if the socket is of no more use. */
static bool read_answers(struct lane *l, const struct attempt *a)
{
	uint8_t packet[512];

	for (int i = 0; i < READS; i++) {
		ssize_t len = recv(a->fd, packet, sizeof(packet), MSG_DONTWAIT);
		uint32_t number;

		if (len < 0 && errno == ECONNREFUSED && l->probe.protocol == PROBE_UDP)
			take_answer(l, 0);
		else if (len < 0)
			return errno == EAGAIN || errno == EINTR;
		else if (probe_packet_read(&l->probe, l->cookie, packet, (size_t)len, &number))
			take_answer(l, number);
	}
	return true;
}

static void finish_connection(struct attempt *a)
{
	int error = 0;
	socklen_t len = sizeof(error);
	bool answered = getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && (!error || error == ECONNREFUSED);

	close_attempt(a);
	if (answered)
		take_answer(a->lane, a->number);
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
	struct attempt *a = userdata;

	(void)s;
	(void)fd;
	(void)events;
	if (a->lane->probe.protocol == PROBE_TCP)
		finish_connection(a);
	else if (!read_answers(a->lane, a))
		close_attempt(a);
	return 0;
}

/* A connection leaves nothing behind when it is closed: it is reset, and its port is free for the next one. */
static int set_up_connection(int fd)
{
	const struct linger at_once = { .l_onoff = 1 };
	const int yes = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0)
		return -errno;
	return 0;
}

static in_port_t local_port(int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return 0;
	/* Port and family are at the same place in both families. */
	return ((struct sockaddr_in *)&address)->sin_port;
}

static int bind_socket(struct attempt *a)
{
	const struct probe *p = &a->lane->probe;
	struct sockaddr_storage address;
	socklen_t len = probe_socket_address(&p->source, a->port, &address);

	if (p->protocol == PROBE_TCP && set_up_connection(a->fd) < 0)
		return -errno;
	if (bind(a->fd, (struct sockaddr *)&address, len) < 0)
		return -errno;
	if (p->protocol == PROBE_TCP)
		a->port = local_port(a->fd);
	return 0;
}

/* Connected: the kernel takes answers from the target alone. A connection that is not there yet is as good. */
static int connect_socket(struct attempt *a)
{
	const struct probe *p = &a->lane->probe;
	struct sockaddr_storage address;
	socklen_t len = probe_socket_address(&p->target, htons((uint16_t)p->port), &address);

	return connect(a->fd, (struct sockaddr *)&address, len) < 0 && errno != EINPROGRESS ? -errno : 0;
}

/* Opens it if it is not open. 0 or -errno. */
static int open_attempt(struct attempt *a)
{
	bool tcp = a->lane->probe.protocol == PROBE_TCP;
	int r;

	if (a->fd >= 0)
		return 0;
	a->fd = probe_socket_open(&a->lane->probe, a->lane->if_id);
	r = a->fd < 0 ? a->fd : bind_socket(a);
	if (r == 0)
		r = connect_socket(a);
	if (r == 0)
		r = sd_event_add_io(a->lane->prober->event, &a->io, a->fd, tcp ? EPOLLOUT : EPOLLIN, on_io, a);
	if (r >= 0)
		return 0;
	close_attempt(a);
	a->port = 0;
	return r;
}

static int send_packet(struct lane *l, uint64_t now)
{
	struct attempt *a = &l->attempts[0];
	uint8_t packet[PROBE_PACKET];
	int r = open_attempt(a);

	if (r < 0)
		return r;
	/* An error of an earlier one is told here instead of sending: that one is out of the way then. */
	size_t len = probe_packet_write(&l->probe, l->cookie, l->window.sent + 1, packet);
	for (int i = 0; i < TRIES; i++) {
		if (send(a->fd, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
			probe_window_send(&l->window, now);
			return 0;
		}
		r = -errno;
		if (r == -ECONNREFUSED && l->probe.protocol == PROBE_UDP)
			take_answer(l, 0);
	}
	close_attempt(a);
	return r;
}

/* One whose time is over makes room; while both wait there is nothing to send. */
static int send_connection(struct lane *l, uint64_t now)
{
	for (size_t i = 0; i < TRIES; i++) {
		struct attempt *a = &l->attempts[i];

		if (a->fd >= 0 && l->window.times[a->number % PROBE_WINDOW] + l->pace.patience <= now)
			close_attempt(a);
		if (a->fd >= 0)
			continue;
		int r = open_attempt(a);
		if (r == 0)
			a->number = probe_window_send(&l->window, now);
		return r;
	}
	return 0;
}

static void send_probe(struct lane *l, uint64_t now)
{
	uint32_t sent = l->window.sent;

	l->error = l->probe.protocol == PROBE_TCP ? send_connection(l, now) : send_packet(l, now);
	l->next = probe_window_due(&l->window, &l->pace);
	if (l->window.sent == sent) /* nothing was: not at once again */
		l->next = now + PROBER_RETRY;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct lane *l = userdata;
	uint64_t now = now_of(l->prober);

	(void)s;
	(void)usec;
	if (!l->told && probe_window_fails(&l->window, now, &l->pace)) {
		l->told = true;
		l->prober->fn(l->prober->userdata, l->if_id);
	}
	if (now >= l->next)
		send_probe(l, now);
	set_timer(l, now);
	return 0;
}

static void free_lane(struct lane *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < TRIES; i++)
		close_attempt(&l->attempts[i]);
	sd_event_source_disable_unref(l->timer);
	free(l);
}

/* after: microseconds from now to its first probe. */
static struct lane *make_lane(struct prober *p, const struct prober_order *order, uint64_t after)
{
	struct lane *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return NULL;
	l->prober = p;
	l->if_id = order->if_id;
	l->probe = *order->probe;
	l->pace.interval = (uint64_t)order->probe->interval * SECOND;
	l->pace.patience = (uint64_t)order->probe->patience * SECOND;
	l->next = now_of(p) + after;
	for (size_t i = 0; i < TRIES; i++)
		l->attempts[i] = (struct attempt){ .lane = l, .fd = -1 };
	/* Without random octets answers are told apart by number alone. */
	(void)!getrandom(&l->cookie, sizeof(l->cookie), GRND_NONBLOCK);
	r = sd_event_add_time(p->event, &l->timer, CLOCK_BOOTTIME, l->next, ACCURACY, on_timer, l);
	if (r >= 0)
		r = sd_event_source_set_priority(l->timer, SD_EVENT_PRIORITY_NORMAL + 10);
	if (r < 0) {
		free_lane(l);
		return NULL;
	}
	return l;
}

int prober_new(sd_event *event, prober_fn fn, void *userdata, struct prober **ret)
{
	struct prober *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	*p = (struct prober){ .event = sd_event_ref(event), .fn = fn, .userdata = userdata };
	*ret = p;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct lane *x = *(struct lane *const *)a, *y = *(struct lane *const *)b;

	return (x->if_id > y->if_id) - (x->if_id < y->if_id);
}

/* Where the pointer to a lane is; NULL if there is none. */
static struct lane **find(const struct prober *p, uint32_t if_id)
{
	const struct lane lane = { .if_id = if_id };
	const struct lane *key = &lane;

	return p->count ? bsearch(&key, p->lanes, p->count, sizeof(struct lane *), compare) : NULL;
}

static bool asks_the_same(const struct probe *a, const struct probe *b)
{
	return ip_equal(&a->source, &b->source) && ip_equal(&a->target, &b->target) && a->protocol == b->protocol &&
		   a->port == b->port && a->interval == b->interval && a->patience == b->patience;
}

static bool goes_on(const struct lane *l, const struct prober_order *o)
{
	return l->if_id == o->if_id && asks_the_same(&l->probe, o->probe);
}

/* The lanes of p that are in no order's way are put in their places in lanes, the others made. */
static int fill(struct prober *p, const struct prober_order *orders, size_t n, struct lane **lanes)
{
	uint64_t made = 0;

	for (size_t i = 0; i < n; i++) {
		struct lane **known = find(p, orders[i].if_id);

		lanes[i] = known && goes_on(*known, &orders[i])
					   ? *known
					   : make_lane(p, &orders[i], PROBER_BEGIN + made++ * PROBER_SPREAD);
		if (!lanes[i])
			return -ENOMEM;
	}
	return 0;
}

static bool has(struct lane *const *lanes, size_t n, const struct lane *l)
{
	struct lane *const *found = n ? bsearch(&l, lanes, n, sizeof(struct lane *), compare) : NULL;

	return found && *found == l;
}

/* Frees those of lanes that are not among kept. */
static void drop(struct lane **lanes, size_t n, struct lane *const *kept, size_t n_kept)
{
	for (size_t i = 0; i < n; i++)
		if (lanes[i] && !has(kept, n_kept, lanes[i]))
			free_lane(lanes[i]);
}

int prober_use(struct prober *p, const struct prober_order *orders, size_t n)
{
	struct lane **lanes = calloc(n + 1, sizeof(struct lane *));
	int r = lanes ? fill(p, orders, n, lanes) : -ENOMEM;

	if (r < 0) {
		drop(lanes, lanes ? n : 0, p->lanes, p->count);
		free(lanes);
		return r;
	}
	drop(p->lanes, p->count, lanes, n);
	free(p->lanes);
	p->lanes = lanes;
	p->count = n;
	return 0;
}

const struct probe_window *prober_window(const struct prober *p, uint32_t if_id, struct probe_pace *ret_pace)
{
	struct lane **l = find(p, if_id);

	if (!l)
		return NULL;
	*ret_pace = (*l)->pace;
	return &(*l)->window;
}

int prober_error(const struct prober *p, uint32_t if_id)
{
	struct lane **l = find(p, if_id);

	return l ? (*l)->error : 0;
}

void prober_free(struct prober *p)
{
	if (!p)
		return;
	drop(p->lanes, p->count, NULL, 0);
	free(p->lanes);
	sd_event_unref(p->event);
	free(p);
}
