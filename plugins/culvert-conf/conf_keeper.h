/*
 * Keeps what exists equal to what the generation in force wants: brings up the tunnels that the gateway initiates, ends
 * those of an older generation. Desired, observed, difference: each check takes a survey and acts on it alone.
 */
#ifndef CONF_KEEPER_H_
#define CONF_KEEPER_H_

#include "conf_backend.h"
#include "conf_liveness.h"

typedef struct conf_keeper_t conf_keeper_t;

struct conf_keeper_t {

	/** Begins to check, at once and then every few seconds. */
	void (*start)(conf_keeper_t *this);

	/** Ends it: charon is about to go. May be called from a listener. */
	void (*stop)(conf_keeper_t *this);

	/** Asks for a check soon; may be called from a listener. */
	void (*check_soon)(conf_keeper_t *this);

	/**
	 * Puts a generation in force: ends the IKE_SAs of tunnels that it does not have or has otherwise, of the others the
	 * CHILD_SAs that it has not, rekeys those of which it has other parameters, leaves what is unchanged alone, and
	 * initiates what is new.
	 *
	 * @param expected		generation that must be in force now
	 * @param generation	new one, a reference is taken
	 * @return				FALSE if another one than expected is in force; nothing happened then
	 */
	bool (*replace)(conf_keeper_t *this, conf_generation_t *expected, conf_generation_t *generation);

	/**
	 * Ends a tunnel and initiates it anew, if the gateway initiates it.
	 *
	 * @param name			name of the tunnel
	 * @return				FALSE if there is no such tunnel
	 */
	bool (*restart)(conf_keeper_t *this, const char *name);

	/**
	 * Rekeys a tunnel's CHILD_SAs and its IKE_SA.
	 *
	 * @param name			name of the tunnel
	 * @return				FALSE if it is not up
	 */
	bool (*rekey)(conf_keeper_t *this, const char *name);

	void (*destroy)(conf_keeper_t *this);
};

/**
 * Creates a keeper that does nothing until start().
 *
 * @param backend	holder of the generation in force, outlives the keeper
 * @param liveness	who knows which peers answer, outlives the keeper
 */
conf_keeper_t *conf_keeper_create(conf_backend_t *backend, conf_liveness_t *liveness);

#endif
