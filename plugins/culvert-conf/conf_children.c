#include "conf_children.h"

#include "conf_host.h"
#include "conf_text.h"
#include "conf/model.h"
#include "ikev2/suite.h"

static dscp_copy_t dscp_copy(enum dscp dscp)
{
	switch (dscp) {
	case DSCP_NONE:
		return DSCP_COPY_NO;
	case DSCP_OUT:
		return DSCP_COPY_OUT_ONLY;
	case DSCP_IN:
		return DSCP_COPY_IN_ONLY;
	case DSCP_BOTH:
		return DSCP_COPY_YES;
	}
	return DSCP_COPY_NO;
}

static child_cfg_t *create_child(char *name, const struct link *link, conf_proposals_t *proposals)
{
	const struct tunnel *tunnel = link->tunnel;
	/*
	 * No action of charon's own on start, close or a dead peer: conf_keeper does it. Nor a rekey of the kernel's or
	 * charon's: culvert-rekey does it, and ends what reaches the ceiling; the kernel's end stands just behind that.
	 */
	child_cfg_create_t create = {
		.if_id_in = link->if_id,
		.if_id_out = link->if_id,
		.mode = MODE_TUNNEL,
		.lifetime = {
			.time = {
				.life = lifetime_kernel(&tunnel->child),
			},
		},
		.copy_dscp = dscp_copy(tunnel->dscp),
	};
	child_cfg_t *child;
	size_t i;

	if (tunnel->df == DF_CLEAR)
		create.options = OPT_NO_COPY_DF;
	child = child_cfg_create(name, &create);
	child->set_replay_window(child, tunnel->replay_window);
	for (i = 0; i < tunnel->n_suites; i++)
		child->add_proposal(child, proposals->create_proposal(proposals, tunnel->suites[i], PROTO_ESP));
	return child;
}

static void add_selectors(child_cfg_t *child, bool local, const struct prefix *prefixes, size_t count)
{
	host_t *net;
	size_t i;

	for (i = 0; i < count; i++) {
		net = conf_host(&prefixes[i].ip, 0);
		child->add_traffic_selector(
			child, local, traffic_selector_create_from_subnet(net, prefixes[i].len, 0, 0, 65535));
	}
}

static void add_pairs(peer_cfg_t *cfg, const struct apn *apn, const struct link *link, conf_proposals_t *proposals)
{
	child_cfg_t *child;
	u_int number = 0;
	size_t i, j;
	char *name;

	for (i = 0; i < link->n_local; i++) {
		for (j = 0; j < link->n_remote; j++) {
			/* A selector pairs with those of its own family. */
			if (link->local[i].ip.family != link->remote[j].ip.family)
				continue;
			name = conf_text("%s/%u", apn->name, ++number);
			child = create_child(name, link, proposals);
			add_selectors(child, TRUE, &link->local[i], 1);
			add_selectors(child, FALSE, &link->remote[j], 1);
			cfg->add_child_cfg(cfg, child);
			free(name);
		}
	}
}

void conf_children_add(peer_cfg_t *cfg, const struct apn *apn, const struct link *link, conf_proposals_t *proposals)
{
	child_cfg_t *child;

	if (link->each_pair && link->n_local * link->n_remote > 1) {
		add_pairs(cfg, apn, link, proposals);
		return;
	}
	child = create_child(apn->name, link, proposals);
	add_selectors(child, TRUE, link->local, link->n_local);
	add_selectors(child, FALSE, link->remote, link->n_remote);
	cfg->add_child_cfg(cfg, child);
}

static bool equal_selectors(child_cfg_t *a, child_cfg_t *b, bool local)
{
	linked_list_t *of_a, *of_b;
	bool equal;

	of_a = a->get_traffic_selectors(a, local, NULL);
	of_b = b->get_traffic_selectors(b, local, NULL);
	equal = of_a->equals_offset(of_a, of_b, offsetof(traffic_selector_t, equals));
	of_a->destroy_offset(of_a, offsetof(traffic_selector_t, destroy));
	of_b->destroy_offset(of_b, offsetof(traffic_selector_t, destroy));
	return equal;
}

conf_fit_t conf_children_fit(child_cfg_t *a, child_cfg_t *b)
{
	if (a->get_if_id(a, TRUE) != b->get_if_id(b, TRUE))
		return CONF_FIT_NONE;
	if (a->equals(a, b))
		return CONF_FIT_EQUAL;
	return equal_selectors(a, b, TRUE) && equal_selectors(a, b, FALSE) ? CONF_FIT_SELECTORS : CONF_FIT_INTERFACE;
}

conf_fit_t conf_children_best_fit(peer_cfg_t *cfg, child_cfg_t *child)
{
	conf_fit_t fit, best = CONF_FIT_NONE;
	enumerator_t *enumerator;
	child_cfg_t *current;

	enumerator = cfg->create_child_cfg_enumerator(cfg);
	while (best != CONF_FIT_EQUAL && enumerator->enumerate(enumerator, &current)) {
		fit = conf_children_fit(current, child);
		best = max(best, fit);
	}
	enumerator->destroy(enumerator);
	return best;
}

void conf_children_replace(peer_cfg_t *cfg, peer_cfg_t *other)
{
	enumerator_t *removed_and_added;

	removed_and_added = cfg->replace_child_cfgs(cfg, other);
	removed_and_added->destroy(removed_and_added);
}
