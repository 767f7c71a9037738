/*
 * Three lines of defence, each of which holds by itself: the filter of messages; the hooks that may refuse (authorize,
 * narrow); and a look at whatever came up, which ends it. Tests build the plugin with one of them alone. Every hook
 * runs in the thread that processes the message, with the IKE_SA checked out, so what a hook must know of that message
 * is kept by thread.
 */
#include "policy_listener.h"

#include <daemon.h>
#include <processing/jobs/callback_job.h>

#include "plugins/culvert-conf/conf_reason.h"
#include "policy_allowed.h"
#include "policy_proposal.h"
#include "policy_sentence.h"
#include "policy_shield.h"
#include "policy_wire.h"

enum {
	LINE_WIRE = 1,
	LINE_HOOKS = 2,
	LINE_LOOK = 4,
};

#ifndef CULVERT_POLICY_LINES
#define CULVERT_POLICY_LINES (LINE_WIRE | LINE_HOOKS | LINE_LOOK)
#endif

typedef struct private_policy_listener_t private_policy_listener_t;

/** What culvert-conf asks about the alerts that follow from a refusal */
typedef struct {
	conf_reason_t public;
	policy_refusals_t *refusals;
} private_conf_reason_t;

struct private_policy_listener_t {
	policy_listener_t public;
	private_conf_reason_t reason;
	policy_refusals_t *refusals;
};

/** The message that this thread processes */
static __thread struct {
	uint32_t ike_sa;
	exchange_type_t exchange;
	uint32_t id;
	bool request;
	/** an initiator's first IKE_AUTH that has no CHILD_SA in it */
	bool childless;
} current;

static bool is_current(ike_sa_t *ike_sa)
{
	return current.ike_sa == ike_sa->get_unique_id(ike_sa);
}

/* --- ending what must not be --- */

CALLBACK(end_now, job_requeue_t, ike_sa_id_t *id)
{
	ike_sa_manager_t *manager = charon->ike_sa_manager;
	ike_sa_t *ike_sa = manager->checkout(manager, id);

	if (ike_sa) {
		/* At once: a peer that does not answer would keep it for as long as we wait. */
		(void)ike_sa->delete(ike_sa, TRUE);
		manager->checkin_and_destroy(manager, ike_sa);
	}
	return JOB_REQUEUE_NONE;
}

static void end(ike_sa_t *ike_sa)
{
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);

	lib->processor->queue_job(lib->processor, (job_t *)callback_job_create_with_prio(end_now, id->clone(id),
												  (callback_job_cleanup_t)id->destroy, NULL, JOB_PRIO_CRITICAL));
}

static void end_loudly(ike_sa_t *ike_sa, const char *what, proposal_t *proposal)
{
	if (!(CULVERT_POLICY_LINES & LINE_LOOK))
		return;
	DBG0(DBG_CFG, "POLICY VIOLATED: %s of %s[%u] came up with %P, ending the IKE_SA with all its CHILD_SAs", what,
		ike_sa->get_name(ike_sa), ike_sa->get_unique_id(ike_sa), proposal);
	end(ike_sa);
}

/* --- messages --- */

static bool carries_proposals(message_t *message)
{
	switch ((int)message->get_exchange_type(message)) {
	case IKE_SA_INIT:
	case IKE_AUTH:
	case CREATE_CHILD_SA:
		return TRUE;
	default:
		return FALSE;
	}
}

static void take_note(private_policy_listener_t *this, ike_sa_t *ike_sa, message_t *message)
{
	this->refusals->clear_current(this->refusals);
	current.ike_sa = ike_sa->get_unique_id(ike_sa);
	current.exchange = message->get_exchange_type(message);
	current.id = message->get_message_id(message);
	current.request = message->get_request(message);
	current.childless = current.exchange == IKE_AUTH && current.request &&
						message->get_payload(message, PLV2_ID_INITIATOR) &&
						!message->get_payload(message, PLV2_SECURITY_ASSOCIATION);
}

/** A response that chose something weak becomes a refusal; the half-open IKE_SA goes. */
static void refuse_instead(message_t *message)
{
	enumerator_t *enumerator;
	payload_t *payload;

	enumerator = message->create_payload_enumerator(message);
	while (enumerator->enumerate(enumerator, &payload)) {
		message->remove_payload_at(message, enumerator);
		payload->destroy(payload);
	}
	enumerator->destroy(enumerator);
	message->add_notify(message, TRUE, NO_PROPOSAL_CHOSEN, chunk_empty);
}

METHOD(listener_t, message_hook, bool, private_policy_listener_t *this, ike_sa_t *ike_sa, message_t *message,
	bool incoming, bool plain)
{
	if (!ike_sa)
		return TRUE;
	if (!plain) {
		if (incoming && !policy_shield_passes(ike_sa, message))
			policy_shield_drop(message);
		return TRUE;
	}
	if (incoming)
		take_note(this, ike_sa, message);
	if (!(CULVERT_POLICY_LINES & LINE_WIRE) || !carries_proposals(message) ||
		policy_wire_filter(ike_sa, message, incoming, this->refusals) != POLICY_OURS_IS_WEAK)
		return TRUE;
	if (!message->get_request(message)) {
		refuse_instead(message);
		end(ike_sa);
	} else if (message->get_exchange_type(message) == IKE_SA_INIT) {
		end(ike_sa);
	}
	return TRUE;
}

/* --- IKE_SAs --- */

static bool is_allowed_ike(const policy_allowed_t *allowed, proposal_t *proposal, u_int *extra)
{
	struct suite_transform items[POLICY_TRANSFORMS_MAX];
	size_t n;

	if (!proposal || proposal->get_protocol(proposal) != PROTO_IKE)
		return FALSE;
	n = policy_proposal_read(proposal, items);
	*extra = policy_extra_exchanges(items, n);
	return policy_allowed_is(allowed, SUITE_IKE_SA, items, n);
}

/** Whether authentication of that side was by PSK or certificate in every round so far, and at least in one. */
static bool is_authenticated(ike_sa_t *ike_sa, bool local)
{
	enumerator_t *enumerator;
	auth_cfg_t *round;
	uintptr_t class;
	bool ok = TRUE;
	u_int count = 0;

	enumerator = ike_sa->create_auth_cfg_enumerator(ike_sa, local);
	while (ok && enumerator->enumerate(enumerator, &round)) {
		class = (uintptr_t)round->get(round, AUTH_RULE_AUTH_CLASS);
		ok = class == AUTH_CLASS_PSK || class == AUTH_CLASS_PUBKEY;
		count++;
	}
	enumerator->destroy(enumerator);
	return ok && count;
}

static bool are_authenticated(ike_sa_t *ike_sa)
{
	return is_authenticated(ike_sa, FALSE) && is_authenticated(ike_sa, TRUE);
}

/** Whether the round that just ended was one of EAP or of nothing. */
static bool is_round_ok(ike_sa_t *ike_sa)
{
	auth_cfg_t *round = ike_sa->get_auth_cfg(ike_sa, FALSE);
	uintptr_t class = (uintptr_t)round->get(round, AUTH_RULE_AUTH_CLASS);

	return class == AUTH_CLASS_PSK || class == AUTH_CLASS_PUBKEY;
}

/** Why an IKE_SA must not be authorized, or NULL. */
static const char *find_fault(ike_sa_t *ike_sa, const policy_allowed_t *allowed, bool final)
{
	u_int extra = 0;

	if (ike_sa->get_version(ike_sa) != IKEV2)
		return "IKEv1";
	if (!is_allowed_ike(allowed, ike_sa->get_proposal(ike_sa), &extra))
		return "an IKE_SA outside of the allowed suites";
	/* IKE_SA_INIT has ID 0, each additional key exchange takes one IKE_INTERMEDIATE. */
	if (!is_current(ike_sa) || current.exchange != IKE_AUTH || current.id < 1 + extra)
		return "an IKE_SA without all of its key exchanges";
	if (current.childless && current.id == 1 + extra)
		return "an IKE_SA without a CHILD_SA";
	if (final ? !are_authenticated(ike_sa) : !is_round_ok(ike_sa))
		return "EAP or no authentication";
	return NULL;
}

METHOD(listener_t, authorize, bool, private_policy_listener_t *this, ike_sa_t *ike_sa, bool final, bool *success)
{
	policy_allowed_t allowed;
	const char *fault;

	if (!(CULVERT_POLICY_LINES & LINE_HOOKS))
		return TRUE;
	policy_allowed_get(ike_sa, &allowed);
	fault = allowed.decided ? find_fault(ike_sa, &allowed, final) : "an IKE_SA without a configuration";
	if (fault) {
		policy_sentence_note_sa(ike_sa, IKE_AUTH, fault, ike_sa->get_proposal(ike_sa), this->refusals);
		*success = FALSE;
	}
	return TRUE;
}

static void look_at_ike(ike_sa_t *ike_sa)
{
	policy_allowed_t allowed;
	u_int extra;

	policy_allowed_get(ike_sa, &allowed);
	if (!allowed.decided || ike_sa->get_version(ike_sa) != IKEV2 ||
		!is_allowed_ike(&allowed, ike_sa->get_proposal(ike_sa), &extra) || !are_authenticated(ike_sa))
		end_loudly(ike_sa, "an IKE_SA", ike_sa->get_proposal(ike_sa));
}

METHOD(listener_t, ike_updown, bool, private_policy_listener_t *this, ike_sa_t *ike_sa, bool up)
{
	if (up)
		look_at_ike(ike_sa);
	return TRUE;
}

METHOD(listener_t, ike_rekey, bool, private_policy_listener_t *this, ike_sa_t *old, ike_sa_t *new)
{
	look_at_ike(new);
	return TRUE;
}

/* --- CHILD_SAs --- */

static bool is_allowed_child(ike_sa_t *ike_sa, child_sa_t *child_sa, enum suite_use use)
{
	proposal_t *proposal = child_sa->get_proposal(child_sa);
	struct suite_transform items[POLICY_TRANSFORMS_MAX];
	policy_allowed_t allowed;
	child_cfg_t *cfg = child_sa->get_config(child_sa);

	policy_allowed_get(ike_sa, &allowed);
	return allowed.decided && proposal && proposal->get_protocol(proposal) == PROTO_ESP &&
		   cfg->get_mode(cfg) == MODE_TUNNEL &&
		   policy_allowed_is(&allowed, use, items, policy_proposal_read(proposal, items));
}

/** The only CHILD_SA that has no key exchange of its own is made in IKE_AUTH. */
static enum suite_use use_now(ike_sa_t *ike_sa)
{
	return is_current(ike_sa) && current.exchange == IKE_AUTH ? SUITE_FIRST_CHILD : SUITE_CHILD;
}

static void remove_all(linked_list_t *selectors)
{
	traffic_selector_t *ts;

	while (selectors->remove_first(selectors, (void **)&ts) == SUCCESS)
		ts->destroy(ts);
}

/** Called with the proposal chosen and no key installed; without selectors there is no CHILD_SA. */
METHOD(listener_t, narrow, bool, private_policy_listener_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa,
	narrow_hook_t type, linked_list_t *local, linked_list_t *remote)
{
	if (!(CULVERT_POLICY_LINES & LINE_HOOKS) || type == NARROW_INITIATOR_PRE_NOAUTH ||
		type == NARROW_INITIATOR_PRE_AUTH || is_allowed_child(ike_sa, child_sa, use_now(ike_sa)))
		return TRUE;
	policy_sentence_note_sa(ike_sa, current.exchange, "a CHILD_SA outside of the allowed suites or of tunnel mode",
		child_sa->get_proposal(child_sa), this->refusals);
	remove_all(local);
	remove_all(remote);
	return TRUE;
}

static void look_at_child(ike_sa_t *ike_sa, child_sa_t *child_sa, enum suite_use use)
{
	if (!is_allowed_child(ike_sa, child_sa, use) || child_sa->get_protocol(child_sa) != PROTO_ESP ||
		child_sa->get_mode(child_sa) != MODE_TUNNEL || child_sa->get_ipcomp(child_sa) != IPCOMP_NONE)
		end_loudly(ike_sa, "a CHILD_SA", child_sa->get_proposal(child_sa));
}

METHOD(listener_t, child_updown, bool, private_policy_listener_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa, bool up)
{
	if (up)
		look_at_child(ike_sa, child_sa, use_now(ike_sa));
	return TRUE;
}

METHOD(
	listener_t, child_rekey, bool, private_policy_listener_t *this, ike_sa_t *ike_sa, child_sa_t *old, child_sa_t *new)
{
	look_at_child(ike_sa, new, SUITE_CHILD);
	return TRUE;
}

/* --- reasons --- */

/**
 * Before a peer has said who it is, its offer passes as far as it is in the table, and charon finds that the tunnel's
 * configuration has nothing in common with it.
 */
static void note_mismatch(private_conf_reason_t *this, ike_sa_t *ike_sa, linked_list_t *proposals, bool ike)
{
	policy_sentence_t about = {
		.ike_sa = ike_sa,
		.exchange = current.exchange,
		.incoming = TRUE,
		.request = TRUE,
		.use = ike ? SUITE_IKE_SA : use_now(ike_sa),
		.protocol = ike ? PROTO_IKE : PROTO_ESP,
		.offers = policy_proposal_list(proposals),
	};

	policy_sentence_note(&about, this->refusals);
	about.offers->destroy_function(about.offers, free);
}

METHOD(conf_reason_t, get_reason, const char *, private_conf_reason_t *this, ike_sa_t *ike_sa, linked_list_t *proposals,
	bool ike)
{
	/* The proposals of an alert are the peer's if it is the peer that asks. */
	if (proposals && is_current(ike_sa) && current.request && !this->refusals->get_current(this->refusals, ike_sa))
		note_mismatch(this, ike_sa, proposals, ike);
	return this->refusals->get_current(this->refusals, ike_sa);
}

METHOD(listener_t, alert, bool, private_policy_listener_t *this, ike_sa_t *ike_sa, alert_t alert, va_list args)
{
	va_list copy;

	if (ike_sa && (alert == ALERT_PROPOSAL_MISMATCH_IKE || alert == ALERT_PROPOSAL_MISMATCH_CHILD)) {
		va_copy(copy, args);
		(void)get_reason(&this->reason, ike_sa, va_arg(copy, linked_list_t *), alert == ALERT_PROPOSAL_MISMATCH_IKE);
		va_end(copy);
	}
	return TRUE;
}

METHOD(policy_listener_t, destroy, void, private_policy_listener_t *this)
{
	lib->set(lib, CONF_REASON, NULL);
	free(this);
}

policy_listener_t *policy_listener_create(policy_refusals_t *refusals)
{
	private_policy_listener_t *this;

	INIT(this,
		.public = {
			.listener = {
				.alert = _alert,
				.message = _message_hook,
				.authorize = _authorize,
				.narrow = _narrow,
				.ike_updown = _ike_updown,
				.ike_rekey = _ike_rekey,
				.child_updown = _child_updown,
				.child_rekey = _child_rekey,
			},
			.destroy = _destroy,
		},
		.reason = {
			.public = {
				.get = _get_reason,
			},
			.refusals = refusals,
		},
		.refusals = refusals,
	);
	lib->set(lib, CONF_REASON, &this->reason.public);
	return &this->public;
}
