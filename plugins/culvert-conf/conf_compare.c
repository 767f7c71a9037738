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

/** What becomes of the CHILD_SAs of a link that changed; of those with the same selectors only keys and lifetime. */
static const char *fate(conf_tunnel_t *was, conf_tunnel_t *is, const char *apn)
{
	return contains(was->cfg, is->cfg, apn) && contains(is->cfg, was->cfg, apn) ? "rekeyed" : "replaced";
}

/** The link before it, the link after it; both by name of the APN, so that one pass over both is enough. */
static void print_links(conf_tunnel_t *was, conf_tunnel_t *is, struct buf *out)
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
		else if (!memeq(was->links[i].digest, is->links[j].digest, sizeof(is->links[j].digest)))
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
	if (!memeq(was->ike_digest, is->ike_digest, sizeof(is->ike_digest))) {
		buf_printf(out, "tunnel %s reestablished\n", is->name);
	} else if (!same_links(was, is)) {
		buf_printf(out, "tunnel %s changed\n", is->name);
		print_links(was, is, out);
	} else if (!memeq_const(was->carrier->digest, is->carrier->digest, sizeof(is->carrier->digest))) {
		buf_printf(out, "tunnel %s credentials\n", is->name);
	} else if (was->initiate != is->initiate) {
		buf_printf(out, "tunnel %s initiator\n", is->name);
	} else {
		buf_printf(out, "tunnel %s rehearsal\n", is->name);
	}
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
