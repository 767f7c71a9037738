/*
 * What passes between a message and charon: of the proposals in it, in both directions, only the allowed ones. Nothing
 * of a message that is not allowed reaches charon's tasks, and nothing not allowed leaves.
 */
#ifndef POLICY_WIRE_H_
#define POLICY_WIRE_H_

#include <daemon.h>

#include "policy_refusals.h"

typedef enum policy_verdict_t policy_verdict_t;

enum policy_verdict_t {
	/** as it is, or with less in it */
	POLICY_PASSES,
	/** the peer's: charon finds no proposal in it and refuses it as it would refuse any other */
	POLICY_REFUSED,
	/** our own: it leaves without what was not allowed, and what it was for must not go on */
	POLICY_OURS_IS_WEAK,
};

/**
 * Filters a message in plain text.
 *
 * @param ike_sa		IKE_SA it belongs to
 * @param message		message, changed
 * @param incoming		TRUE if the peer sent it
 * @param refusals		where to note what was refused
 */
policy_verdict_t policy_wire_filter(ike_sa_t *ike_sa, message_t *message, bool incoming, policy_refusals_t *refusals);

#endif
