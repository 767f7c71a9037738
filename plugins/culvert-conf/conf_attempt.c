/*
 * Invariants: nothing is initiated for a tunnel while an IKE_SA of its configuration is neither established nor gone,
 * so there are no duplicates; attempts that do not last are spaced by a growing pause.
 */
#include "conf_attempt.h"

enum {
	/** seconds of pause after the first attempt and at most; the pause doubles in between */
	PAUSE_MIN = 2,
	PAUSE_MAX = 60,
	/** seconds that a tunnel must stay complete for its next failure to count as the first one again */
	LASTING = 10,
};

static bool has_child(const conf_sa_t *sa, child_cfg_t *cfg)
{
	const conf_child_t *child;

	for (child = sa->children; child; child = child->next) {
		if (cfg->equals(cfg, child->cfg))
			return TRUE;
	}
	return FALSE;
}

/** The CHILD_SAs that no IKE_SA of the tunnel has (child_cfg_t, references). */
static linked_list_t *missing_children(conf_survey_t *survey, conf_tunnel_t *tunnel)
{
	linked_list_t *missing = linked_list_create();
	enumerator_t *enumerator;
	const conf_sa_t *sa;
	child_cfg_t *cfg;

	enumerator = tunnel->cfg->create_child_cfg_enumerator(tunnel->cfg);
	while (enumerator->enumerate(enumerator, &cfg)) {
		sa = survey->get_first(survey, tunnel->name);
		while (sa && !(sa->cfg == tunnel->cfg && has_child(sa, cfg)))
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
		if (sa->cfg != tunnel->cfg)
			continue;
		if (sa->state != IKE_ESTABLISHED || sa->creating)
			return FALSE;
		*ret_sa = sa;
	}
	return TRUE;
}

static ike_sa_t *checkout(conf_tunnel_t *tunnel, const conf_sa_t *sa)
{
	ike_sa_manager_t *manager = charon->ike_sa_manager;

	return sa ? manager->checkout(manager, sa->id) : manager->checkout_by_config(manager, tunnel->cfg);
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

/** Seconds until the next attempt: doubling, a quarter of it random, so that many tunnels do not go in step. */
static time_t next_pause(conf_tunnel_t *tunnel)
{
	u_int pause = PAUSE_MAX;

	if (tunnel->retry.tries < 5)
		pause = min(pause, (u_int)PAUSE_MIN << tunnel->retry.tries);
	tunnel->retry.tries++;
	return (time_t)pause + random() % (time_t)(pause / 4 + 1);
}

bool conf_attempt(conf_survey_t *survey, conf_tunnel_t *tunnel, time_t now)
{
	linked_list_t *missing;
	bool attempt = FALSE;
	conf_sa_t *sa;

	if (!find_settled(survey, tunnel, &sa))
		return FALSE;
	missing = missing_children(survey, tunnel);
	if (missing->get_count(missing) == 0) {
		if (now - tunnel->retry.last >= LASTING) {
			tunnel->retry.tries = 0;
			tunnel->retry.next = 0;
		}
	} else if (now >= tunnel->retry.next) {
		tunnel->retry.last = now;
		tunnel->retry.next = now + next_pause(tunnel);
		initiate(tunnel, sa, missing);
		attempt = TRUE;
	}
	missing->destroy_offset(missing, offsetof(child_cfg_t, destroy));
	return attempt;
}
