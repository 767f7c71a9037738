#include "policy_sentence.h"

#include "ikev2/suite.h"
#include "lib/buf.h"
#include "policy_proposal.h"

enum {
	/** octets of a peer's offer in a sentence: what we allow and what to do must fit behind it */
	OFFER_MAX = 150,
};

static void put_host(ike_sa_t *ike_sa, struct buf *out)
{
	char text[POLICY_HOST_TEXT];

	buf_puts(out, policy_host_text(ike_sa->get_other_host(ike_sa), text));
}

static const char *sa_names[] = {
	[SUITE_IKE_SA] = "IKE_SA",
	[SUITE_FIRST_CHILD] = "CHILD_SA",
	[SUITE_CHILD] = "CHILD_SA",
};

/** Appends text, the peer's, and no more than a sentence can bear. */
static void put_bounded(struct buf *out, const char *text)
{
	if (strlen(text) > OFFER_MAX)
		buf_printf(out, "%.*s...", OFFER_MAX, text);
	else
		buf_puts(out, text);
}

static void spell_offer(const policy_offer_t *offer, uint8_t expected, struct buf *out)
{
	if (offer->bundled)
		buf_puts(out, "bundled ");
	if (offer->protocol == PROTO_AH)
		buf_puts(out, "AH ");
	else if (offer->protocol != expected)
		buf_printf(out, "protocol %u ", offer->protocol);
	suite_spell(offer->items, offer->n, out);
}

static void spell_offers(const policy_sentence_t *this, struct buf *out)
{
	enumerator_t *enumerator;
	policy_offer_t *offer;

	enumerator = this->offers->create_enumerator(this->offers);
	/* What comes behind is cut off anyway. */
	while (out->len <= POLICY_TEXT_MAX && enumerator->enumerate(enumerator, &offer)) {
		if (out->len)
			buf_puts(out, ", ");
		spell_offer(offer, this->protocol, out);
	}
	enumerator->destroy(enumerator);
	if (!out->len)
		buf_puts(out, "nothing");
}

/**
 * What is allowed as far as one can tell people.
 *
 * @param ret_known	whether it can be no other tunnel
 * @return			tunnel, or NULL; destroy() it
 */
static conf_tunnel_t *likely(ike_sa_t *ike_sa, policy_allowed_t *allowed, bool *ret_known)
{
	conf_query_t *query = lib->get(lib, CONF_QUERY);
	conf_tunnel_t *tunnel = query ? query->get_likely_tunnel(query, ike_sa, ret_known) : NULL;

	if (tunnel)
		policy_allowed_of_tunnel(tunnel, allowed);
	else
		*allowed = (policy_allowed_t){ .suites = { suite_find(SUITE_DEFAULT) }, .n = 1 };
	return tunnel;
}

static void list_suites(const policy_allowed_t *allowed, struct buf *out)
{
	u_int i;

	for (i = 0; i < allowed->n; i++)
		buf_printf(out, "%s%s", i ? ", " : "", allowed->suites[i]->name);
}

/** The first offer of the right protocol, or NULL. */
static policy_offer_t *comparable(const policy_sentence_t *this)
{
	enumerator_t *enumerator;
	policy_offer_t *offer, *found = NULL;

	enumerator = this->offers->create_enumerator(this->offers);
	while (!found && enumerator->enumerate(enumerator, &offer))
		found = offer->protocol == this->protocol && !offer->bundled ? offer : NULL;
	enumerator->destroy(enumerator);
	return found;
}

/** The suite of the table that the peer would accept, or NULL. */
static const struct suite *other_suite(const policy_sentence_t *this)
{
	const struct suite *suite;
	enumerator_t *enumerator;
	const struct suite_rule *rule;
	policy_offer_t *offer;
	bool found = FALSE;
	size_t i;

	for (i = 0; (suite = suite_at(i)); i++) {
		rule = policy_rule(suite, this->use);
		enumerator = this->offers->create_enumerator(this->offers);
		while (!found && enumerator->enumerate(enumerator, &offer))
			found = offer->protocol == this->protocol && !offer->bundled && suite_rule_in(rule, offer->items, offer->n);
		enumerator->destroy(enumerator);
		if (found)
			return suite;
	}
	return NULL;
}

static void put_mismatch(
	const policy_sentence_t *this, const policy_allowed_t *allowed, const char *offered, struct buf *out)
{
	const struct suite *other = other_suite(this);
	const struct suite_rule *rule = policy_rule(allowed->suites[0], this->use);
	policy_offer_t *offer = comparable(this);

	buf_printf(out, "no proposal in common: for the %s the peer at ", sa_names[this->use]);
	put_host(this->ike_sa, out);
	buf_puts(out, this->request ? " offers " : " chose ");
	put_bounded(out, offered);
	buf_puts(out, " and we allow ");
	list_suites(allowed, out);
	if (offer && !suite_rule_in(rule, offer->items, offer->n)) {
		buf_puts(out, ": ");
		suite_difference(rule, offer->items, offer->n, out);
	}
	if (other)
		buf_printf(out, "; ask the carrier, or set suite = \"%s\" if the contract has it", other->name);
	else
		buf_puts(out, "; ask the carrier to configure what we allow");
}

static void put_ours(
	const policy_sentence_t *this, const policy_allowed_t *allowed, const char *offered, struct buf *out)
{
	buf_printf(out, "our connection %s offers ", this->ike_sa->get_name(this->ike_sa));
	put_bounded(out, offered);
	buf_printf(out, "%s%s for the %s and only ", this->wrong ? " with " : "", this->wrong ?: "", sa_names[this->use]);
	list_suites(allowed, out);
	buf_puts(out, " is allowed in it; change its proposals");
}

static void put_wrong(
	const policy_sentence_t *this, const policy_allowed_t *allowed, const char *offered, struct buf *out)
{
	buf_printf(out, "refused: for the %s the peer at ", sa_names[this->use]);
	put_host(this->ike_sa, out);
	buf_printf(out, " wants %s (", this->wrong);
	put_bounded(out, offered);
	buf_puts(out, ") and we allow tunnel mode with ");
	list_suites(allowed, out);
	buf_puts(out, "; ask the carrier to configure that");
}

/** A refusal in the making */
typedef struct {
	ike_sa_t *ike_sa;
	/** the one that the peer seems to mean, and whether it can be no other one */
	conf_tunnel_t *tunnel;
	bool known;
	policy_allowed_t allowed;
	struct buf offered;
	struct buf sentence;
} draft_t;

static void begin(draft_t *draft, ike_sa_t *ike_sa)
{
	*draft = (draft_t){ .ike_sa = ike_sa };
	draft->tunnel = likely(ike_sa, &draft->allowed, &draft->known);
}

static void finish(draft_t *draft, exchange_type_t exchange, bool incoming, policy_refusals_t *refusals)
{
	struct buf names = {};
	policy_refusal_t refusal = {
		.tunnel = draft->tunnel && draft->known ? draft->tunnel->name : NULL,
		.peer = draft->ike_sa->get_other_host(draft->ike_sa),
		.exchange = exchange,
		.incoming = incoming,
		.offered = (char *)buf_text(&draft->offered),
		.sentence = (char *)buf_text(&draft->sentence),
	};

	list_suites(&draft->allowed, &names);
	refusal.allowed = (char *)buf_text(&names);
	refusals->add(refusals, draft->ike_sa, &refusal);
	buf_free(&names);
	buf_free(&draft->offered);
	buf_free(&draft->sentence);
	DESTROY_IF(draft->tunnel);
}

void policy_sentence_note(const policy_sentence_t *this, policy_refusals_t *refusals)
{
	draft_t draft;
	const char *offered;

	begin(&draft, this->ike_sa);
	spell_offers(this, &draft.offered);
	offered = buf_text(&draft.offered);
	if (!this->incoming)
		put_ours(this, &draft.allowed, offered, &draft.sentence);
	else if (this->wrong)
		put_wrong(this, &draft.allowed, offered, &draft.sentence);
	else
		put_mismatch(this, &draft.allowed, offered, &draft.sentence);
	finish(&draft, this->exchange, this->incoming, refusals);
}

static void spell_chosen(proposal_t *chosen, struct buf *out)
{
	policy_offer_t offer = { .protocol = (uint8_t)chosen->get_protocol(chosen) };

	offer.n = policy_proposal_read(chosen, offer.items);
	spell_offer(&offer, offer.protocol, out);
}

void policy_sentence_note_sa(
	ike_sa_t *ike_sa, exchange_type_t exchange, const char *what, proposal_t *chosen, policy_refusals_t *refusals)
{
	draft_t draft;

	begin(&draft, ike_sa);
	if (chosen)
		spell_chosen(chosen, &draft.offered);
	buf_printf(&draft.sentence, "refused: %s with the peer at ", what);
	put_host(ike_sa, &draft.sentence);
	buf_puts(&draft.sentence, "; we allow IKEv2 with a PSK or certificates, and ");
	list_suites(&draft.allowed, &draft.sentence);
	finish(&draft, exchange, TRUE, refusals);
}
