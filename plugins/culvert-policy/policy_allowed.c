#include "policy_allowed.h"

#include "ikev2/suite.h"
#include "policy_proposal.h"

enum { N_USES = SUITE_CHILD + 1 };

/** Every suite of the table as rules, in its order; written by policy_allowed_check() before anybody reads them. */
static struct suite_rule known[POLICY_SUITES_MAX][N_USES];

/** The rule of a suite of the table: looked up, as each message asks for several. */
static const struct suite_rule *rule_of(const struct suite *suite, enum suite_use use)
{
	const struct suite *row;
	size_t i;

	for (i = 0; (row = suite_at(i)) && row != suite; i++)
		;
	return &known[i][use];
}

static void add(policy_allowed_t *allowed, const struct suite *suite)
{
	if (suite && allowed->n < POLICY_SUITES_MAX)
		allowed->suites[allowed->n++] = suite;
}

static void add_table(policy_allowed_t *allowed)
{
	const struct suite *suite;
	size_t i;

	for (i = 0; (suite = suite_at(i)); i++)
		add(allowed, suite);
}

/** By name: the tunnel's rows are those of culvert-conf's copy of the table. */
void policy_allowed_of_tunnel(conf_tunnel_t *tunnel, policy_allowed_t *allowed)
{
	u_int i;

	*allowed = (policy_allowed_t){ .decided = TRUE };
	for (i = 0; i < tunnel->n_suites; i++)
		add(allowed, suite_find(tunnel->suites[i]->name));
}

/** Adds the suites that can be chosen from a proposal for an IKE_SA. */
static void add_contained(policy_allowed_t *allowed, proposal_t *proposal)
{
	struct suite_transform items[POLICY_TRANSFORMS_MAX];
	const struct suite *suite;
	size_t i, n;

	n = policy_proposal_read(proposal, items);
	for (i = 0; (suite = suite_at(i)); i++) {
		if (suite_rule_in(&known[i][SUITE_IKE_SA], items, n))
			add(allowed, suite);
	}
}

void policy_allowed_of_config(ike_cfg_t *cfg, policy_allowed_t *allowed)
{
	linked_list_t *proposals = cfg->get_proposals(cfg, FALSE);
	proposal_t *proposal;

	*allowed = (policy_allowed_t){ .decided = FALSE };
	while (proposals->remove_first(proposals, (void **)&proposal) == SUCCESS) {
		add_contained(allowed, proposal);
		proposal->destroy(proposal);
	}
	proposals->destroy(proposals);
}

void policy_allowed_get(ike_sa_t *ike_sa, policy_allowed_t *allowed)
{
	conf_query_t *query = lib->get(lib, CONF_QUERY);
	conf_tunnel_t *tunnel;

	*allowed = (policy_allowed_t){ .decided = ike_sa->get_peer_cfg(ike_sa) != NULL };
	if (!allowed->decided) {
		add_table(allowed);
		return;
	}
	tunnel = query ? query->get_tunnel(query, ike_sa) : NULL;
	if (tunnel) {
		policy_allowed_of_tunnel(tunnel, allowed);
		tunnel->destroy(tunnel);
	} else {
		add(allowed, suite_find(SUITE_DEFAULT));
	}
}

void policy_allowed_rules(
	const policy_allowed_t *allowed, enum suite_use use, struct suite_rule rules[static POLICY_SUITES_MAX])
{
	u_int i;

	for (i = 0; i < allowed->n; i++)
		rules[i] = *rule_of(allowed->suites[i], use);
}

bool policy_allowed_is(
	const policy_allowed_t *allowed, enum suite_use use, const struct suite_transform *items, size_t n)
{
	u_int i;

	for (i = 0; i < allowed->n; i++) {
		if (suite_rule_is(rule_of(allowed->suites[i], use), items, n))
			return TRUE;
	}
	return FALSE;
}

u_int policy_extra_exchanges(const struct suite_transform *items, size_t n)
{
	u_int count = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (items[i].type >= SUITE_KE1 && items[i].type <= SUITE_KE7)
			count++;
	}
	return count;
}

static bool reads_alike(const struct suite *suite, enum suite_use use, const struct suite_rule *rule)
{
	struct suite_transform items[POLICY_TRANSFORMS_MAX];
	bool ike = use == SUITE_IKE_SA;
	proposal_t *proposal;
	size_t n;

	proposal = proposal_create_from_string(ike ? PROTO_IKE : PROTO_ESP, ike ? suite->ike : suite->esp);
	if (!proposal)
		return FALSE;
	n = policy_proposal_read(proposal, items);
	proposal->destroy(proposal);
	return n == rule->n && suite_rule_is(rule, items, n);
}

/** Fills in the rules of a suite and holds those that strongSwan can spell against what it makes of them. */
static bool learn(const struct suite *suite, struct suite_rule rules[static N_USES])
{
	enum suite_use use;

	for (use = SUITE_IKE_SA; use <= SUITE_CHILD; use++) {
		if (!suite_rule(suite, use, &rules[use]))
			return FALSE;
	}
	return reads_alike(suite, SUITE_IKE_SA, &rules[SUITE_IKE_SA]) &&
		   reads_alike(suite, SUITE_CHILD, &rules[SUITE_CHILD]);
}

bool policy_allowed_check(void)
{
	const struct suite *suite;
	size_t i;

	for (i = 0; (suite = suite_at(i)); i++) {
		if (i >= POLICY_SUITES_MAX || !learn(suite, known[i])) {
			DBG1(DBG_CFG, "suite %s is not what strongSwan takes it for", suite->name);
			return FALSE;
		}
	}
	return suite_find(SUITE_DEFAULT) != NULL;
}
