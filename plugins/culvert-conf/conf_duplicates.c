#include "conf_duplicates.h"

#include "conf_text.h"

enum {
	/** seconds that duplicates are left to their makers */
	SETTLE = 10,
	/** seconds; of two that are less apart no end can say which came later */
	TOGETHER = 10,
};

/** What decides between two: of those made together the number that both ends know, else the later one. */
static bool is_better(time_t made, uint64_t number, time_t other_made, uint64_t other_number)
{
	if (made > other_made + TOGETHER || other_made > made + TOGETHER)
		return made > other_made;
	return number < other_number;
}

static uint64_t child_number(const conf_child_t *child)
{
	return min(child->spi_in, child->spi_out);
}

static bool is_better_child(const conf_child_t *a, const conf_child_t *b)
{
	return is_better(a->installed, child_number(a), b->installed, child_number(b));
}

static bool are_alike(const conf_child_t *a, const conf_child_t *b)
{
	return !a->rekeying && !b->rekeying && a->if_id == b->if_id && a->selectors == b->selectors;
}

/**
 * The best of those like child. Of three, each can be better than another: begun with the first one, whichever child
 * is asked for, so that one stays.
 */
static const conf_child_t *find_best_child(const conf_sa_t *sa, const conf_child_t *child)
{
	const conf_child_t *other, *best = NULL;

	for (other = sa->children; other; other = other->next) {
		if (are_alike(child, other) && (!best || is_better_child(other, best)))
			best = other;
	}
	return best;
}

/** @return number of CHILD_SAs that were told to end */
static u_int end_children(const conf_sa_t *sa, time_t now)
{
	const conf_child_t *child, *best;
	u_int ended = 0;

	for (child = sa->children; child; child = child->next) {
		best = find_best_child(sa, child);
		if (best && best != child && max(child->installed, best->installed) + SETTLE <= now) {
			conf_survey_end_child(sa, child);
			ended++;
		}
	}
	return ended;
}

static bool is_better_sa(const conf_sa_t *a, const conf_sa_t *b)
{
	/* One without CHILD_SAs carries nothing. */
	if (!a->children != !b->children)
		return a->children != NULL;
	return is_better(a->established, a->spi_initiator, b->established, b->spi_initiator);
}

static const conf_sa_t *next_established(const conf_sa_t *sa, conf_tunnel_t *tunnel)
{
	while (sa && !(sa->state == IKE_ESTABLISHED && !sa->lost && tunnel->owns(tunnel, sa->cfg)))
		sa = sa->next;
	return sa;
}

/** The best of a tunnel's IKE_SAs, NULL if it has none; latest receives when the last one was established. */
static const conf_sa_t *find_best(const conf_sa_t *first, conf_tunnel_t *tunnel, time_t *latest)
{
	const conf_sa_t *sa, *best = first;

	*latest = 0;
	for (sa = first; sa; sa = next_established(sa->next, tunnel)) {
		*latest = max(*latest, sa->established);
		if (is_better_sa(sa, best))
			best = sa;
	}
	return best;
}

static void tell(conf_tunnel_t *tunnel, u_int ikes, u_int children)
{
	char *text =
		conf_text("%u IKE_SAs and %u CHILD_SAs beside those wanted were ended; one of each is enough", ikes, children);

	DBG1(DBG_CFG, "tunnel %s: %s", tunnel->name, text);
	tunnel->status->fail(tunnel->status, 0, CONF_SCOPE_CHILD, text);
	free(text);
}

void conf_duplicates_end(conf_survey_t *survey, conf_tunnel_t *tunnel, time_t now)
{
	const conf_sa_t *first = next_established(survey->get_first(survey, tunnel->name), tunnel), *sa, *best;
	u_int ikes = 0, children;
	time_t latest;

	best = find_best(first, tunnel, &latest);
	if (!best)
		return;
	for (sa = first; sa && latest + SETTLE <= now; sa = next_established(sa->next, tunnel)) {
		if (sa != best) {
			conf_survey_end(sa);
			ikes++;
		}
	}
	children = end_children(best, now);
	if (ikes || children)
		tell(tunnel, ikes, children);
}
