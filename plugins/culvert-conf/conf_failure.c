#include "conf_failure.h"

#include "conf_reason.h"
#include "conf_text.h"

typedef struct notify_text_t notify_text_t;
typedef struct cert_text_t cert_text_t;

/** Retransmissions without an answer, after which a connecting tunnel is said to get none. */
enum { SILENCE = 2 };

/** "%s: %H, %s": what failed, the peer, what to do */
struct notify_text_t {
	notify_type_t type;
	conf_scope_t scope;
	const char *what;
	const char *peer_did;
	const char *advice;
};

static const notify_text_t notify_texts[] = {
	{ TS_UNACCEPTABLE, CONF_SCOPE_CHILD, "traffic selectors refused", "does not accept our cloud prefixes and pool",
		"compare pool and prefixes with the carrier" },
	{ INVALID_SELECTORS, CONF_SCOPE_CHILD, "traffic selectors refused", "received packets outside of them",
		"compare pool and prefixes with the carrier" },
	{ SINGLE_PAIR_REQUIRED, CONF_SCOPE_CHILD, "traffic selectors refused", "wants one pair per CHILD_SA",
		"ask the carrier to accept the APN's prefixes together" },
	{ NO_ADDITIONAL_SAS, CONF_SCOPE_CHILD, "CHILD_SA refused", "wants no further CHILD_SA in this tunnel",
		"ask the carrier to allow one per APN" },
	{ INTERNAL_ADDRESS_FAILURE, CONF_SCOPE_CHILD, "CHILD_SA refused", "wants to assign us an address",
		"ask the carrier for a site-to-site tunnel" },
	{ FAILED_CP_REQUIRED, CONF_SCOPE_CHILD, "CHILD_SA refused", "wants to assign us an address",
		"ask the carrier for a site-to-site tunnel" },
	{ INVALID_MAJOR_VERSION, CONF_SCOPE_IKE, "no IKEv2", "does not speak it", "ask the carrier to configure IKEv2" },
	{ UNSUPPORTED_CRITICAL_PAYLOAD, CONF_SCOPE_IKE, "negotiation failed", "does not understand a critical payload",
		"ask the carrier for their log" },
	{ INVALID_SYNTAX, CONF_SCOPE_IKE, "negotiation failed", "does not understand our message",
		"different PSKs can be the cause; ask the carrier for their log" },
};

/** Steps of a negotiation, answered by another message and not by giving up. */
static const notify_type_t ordinary[] = { INVALID_KE_PAYLOAD, TEMPORARY_FAILURE, CHILD_SA_NOT_FOUND };

static bool uses_psk(const conf_tunnel_t *tunnel)
{
	return array_count(tunnel->carrier->psks) > 0;
}

static char *proposal_refused(conf_tunnel_t *tunnel, host_t *peer, exchange_type_t exchange, conf_scope_t *scope)
{
	if (exchange == IKE_SA_INIT) {
		*scope = CONF_SCOPE_IKE;
		return conf_text(
			"no proposal in common: the peer at %H refused %s for the IKE_SA, or does not expect our address "
			"(NO_PROPOSAL_CHOSEN); compare suite and addresses with the carrier",
			peer, tunnel->suite_names);
	}
	*scope = CONF_SCOPE_CHILD;
	return conf_text("no proposal in common: the peer at %H refused %s for the CHILD_SA (NO_PROPOSAL_CHOSEN); "
					 "compare the ESP suite with the carrier",
		peer, tunnel->suite_names);
}

static char *credentials_refused(conf_tunnel_t *tunnel, host_t *peer, conf_scope_t *scope)
{
	*scope = CONF_SCOPE_IKE;
	return conf_text(
		"authentication failed: the peer at %H refused our credentials (AUTHENTICATION_FAILED); check %s and "
		"local_id with the carrier",
		peer, uses_psk(tunnel) ? "psk_file" : "certificate");
}

char *conf_failure_of_notify(
	conf_tunnel_t *tunnel, host_t *peer, exchange_type_t exchange, notify_type_t type, conf_scope_t *scope)
{
	const notify_text_t *text;
	size_t i;

	if (type == AUTHENTICATION_FAILED)
		return credentials_refused(tunnel, peer, scope);
	if (type == NO_PROPOSAL_CHOSEN)
		return proposal_refused(tunnel, peer, exchange, scope);
	for (i = 0; i < countof(ordinary); i++) {
		if (type == ordinary[i])
			return NULL;
	}
	for (i = 0; i < countof(notify_texts); i++) {
		text = &notify_texts[i];
		if (type == text->type) {
			*scope = text->scope;
			return conf_text("%s: the peer at %H %s (%N); %s", text->what, peer, text->peer_did, notify_type_names,
				type, text->advice);
		}
	}
	*scope = exchange == CREATE_CHILD_SA ? CONF_SCOPE_CHILD : CONF_SCOPE_IKE;
	return conf_text("the peer at %H answered with the error %N", peer, notify_type_names, type);
}

/** Why a peer's certificate is not accepted: "%s: '%Y'" */
struct cert_text_t {
	const char *text;
	alert_t alert;
	/** names the issuer and not the subject */
	bool issuer;
};

static const cert_text_t cert_texts[] = {
	{ "its certificate has expired or is not valid yet", ALERT_CERT_EXPIRED, FALSE },
	{ "its certificate is revoked", ALERT_CERT_REVOKED, FALSE },
	{ "whether its certificate is revoked cannot be learned", ALERT_CERT_VALIDATION_FAILED, FALSE },
	{ "its certificate is issued by a CA that ca does not name", ALERT_CERT_NO_ISSUER, TRUE },
	{ "its certificate chains to a CA that ca does not name", ALERT_CERT_UNTRUSTED_ROOT, TRUE },
	{ "its certificate chain is longer than the CA allows", ALERT_CERT_EXCEEDED_PATH_LEN, FALSE },
	{ "its certificate breaks a policy of the CA", ALERT_CERT_POLICY_VIOLATION, FALSE },
};

static char *cert_refused(conf_tunnel_t *tunnel, host_t *peer, alert_t alert, va_list args)
{
	const cert_text_t *text;
	certificate_t *cert;
	size_t i;

	/* Without strictness that is no failure. */
	if (alert == ALERT_CERT_VALIDATION_FAILED && !tunnel->carrier->strict)
		return NULL;

	for (i = 0; i < countof(cert_texts); i++) {
		text = &cert_texts[i];
		if (alert == text->alert) {
			cert = va_arg(args, certificate_t *);
			return conf_text("peer authentication failed: the peer at %H: %s ('%Y')", peer, text->text,
				text->issuer ? cert->get_issuer(cert) : cert->get_subject(cert));
		}
	}
	return NULL;
}

static char *peer_refused(conf_tunnel_t *tunnel, ike_sa_t *ike_sa)
{
	host_t *peer = ike_sa->get_other_host(ike_sa);
	identification_t *id = ike_sa->get_other_id(ike_sa);

	if (!ike_sa->get_peer_cfg(ike_sa))
		return conf_text(
			"peer authentication failed: the peer at %H calls itself '%Y' and us '%Y', which is no tunnel to it; "
			"compare remote_id ('%Y') and local_id ('%Y') with the carrier",
			peer, id, ike_sa->get_my_id(ike_sa), tunnel->remote_id, tunnel->local_id);
	if (uses_psk(tunnel))
		return conf_text(
			"peer authentication failed: the PSK or identity ('%Y') of the peer at %H does not match; check "
			"psk_file and remote_id with the carrier",
			id, peer);
	return conf_text(
		"peer authentication failed: the peer at %H did not prove to be '%Y' with a certificate of our ca; "
		"check ca and remote_id with the carrier",
		peer, tunnel->remote_id);
}

static char *selectors_refused(host_t *peer, va_list args)
{
	linked_list_t *initiator, *responder;

	initiator = va_arg(args, linked_list_t *);
	responder = va_arg(args, linked_list_t *);
	if (!initiator || !responder)
		return NULL;
	return conf_text(
		"traffic selectors refused: the peer at %H and we agree on no APN for %#R === %#R; compare pool and "
		"prefixes with the carrier",
		peer, initiator, responder);
}

static char *no_answer(ike_sa_t *ike_sa)
{
	host_t *peer = ike_sa->get_other_host(ike_sa);

	if (ike_sa->get_state(ike_sa) == IKE_CONNECTING || ike_sa->get_state(ike_sa) == IKE_CREATED)
		return conf_text(
			"no answer from %H: nothing comes back from UDP port %u; check the peer's address and the filters on "
			"the way",
			peer, peer->get_port(peer));
	return conf_text("no answer from %H any more: the peer or the way to it is dead", peer);
}

static char *still_silent(ike_sa_t *ike_sa, va_list args)
{
	(void)va_arg(args, packet_t *);
	if (va_arg(args, u_int) < SILENCE || ike_sa->get_state(ike_sa) != IKE_CONNECTING)
		return NULL;
	return no_answer(ike_sa);
}

static char *mismatch(conf_tunnel_t *tunnel, host_t *peer, const char *sa, va_list args)
{
	return conf_text(
		"no proposal in common: for the %s the peer at %H offers %#P and we allow %s; compare the suite with "
		"the carrier",
		sa, peer, va_arg(args, linked_list_t *), tunnel->suite_names);
}

/** Why a policy refused what this alert is about; NULL if none did. It knows what the peer really offered. */
static char *refused_by_policy(ike_sa_t *ike_sa, alert_t alert, va_list args, conf_scope_t *scope)
{
	conf_reason_t *reason = lib->get(lib, CONF_REASON);
	linked_list_t *proposals = NULL;
	const char *sentence;

	switch ((int)alert) {
	case ALERT_PROPOSAL_MISMATCH_IKE:
	case ALERT_PROPOSAL_MISMATCH_CHILD:
		proposals = va_arg(args, linked_list_t *);
		break;
	case ALERT_AUTHORIZATION_FAILED:
	case ALERT_TS_MISMATCH:
		break;
	default:
		return NULL;
	}
	*scope =
		alert == ALERT_PROPOSAL_MISMATCH_IKE || alert == ALERT_AUTHORIZATION_FAILED ? CONF_SCOPE_IKE : CONF_SCOPE_CHILD;
	sentence = reason ? reason->get(reason, ike_sa, proposals, alert == ALERT_PROPOSAL_MISMATCH_IKE) : NULL;
	return sentence ? strdup(sentence) : NULL;
}

static char *of_alert(conf_tunnel_t *tunnel, ike_sa_t *ike_sa, alert_t alert, va_list args, conf_scope_t *scope)
{
	host_t *peer = ike_sa->get_other_host(ike_sa);

	*scope = CONF_SCOPE_IKE;
	switch ((int)alert) {
	case ALERT_LOCAL_AUTH_FAILED:
		return conf_text("authentication failed: we cannot prove to be '%Y' to the peer at %H", tunnel->local_id, peer);
	case ALERT_PEER_AUTH_FAILED:
		return peer_refused(tunnel, ike_sa);
	case ALERT_AUTHORIZATION_FAILED:
		return conf_text("the tunnel to %H was refused by our own policy", peer);
	case ALERT_PROPOSAL_MISMATCH_IKE:
		return mismatch(tunnel, peer, "IKE_SA", args);
	case ALERT_RETRANSMIT_SEND:
		return still_silent(ike_sa, args);
	case ALERT_RETRANSMIT_SEND_TIMEOUT:
	case ALERT_PEER_INIT_UNREACHABLE:
		return no_answer(ike_sa);
	case ALERT_HALF_OPEN_TIMEOUT:
		return conf_text("the peer at %H began a tunnel and did not go on", peer);
	default:
		break;
	}
	*scope = CONF_SCOPE_CHILD;
	switch ((int)alert) {
	case ALERT_PROPOSAL_MISMATCH_CHILD:
		return mismatch(tunnel, peer, "CHILD_SA", args);
	case ALERT_TS_MISMATCH:
		return selectors_refused(peer, args);
	case ALERT_INSTALL_CHILD_SA_FAILED:
	case ALERT_INSTALL_CHILD_POLICY_FAILED:
		return conf_text("our kernel did not take the CHILD_SA with %H", peer);
	default:
		break;
	}
	*scope = CONF_SCOPE_IKE;
	return cert_refused(tunnel, peer, alert, args);
}

char *conf_failure_of_alert(conf_tunnel_t *tunnel, ike_sa_t *ike_sa, alert_t alert, va_list args, conf_scope_t *scope)
{
	va_list copy;
	char *text;

	va_copy(copy, args);
	text = refused_by_policy(ike_sa, alert, copy, scope);
	va_end(copy);
	if (text)
		return text;
	va_copy(copy, args);
	text = of_alert(tunnel, ike_sa, alert, copy, scope);
	va_end(copy);
	return text;
}
