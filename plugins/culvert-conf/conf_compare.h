/* What putting a generation in force would do, tunnel by tunnel. */
#ifndef CONF_COMPARE_H_
#define CONF_COMPARE_H_

#include "conf_generation.h"

struct buf;

typedef struct conf_difference_t conf_difference_t;

/** Tunnels by what a commit does to them */
struct conf_difference_t {
	u_int added, changed, removed, kept;
};

/** Counts. */
conf_difference_t conf_compare(conf_generation_t *old, conf_generation_t *new);

/**
 * Renders lines, tunnels by name:
 *   tunnel NAME added|removed
 *   tunnel NAME reestablished    its IKE_SA ends and is made anew
 *   tunnel NAME changed          its IKE_SA stays; followed by lines
 *     child TUNNEL APN added|removed
 *     child TUNNEL APN rekeyed   the same selectors: new ones stand before the old ones end
 *     child TUNNEL APN replaced  other selectors, another interface or another number of CHILD_SAs
 *   tunnel NAME credentials      nothing ends; the next authentication uses them
 *   tunnel NAME initiator        nothing ends; who brings it up has changed
 *   tunnel NAME rehearsal        nothing ends; whether its rekeys are tried has changed
 *   kept COUNT
 */
void conf_compare_print(conf_generation_t *old, conf_generation_t *new, struct buf *out);

#endif
