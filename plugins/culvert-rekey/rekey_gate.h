/*
 * Nobody gets an IKE_SA whose keys have reached the ceiling, whatever for: neither a packet that waited while charon
 * was stopped nor a job that is late. Listeners see packets but cannot refuse them, so this stands in front of the
 * IKE_SA manager's checkout functions, which everything passes that uses an IKE_SA's keys, and of its flush(), which
 * says goodbye to all peers. One in a process.
 */
#ifndef REKEY_GATE_H_
#define REKEY_GATE_H_

#include "rekey_ledger.h"

typedef struct rekey_gate_t rekey_gate_t;

struct rekey_gate_t {

	/**
	 * Checks an IKE_SA out past the gate, to end it.
	 *
	 * @param id		NULL: it has only its unique ID, as one that is half open
	 */
	ike_sa_t *(*checkout)(rekey_gate_t *this, ike_sa_id_t *id, uint32_t unique_id);

	/** Opens the gate for good. */
	void (*destroy)(rekey_gate_t *this);
};

/**
 * Closes the gate. The IKE_SA manager must exist.
 *
 * @param ledger	who knows the ages, outlives it
 */
rekey_gate_t *rekey_gate_create(rekey_ledger_t *ledger);

#endif
