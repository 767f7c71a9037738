/* Tells the ledger what happens to SAs: listens on charon's bus. */
#ifndef REKEY_LISTENER_H_
#define REKEY_LISTENER_H_

#include <bus/listeners/listener.h>

#include "plugins/culvert-conf/conf_query.h"
#include "rekey_ledger.h"

typedef struct rekey_listener_t rekey_listener_t;

struct rekey_listener_t {
	listener_t listener;

	void (*destroy)(rekey_listener_t *this);
};

/**
 * @param ledger	who is told, outlives it
 * @param query		who knows the tunnel of an IKE_SA and so its lifetimes; NULL: the defaults hold for all
 */
rekey_listener_t *rekey_listener_create(rekey_ledger_t *ledger, conf_query_t *query);

#endif
