/*
 * Sends the numbered probes of links and takes their answers: out of the XFRM interface of each link, from the APN's
 * own address, by ICMP echo, UDP or TCP. Needs no CAP_NET_RAW. What counts as an answer: an ICMP echo reply; a datagram
 * of the target's, or its word that the port is closed; a connection that is accepted or refused. What cannot be sent
 * for reasons of this machine says nothing of the link. On the event loop's thread.
 */
#ifndef CULVERT_DAEMON_PROBER_H
#define CULVERT_DAEMON_PROBER_H

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct probe;
struct probe_pace;
struct probe_window;
struct prober;

enum {
	PROBER_BEGIN = 20 * 1000, /* microseconds before the first probe of a link: its routes stand by then */
	PROBER_RETRY = 500 * 1000, /* microseconds, where one could not be sent */
	PROBER_SPREAD = 1000, /* microseconds between the first probes of links that begin together */
};

struct prober_order {
	uint32_t if_id;
	const struct probe *probe; /* its target is given; borrowed for the call */
};

/* Called when there was an answer, or the lack of one is decided. */
typedef void (*prober_fn)(void *userdata, uint32_t if_id);

/* 0 with *ret (prober_free() it), or -ENOMEM. */
int prober_new(sd_event *event, prober_fn fn, void *userdata, struct prober **ret);
/*
 * From now on these links are probed, given by ascending if_id. Those that were and are asked the same go on; others
 * begin anew. 0, or -ENOMEM with what was before.
 */
int prober_use(struct prober *p, const struct prober_order *orders, size_t n);
/* NULL while the link is not probed. Valid until prober_use(). */
const struct probe_window *prober_window(const struct prober *p, uint32_t if_id, struct probe_pace *ret_pace);
/* Why the last probe could not be sent; 0: it was. */
int prober_error(const struct prober *p, uint32_t if_id);
void prober_free(struct prober *p); /* NULL is allowed */

#endif
