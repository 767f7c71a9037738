/* Which suites an IKE_SA and its CHILD_SAs may have. */
#ifndef POLICY_ALLOWED_H_
#define POLICY_ALLOWED_H_

#include <daemon.h>

#include "ikev2/suite_match.h"
#include "plugins/culvert-conf/conf_query.h"

enum {
	/** more than ikev2/suite.c has rows, which a start-up check holds it to */
	POLICY_SUITES_MAX = 24,
};

typedef struct policy_allowed_t policy_allowed_t;

struct policy_allowed_t {
	/** rows of the suite table, the preferred first */
	const struct suite *suites[POLICY_SUITES_MAX];
	u_int n;
	/** FALSE before a peer has said who it is: what its configuration picks is held against the tunnel later */
	bool decided;
};

/**
 * Fills in what is allowed for an IKE_SA: its tunnel's suites, or the default for a connection that is no tunnel in
 * force. Before a peer has said who it is that is the whole table.
 */
void policy_allowed_get(ike_sa_t *ike_sa, policy_allowed_t *allowed);

/** Fills in the suites of the table that a configuration offers for the IKE_SA; not decided. */
void policy_allowed_of_config(ike_cfg_t *cfg, policy_allowed_t *allowed);

/** Fills in a tunnel's suites; decided. */
void policy_allowed_of_tunnel(conf_tunnel_t *tunnel, policy_allowed_t *allowed);

/** Rules of the allowed suites for a use, in the same order. */
void policy_allowed_rules(
	const policy_allowed_t *allowed, enum suite_use use, struct suite_rule rules[static POLICY_SUITES_MAX]);

/** Whether a chosen proposal is one of the allowed suites. */
bool policy_allowed_is(
	const policy_allowed_t *allowed, enum suite_use use, const struct suite_transform *items, size_t n);

/** The additional key exchanges that come before the first IKE_AUTH with this chosen proposal. */
u_int policy_extra_exchanges(const struct suite_transform *items, size_t n);

/**
 * Whether strongSwan and ikev2/suite_match.c read every row of the suite table the same way. The plugin does not load
 * otherwise.
 */
bool policy_allowed_check(void);

#endif
