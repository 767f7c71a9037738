/*
 * Credentials of the generation in force. A pre-shared key is given out for the tunnel it belongs to and no other, even
 * where two peers claim the same identity; configurations that others load (by vici) get none of ours.
 */
#ifndef CONF_CREDS_H_
#define CONF_CREDS_H_

#include <credentials/credential_set.h>

#include "conf_backend.h"

typedef struct conf_creds_t conf_creds_t;

struct conf_creds_t {

	/** Implements credential_set_t */
	credential_set_t set;

	void (*destroy)(conf_creds_t *this);
};

/**
 * Creates the credential set.
 *
 * @param backend	holder of the generation in force, outlives the set
 */
conf_creds_t *conf_creds_create(conf_backend_t *backend);

#endif
