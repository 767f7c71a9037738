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
 *   tunnel NAME CHANGE...        all that apply, the first of them being what happens to its SAs:
 *     reestablished              its IKE_SA ends and is made anew, with all CHILD_SAs
 *     changed                    its IKE_SA stays, links change
 *     credentials                nothing ends; the next authentication uses them
 *     initiator                  nothing ends; who brings it up has changed
 *     rehearsal                  nothing ends; whether its rekeys are tried has changed
 *   child TUNNEL APN added|removed
 *   child TUNNEL APN CHANGE      behind a tunnel that is "changed":
 *     rekeyed                    the same selectors: new ones stand before the old ones end
 *     extended                   further CHILD_SAs come, the others stay
 *     replaced                   other selectors, which cover the old ones
 *     narrowed                   other selectors or fewer CHILD_SAs, which do not
 *   kept COUNT
 */
void conf_compare_print(conf_generation_t *old, conf_generation_t *new, struct buf *out);

#endif
