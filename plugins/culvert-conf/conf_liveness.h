/*
 * Which tunnels' peers answer. Every request of an established IKE_SA is a question; one that stays unanswered for
 * about a second makes its tunnel silent, an answer ends that. Nothing that charon does about the request changes: when
 * it repeats it, when it gives the peer up. Questions of INFORMATIONAL exchanges, which cost the peer nothing, are
 * repeated meanwhile, so that one lost packet is no silence; if many tunnels' questions to one address are out, only
 * some of them at a time: 30 a second.
 *
 * Patience, milliseconds: a second, or half of the tunnel's first retransmission time if that is longer; three times as
 * much for an exchange for which the peer has to compute keys, unless it is asked for. A peer whose answer comes late
 * is asked once more at once: if it is slow, it is waited for twice as long as that. Time for which charon itself stood
 * still does not count.
 *
 * A tunnel has the state that its latest established IKE_SA gave it; when it has none any more it keeps silence.
 */
#ifndef CONF_LIVENESS_H_
#define CONF_LIVENESS_H_

#include <daemon.h>

#include "conf_query.h"

struct buf;

typedef struct conf_liveness_t conf_liveness_t;

struct conf_liveness_t {

	/** Implements listener_t: sees requests, answers, and IKE_SAs come and go. */
	listener_t listener;

	/**
	 * Asks a tunnel's peer for a sign of life, at once, unless a question is out: then its answer serves. Waits for
	 * nothing.
	 *
	 * @param name			name of the tunnel
	 * @return				FALSE if it has no established IKE_SA
	 */
	bool (*ask)(conf_liveness_t *this, const char *name);

	/**
	 * Prints "silent TUNNEL" or "answers TUNNEL" for each tunnel whose state is another one than at that number.
	 *
	 * @param seen			number of the last state that was printed, 0: none; receives the present one
	 * @return				FALSE if nothing has changed since
	 */
	bool (*print)(conf_liveness_t *this, uint64_t *seen, struct buf *out);

	/** @return descriptor that is readable when states have changed since clear() */
	int (*get_fd)(conf_liveness_t *this);
	void (*clear)(conf_liveness_t *this);

	/**
	 * How long the peer has owed an answer in an IKE_SA.
	 *
	 * @return				milliseconds since it counts as silent there, 0 if it does not
	 */
	uint64_t (*get_silence)(conf_liveness_t *this, uint64_t spi_initiator, uint64_t spi_responder);

	/** Forgets tunnels that have no IKE_SA and that the generation in force does not know. */
	void (*prune)(conf_liveness_t *this);

	void (*destroy)(conf_liveness_t *this);
};

/**
 * Creates it, without questions.
 *
 * @param query		outlives it
 */
conf_liveness_t *conf_liveness_create(conf_query_t *query);

#endif
