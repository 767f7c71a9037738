/* Suites: complete sets of algorithms a tunnel may use. One table; what is not in it cannot be configured. */
#ifndef CULVERT_IKEV2_SUITE_H
#define CULVERT_IKEV2_SUITE_H

#include <stddef.h>

struct buf;

struct suite {
	const char *name; /* as the operator writes it: "aes256-sha256-modp2048" */
	const char *ike; /* strongSwan's proposal text for the IKE_SA */
	const char *esp; /* strongSwan's proposal text for CHILD_SAs, key exchange included (PFS) */
};

/* The contract's suite and the default. */
#define SUITE_DEFAULT "aes256-sha256-modp2048"

/* The suite of that name in the table, or NULL. Static storage. */
const struct suite *suite_find(const char *name);
/* The i-th suite of the table, the default first; NULL behind the last. */
const struct suite *suite_at(size_t i);
/* "a, b or c" for error messages. */
void suite_names(struct buf *out);

#endif
