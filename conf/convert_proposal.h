/* Proposals in strongSwan's and libreswan's spelling, held against Culvert's suites. */
#ifndef CULVERT_CONF_CONVERT_PROPOSAL_H
#define CULVERT_CONF_CONVERT_PROPOSAL_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct suite;

enum proposal_kind { PROPOSAL_IKE, PROPOSAL_ESP };

/* How well a list of proposals ("aes256-sha256-modp2048,aes128-sha1-modp1024!") holds a suite. */
struct proposal_match {
	unsigned place; /* from 0: of the first proposal that holds it; PROPOSAL_NONE */
	bool pfs; /* that one names a key exchange */
};

enum { PROPOSAL_NONE = ~0u >> 1 };

struct proposal_match proposal_find(const char *list, enum proposal_kind kind, const struct suite *suite);
/* Appends those of the list that say more or other than the suites: "aes128-sha1-modp1024, default". */
void proposal_leftover(
	const char *list, enum proposal_kind kind, const struct suite *const *suites, size_t n, struct buf *out);

#endif
