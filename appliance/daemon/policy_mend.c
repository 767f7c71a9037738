#include "appliance/daemon/policy_mend.h"

#include "appliance/daemon/link_index.h"
#include "appliance/daemon/links.h"
#include "appliance/daemon/order.h"
#include "appliance/daemon/policy_lack.h"
#include "appliance/isolation/drift.h"
#include "appliance/isolation/netlink.h"
#include "appliance/isolation/policy.h"
#include "appliance/isolation/snapshot.h"
#include "conf/model.h"
#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

enum { TUNNEL_NAME_SIZE = 33 }; /* a tunnel's name has at most 32 octets */

/* What charon is asked to do and has not answered. */
struct order {
	struct policy_mend *mend;
	char tunnel[TUNNEL_NAME_SIZE]; /* "": none */
	bool restart;
};

struct policy_mend {
	sd_event *event; /* referenced */
	struct links *links; /* borrowed */
	struct charon *charon; /* borrowed */
	policy_mend_fn fn;
	void *userdata;
	struct nl_sock *events, *requests; /* NULL: the kernel has no XFRM */
	sd_event_source *io, *due;
	bool held;
	bool changed; /* by the events that are being taken in */
	uint64_t rest; /* microseconds of CLOCK_BOOTTIME until which there is no look */
	struct lacks lacks;
	bool told; /* of some that are not mended since */
	struct order orders[POLICY_MEND_ORDERS];
};

static uint64_t now(const struct policy_mend *m)
{
	uint64_t usec = 0;

	sd_event_now(m->event, CLOCK_BOOTTIME, &usec);
	return usec;
}

/* Also within a turn of the event loop. */
static uint64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* A look that is due sooner is not put off. */
static void look_at(struct policy_mend *m, uint64_t when)
{
	uint64_t due = 0;

	if (when < m->rest)
		when = m->rest;
	if (m->held ||
		(sd_event_source_get_enabled(m->due, NULL) > 0 && sd_event_source_get_time(m->due, &due) >= 0 && due <= when))
		return;
	sd_event_source_set_time(m->due, when);
	sd_event_source_set_enabled(m->due, SD_EVENT_ONESHOT);
}

static const struct link *link_of(const struct policy_mend *m, uint32_t if_id)
{
	const struct link_entry *e = links_find(m->links, if_id);

	return e ? e->link : NULL;
}

/* That of a tunnel, or one that is free (""); NULL: there is none. */
static struct order *order_of(struct policy_mend *m, const char *tunnel)
{
	for (size_t i = 0; i < POLICY_MEND_ORDERS; i++)
		if (strcmp(m->orders[i].tunnel, tunnel) == 0)
			return &m->orders[i];
	return NULL;
}

static bool is_restarting(const struct policy_mend *m)
{
	for (size_t i = 0; i < POLICY_MEND_ORDERS; i++)
		if (*m->orders[i].tunnel && m->orders[i].restart)
			return true;
	return false;
}

/* Only a renewal that charon has begun can turn out not to help; whether it did the next looks say. */
static void on_done(void *userdata, int error, const char *answer)
{
	struct order *o = userdata;
	struct policy_mend *m = o->mend;

	(void)answer;
	if (error && !o->restart) {
		lacks_not_begun(&m->lacks, m->links, o->tunnel, now(m) + POLICY_MEND_RETRY);
	} else {
		log_notice("tunnel %s: charon is asked to %s it, so that it sets the policies anew", o->tunnel,
			o->restart ? "restart" : "rekey");
		lacks_ordered(&m->lacks, m->links, o->tunnel, now(m));
	}
	*o->tunnel = '\0';
	look_at(m, now(m) + POLICY_MEND_SETTLE);
}

static void give(struct policy_mend *m, struct order *o, const char *tunnel, bool restart)
{
	if (order_give(m->links, m->charon, restart ? "restart" : "rekey", tunnel, on_done, o)) {
		/* One that is away makes all anew when it is back. */
		lacks_not_begun(&m->lacks, m->links, tunnel, now(m) + POLICY_MEND_RETRY);
		return;
	}
	lacks_put_off(&m->lacks, m->links, tunnel, now(m) + ORDER_LIMIT);
	o->restart = restart;
	snprintf(o->tunnel, sizeof(o->tunnel), "%s", tunnel);
}

/* One order serves all links of a tunnel. Tunnels are restarted one by one: their devices are to have other links. */
static void order(struct policy_mend *m, const struct lack *which)
{
	const char *tunnel = link_of(m, which->if_id)->tunnel->name;
	const struct lack sum = lacks_sum(&m->lacks, m->links, tunnel);
	struct order *vacant = order_of(m, "");

	if (sum.next > now(m) || order_of(m, tunnel))
		lacks_put_off(&m->lacks, m->links, tunnel, sum.next > now(m) ? sum.next : now(m) + LACK_CONFIRM);
	else if (vacant && !(sum.tried && is_restarting(m)))
		give(m, vacant, tunnel, sum.tried);
}

static void tell(const struct policy_mend *m, struct lack *l, struct drifts *d)
{
	const struct link_entry *e = links_find(m->links, l->if_id);
	char what[DRIFT_TEXT];

	if (l->told)
		return;
	l->told = true;
	snprintf(what, sizeof(what), "XFRM policies of link %s/%s (if_id %" PRIu32 ") are gone", e->apn->name,
		e->link->tunnel->name, l->if_id);
	drifts_add_later(d, what);
}

static void tell_lacks(struct policy_mend *m, struct drifts *d)
{
	for (size_t i = 0; i < m->lacks.count; i++) {
		struct lack *l = &m->lacks.items[i];
		if (l->state == LACK_OPEN && l->since + LACK_CONFIRM <= now(m))
			tell(m, l, d);
	}
}

static uint64_t due(const struct lack *l)
{
	uint64_t confirmed = l->since + LACK_CONFIRM;

	return !l->told && confirmed < l->next ? confirmed : l->next;
}

static void order_for_lacks(struct policy_mend *m)
{
	uint64_t next = now(m) + POLICY_MEND_AGAIN, soon = now(m) + LACK_CONFIRM;
	unsigned orders = 0;

	for (size_t i = 0; i < m->lacks.count; i++) {
		const struct lack *l = &m->lacks.items[i];
		if (l->state != LACK_OPEN)
			continue;
		if (l->next <= now(m) && orders++ < POLICY_MEND_ORDERS)
			order(m, l);
		next = due(l) < next ? due(l) : next;
	}
	/* What waits for others' turn is looked at when charon answers those. */
	if (m->lacks.unmended)
		look_at(m, next > soon ? next : soon);
}

static bool any_told(const struct policy_mend *m)
{
	for (size_t i = 0; i < m->lacks.count; i++)
		if (m->lacks.items[i].told)
			return true;
	return false;
}

static int take_lacks(struct policy_mend *m, const struct policies *p, struct drifts *d)
{
	struct lacks found;
	int r = lacks_find(m->links, p, &m->lacks, now(m), &found);

	if (r < 0)
		return r;
	lacks_free(&m->lacks);
	m->lacks = found;
	tell_lacks(m, d);
	order_for_lacks(m);
	if (m->told && !any_told(m)) {
		log_notice("all links have their policies");
		links_drift_mended(m->links);
	}
	m->told = any_told(m);
	return 0;
}

static void look(struct policy_mend *m)
{
	struct policies p = { 0 };
	struct drifts d = { 0 };
	uint64_t began = clock_now();
	int r = policies_read(m->requests, &p);

	if (r == 0)
		r = take_lacks(m, &p, &d);
	policies_free(&p);
	if (r < 0) {
		log_warning("the kernel's policies cannot be looked at: %s", strerror(-r));
		look_at(m, began + POLICY_MEND_AGAIN);
		return;
	}
	if (d.count)
		links_add_drift(m->links, &d);
	m->rest = clock_now() + POLICY_MEND_REST * (clock_now() - began);
}

static int on_due(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct policy_mend *m = userdata;

	(void)s;
	(void)usec;
	if (!m->held && m->requests && links_sas(m->links))
		look(m);
	return 0;
}

/* A rekey sets the same policies again: that calls for no look. One that is gone, or should not be, does. */
static int take_event(struct nl_msg *msg, void *arg)
{
	struct policy_mend *m = arg;
	uint16_t type = nlmsg_hdr(msg)->nlmsg_type;
	struct snapshot_policy p;

	if (type == XFRM_MSG_DELPOLICY || type == XFRM_MSG_FLUSHPOLICY)
		m->changed = true;
	else if ((type == XFRM_MSG_NEWPOLICY || type == XFRM_MSG_UPDPOLICY) && policy_parse(msg, &p) == 0)
		m->changed = m->changed || m->lacks.unmended || p.blocks || policy_flaw(&p, link_of(m, p.if_id));
	return 0;
}

static int on_events(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
	struct policy_mend *m = userdata;

	(void)s;
	(void)fd;
	(void)events;
	int r = netlink_drain(m->events, take_event, m);
	if (r < 0 && r != -ENOBUFS)
		log_warning("the kernel's events of policies cannot be read: %s", strerror(-r));
	if (m->changed || r < 0) {
		look_at(m, now(m) + POLICY_MEND_SETTLE);
		m->fn(m->userdata);
	}
	m->changed = false;
	return 0;
}

static int listen_to_kernel(struct policy_mend *m)
{
	static const int groups[] = { XFRMNLGRP_POLICY, 0 };
	int r = netlink_listen(NETLINK_XFRM, groups, &m->events);

	if (r == 0)
		r = netlink_open(NETLINK_XFRM, &m->requests);
	if (r == 0)
		r = sd_event_add_io(m->event, &m->io, nl_socket_get_fd(m->events), EPOLLIN, on_events, m);
	return r;
}

int policy_mend_new(sd_event *event, struct links *links, struct charon *charon, policy_mend_fn fn, void *userdata,
	struct policy_mend **ret)
{
	struct policy_mend *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	*m = (struct policy_mend){
		.event = sd_event_ref(event), .links = links, .charon = charon, .fn = fn, .userdata = userdata, .held = true
	};
	for (size_t i = 0; i < POLICY_MEND_ORDERS; i++)
		m->orders[i].mend = m;
	int r = sd_event_add_time(event, &m->due, CLOCK_BOOTTIME, 0, 1, on_due, m);
	if (r >= 0)
		r = sd_event_source_set_enabled(m->due, SD_EVENT_OFF);
	if (r >= 0)
		r = listen_to_kernel(m);
	if (r < 0 && r != -EPROTONOSUPPORT) {
		policy_mend_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

void policy_mend_hold(struct policy_mend *m, bool on)
{
	m->held = on;
	if (on) {
		sd_event_source_set_enabled(m->due, SD_EVENT_OFF);
		return;
	}
	look_at(m, now(m) + LACK_CONFIRM);
}

void policy_mend_free(struct policy_mend *m)
{
	if (!m)
		return;
	sd_event_source_disable_unref(m->io);
	sd_event_source_disable_unref(m->due);
	nl_socket_free(m->events);
	nl_socket_free(m->requests);
	lacks_free(&m->lacks);
	sd_event_unref(m->event);
	free(m);
}
