#include "conf_compare.h"

#include "conf_children.h"
#include "lib/buf.h"

conf_difference_t conf_compare(conf_generation_t *old, conf_generation_t *new)
{
	conf_difference_t difference = {};
	conf_tunnel_t *tunnel, *was;
	enumerator_t *enumerator;

	enumerator = new->create_tunnel_enumerator(new);
	while (enumerator->enumerate(enumerator, &tunnel)) {
		was = old->get_tunnel(old, tunnel->name);
		if (!was)
			difference.added++;
		else if (was == tunnel)
			difference.kept++;
		else
			difference.changed++;
	}
	enumerator->destroy(enumerator);
	difference.removed = old->get_count(old) - difference.kept - difference.changed;
	return difference;
}

static bool is_of_apn(child_cfg_t *child, const char *apn)
{
	char *name = child->get_name(child);
	size_t len = strcspn(name, "/");

	return strlen(apn) == len && strneq(name, apn, len);
}

/** Whether all CHILD_SAs that an APN has in one configuration are in the other one, with the same selectors. */
static bool contains(peer_cfg_t *other, peer_cfg_t *cfg, const char *apn)
{
	enumerator_t *enumerator;
	bool all = TRUE;
	child_cfg_t *child;

	enumerator = cfg->create_child_cfg_enumerator(cfg);
	while (all && enumerator->enumerate(enumerator, &child))
		all = !is_of_apn(child, apn) || conf_children_best_fit(other, child) >= CONF_FIT_SELECTORS;
	enumerator->destroy(enumerator);
	return all;
}

/** Whether one side's selectors of a CHILD_SA lie within those of another one. */
static bool is_within(child_cfg_t *child, child_cfg_t *wide, bool local)
{
	linked_list_t *of_child = child->get_traffic_selectors(child, local, NULL);
	linked_list_t *of_wide = wide->get_traffic_selectors(wide, local, NULL);
	enumerator_t *enumerator, *wider;
	traffic_selector_t *ts, *current;
	bool all = TRUE, found;

	enumerator = of_child->create_enumerator(of_child);
	while (all && enumerator->enumerate(enumerator, &ts)) {
		found = FALSE;
		wider = of_wide->create_enumerator(of_wide);
		while (!found && wider->enumerate(wider, &current))
			found = ts->is_contained_in(ts, current);
		wider->destroy(wider);
		all = found;
	}
	enumerator->destroy(enumerator);
	of_child->destroy_offset(of_child, offsetof(traffic_selector_t, destroy));
	of_wide->destroy_offset(of_wide, offsetof(traffic_selector_t, destroy));
	return all;
}

static bool is_covered(peer_cfg_t *by, child_cfg_t *child, const char *apn)
{
	enumerator_t *enumerator;
	bool found = FALSE;
	child_cfg_t *wide;

	enumerator = by->create_child_cfg_enumerator(by);
	while (!found && enumerator->enumerate(enumerator, &wide))
		found = is_of_apn(wide, apn) && is_within(child, wide, TRUE) && is_within(child, wide, FALSE);
	enumerator->destroy(enumerator);
	return found;
}

/** Whether each CHILD_SA that an APN has in one configuration lies within one of the other one. */
static bool covers(peer_cfg_t *other, peer_cfg_t *cfg, const char *apn)
{
	enumerator_t *enumerator;
	bool all = TRUE;
	child_cfg_t *child;

	enumerator = cfg->create_child_cfg_enumerator(cfg);
	while (all && enumerator->enumerate(enumerator, &child))
		all = !is_of_apn(child, apn) || is_covered(other, child, apn);
	enumerator->destroy(enumerator);
	return all;
}

/** What becomes of the CHILD_SAs of a link that changed. */
static const char *fate(conf_tunnel_t *was, conf_tunnel_t *is, const char *apn)
{
	if (contains(is->cfg, was->cfg, apn))
		return contains(was->cfg, is->cfg, apn) ? "rekeyed" : "extended";
	return covers(is->cfg, was->cfg, apn) ? "replaced" : "narrowed";
}

/**
 * The link before it, the link after it; both by name of the APN, so that one pass over both is enough.
 *
 * @param stays		the IKE_SA does, and with it what is not said to change; otherwise all are made anew
 */
static void print_links(conf_tunnel_t *was, conf_tunnel_t *is, bool stays, struct buf *out)
{
	u_int i = 0, j = 0;
	int order;

	while (i < was->n_links || j < is->n_links) {
		if (i == was->n_links)
			order = 1;
		else if (j == is->n_links)
			order = -1;
		else
			order = strcmp(was->links[i].apn, is->links[j].apn);
		if (order < 0)
			buf_printf(out, "child %s %s removed\n", is->name, was->links[i].apn);
		else if (order > 0)
			buf_printf(out, "child %s %s added\n", is->name, is->links[j].apn);
		else if (stays && !memeq(was->links[i].digest, is->links[j].digest, sizeof(is->links[j].digest)))
			buf_printf(out, "child %s %s %s\n", is->name, is->links[j].apn, fate(was, is, is->links[j].apn));
		i += order <= 0;
		j += order >= 0;
	}
}

static bool same_links(conf_tunnel_t *was, conf_tunnel_t *is)
{
	u_int i;

	if (was->n_links != is->n_links)
		return FALSE;
	for (i = 0; i < is->n_links; i++) {
		/* The digest contains the APN's name. */
		if (!memeq(was->links[i].digest, is->links[i].digest, sizeof(is->links[i].digest)))
			return FALSE;
	}
	return TRUE;
}

static void print_changed(conf_tunnel_t *was, conf_tunnel_t *is, struct buf *out)
{
	bool stays = memeq(was->ike_digest, is->ike_digest, sizeof(is->ike_digest));

	buf_printf(out, "tunnel %s", is->name);
	if (!stays)
		buf_puts(out, " reestablished");
	else if (!same_links(was, is))
		buf_puts(out, " changed");
	if (!memeq_const(was->carrier->digest, is->carrier->digest, sizeof(is->carrier->digest)))
		buf_puts(out, " credentials");
	if (was->initiate != is->initiate)
		buf_puts(out, " initiator");
	if (was->rehearse != is->rehearse)
		buf_puts(out, " rehearsal");
	buf_puts(out, "\n");
	print_links(was, is, stays, out);
}

static int compare_names(const void *a, const void *b, void *unused)
{
	const conf_tunnel_t *one = a, *other = b;

	return strcmp(one->name, other->name);
}

/** Adds the tunnels of one generation that the other one has not unchanged, and, if new_names, that it has not at all.
 */
static u_int collect(conf_generation_t *from, conf_generation_t *other, bool new_names, array_t *tunnels)
{
	conf_tunnel_t *tunnel, *counterpart;
	enumerator_t *enumerator;
	u_int same = 0;

	enumerator = from->create_tunnel_enumerator(from);
	while (enumerator->enumerate(enumerator, &tunnel)) {
		counterpart = other->get_tunnel(other, tunnel->name);
		if (counterpart == tunnel)
			same++;
		else if (!counterpart || !new_names)
			array_insert(tunnels, ARRAY_TAIL, tunnel);
	}
	enumerator->destroy(enumerator);
	return same;
}

void conf_compare_print(conf_generation_t *old, conf_generation_t *new, struct buf *out)
{
	array_t *tunnels = array_create(0, 0);
	conf_tunnel_t *tunnel, *was, *is;
	u_int kept;
	int i;

	kept = collect(new, old, FALSE, tunnels);
	collect(old, new, TRUE, tunnels);
	array_sort(tunnels, compare_names, NULL);
	for (i = 0; i < array_count(tunnels); i++) {
		array_get(tunnels, i, &tunnel);
		was = old->get_tunnel(old, tunnel->name);
		is = new->get_tunnel(new, tunnel->name);
		if (was && is)
			print_changed(was, is, out);
		else
			buf_printf(out, "tunnel %s %s\n", tunnel->name, is ? "added" : "removed");
	}
	buf_printf(out, "kept %u\n", kept);
	array_destroy(tunnels);
}
