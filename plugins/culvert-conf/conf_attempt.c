/*
 * Invariants: nothing is initiated for a tunnel while an IKE_SA of its configuration is neither established nor gone
 * (one that is lost counts as gone), so there are no duplicates; attempts that do not last are spaced by a growing
 * pause.
 */
#include "conf_attempt.h"

#include "conf_children.h"
#include "conf_text.h"
#include "ikev2/back_off.h"

enum {
	/** seconds that a tunnel must stay complete for its next failure to count as the first one again */
	LASTING = 10,
};

static bool has_child(const conf_sa_t *sa, child_cfg_t *cfg)
{
	const conf_child_t *child;

	for (child = sa->children; child; child = child->next) {
		if (conf_children_fit(cfg, child->cfg) >= CONF_FIT_SELECTORS)
			return TRUE;
	}
	return FALSE;
}

linked_list_t *conf_attempt_missing(conf_survey_t *survey, conf_tunnel_t *tunnel)
{
	linked_list_t *missing = linked_list_create();
	enumerator_t *enumerator;
	const conf_sa_t *sa;
	child_cfg_t *cfg;

	enumerator = tunnel->cfg->create_child_cfg_enumerator(tunnel->cfg);
	while (enumerator->enumerate(enumerator, &cfg)) {
		sa = survey->get_first(survey, tunnel->name);
		while (sa && !(!sa->lost && tunnel->owns(tunnel, sa->cfg) && has_child(sa, cfg)))
			sa = sa->next;
		if (!sa)
			missing->insert_last(missing, cfg->get_ref(cfg));
	}
	enumerator->destroy(enumerator);
	return missing;
}

/**
 * Finds the established IKE_SA of a tunnel.
 *
 * @param ret_sa	receives it, NULL if there is none
 * @return			FALSE if something of the tunnel is on its way up or down: better wait
 */
static bool find_settled(conf_survey_t *survey, conf_tunnel_t *tunnel, conf_sa_t **ret_sa)
{
	conf_sa_t *sa;

	*ret_sa = NULL;
	for (sa = survey->get_first(survey, tunnel->name); sa; sa = sa->next) {
		if (sa->lost || !tunnel->owns(tunnel, sa->cfg))
			continue;
		if (sa->state != IKE_ESTABLISHED || sa->creating)
			return FALSE;
		*ret_sa = sa;
	}
	return TRUE;
}

/**
 * The address to try: with several each in its turn, after a success the first one again. One that refuses a key is
 * tried with the other keys before it is the next one's turn: while keys change, gateways of a carrier differ.
 */
static host_t *next_address(conf_tunnel_t *tunnel)
{
	u_int refusals = __atomic_load_n(&tunnel->refusals, __ATOMIC_RELAXED);
	u_int keys = (u_int)max(array_count(tunnel->carrier->psks), 1);
	u_int turn = tunnel->retry.tries - min(refusals, tunnel->retry.tries) + refusals / keys;

	return tunnel->n_peers ? tunnel->peers[turn % tunnel->n_peers] : tunnel->retry.resolved;
}

/** The first address to try is not the one where the peer was lost, if it has others. */
static void turn_away(conf_survey_t *survey, conf_tunnel_t *tunnel)
{
	const conf_sa_t *sa;
	u_int i;

	if (tunnel->retry.tries || tunnel->n_peers < 2)
		return;
	for (sa = survey->get_first(survey, tunnel->name); sa && !sa->lost; sa = sa->next)
		;
	for (i = 0; sa && i < tunnel->n_peers; i++) {
		if (conf_survey_is_at(sa, tunnel->peers[i]))
			tunnel->retry.tries = i + 1;
	}
}

static void note_no_way(conf_tunnel_t *tunnel, host_t *peer)
{
	char *text = conf_text("there is no way to %H: the machine has no address or no route towards it", peer);

	if (tunnel->status->fail(tunnel->status, 0, CONF_SCOPE_IKE, text))
		DBG1(DBG_CFG, "tunnel %s: %s", tunnel->name, text);
	free(text);
}

/** Says from where to where; charon asks DNS by itself only while one of the two is open. */
static bool aim(conf_tunnel_t *tunnel, ike_sa_t *ike_sa)
{
	host_t *me, *peer = next_address(tunnel);

	if (tunnel->local)
		me = tunnel->local->clone(tunnel->local);
	else
		me = charon->kernel->get_source_addr(charon->kernel, peer, NULL);
	if (!me) {
		note_no_way(tunnel, peer);
		return FALSE;
	}
	me->set_port(me, IKEV2_UDP_PORT);
	ike_sa->set_my_host(ike_sa, me);
	ike_sa->set_other_host(ike_sa, peer->clone(peer));
	return TRUE;
}

static ike_sa_t *checkout(conf_tunnel_t *tunnel, const conf_sa_t *sa)
{
	ike_sa_manager_t *manager = charon->ike_sa_manager;
	ike_sa_t *ike_sa;

	if (sa)
		return conf_survey_checkout(sa);
	ike_sa = manager->checkout_by_config(manager, tunnel->cfg);
	if (ike_sa && !aim(tunnel, ike_sa)) {
		manager->checkin_and_destroy(manager, ike_sa);
		return NULL;
	}
	return ike_sa;
}

static void initiate(conf_tunnel_t *tunnel, const conf_sa_t *sa, linked_list_t *children)
{
	ike_sa_manager_t *manager = charon->ike_sa_manager;
	status_t status = SUCCESS;
	child_cfg_t *child;
	ike_sa_t *ike_sa;

	ike_sa = checkout(tunnel, sa);
	if (!ike_sa)
		return;
	while (status == SUCCESS && children->remove_first(children, (void **)&child) == SUCCESS)
		status = ike_sa->initiate(ike_sa, child, NULL);
	if (status == SUCCESS)
		manager->checkin(manager, ike_sa);
	else
		manager->checkin_and_destroy(manager, ike_sa);
}

void conf_attempt_reset(conf_tunnel_t *tunnel)
{
	tunnel->retry.tries = 0;
	tunnel->retry.next = 0;
	__atomic_store_n(&tunnel->refusals, 0, __ATOMIC_RELAXED);
}

void conf_attempt_put_off(conf_tunnel_t *tunnel, time_t now)
{
	tunnel->retry.last = now;
	tunnel->retry.next = now + back_off(tunnel->retry.tries, (uint32_t)random());
	tunnel->retry.tries++;
}

/** Attempts now, or begins to look up where to. */
static bool attempt(conf_tunnel_t *tunnel, const conf_sa_t *sa, linked_list_t *missing, conf_lookup_t *lookup,
	conf_pace_t *pace, time_t now)
{
	if (!sa && !next_address(tunnel)) {
		if (tunnel->peer_name)
			lookup->start(lookup, tunnel);
		return FALSE;
	}
	if (!sa && !pace->take(pace, next_address(tunnel)))
		return FALSE;
	initiate(tunnel, sa, missing);
	conf_attempt_put_off(tunnel, now);
	/* A name may lead elsewhere the next time. */
	DESTROY_IF(tunnel->retry.resolved);
	tunnel->retry.resolved = NULL;
	return TRUE;
}

bool conf_attempt(conf_survey_t *survey, conf_tunnel_t *tunnel, conf_lookup_t *lookup, conf_pace_t *pace, time_t now)
{
	linked_list_t *missing;
	bool attempted = FALSE;
	conf_sa_t *sa;

	if (!find_settled(survey, tunnel, &sa))
		return FALSE;
	missing = conf_attempt_missing(survey, tunnel);
	if (missing->get_count(missing) == 0) {
		if (now - tunnel->retry.last >= LASTING)
			conf_attempt_reset(tunnel);
	} else if (now >= tunnel->retry.next) {
		turn_away(survey, tunnel);
		attempted = attempt(tunnel, sa, missing, lookup, pace, now);
	}
	missing->destroy_offset(missing, offsetof(child_cfg_t, destroy));
	return attempted;
}
