/* Where charon asks and tells: messages, authorization, CHILD_SAs before their keys are installed, and what came up. */
#ifndef POLICY_LISTENER_H_
#define POLICY_LISTENER_H_

#include <bus/listeners/listener.h>

#include "policy_refusals.h"

typedef struct policy_listener_t policy_listener_t;

struct policy_listener_t {

	/** Implements listener_t */
	listener_t listener;

	void (*destroy)(policy_listener_t *this);
};

/**
 * Creates the listener and makes its reasons known; destroy() takes them back.
 *
 * @param refusals		where to note refusals, outlives it
 */
policy_listener_t *policy_listener_create(policy_refusals_t *refusals);

#endif
