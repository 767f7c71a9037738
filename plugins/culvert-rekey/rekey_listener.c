/*
 * Runs inside charon's bus with the IKE_SA checked out: it takes no lock but the ledger's and calls nothing that waits.
 * States are told before they are taken on.
 */
#include "rekey_listener.h"

typedef struct private_rekey_listener_t private_rekey_listener_t;

struct private_rekey_listener_t {
	rekey_listener_t public;
	rekey_ledger_t *ledger;
	conf_query_t *query;
};

/** CHILD_SAs beyond so many are not kept apart from their IKE_SA's rekey by plan; they still never are rekeyed together
 */
enum { CHILDREN_MAX = 8 };

/**
 * Plans by the tunnel's lifetimes. Of a configuration that did not come from culvert-conf, or not from the generation
 * in force, nothing is known: its SA keeps what it has.
 */
static void plan(private_rekey_listener_t *this, rekey_kind_t kind, uint32_t id, ike_sa_t *ike_sa,
	const uint32_t *others, u_int count)
{
	conf_tunnel_t *tunnel = this->query && ike_sa ? this->query->get_tunnel(this->query, ike_sa) : NULL;
	const struct lifetime *lifetime = NULL;

	if (tunnel)
		lifetime = kind == REKEY_IKE ? &tunnel->ike : &tunnel->child;
	this->ledger->plan(this->ledger, kind, id, lifetime, others, count);
	if (tunnel)
		tunnel->destroy(tunnel);
}

METHOD(listener_t, ike_state_change, bool, private_rekey_listener_t *this, ike_sa_t *ike_sa, ike_sa_state_t state)
{
	uint32_t id = ike_sa->get_unique_id(ike_sa);

	/* An IKE_SA in none of these states may have gone from one to the other without the responder's SPI. */
	if (state != IKE_CONNECTING && state != IKE_CREATED)
		this->ledger->identify(this->ledger, id, ike_sa->get_id(ike_sa));
	switch (state) {
	case IKE_CONNECTING:
		/* The exchange begins that makes the keys. */
		this->ledger->begin(this->ledger, REKEY_IKE, id, 0);
		break;
	case IKE_ESTABLISHED:
		plan(this, REKEY_IKE, id, ike_sa, NULL, 0);
		break;
	case IKE_REKEYED:
	case IKE_DELETING:
		this->ledger->retire(this->ledger, REKEY_IKE, id, state == IKE_REKEYED);
		break;
	case IKE_DESTROYING:
		this->ledger->forget(this->ledger, REKEY_IKE, id);
		break;
	case IKE_CREATED:
	case IKE_PASSIVE:
	case IKE_REKEYING:
		break;
	}
	return TRUE;
}

static void plan_child(private_rekey_listener_t *this, ike_sa_t *ike_sa, uint32_t id)
{
	uint32_t other = ike_sa ? ike_sa->get_unique_id(ike_sa) : 0;

	plan(this, REKEY_CHILD, id, ike_sa, &other, 1);
}

METHOD(listener_t, child_state_change, bool, private_rekey_listener_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa,
	child_sa_state_t state)
{
	uint32_t id = child_sa->get_unique_id(child_sa);

	switch (state) {
	case CHILD_INSTALLING:
		/* Its keys are just being made; the first half of it is installed next. */
		this->ledger->begin(this->ledger, REKEY_CHILD, id, ike_sa ? ike_sa->get_unique_id(ike_sa) : 0);
		break;
	case CHILD_INSTALLED:
		plan_child(this, ike_sa, id);
		break;
	case CHILD_REKEYED:
	case CHILD_DELETING:
	case CHILD_DELETED:
		this->ledger->retire(this->ledger, REKEY_CHILD, id, FALSE);
		break;
	case CHILD_DESTROYING:
		this->ledger->forget(this->ledger, REKEY_CHILD, id);
		break;
	case CHILD_CREATED:
	case CHILD_ROUTED:
	case CHILD_UPDATING:
	case CHILD_REKEYING:
	case CHILD_RETRYING:
		break;
	}
	return TRUE;
}

/** Outgoing ones come by once, not with each repetition. */
METHOD(listener_t, message_hook, bool, private_rekey_listener_t *this, ike_sa_t *ike_sa, message_t *message,
	bool incoming, bool plain)
{
	uint32_t id = ike_sa->get_unique_id(ike_sa);
	bool request = message->get_request(message);

	switch ((int)message->get_exchange_type(message)) {
	case IKE_AUTH:
	case CREATE_CHILD_SA:
	case IKE_FOLLOWUP_KE:
		if (plain && incoming)
			this->ledger->hear(this->ledger, id, !request);
		else if (plain && request)
			this->ledger->ask(this->ledger, id);
		break;
	default:
		break;
	}
	return TRUE;
}

/** The new IKE_SA was planned before it had children. */
METHOD(listener_t, ike_rekey, bool, private_rekey_listener_t *this, ike_sa_t *old, ike_sa_t *new)
{
	uint32_t children[CHILDREN_MAX];
	enumerator_t *enumerator;
	child_sa_t *child_sa;
	u_int count = 0;

	enumerator = new->create_child_sa_enumerator(new);
	while (count < CHILDREN_MAX && enumerator->enumerate(enumerator, &child_sa))
		children[count++] = child_sa->get_unique_id(child_sa);
	enumerator->destroy(enumerator);
	this->ledger->keep_apart(this->ledger, REKEY_IKE, new->get_unique_id(new), children, count);
	return TRUE;
}

METHOD(rekey_listener_t, destroy, void, private_rekey_listener_t *this)
{
	free(this);
}

rekey_listener_t *rekey_listener_create(rekey_ledger_t *ledger, conf_query_t *query)
{
	private_rekey_listener_t *this;

	INIT(this,
		.public = {
			.listener = {
				.message = _message_hook,
				.ike_state_change = _ike_state_change,
				.child_state_change = _child_state_change,
				.ike_rekey = _ike_rekey,
			},
			.destroy = _destroy,
		},
		.ledger = ledger,
		.query = query,
	);
	return &this->public;
}
