/* What a snapshot means: facts for each wall, and the paths that routing, rules and policies let through together. */
#ifndef CULVERT_APPLIANCE_ISOLATION_VERIFY_OBSERVED_H
#define CULVERT_APPLIANCE_ISOLATION_VERIFY_OBSERVED_H

#include "appliance/isolation/snapshot.h"
#include "appliance/isolation/verify.h"
#include "appliance/isolation/verify_ruleset.h"

struct verify_observed { /* zero-initialise; view_open() it */
	const struct snapshot *s; /* borrowed */
	struct interfaces interfaces; /* a copy, for look-ups by name */
	struct snapshot_route *routes; /* owned: by table, family, longest prefix, metric */
	struct snapshot_rule *rules; /* owned: by preference */
	struct snapshot_policy *policies; /* owned: by if_id */
	struct span *pieces; /* owned: of what is looked up in the tables */
	size_t n_pieces;
	struct ruleset ruleset;
	struct paths paths;
	struct facts facts;
};

/* 0 or -ENOMEM; verify_observed_free() it either way. */
int verify_observed_open(const struct snapshot *s, struct verify_observed *ret);
void verify_observed_free(struct verify_observed *o);

/* Whether the kernel holds SAs of that if_id, inbound and outbound. userdata is a struct verify_observed. */
bool verify_has_sas(const void *userdata, uint32_t if_id);
/* The policies of an if_id. */
const struct snapshot_policy *verify_policies(const struct verify_observed *o, uint32_t if_id, size_t *ret_n);
/* Routing table of the VRF that the interface is in; 0: it is in none. */
uint32_t verify_domain(const struct verify_observed *o, const struct interface *i);

/* Called for each piece of the addresses that a route takes. out is NULL for the gateway itself. */
typedef void (*verify_route_fn)(void *userdata, const struct span *to, const struct interface *out);
/* Where packets from a domain (0: of the machine) to these addresses go. mark: 0, or that of the packet. */
int verify_route(struct verify_observed *o, uint32_t domain, uint32_t mark, const struct span *to, verify_route_fn f,
	void *userdata);

/* Fills facts: of routing and of elements. */
int verify_observe_facts(struct verify_observed *o, const struct model *m);
/* Fills paths. */
int verify_observe_paths(struct verify_observed *o);

#endif
