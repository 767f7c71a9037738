#include "policy_wire.h"

#include <encoding/payloads/ke_payload.h>
#include <encoding/payloads/notify_payload.h>

#include "ikev2/suite.h"
#include "lib/buf.h"
#include "policy_allowed.h"
#include "policy_proposal.h"
#include "policy_sentence.h"

typedef struct filter_t filter_t;

/** A message on its way through the filter */
struct filter_t {
	ike_sa_t *ike_sa;
	message_t *message;
	bool incoming;
	policy_allowed_t allowed;
	/** what its proposals are for, and which protocol that takes */
	enum suite_use use;
	uint8_t protocol;
	struct suite_rule rules[POLICY_SUITES_MAX];
	/** what is wrong with the message besides its proposals, NULL: nothing */
	const char *wrong;
};

static bool has(message_t *message, payload_type_t type)
{
	return message->get_payload(message, type) != NULL;
}

/** charon takes a CREATE_CHILD_SA without traffic selectors for the rekeying of an IKE_SA. */
static enum suite_use use_of(message_t *message)
{
	switch ((int)message->get_exchange_type(message)) {
	case IKE_SA_INIT:
		return SUITE_IKE_SA;
	case IKE_AUTH:
		return SUITE_FIRST_CHILD;
	default:
		return has(message, PLV2_TS_INITIATOR) || has(message, PLV2_TS_RESPONDER) ? SUITE_CHILD : SUITE_IKE_SA;
	}
}

static bool is_notify(payload_t *payload, notify_type_t type)
{
	return payload->get_type(payload) == PLV2_NOTIFY &&
		   ((notify_payload_t *)payload)->get_notify_type((notify_payload_t *)payload) == type;
}

static void remove_notifies(message_t *message, notify_type_t type)
{
	enumerator_t *enumerator;
	payload_t *payload;

	enumerator = message->create_payload_enumerator(message);
	while (enumerator->enumerate(enumerator, &payload)) {
		if (is_notify(payload, type)) {
			message->remove_payload_at(message, enumerator);
			payload->destroy(payload);
		}
	}
	enumerator->destroy(enumerator);
}

/** Removes what is always declined: RFC 7296 section 2.22 and RFC 9347 have it that an SA comes up without it then. */
static void remove_declined(message_t *message)
{
	remove_notifies(message, IPCOMP_SUPPORTED);
	remove_notifies(message, USE_AGGFRAG);
}

/** What does not go with any proposal. */
static const char *find_wrong(filter_t *this)
{
	message_t *message = this->message;

	if (this->use != SUITE_IKE_SA) {
		if (message->get_notify(message, USE_TRANSPORT_MODE))
			return "transport mode";
		/* A private number, which means something else with others than strongSwan. */
		if (message->get_notify(message, USE_BEET_MODE) &&
			(!this->incoming || this->ike_sa->supports_extension(this->ike_sa, EXT_STRONGSWAN)))
			return "BEET mode";
	}
	/* A request may have another group's: charon then asks for the right one. */
	if (message->get_exchange_type(message) == CREATE_CHILD_SA && !message->get_request(message) &&
		!has(message, PLV2_KEY_EXCHANGE))
		return "no key exchange";
	return NULL;
}

/** What of an offer may pass: narrowed to an allowed suite, or to all of them while it is not decided which. */
static proposal_t *narrow_offer(filter_t *this, const policy_offer_t *offer)
{
	struct suite_transform items[POLICY_SUITES_MAX * SUITE_TRANSFORMS_MAX];
	size_t n;

	if (offer->bundled || offer->protocol != this->protocol)
		return NULL;
	n = suite_narrow(this->rules, this->allowed.n, !this->allowed.decided, offer->items, offer->n, items);
	/* Ours are numbered anew, without gaps: peers insist on that. */
	return n ? policy_proposal_create(offer, this->incoming ? offer->number : 0, items, n) : NULL;
}

static proposal_t *check_choice(filter_t *this, const policy_offer_t *offer)
{
	if (offer->bundled || offer->protocol != this->protocol ||
		!policy_allowed_is(&this->allowed, this->use, offer->items, offer->n))
		return NULL;
	return policy_proposal_create(offer, offer->number, offer->items, offer->n);
}

/** The proposals that may pass. A response has one, and it is a suite as it stands. */
static linked_list_t *choose(filter_t *this, linked_list_t *offers)
{
	linked_list_t *kept = linked_list_create();
	bool request = this->message->get_request(this->message);
	enumerator_t *enumerator;
	policy_offer_t *offer;
	proposal_t *proposal;

	if (this->wrong || (!request && offers->get_count(offers) != 1))
		return kept;
	enumerator = offers->create_enumerator(offers);
	while (enumerator->enumerate(enumerator, &offer)) {
		proposal = request ? narrow_offer(this, offer) : check_choice(this, offer);
		if (proposal)
			kept->insert_last(kept, proposal);
	}
	enumerator->destroy(enumerator);
	return kept;
}

/** Takes an initial offer as far as the configuration offers the same. */
static linked_list_t *choose_by(filter_t *this, ike_cfg_t *cfg, linked_list_t *offers)
{
	policy_allowed_of_config(cfg, &this->allowed);
	policy_allowed_rules(&this->allowed, this->use, this->rules);
	return choose(this, offers);
}

/**
 * As charon does with a first message: by the configuration that fits the addresses best, and if that has nothing in
 * common with the offer by the others that fit.
 */
static linked_list_t *choose_initially(filter_t *this, linked_list_t *offers)
{
	ike_cfg_t *first = this->ike_sa->get_ike_cfg(this->ike_sa), *cfg;
	linked_list_t *kept = choose_by(this, first, offers);
	enumerator_t *enumerator;

	if (kept->get_count(kept))
		return kept;
	enumerator = charon->backends->create_ike_cfg_enumerator(charon->backends,
		this->message->get_destination(this->message), this->message->get_source(this->message), IKEV2);
	while (!kept->get_count(kept) && enumerator->enumerate(enumerator, &cfg)) {
		if (cfg == first)
			continue;
		kept->destroy(kept);
		kept = choose_by(this, cfg, offers);
	}
	enumerator->destroy(enumerator);
	return kept;
}

/** Whether this is what a peer begins with. */
static bool is_initial(filter_t *this)
{
	return this->incoming && !this->allowed.decided && this->message->get_request(this->message) &&
		   this->message->get_exchange_type(this->message) == IKE_SA_INIT && this->ike_sa->get_ike_cfg(this->ike_sa);
}

static void note(filter_t *this, linked_list_t *offers, policy_refusals_t *refusals)
{
	policy_sentence_t about = {
		.ike_sa = this->ike_sa,
		.exchange = this->message->get_exchange_type(this->message),
		.incoming = this->incoming,
		.request = this->message->get_request(this->message),
		.use = this->use,
		.protocol = this->protocol,
		.offers = offers,
		.wrong = this->wrong,
	};

	policy_sentence_note(&about, refusals);
}

/** Puts what may pass in the place of an SA payload. */
static void replace(filter_t *this, enumerator_t *enumerator, sa_payload_t *sa, linked_list_t *kept)
{
	this->message->remove_payload_at(this->message, enumerator);
	sa->destroy(sa);
	sa = sa_payload_create_from_proposals_v2(kept);
	this->message->add_payload(this->message, (payload_t *)sa);
}

/** Narrowing only takes away: with as many transforms as before nothing is missing. */
static bool is_changed(linked_list_t *offers, linked_list_t *kept)
{
	struct suite_transform items[POLICY_TRANSFORMS_MAX];
	enumerator_t *enumerator, *originals;
	proposal_t *proposal;
	policy_offer_t *offer;
	bool changed = offers->get_count(offers) != kept->get_count(kept) || !kept->get_count(kept);

	enumerator = kept->create_enumerator(kept);
	originals = offers->create_enumerator(offers);
	while (!changed && enumerator->enumerate(enumerator, &proposal) && originals->enumerate(originals, &offer))
		changed = policy_proposal_read(proposal, items) != offer->n;
	originals->destroy(originals);
	enumerator->destroy(enumerator);
	return changed;
}

static policy_verdict_t filter_sa(
	filter_t *this, enumerator_t *enumerator, sa_payload_t *sa, policy_refusals_t *refusals)
{
	linked_list_t *offers = policy_proposal_offers(sa), *kept;
	policy_verdict_t verdict = POLICY_PASSES;

	kept = is_initial(this) ? choose_initially(this, offers) : choose(this, offers);
	if (!kept->get_count(kept)) {
		verdict = this->incoming ? POLICY_REFUSED : POLICY_OURS_IS_WEAK;
		note(this, offers, refusals);
	}
	if (is_changed(offers, kept))
		replace(this, enumerator, sa, kept);
	kept->destroy_offset(kept, offsetof(proposal_t, destroy));
	offers->destroy_function(offers, free);
	return verdict;
}

/** charon has verified that there is no more than one. */
static policy_verdict_t filter_proposals(filter_t *this, policy_refusals_t *refusals)
{
	policy_verdict_t verdict = POLICY_PASSES;
	enumerator_t *enumerator;
	payload_t *payload;

	enumerator = this->message->create_payload_enumerator(this->message);
	while (enumerator->enumerate(enumerator, &payload)) {
		if (payload->get_type(payload) == PLV2_SECURITY_ASSOCIATION) {
			verdict = filter_sa(this, enumerator, (sa_payload_t *)payload, refusals);
			break;
		}
	}
	enumerator->destroy(enumerator);
	return verdict;
}

/** Whether an allowed suite begins with that key exchange. */
static bool is_allowed_exchange(filter_t *this, uint16_t id)
{
	const struct suite_rule *rule;
	u_int i, k;

	for (i = 0; i < this->allowed.n; i++) {
		rule = &this->rules[i];
		for (k = 0; k < rule->n; k++) {
			if (rule->items[k].type == SUITE_KE && rule->items[k].id == id)
				return TRUE;
		}
	}
	return FALSE;
}

static void note_wish(filter_t *this, uint16_t id, policy_refusals_t *refusals)
{
	linked_list_t *offers = linked_list_create();
	policy_offer_t *offer;

	INIT(offer, .protocol = this->protocol, .items = { { .type = SUITE_KE, .id = id } }, .n = 1, );
	offers->insert_last(offers, offer);
	this->wrong = "another key exchange";
	note(this, offers, refusals);
	offers->destroy_function(offers, free);
}

/**
 * A responder that wants a key exchange of none of our suites would have charon make a key for it. charon gives up as
 * with any other refusal instead.
 */
static policy_verdict_t filter_wish(filter_t *this, policy_refusals_t *refusals)
{
	notify_payload_t *notify = this->message->get_notify(this->message, INVALID_KE_PAYLOAD);
	chunk_t data;
	uint16_t id;

	if (!notify)
		return POLICY_PASSES;
	data = notify->get_notification_data(notify);
	id = data.len >= sizeof(id) ? untoh16(data.ptr) : 0;
	if (is_allowed_exchange(this, id))
		return POLICY_PASSES;
	note_wish(this, id, refusals);
	remove_notifies(this->message, INVALID_KE_PAYLOAD);
	this->message->add_notify(this->message, FALSE, NO_PROPOSAL_CHOSEN, chunk_empty);
	return POLICY_REFUSED;
}

policy_verdict_t policy_wire_filter(ike_sa_t *ike_sa, message_t *message, bool incoming, policy_refusals_t *refusals)
{
	filter_t this = {
		.ike_sa = ike_sa,
		.message = message,
		.incoming = incoming,
		.use = use_of(message),
	};

	this.protocol = this.use == SUITE_IKE_SA ? PROTO_IKE : PROTO_ESP;
	policy_allowed_get(ike_sa, &this.allowed);
	policy_allowed_rules(&this.allowed, this.use, this.rules);
	remove_declined(message);
	if (incoming && !message->get_request(message) && filter_wish(&this, refusals) != POLICY_PASSES)
		return POLICY_REFUSED;
	if (!has(message, PLV2_SECURITY_ASSOCIATION))
		return POLICY_PASSES;
	this.wrong = find_wrong(&this);
	return filter_proposals(&this, refusals);
}
