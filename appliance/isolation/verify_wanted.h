/* What the model means: the paths that are configured, and what each wall must hold. Knows nothing of plan.c, nft.c. */
#ifndef CULVERT_APPLIANCE_ISOLATION_VERIFY_WANTED_H
#define CULVERT_APPLIANCE_ISOLATION_VERIFY_WANTED_H

#include "appliance/isolation/verify.h"

struct verify_wanted { /* zero-initialise */
	struct paths paths; /* over links that are open */
	struct facts required, allowed;
};

/* Whether a link holds SAs, in both directions. */
typedef bool (*verify_open_fn)(const void *userdata, uint32_t if_id);

/* ipv6: the kernel has it. 0 or -ENOMEM; verify_wanted_free() it either way. */
int verify_want(const struct model *m, bool ipv6, verify_open_fn open, const void *userdata, struct verify_wanted *ret);
void verify_wanted_free(struct verify_wanted *w);

#endif
