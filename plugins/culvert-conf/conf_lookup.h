/*
 * Looks up the peers that are given by name. DNS may take seconds, so it happens in jobs of their own, without any
 * lock, and few at a time: charon's threads have other work to do.
 */
#ifndef CONF_LOOKUP_H_
#define CONF_LOOKUP_H_

#include <threading/mutex.h>

#include "conf_keeper.h"
#include "conf_tunnel.h"

typedef struct conf_lookup_t conf_lookup_t;

struct conf_lookup_t {

	/**
	 * Begins to look a tunnel's peer up, with the mutex held. In the end either retry.resolved is set or the failure is
	 * noted and the next attempt put off, and the keeper checks. Does nothing if too many are being looked up.
	 *
	 * @param tunnel		tunnel with a peer_name
	 */
	void (*start)(conf_lookup_t *this, conf_tunnel_t *tunnel);

	void (*destroy)(conf_lookup_t *this);
};

/**
 * Creates it.
 *
 * @param mutex		lock of the tunnels' retry state, outlives it
 * @param keeper	keeper to wake, outlives it
 */
conf_lookup_t *conf_lookup_create(mutex_t *mutex, conf_keeper_t *keeper);

#endif
