/*
 * The proposals of suites, each parsed from its text once: thousands of tunnels have the same few.
 */
#ifndef CONF_PROPOSALS_H_
#define CONF_PROPOSALS_H_

#include <crypto/proposal/proposal.h>

struct suite;

typedef struct conf_proposals_t conf_proposals_t;

struct conf_proposals_t {

	/**
	 * @param suite		suite of the table
	 * @param protocol	PROTO_IKE or PROTO_ESP
	 * @return			a proposal of the caller's own, NULL if strongSwan does not know its algorithms
	 */
	proposal_t *(*create_proposal)(conf_proposals_t *this, const struct suite *suite, protocol_id_t protocol);

	void (*destroy)(conf_proposals_t *this);
};

conf_proposals_t *conf_proposals_create(void);

#endif
