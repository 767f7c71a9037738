/* CHILD configurations: made from links, and compared with those that CHILD_SAs were made from. */
#ifndef CONF_CHILDREN_H_
#define CONF_CHILDREN_H_

#include <daemon.h>

#include "conf_proposals.h"

struct apn;
struct link;

typedef enum conf_fit_t conf_fit_t;

/** How a CHILD configuration fits into those of a tunnel */
enum conf_fit_t {
	/** none of them has its interface ID */
	CONF_FIT_NONE,
	/** one has the interface ID, but other selectors */
	CONF_FIT_INTERFACE,
	/** one has its interface ID and selectors: at its next rekey, a CHILD_SA follows that one */
	CONF_FIT_SELECTORS,
	/** one is equal */
	CONF_FIT_EQUAL,
};

/**
 * Adds what a link needs: one configuration, named as the APN, or one for each pair of selectors, "APN/1" and so on.
 */
void conf_children_add(peer_cfg_t *cfg, const struct apn *apn, const struct link *link, conf_proposals_t *proposals);

/** How two CHILD configurations fit. */
conf_fit_t conf_children_fit(child_cfg_t *a, child_cfg_t *b);

/** The best fit of a CHILD configuration among those of cfg. */
conf_fit_t conf_children_best_fit(peer_cfg_t *cfg, child_cfg_t *child);

/** Gives cfg the CHILD configurations of another one. */
void conf_children_replace(peer_cfg_t *cfg, peer_cfg_t *other);

#endif
