/*
 * Measures how large a packet links take whose APN's probe has `measure`: by echo requests with DF out of the link's
 * XFRM interface, of the sizes that mtu_search.h asks for. One link at a time, in turn, and only while it is sound and
 * its probes are answered; what is found goes to links_measured(). Logs what is less than it should be. On the event
 * loop's thread.
 */
#ifndef CULVERT_DAEMON_MTU_PROBER_H
#define CULVERT_DAEMON_MTU_PROBER_H

#include <stdbool.h>
#include <systemd/sd-event.h>

struct links;
struct model;
struct mtu_prober;

enum { MTU_PROBER_LOOK = 1000 * 1000 }; /* microseconds; so often it is asked which link's turn it is */

/* links is borrowed. 0 with *ret (mtu_prober_free() it), or -errno. */
int mtu_prober_new(sd_event *event, struct links *links, struct mtu_prober **ret);
/*
 * The links of model from now on, NULL for none; links_use() comes before. Nothing of model is kept. What was measured
 * of links that are not to be measured any more is forgotten. 0, or -ENOMEM with what was before.
 */
int mtu_prober_use(struct mtu_prober *p, const struct model *model);
/* While held it sends nothing. */
void mtu_prober_hold(struct mtu_prober *p, bool held);
void mtu_prober_free(struct mtu_prober *p); /* NULL is allowed; before links_close() */

#endif
