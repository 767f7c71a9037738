/* Chains of other nftables tables that packets meet, in sentences for the operator. */
#ifndef CULVERT_APPLIANCE_ISOLATION_STRANGERS_H
#define CULVERT_APPLIANCE_ISOLATION_STRANGERS_H

#include <stddef.h>

enum { STRANGERS_MAX = 32 }; /* further ones are not listed */

struct strangers { /* zero-initialise; strangers_free() it */
	char *texts[STRANGERS_MAX]; /* owned: "table ip nat, chain post (nat, hook postrouting, priority 100)" */
	size_t count;
};

/* Reads them anew. 0 or -errno, with what was there. */
int strangers_read(struct strangers *s);
void strangers_free(struct strangers *s);

#endif
