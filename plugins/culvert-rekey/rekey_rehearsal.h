/*
 * Tries the rekeys of a tunnel soon after it came up with what was never negotiated before: its CHILD_SAs', one after
 * the other, then its IKE_SA's. Once: the result is remembered across restarts, and what failed is not tried again by
 * this. Few at a time, so that many tunnels take minutes.
 *
 * Never on failover: only when every tunnel that has an APN in common with this one is up, has been as long as this one
 * had to wait, and is not at it itself. So neither the one that replaces another nor the one that is left is put at
 * risk.
 *
 * What begins and does not end, because the tunnel or charon ended first, is tried once more and then counts as failed.
 */
#ifndef REKEY_REHEARSAL_H_
#define REKEY_REHEARSAL_H_

#include <bus/listeners/listener.h>

#include "plugins/culvert-conf/conf_query.h"

typedef struct rekey_rehearsal_t rekey_rehearsal_t;

struct rekey_rehearsal_t {

	/** Implements listener_t */
	listener_t listener;

	/** Part of charon's report */
	conf_rehearsals_t report;

	/** Takes back what has begun and ends; charon's threads are gone. */
	void (*destroy)(rekey_rehearsal_t *this);
};

/**
 * Creates it, to be added to the bus.
 *
 * @param query		who knows the tunnels, outlives it
 */
rekey_rehearsal_t *rekey_rehearsal_create(conf_query_t *query);

#endif
