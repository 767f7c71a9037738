#include "conf_proposals.h"

#include <collections/hashtable.h>

#include "ikev2/suite.h"

typedef struct private_conf_proposals_t private_conf_proposals_t;

struct private_conf_proposals_t {
	conf_proposals_t public;
	/** text, which is static and belongs to one suite and protocol, => proposal_t */
	hashtable_t *parsed;
};

METHOD(conf_proposals_t, create_proposal, proposal_t *, private_conf_proposals_t *this, const struct suite *suite,
	protocol_id_t protocol)
{
	const char *text = protocol == PROTO_IKE ? suite->ike : suite->esp;
	proposal_t *proposal = this->parsed->get(this->parsed, text);

	if (!proposal) {
		proposal = proposal_create_from_string(protocol, text);
		if (!proposal)
			return NULL;
		this->parsed->put(this->parsed, text, proposal);
	}
	/* Flags, of which charon itself passes none as 0. */
	/* NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange) */
	return proposal->clone(proposal, 0);
}

CALLBACK(destroy_proposal, void, proposal_t *proposal, const void *key)
{
	proposal->destroy(proposal);
}

METHOD(conf_proposals_t, destroy, void, private_conf_proposals_t *this)
{
	this->parsed->destroy_function(this->parsed, (void *)destroy_proposal);
	free(this);
}

conf_proposals_t *conf_proposals_create(void)
{
	private_conf_proposals_t *this;

	INIT(this,
		.public = {
			.create_proposal = _create_proposal,
			.destroy = _destroy,
		},
		.parsed = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 8),
	);
	return &this->public;
}
