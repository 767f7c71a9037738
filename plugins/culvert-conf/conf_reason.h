/*
 * What another plugin tells culvert-conf about an alert that it has caused by refusing something; it makes this known
 * by lib->set(lib, CONF_REASON). Asked in listeners, by the thread that refused.
 */
#ifndef CONF_REASON_H_
#define CONF_REASON_H_

#include <daemon.h>

#define CONF_REASON "culvert-conf-reason"

typedef struct conf_reason_t conf_reason_t;

struct conf_reason_t {

	/**
	 * Why the message that this thread processes was refused.
	 *
	 * @param proposals	proposal_t of an alert that there is none in common, NULL for other alerts
	 * @param ike		whether they are for the IKE_SA
	 * @return			sentence, valid until the thread's next message; NULL if nothing of the peer's was refused
	 */
	const char *(*get)(conf_reason_t *this, ike_sa_t *ike_sa, linked_list_t *proposals, bool ike);
};

#endif
