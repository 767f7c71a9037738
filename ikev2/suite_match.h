/*
 * Transforms as they stand in a message (RFC 7296 section 3.3), held against suites. Numbers are IANA's. A proposal is
 * taken as a whole: what no suite has, known or not, makes it another proposal.
 */
#ifndef CULVERT_IKEV2_SUITE_MATCH_H
#define CULVERT_IKEV2_SUITE_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct suite;

/* Transform types; additional key exchanges are RFC 9370's. */
enum suite_type {
	SUITE_ENCR = 1,
	SUITE_PRF = 2,
	SUITE_INTEG = 3,
	SUITE_KE = 4,
	SUITE_ESN = 5,
	SUITE_KE1 = 6,
	SUITE_KE7 = 12,
};

/* What a proposal is for. */
enum suite_use {
	SUITE_IKE_SA,
	SUITE_FIRST_CHILD, /* in IKE_AUTH: its keys come from the IKE_SA's key exchange */
	SUITE_CHILD, /* in CREATE_CHILD_SA, where a key exchange of its own is a must */
};

struct suite_transform {
	uint8_t type;
	uint16_t id;
	uint16_t bits; /* key length attribute, 0 if there is none */
};

enum { SUITE_TRANSFORMS_MAX = 12 };

/* The transforms that a suite demands, one of each type. */
struct suite_rule {
	struct suite_transform items[SUITE_TRANSFORMS_MAX];
	size_t n;
	/* Key exchanges that may be named but are not made: a peer may say in IKE_AUTH what it will want later. */
	struct suite_transform later[SUITE_TRANSFORMS_MAX];
	size_t n_later;
};

/* Fills in the rule; false if the suite names an algorithm that is not known here, which a test rules out. */
bool suite_rule(const struct suite *suite, enum suite_use use, struct suite_rule *ret_rule);
/* Whether a chosen proposal is the suite: each of its transforms once, and no other. */
bool suite_rule_is(const struct suite_rule *rule, const struct suite_transform *items, size_t n);
/* Whether the suite can be chosen from an offer, which may have several transforms of one type. */
bool suite_rule_in(const struct suite_rule *rule, const struct suite_transform *items, size_t n);
/* Number of additional key exchanges. */
size_t suite_rule_extra(const struct suite_rule *rule);

/*
 * What is left of an offer: the transforms of the first rule that can be chosen from it, or of all such rules together.
 * In the latter case nothing says that one suite as a whole is chosen then. Returns their number, 0 if no rule fits;
 * ret_items has room for n_rules * SUITE_TRANSFORMS_MAX.
 */
size_t suite_narrow(const struct suite_rule *rules, size_t n_rules, bool all, const struct suite_transform *items,
	size_t n, struct suite_transform *ret_items);

/* Appends the transforms as suites are spelt: "aes256-sha256-modp2048", alternatives with "/" between them. */
void suite_spell(const struct suite_transform *items, size_t n, struct buf *out);
/* Appends how an offer differs from a rule: "encryption aes128 instead of aes256, no key exchange instead of modp2048".
 */
void suite_difference(const struct suite_rule *rule, const struct suite_transform *items, size_t n, struct buf *out);

#endif
