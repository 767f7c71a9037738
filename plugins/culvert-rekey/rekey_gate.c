#include "rekey_gate.h"

#include <collections/array.h>

typedef struct private_rekey_gate_t private_rekey_gate_t;

struct private_rekey_gate_t {
	rekey_gate_t public;
	rekey_ledger_t *ledger;
	/** the manager's own functions, as it had them */
	ike_sa_manager_t manager;
};

/** The manager calls its functions with itself, which knows no gate. */
static private_rekey_gate_t *gate;

/** @return the IKE_SA, or NULL: its end is due, and the one who is about to end it need not wait for us */
static ike_sa_t *admit(ike_sa_manager_t *manager, ike_sa_t *ike_sa)
{
	if (!ike_sa || !gate->ledger->is_over(gate->ledger, REKEY_IKE, ike_sa->get_unique_id(ike_sa)))
		return ike_sa;
	DBG1(DBG_IKE, "keys of IKE_SA %s[%u] have reached their ceiling, not used any more", ike_sa->get_name(ike_sa),
		ike_sa->get_unique_id(ike_sa));
	manager->checkin(manager, ike_sa);
	return NULL;
}

static ike_sa_t *checkout_by_message(ike_sa_manager_t *manager, message_t *message)
{
	return admit(manager, gate->manager.checkout_by_message(manager, message));
}

static ike_sa_t *checkout(ike_sa_manager_t *manager, ike_sa_id_t *id)
{
	return admit(manager, gate->manager.checkout(manager, id));
}

static ike_sa_t *checkout_by_id(ike_sa_manager_t *manager, uint32_t id)
{
	return admit(manager, gate->manager.checkout_by_id(manager, id));
}

static ike_sa_t *checkout_by_name(ike_sa_manager_t *manager, char *name, bool child)
{
	return admit(manager, gate->manager.checkout_by_name(manager, name, child));
}

static void end_past(ike_sa_manager_t *manager, uint32_t unique_id)
{
	ike_sa_t *ike_sa = gate->manager.checkout_by_id(manager, unique_id);

	if (ike_sa)
		manager->checkin_and_destroy(manager, ike_sa);
}

/** Those whose keys are too old go without a goodbye, which would be protected by them. */
static void flush(ike_sa_manager_t *manager)
{
	array_t *over = array_create(sizeof(uint32_t), 0);
	enumerator_t *enumerator;
	ike_sa_t *ike_sa;
	uint32_t id;

	enumerator = manager->create_enumerator(manager, TRUE);
	while (enumerator->enumerate(enumerator, &ike_sa)) {
		id = ike_sa->get_unique_id(ike_sa);
		if (gate->ledger->is_over(gate->ledger, REKEY_IKE, id))
			array_insert(over, ARRAY_TAIL, &id);
	}
	enumerator->destroy(enumerator);
	while (array_remove(over, ARRAY_TAIL, &id))
		end_past(manager, id);
	array_destroy(over);
	gate->manager.flush(manager);
}

METHOD(rekey_gate_t, checkout_past, ike_sa_t *, private_rekey_gate_t *this, ike_sa_id_t *id, uint32_t unique_id)
{
	ike_sa_manager_t *manager = charon->ike_sa_manager;

	return id ? this->manager.checkout(manager, id) : this->manager.checkout_by_id(manager, unique_id);
}

METHOD(rekey_gate_t, destroy, void, private_rekey_gate_t *this)
{
	ike_sa_manager_t *manager = charon->ike_sa_manager;

	manager->checkout_by_message = this->manager.checkout_by_message;
	manager->checkout = this->manager.checkout;
	manager->checkout_by_id = this->manager.checkout_by_id;
	manager->checkout_by_name = this->manager.checkout_by_name;
	manager->flush = this->manager.flush;
	gate = NULL;
	free(this);
}

rekey_gate_t *rekey_gate_create(rekey_ledger_t *ledger)
{
	ike_sa_manager_t *manager = charon->ike_sa_manager;
	private_rekey_gate_t *this;

	INIT(this,
		.public = {
			.checkout = _checkout_past,
			.destroy = _destroy,
		},
		.ledger = ledger,
		.manager = *manager,
	);
	gate = this;
	manager->checkout_by_message = checkout_by_message;
	manager->checkout = checkout;
	manager->checkout_by_id = checkout_by_id;
	manager->checkout_by_name = checkout_by_name;
	manager->flush = flush;
	return &this->public;
}
