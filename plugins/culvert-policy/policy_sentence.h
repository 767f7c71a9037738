/* Refusals in words: what the one side offers or has chosen, what is allowed, how they differ, what to do. */
#ifndef POLICY_SENTENCE_H_
#define POLICY_SENTENCE_H_

#include "policy_allowed.h"
#include "policy_refusals.h"

typedef struct policy_sentence_t policy_sentence_t;

struct policy_sentence_t {
	ike_sa_t *ike_sa;
	/** of the message, who sent it, and whether it asks or answers */
	exchange_type_t exchange;
	bool incoming;
	bool request;
	enum suite_use use;
	uint8_t protocol;
	/** policy_offer_t of the message */
	linked_list_t *offers;
	/** what is wrong besides proposals: "transport mode"; NULL: nothing */
	const char *wrong;
};

/** Notes that a message was refused. */
void policy_sentence_note(const policy_sentence_t *this, policy_refusals_t *refusals);

/**
 * Notes that an SA was refused whose messages had passed.
 *
 * @param what			"EAP"; it becomes part of a sentence
 * @param chosen		proposal of the SA, NULL if there is none yet
 */
void policy_sentence_note_sa(
	ike_sa_t *ike_sa, exchange_type_t exchange, const char *what, proposal_t *chosen, policy_refusals_t *refusals);

#endif
