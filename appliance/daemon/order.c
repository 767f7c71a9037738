#include "appliance/daemon/order.h"

#include "appliance/daemon/links.h"

#include <stdio.h>
#include <string.h>

int order_give(struct links *links, struct charon *charon, const char *order, const char *tunnel, charon_done_fn done,
	void *userdata)
{
	char line[64];

	if (strcmp(order, "restart") == 0 && charon_is_up(charon))
		links_leave(links, tunnel);
	/* A tunnel's name has at most 32 octets. */
	snprintf(line, sizeof(line), "%s %s", order, tunnel);
	return charon_request(charon, line, ORDER_LIMIT, done, userdata);
}
