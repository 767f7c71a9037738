/* What came of applying a plan, in sentences for the operator: what failed, and what waits for an interface. */
#ifndef CULVERT_APPLIANCE_ISOLATION_REPORT_H
#define CULVERT_APPLIANCE_ISOLATION_REPORT_H

#include <stdbool.h>
#include <stddef.h>

enum { REPORT_MAX = 100 }; /* entries kept; further ones are only counted */

struct report_entry {
	bool pending; /* true: stands as soon as the interface exists; false: a failure */
	char *text; /* owned, without a newline */
};

struct report { /* zero-initialise */
	struct report_entry *entries; /* owned */
	size_t count;
	size_t dropped; /* beyond REPORT_MAX or for want of memory */
	size_t failed; /* failures, dropped ones too */
	size_t pending; /* missing interfaces */
	size_t changed; /* changes made */
};

void report_failure(struct report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "interface NAME is missing", once for each name. */
void report_missing(struct report *r, const char *interface);
/* Empties it, for use again; NULL is allowed. */
void report_free(struct report *r);

#endif
