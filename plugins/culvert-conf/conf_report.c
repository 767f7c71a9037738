/*
 * The listener runs inside charon's bus, with the IKE_SA checked out: it takes no survey and no lock but the statuses'.
 * Of the states only "up" is taken from events, because another IKE_SA of the tunnel may live when one goes down; the
 * keeper's next survey tells.
 */
#include "conf_report.h"

#include <encoding/payloads/delete_payload.h>
#include <encoding/payloads/notify_payload.h>

#include "conf_failure.h"
#include "conf_query.h"
#include "conf_survey.h"
#include "conf_text.h"
#include "ikev2/suite.h"
#include "lib/buf.h"

typedef struct private_conf_report_t private_conf_report_t;

struct private_conf_report_t {
	conf_report_t public;
	conf_backend_t *backend;
	conf_keeper_t *keeper;
};

typedef void (*tunnel_cb_t)(conf_tunnel_t *tunnel, ike_sa_t *ike_sa, void *data);

/**
 * Calls back for all tunnels to an address, or for the only one whose peer's address is not known.
 */
static void for_address(conf_generation_t *generation, ike_sa_t *ike_sa, tunnel_cb_t cb, void *data)
{
	enumerator_t *enumerator;
	conf_tunnel_t *tunnel;
	bool found = FALSE;

	enumerator = generation->create_peer_enumerator(generation, ike_sa->get_other_host(ike_sa));
	while (enumerator->enumerate(enumerator, &tunnel)) {
		cb(tunnel, ike_sa, data);
		found = TRUE;
	}
	enumerator->destroy(enumerator);
	tunnel = found ? NULL : generation->get_only_unknown(generation);
	if (tunnel)
		cb(tunnel, ike_sa, data);
}

/**
 * Calls back for the tunnel of an IKE_SA. Before IKE_AUTH a responder does not know which it is, only the address.
 */
static void for_tunnels(private_conf_report_t *this, ike_sa_t *ike_sa, tunnel_cb_t cb, void *data)
{
	conf_generation_t *generation = this->backend->get_generation(this->backend);
	peer_cfg_t *cfg = ike_sa->get_peer_cfg(ike_sa);
	conf_tunnel_t *tunnel;

	if (cfg) {
		tunnel = generation->get_tunnel(generation, cfg->get_name(cfg));
		if (tunnel && tunnel->owns(tunnel, cfg))
			cb(tunnel, ike_sa, data);
	} else {
		for_address(generation, ike_sa, cb, data);
	}
	generation->destroy(generation);
}

static bool is_established(ike_sa_t *ike_sa)
{
	ike_sa_state_t state = ike_sa->get_state(ike_sa);

	return state == IKE_ESTABLISHED || state == IKE_REKEYING;
}

/**
 * Notes a failure, adopts text. A tunnel that is up does not fail by an attempt beside it: before authentication
 * anybody can make one in the peer's name.
 */
static void note(conf_tunnel_t *tunnel, ike_sa_t *ike_sa, conf_scope_t scope, char *text)
{
	if (!text)
		return;
	if ((is_established(ike_sa) || tunnel->status->get_state(tunnel->status) != CONF_UP) &&
		tunnel->status->fail(tunnel->status, ike_sa->get_unique_id(ike_sa), scope, text) &&
		(ike_sa->get_peer_cfg(ike_sa) || tunnel->status->may_tell(tunnel->status)))
		DBG1(DBG_CFG, "tunnel %s: %s", tunnel->name, text);
	free(text);
}

typedef struct {
	alert_t alert;
	va_list *args;
} alert_data_t;

static void note_alert(conf_tunnel_t *tunnel, ike_sa_t *ike_sa, void *data)
{
	alert_data_t *this = data;
	conf_scope_t scope;
	char *text;

	text = conf_failure_of_alert(tunnel, ike_sa, this->alert, *this->args, &scope);
	note(tunnel, ike_sa, scope, text);
}

METHOD(listener_t, alert, bool, private_conf_report_t *this, ike_sa_t *ike_sa, alert_t alert, va_list args)
{
	alert_data_t data = { .alert = alert };
	va_list copy;

	if (alert == ALERT_SHUTDOWN_SIGNAL)
		this->keeper->stop(this->keeper);
	if (ike_sa) {
		va_copy(copy, args);
		data.args = &copy;
		for_tunnels(this, ike_sa, note_alert, &data);
		va_end(copy);
	}
	return TRUE;
}

static bool refuses_us(message_t *message, notify_type_t type)
{
	return type == AUTHENTICATION_FAILED && message->get_exchange_type(message) == IKE_AUTH &&
		   !message->get_request(message);
}

static void note_notify(conf_tunnel_t *tunnel, ike_sa_t *ike_sa, void *data)
{
	message_t *message = data;
	enumerator_t *enumerator;
	notify_type_t type;
	conf_scope_t scope;
	payload_t *payload;
	char *text;

	enumerator = message->create_payload_enumerator(message);
	while (enumerator->enumerate(enumerator, &payload)) {
		if (payload->get_type(payload) != PLV2_NOTIFY)
			continue;
		type = ((notify_payload_t *)payload)->get_notify_type((notify_payload_t *)payload);
		/* Types from 16384 tell a status, not an error (RFC 7296 section 3.10.1). */
		if (type >= 16384)
			continue;
		if (refuses_us(message, type))
			tunnel->next_psk(tunnel);
		text = conf_failure_of_notify(
			tunnel, message->get_source(message), message->get_exchange_type(message), type, &scope);
		note(tunnel, ike_sa, scope, text);
	}
	enumerator->destroy(enumerator);
}

static void note_delete(conf_tunnel_t *tunnel, ike_sa_t *ike_sa, void *data)
{
	note(tunnel, ike_sa, CONF_SCOPE_IKE, conf_text("the peer at %H ended the tunnel", ike_sa->get_other_host(ike_sa)));
}

static bool deletes_ike(message_t *message)
{
	delete_payload_t *payload = (delete_payload_t *)message->get_payload(message, PLV2_DELETE);

	return payload && payload->get_protocol_id(payload) == PROTO_IKE;
}

/** Answers to our requests, and INFORMATIONAL, by which an initiator says that it does not accept us. */
METHOD(listener_t, message_hook, bool, private_conf_report_t *this, ike_sa_t *ike_sa, message_t *message, bool incoming,
	bool plain)
{
	if (!incoming || !plain)
		return TRUE;
	if (!message->get_request(message) || message->get_exchange_type(message) == INFORMATIONAL)
		for_tunnels(this, ike_sa, note_notify, message);
	if (message->get_request(message) && deletes_ike(message) && ike_sa->get_state(ike_sa) == IKE_ESTABLISHED)
		for_tunnels(this, ike_sa, note_delete, NULL);
	return TRUE;
}

static void note_up(conf_tunnel_t *tunnel, ike_sa_t *ike_sa, void *data)
{
	tunnel->status->observe(tunnel->status, CONF_UP);
	tunnel->status->succeed(tunnel->status, *(conf_scope_t *)data);
}

static void updown(private_conf_report_t *this, ike_sa_t *ike_sa, conf_scope_t scope, bool up)
{
	if (up)
		for_tunnels(this, ike_sa, note_up, &scope);
	/* Up as well: more CHILD_SAs may be wanted in it. */
	this->keeper->check_soon(this->keeper);
}

METHOD(listener_t, ike_updown, bool, private_conf_report_t *this, ike_sa_t *ike_sa, bool up)
{
	updown(this, ike_sa, CONF_SCOPE_IKE, up);
	return TRUE;
}

METHOD(listener_t, child_updown, bool, private_conf_report_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa, bool up)
{
	updown(this, ike_sa, CONF_SCOPE_CHILD, up);
	return TRUE;
}

/** An attempt that fails raises no updown event. */
METHOD(listener_t, ike_state_change, bool, private_conf_report_t *this, ike_sa_t *ike_sa, ike_sa_state_t state)
{
	if (state == IKE_CONNECTING || state == IKE_DESTROYING)
		this->keeper->check_soon(this->keeper);
	if (state == IKE_REKEYED)
		conf_survey_outdate();
	return TRUE;
}

static bool is_suite(const struct suite *suite, proposal_t *negotiated)
{
	proposal_t *proposal;
	bool same;

	proposal = proposal_create_from_string(PROTO_IKE, suite->ike);
	if (!proposal)
		return FALSE;
	same = proposal->equals(proposal, negotiated);
	proposal->destroy(proposal);
	return same;
}

/** The suite by its name if it is one of the configured ones, else its algorithms, without spaces. */
static char *suite_text(conf_tunnel_t *tunnel, proposal_t *negotiated)
{
	u_int i;

	if (!negotiated)
		return strdup("-");
	for (i = 0; i < tunnel->n_suites; i++) {
		if (is_suite(tunnel->suites[i], negotiated))
			return strdup(tunnel->suites[i]->name);
	}
	return conf_text("%P", negotiated);
}

static proposal_t *established_proposal(const conf_sa_t *sa)
{
	for (; sa; sa = sa->next) {
		if (sa->state == IKE_ESTABLISHED || sa->state == IKE_REKEYING)
			return sa->proposal;
	}
	return NULL;
}

static void print_tunnel(conf_tunnel_t *tunnel, const conf_sa_t *first, struct buf *out)
{
	static const char *const states[] = { [CONF_DOWN] = "down", [CONF_CONNECTING] = "connecting", [CONF_UP] = "up" };
	conf_status_view_t view;
	char *suite;

	tunnel->status->observe(tunnel->status, conf_survey_state(first));
	tunnel->status->get_view(tunnel->status, &view);
	suite = suite_text(tunnel, established_proposal(first));
	buf_printf(out, "tunnel %s %s %lld %s ", tunnel->name, states[view.state], (long long)view.seconds, suite);
	if (view.failure)
		buf_printf(out, "%lld %s\n", (long long)view.failure_age, view.failure);
	else
		buf_puts(out, "- -\n");
	free(view.failure);
	free(suite);
}

static void print_children(conf_tunnel_t *tunnel, const conf_sa_t *sa, time_t now, struct buf *out)
{
	const conf_child_t *child;
	char *name;

	for (; sa; sa = sa->next) {
		for (child = sa->children; child; child = child->next) {
			name = child->cfg->get_name(child->cfg);
			/* Of "APN/1", one of several pairs, the APN. */
			buf_printf(out, "child %s %.*s %u %08x %08x %lld\n", tunnel->name, (int)strcspn(name, "/"), name,
				child->if_id, child->spi_in, child->spi_out, (long long)(now - child->installed));
		}
	}
}

METHOD(conf_report_t, print, void, private_conf_report_t *this, struct buf *out)
{
	conf_generation_t *generation = this->backend->get_generation(this->backend);
	conf_rehearsals_t *rehearsals = lib->get(lib, CONF_REHEARSALS);
	conf_refusals_t *refusals = lib->get(lib, CONF_REFUSALS);
	conf_survey_t *survey = conf_survey_create(TRUE);
	time_t now = time_monotonic(NULL);
	enumerator_t *enumerator;
	conf_tunnel_t *tunnel;

	enumerator = generation->create_tunnel_enumerator(generation);
	while (enumerator->enumerate(enumerator, &tunnel))
		print_tunnel(tunnel, survey->get_first(survey, tunnel->name), out);
	enumerator->destroy(enumerator);
	enumerator = generation->create_tunnel_enumerator(generation);
	while (enumerator->enumerate(enumerator, &tunnel))
		print_children(tunnel, survey->get_first(survey, tunnel->name), now, out);
	enumerator->destroy(enumerator);
	if (rehearsals)
		rehearsals->print(rehearsals, out);
	if (refusals)
		refusals->print(refusals, out);
	buf_puts(out, "end\n");
	survey->destroy(survey);
	generation->destroy(generation);
}

METHOD(conf_report_t, destroy, void, private_conf_report_t *this)
{
	free(this);
}

conf_report_t *conf_report_create(conf_backend_t *backend, conf_keeper_t *keeper)
{
	private_conf_report_t *this;

	INIT(this,
		.public = {
			.listener = {
				.alert = _alert,
				.message = _message_hook,
				.ike_updown = _ike_updown,
				.child_updown = _child_updown,
				.ike_state_change = _ike_state_change,
			},
			.print = _print,
			.destroy = _destroy,
		},
		.backend = backend,
		.keeper = keeper,
	);
	return &this->public;
}
