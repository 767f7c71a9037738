/* What charon is to do with one tunnel: renew its keys ("rekey"), or end it and bring it up anew ("restart"). */
#ifndef CULVERT_DAEMON_ORDER_H
#define CULVERT_DAEMON_ORDER_H

#include "appliance/daemon/charon.h"

struct links;

enum { ORDER_LIMIT = 30 * 1000 * 1000 }; /* microseconds; charon answers when it has begun, not when it is done */

/* As charon_request(). A tunnel is left before it is restarted: devices are reached by other links when it ends. */
int order_give(struct links *links, struct charon *charon, const char *order, const char *tunnel, charon_done_fn done,
	void *userdata);

#endif
