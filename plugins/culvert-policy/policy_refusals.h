/*
 * What the policy refused, with both sides' proposals; part of charon's report. Bounded: of each tunnel and of each
 * unknown peer the last refusal is kept and how many there were; of unknown peers only the latest ones.
 */
#ifndef POLICY_REFUSALS_H_
#define POLICY_REFUSALS_H_

#include <arpa/inet.h>
#include <daemon.h>

#include "plugins/culvert-conf/conf_query.h"

typedef struct policy_refusal_t policy_refusal_t;
typedef struct policy_refusals_t policy_refusals_t;

enum {
	POLICY_HOST_TEXT = INET6_ADDRSTRLEN,
	/** octets of a text of a refusal */
	POLICY_TEXT_MAX = 511,
};

/** One refusal; texts are single lines, owned by the record. */
struct policy_refusal_t {
	/** name of the tunnel, NULL if it is not known which: before a peer says who it is */
	char *tunnel;
	/** peer's address; owned */
	host_t *peer;
	/** exchange it happened in, and whether the message was the peer's */
	exchange_type_t exchange;
	bool incoming;
	/** what that side offers, or what was chosen of it, spelt as suites are; empty if there is nothing yet */
	char *offered;
	/** the suites that are allowed */
	char *allowed;
	/** the sentence for the operator: both of these, the difference, and what to do */
	char *sentence;
	/** number of refusals of this tunnel or peer, this one included */
	u_int count;
	/** monotonic seconds */
	time_t when;
};

struct policy_refusals_t {

	/** Part of charon's report */
	conf_refusals_t report;

	/**
	 * Takes note of a refusal.
	 *
	 * @param ike_sa		IKE_SA it happened to
	 * @param refusal		as described; texts and host are cloned, count and time are not looked at
	 */
	void (*add)(policy_refusals_t *this, ike_sa_t *ike_sa, const policy_refusal_t *refusal);

	/**
	 * @return				sentence of the first refusal in the message that this thread processes, NULL if there was
	 *						none; valid until the thread's next message
	 */
	const char *(*get_current)(policy_refusals_t *this, ike_sa_t *ike_sa);

	/** The thread begins with another message. */
	void (*clear_current)(policy_refusals_t *this);

	void (*destroy)(policy_refusals_t *this);
};

/** An address without its port, in text. */
const char *policy_host_text(host_t *host, char text[static POLICY_HOST_TEXT]);

/**
 * Creates the record and makes it known to the report; destroy() takes it back.
 */
policy_refusals_t *policy_refusals_create(void);

#endif
