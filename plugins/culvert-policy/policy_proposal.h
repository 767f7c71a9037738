/* strongSwan's proposals and the SA payloads of messages, as plain transforms and back. */
#ifndef POLICY_PROPOSAL_H_
#define POLICY_PROPOSAL_H_

#include <daemon.h>
#include <encoding/payloads/sa_payload.h>

#include "ikev2/suite_match.h"

enum {
	/** a proposal counts its transforms in one octet */
	POLICY_TRANSFORMS_MAX = 256,
};

typedef struct policy_offer_t policy_offer_t;

/** One proposal of an SA payload, read from the payload itself: proposal_t has lost what does not fit into it. */
struct policy_offer_t {
	uint8_t number;
	uint8_t protocol;
	/** as proposal_t has it */
	uint64_t spi;
	/** another proposal has its number: several protocols at once, which is no proposal for us */
	bool bundled;
	struct suite_transform items[POLICY_TRANSFORMS_MAX];
	size_t n;
};

/**
 * Transforms of a proposal that charon has chosen.
 *
 * @param items		receives them
 * @return			their number
 */
size_t policy_proposal_read(proposal_t *proposal, struct suite_transform items[static POLICY_TRANSFORMS_MAX]);

/**
 * Proposals of an SA payload. A transform with an attribute that is unknown, repeated, too large or written at length
 * is none that we know (RFC 7296 section 3.3.6): it gets a number that no suite has.
 *
 * @return			list of policy_offer_t, to be freed one by one
 */
linked_list_t *policy_proposal_offers(sa_payload_t *sa);

/** The same of a list of proposal_t. */
linked_list_t *policy_proposal_list(linked_list_t *proposals);

/** Creates a proposal with an offer's protocol and SPI, a number (0: by its place), and these transforms. */
proposal_t *policy_proposal_create(
	const policy_offer_t *offer, uint8_t number, const struct suite_transform *items, size_t n);

#endif
