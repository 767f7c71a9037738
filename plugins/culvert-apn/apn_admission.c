/*
 * charon chooses selectors from what the configuration has; this asks the generation again, when the choice is made and
 * before keys are installed. Taking the selectors away is how a listener refuses: the peer gets TS_UNACCEPTABLE, and as
 * initiator we end what the peer has made.
 */
#include "apn_admission.h"

#include <daemon.h>

#include "plugins/culvert-conf/conf_text.h"

typedef struct private_apn_admission_t private_apn_admission_t;

struct private_apn_admission_t {
	apn_admission_t public;
	conf_query_t *query;
};

/** What a peer may have made of a link: for each pair of selectors one CHILD_SA and one that takes its place, some that
 * nobody has deleted yet, and so many deleted ones whose last packets may still be on their way. */
enum { PER_PAIR = 2, ENDING = 12, DELETED = 64 };

/** What a tunnel has configured for one interface ID */
typedef struct {
	/** one of them contains the selectors */
	bool contains;
	/** pairs of selectors of all of them */
	u_int pairs;
} fit_t;

static bool is_inside(traffic_selector_t *ts, linked_list_t *allowed)
{
	traffic_selector_t *current;
	enumerator_t *enumerator;
	bool inside = FALSE;

	enumerator = allowed->create_enumerator(allowed);
	while (!inside && enumerator->enumerate(enumerator, &current))
		inside = ts->is_contained_in(ts, current);
	enumerator->destroy(enumerator);
	return inside;
}

static bool all_inside(linked_list_t *chosen, child_cfg_t *cfg, bool local, u_int *count)
{
	linked_list_t *allowed = cfg->get_traffic_selectors(cfg, local, NULL);
	traffic_selector_t *ts;
	enumerator_t *enumerator;
	bool inside = TRUE;

	*count = (u_int)allowed->get_count(allowed);
	enumerator = chosen->create_enumerator(chosen);
	while (inside && enumerator->enumerate(enumerator, &ts))
		inside = is_inside(ts, allowed);
	enumerator->destroy(enumerator);
	allowed->destroy_offset(allowed, offsetof(traffic_selector_t, destroy));
	return inside;
}

static fit_t find_fit(conf_tunnel_t *tunnel, child_sa_t *child_sa, linked_list_t *local, linked_list_t *remote)
{
	u_int n_local, n_remote;
	enumerator_t *enumerator;
	bool inside_local, inside_remote;
	child_cfg_t *cfg;
	fit_t fit = {};

	enumerator = tunnel->cfg->create_child_cfg_enumerator(tunnel->cfg);
	while (enumerator->enumerate(enumerator, &cfg)) {
		if (cfg->get_if_id(cfg, TRUE) != child_sa->get_if_id(child_sa, TRUE) ||
			cfg->get_if_id(cfg, FALSE) != child_sa->get_if_id(child_sa, FALSE))
			continue;
		inside_local = all_inside(local, cfg, TRUE, &n_local);
		inside_remote = all_inside(remote, cfg, FALSE, &n_remote);
		fit.contains = fit.contains || (inside_local && inside_remote);
		fit.pairs += n_local * n_remote;
	}
	enumerator->destroy(enumerator);
	return fit;
}

/** CHILD_SAs that an IKE_SA has for the interface ID of another one: the deleted ones, or all others. */
static u_int count_siblings(ike_sa_t *ike_sa, child_sa_t *child_sa, bool deleted)
{
	enumerator_t *enumerator;
	child_sa_t *current;
	u_int count = 0;

	enumerator = ike_sa->create_child_sa_enumerator(ike_sa);
	while (enumerator->enumerate(enumerator, &current)) {
		if (current != child_sa && current->get_if_id(current, TRUE) == child_sa->get_if_id(child_sa, TRUE) &&
			(current->get_state(current) == CHILD_DELETED) == deleted)
			count++;
	}
	enumerator->destroy(enumerator);
	return count;
}

/** @return why it is refused (owned by the caller), NULL if it is admitted */
static char *refusal(conf_tunnel_t *tunnel, ike_sa_t *ike_sa, child_sa_t *child_sa, bool ours, linked_list_t *local,
	linked_list_t *remote)
{
	host_t *peer = ike_sa->get_other_host(ike_sa);
	fit_t fit;

	if (child_sa->get_mode(child_sa) != MODE_TUNNEL)
		return conf_text("CHILD_SA refused: the peer at %H wants %N mode and not tunnel mode", peer, ipsec_mode_names,
			child_sa->get_mode(child_sa));
	fit = find_fit(tunnel, child_sa, local, remote);
	if (!fit.pairs)
		return conf_text("CHILD_SA refused: interface ID %u is no link of this tunnel in the configuration in force",
			child_sa->get_if_id(child_sa, TRUE));
	if (!fit.contains)
		return conf_text(
			"CHILD_SA refused: %#R === %#R with the peer at %H is outside of the link's selectors; compare "
			"pool and prefixes with the carrier",
			local, remote, peer);
	/* How many we ask for is our affair; one refused here would cost the traffic of the link. */
	if (!ours && (count_siblings(ike_sa, child_sa, FALSE) >= PER_PAIR * fit.pairs + ENDING ||
					 count_siblings(ike_sa, child_sa, TRUE) >= DELETED))
		return conf_text(
			"CHILD_SA refused: the peer at %H has made too many for one APN already; ask the carrier why it "
			"does not delete them",
			peer);
	return NULL;
}

static void refuse(linked_list_t *selectors)
{
	traffic_selector_t *ts;

	while (selectors->remove_first(selectors, (void **)&ts) == SUCCESS)
		ts->destroy(ts);
}

METHOD(listener_t, narrow, bool, private_apn_admission_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa,
	narrow_hook_t type, linked_list_t *local, linked_list_t *remote)
{
	conf_tunnel_t *tunnel;
	char *reason;

	switch (type) {
	case NARROW_INITIATOR_PRE_NOAUTH:
	case NARROW_INITIATOR_PRE_AUTH:
	case NARROW_RESPONDER_POST: /* a copy, of what was admitted */
		return TRUE;
	case NARROW_RESPONDER:
	case NARROW_INITIATOR_POST_NOAUTH:
	case NARROW_INITIATOR_POST_AUTH:
		break;
	}
	/* charon has refused it already. */
	if (!local->get_count(local) || !remote->get_count(remote))
		return TRUE;
	tunnel = this->query->get_tunnel(this->query, ike_sa);
	if (!tunnel) {
		DBG1(DBG_CFG, "CHILD_SA %s refused: its connection %s is not of the configuration in force",
			child_sa->get_name(child_sa), ike_sa->get_name(ike_sa));
		refuse(local);
		return TRUE;
	}
	reason = refusal(tunnel, ike_sa, child_sa, type != NARROW_RESPONDER, local, remote);
	if (reason) {
		DBG1(DBG_CFG, "tunnel %s: %s", tunnel->name, reason);
		tunnel->status->fail(tunnel->status, ike_sa->get_unique_id(ike_sa), CONF_SCOPE_CHILD, reason);
		refuse(local);
	}
	free(reason);
	tunnel->destroy(tunnel);
	return TRUE;
}

METHOD(apn_admission_t, destroy, void, private_apn_admission_t *this)
{
	free(this);
}

apn_admission_t *apn_admission_create(conf_query_t *query)
{
	private_apn_admission_t *this;

	INIT(this,
		.public = {
			.listener = {
				.narrow = _narrow,
			},
			.destroy = _destroy,
		},
		.query = query,
	);
	return &this->public;
}
