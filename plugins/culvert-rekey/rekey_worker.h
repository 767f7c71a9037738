/* Does what the ledger says is due: begins rekeys, says farewell to SAs that could not be rekeyed, ends them. */
#ifndef REKEY_WORKER_H_
#define REKEY_WORKER_H_

#include "rekey_gate.h"
#include "rekey_ledger.h"

typedef struct rekey_worker_t rekey_worker_t;

struct rekey_worker_t {

	/** Stops; charon's threads are gone, or this waits for the one that looks. */
	void (*destroy)(rekey_worker_t *this);
};

/**
 * Begins to work.
 *
 * @param ledger	who says what is due, outlives it
 * @param gate		gate to pass, outlives it
 */
rekey_worker_t *rekey_worker_create(rekey_ledger_t *ledger, rekey_gate_t *gate);

#endif
