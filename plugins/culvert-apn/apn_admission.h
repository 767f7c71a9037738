/*
 * The third wall: a CHILD_SA is admitted only for a link of the generation in force, with that link's interface ID, in
 * tunnel mode and inside its selectors, whoever loaded its configuration and whoever initiates. How many a peer may
 * have for one link is bounded.
 */
#ifndef APN_ADMISSION_H_
#define APN_ADMISSION_H_

#include <bus/listeners/listener.h>

#include "plugins/culvert-conf/conf_query.h"

typedef struct apn_admission_t apn_admission_t;

struct apn_admission_t {

	/** Implements listener_t */
	listener_t listener;

	void (*destroy)(apn_admission_t *this);
};

/**
 * Creates it.
 *
 * @param query		tells which tunnel an IKE_SA belongs to, outlives it
 */
apn_admission_t *apn_admission_create(conf_query_t *query);

#endif
