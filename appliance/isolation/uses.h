/* What a model uses each of the machine's interfaces for. Pure. */
#ifndef CULVERT_APPLIANCE_ISOLATION_USES_H
#define CULVERT_APPLIANCE_ISOLATION_USES_H

#include <stddef.h>

struct model;

enum use { /* bits */
	USE_WHOLE = 1, /* a cloud interface, or one of our own making: everything on it is compared */
	USE_SETTINGS = 2, /* its addresses are those of the machine's network settings */
	USE_HELD_UP = 4, /* it only has to be up: the parent of a VLAN */
	USE_MANAGEMENT = 8, /* the same, and one address must be there */
};

struct uses { /* zero-initialise */
	struct interface_use *items; /* owned, sorted by name */
	size_t count;
};

/* 0 with *ret (uses_free() it), whose names are m's, or -ENOMEM. */
int uses_collect(const struct model *m, struct uses *ret);
/* The bits of that interface; 0: none. */
unsigned uses_of(const struct uses *u, const char *interface);
void uses_free(struct uses *u);

#endif
