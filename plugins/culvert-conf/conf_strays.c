#include "conf_strays.h"

#include "conf_children.h"
#include "conf_text.h"

enum {
	/** seconds that more than one may be there: a collision of rekeys is over by then, or its loser's end got lost */
	PATIENCE = 10,
};

static u_int count_children(const conf_sa_t *sa)
{
	const conf_child_t *child;
	u_int count = 0;

	for (child = sa->children; child; child = child->next)
		count++;
	return count;
}

/** Of two the one with more CHILD_SAs, of equal ones the newer. */
static bool is_better(const conf_sa_t *one, const conf_sa_t *other)
{
	u_int a = count_children(one), b = count_children(other);

	return a != b ? a > b : one->established > other->established;
}

static bool counts(conf_tunnel_t *tunnel, const conf_sa_t *sa)
{
	return sa->state == IKE_ESTABLISHED && !sa->creating && tunnel->owns(tunnel, sa->cfg);
}

static const conf_sa_t *best_of(conf_survey_t *survey, conf_tunnel_t *tunnel)
{
	const conf_sa_t *sa, *best = NULL;

	for (sa = survey->get_first(survey, tunnel->name); sa; sa = sa->next) {
		if (counts(tunnel, sa) && (!best || is_better(sa, best)))
			best = sa;
	}
	return best;
}

/** Whether a newer CHILD_SA does the same. Of equal age the one further on in the list is the newer. */
static bool is_surplus(const conf_sa_t *sa, const conf_child_t *child)
{
	const conf_child_t *other;
	bool behind = FALSE;

	for (other = sa->children; other; other = other->next) {
		if (other == child)
			behind = TRUE;
		else if (!other->rekeying && !child->rekeying &&
				 conf_children_fit(other->cfg, child->cfg) >= CONF_FIT_SELECTORS &&
				 (other->installed > child->installed || (behind && other->installed == child->installed)))
			return TRUE;
	}
	return FALSE;
}

/** Adopts text. */
static void tell(conf_tunnel_t *tunnel, char *text)
{
	DBG1(DBG_CFG, "tunnel %s: %s", tunnel->name, text);
	tunnel->status->fail(tunnel->status, 0, CONF_SCOPE_CHILD, text);
	free(text);
}

/** @return number of those too many; they end if that is wanted */
static u_int look(conf_survey_t *survey, conf_tunnel_t *tunnel, bool end)
{
	const conf_sa_t *sa, *best = best_of(survey, tunnel);
	const conf_child_t *child;
	u_int ikes = 0, children = 0;

	for (sa = survey->get_first(survey, tunnel->name); sa; sa = sa->next) {
		if (sa == best || !counts(tunnel, sa))
			continue;
		ikes++;
		if (end)
			conf_survey_end(sa);
	}
	for (child = best ? best->children : NULL; child; child = child->next) {
		if (!is_surplus(best, child))
			continue;
		children++;
		if (end)
			conf_survey_end_child(best, child);
	}
	if (end)
		tell(tunnel, conf_text("%u IKE_SAs and %u CHILD_SAs beside those wanted were ended; one of each is enough",
						 ikes, children));
	return ikes + children;
}

void conf_strays_end(conf_survey_t *survey, conf_tunnel_t *tunnel, time_t now)
{
	if (!look(survey, tunnel, FALSE)) {
		tunnel->retry.strayed = 0;
	} else if (!tunnel->retry.strayed) {
		tunnel->retry.strayed = now;
	} else if (now - tunnel->retry.strayed >= PATIENCE) {
		look(survey, tunnel, TRUE);
		tunnel->retry.strayed = 0;
	}
}
