/* What an order to reload names, loaded: the operator's file, or a generation that is kept. */
#ifndef CULVERT_DAEMON_INTAKE_H
#define CULVERT_DAEMON_INTAKE_H

#include "appliance/daemon/generation.h"

#include <stdbool.h>

struct diag_list;
struct reload_order;
struct reload_parts;

enum { INTAKE_WHY = 256 }; /* octets, with the NUL */

struct intake { /* zero-initialise */
	struct model *model; /* owned */
	unsigned rollback_of; /* 0: the operator's file */
	struct model *passed_over; /* owned; of a rollback: the operator's file, NULL if it cannot be loaded */
	bool stays; /* the operator's file is what the rollback in force passed over: there is nothing to do */
};

/*
 * Loads the operator's file, to put it into force or to see what that would do: what it names and the machine does not
 * have are warnings in diags. before: as conf_load_after() takes it. 0 or -errno, with details in diags.
 */
int intake_load(const char *path, const struct model *before, struct diag_list *diags, struct model **ret);
/*
 * 0 with *ret (intake_free() it); or -errno with the reason as a sentence in why, and details in diags.
 */
int intake_open(const struct reload_parts *parts, const struct generation *current, const struct reload_order *order,
	struct diag_list *diags, struct intake *ret, char why[static INTAKE_WHY]);
/* A zeroed one is allowed. */
void intake_free(struct intake *s);

#endif
