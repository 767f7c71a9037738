/* What a tunnel has negotiated, as far as a rehearsal of its rekeys depends on it. */
#ifndef REKEY_NEGOTIATED_H_
#define REKEY_NEGOTIATED_H_

#include <daemon.h>

#include "ikev2/rehearsal.h"
#include "plugins/culvert-conf/conf_tunnel.h"

typedef struct rekey_negotiated_t rekey_negotiated_t;

struct rekey_negotiated_t {
	/** of the peer's address and identity, what we offer, the algorithms of the IKE_SA, and those of each CHILD_SA with
	 * its selectors; a key exchange in an ESP proposal does not count, since the first one has none */
	uint8_t digest[REHEARSAL_DIGEST];
	/** inbound SPIs of the CHILD_SAs that carry packets, network order; owned */
	uint32_t *spis;
	u_int count;
};

/**
 * Looks at an established IKE_SA that is checked out.
 *
 * @param tunnel	the one that it belongs to
 * @param this		receives it, free spis
 * @return			FALSE without a CHILD_SA, memory or SHA-256
 */
bool rekey_negotiated_read(ike_sa_t *ike_sa, conf_tunnel_t *tunnel, rekey_negotiated_t *this);

#endif
