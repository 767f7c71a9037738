#include "ikev2/suite_match.h"

#include "ikev2/suite.h"
#include "lib/buf.h"

#include <stdio.h>
#include <string.h>

enum { NONE = 0, NO_ESN = 0, WORD_MAX = 24 };

/* Words of the suites, and names for what peers offer. Being here allows nothing: suites come from suite.c's table. */
static const struct {
	const char *word;
	struct suite_transform transform;
} words[] = {
	{ "aes256", { SUITE_ENCR, 12, 256 } },
	{ "aes256gcm16", { SUITE_ENCR, 20, 256 } },
	{ "sha256", { SUITE_INTEG, 12, 0 } },
	{ "sha384", { SUITE_INTEG, 13, 0 } },
	{ "sha512", { SUITE_INTEG, 14, 0 } },
	{ "prfsha256", { SUITE_PRF, 5, 0 } },
	{ "prfsha384", { SUITE_PRF, 6, 0 } },
	{ "prfsha512", { SUITE_PRF, 7, 0 } },
	{ "modp2048", { SUITE_KE, 14, 0 } },
	{ "modp3072", { SUITE_KE, 15, 0 } },
	{ "modp4096", { SUITE_KE, 16, 0 } },
	{ "ecp256", { SUITE_KE, 19, 0 } },
	{ "ecp384", { SUITE_KE, 20, 0 } },
	{ "ecp521", { SUITE_KE, 21, 0 } },
	{ "curve25519", { SUITE_KE, 31, 0 } },
	{ "mlkem512", { SUITE_KE, 35, 0 } },
	{ "mlkem768", { SUITE_KE, 36, 0 } },
	{ "mlkem1024", { SUITE_KE, 37, 0 } },
	{ "noesn", { SUITE_ESN, NO_ESN, 0 } },
	{ "esn", { SUITE_ESN, 1, 0 } },
	{ "des", { SUITE_ENCR, 2, 0 } },
	{ "3des", { SUITE_ENCR, 3, 0 } },
	{ "null", { SUITE_ENCR, 11, 0 } },
	{ "aes128", { SUITE_ENCR, 12, 128 } },
	{ "aes192", { SUITE_ENCR, 12, 192 } },
	{ "aes128ctr", { SUITE_ENCR, 13, 128 } },
	{ "aes256ctr", { SUITE_ENCR, 13, 256 } },
	{ "aes128gcm16", { SUITE_ENCR, 20, 128 } },
	{ "aes192gcm16", { SUITE_ENCR, 20, 192 } },
	{ "chacha20poly1305", { SUITE_ENCR, 28, 0 } },
	{ "md5", { SUITE_INTEG, 1, 0 } },
	{ "sha1", { SUITE_INTEG, 2, 0 } },
	{ "aesxcbc", { SUITE_INTEG, 5, 0 } },
	{ "aescmac", { SUITE_INTEG, 8, 0 } },
	{ "prfmd5", { SUITE_PRF, 1, 0 } },
	{ "prfsha1", { SUITE_PRF, 2, 0 } },
	{ "prfaesxcbc", { SUITE_PRF, 4, 0 } },
	{ "prfaescmac", { SUITE_PRF, 8, 0 } },
	{ "modp768", { SUITE_KE, 1, 0 } },
	{ "modp1024", { SUITE_KE, 2, 0 } },
	{ "modp1536", { SUITE_KE, 5, 0 } },
	{ "modp6144", { SUITE_KE, 17, 0 } },
	{ "modp8192", { SUITE_KE, 18, 0 } },
	{ "modp1024s160", { SUITE_KE, 22, 0 } },
	{ "modp2048s224", { SUITE_KE, 23, 0 } },
	{ "modp2048s256", { SUITE_KE, 24, 0 } },
	{ "ecp192", { SUITE_KE, 25, 0 } },
	{ "ecp224", { SUITE_KE, 26, 0 } },
	{ "curve448", { SUITE_KE, 32, 0 } },
};

enum { N_WORDS = sizeof(words) / sizeof(words[0]) };

/* In the order in which a suite is spelt. */
static const struct {
	enum suite_type type;
	const char *what;
	const char *prefix; /* of numbers that have no word */
} kinds[] = {
	{ SUITE_ENCR, "encryption", "encr" },
	{ SUITE_INTEG, "integrity", "integ" },
	{ SUITE_PRF, "PRF", "prf" },
	{ SUITE_KE, "key exchange", "ke" },
	{ SUITE_KE1, "additional key exchange", "ke" },
	{ SUITE_KE1 + 1, "second additional key exchange", "ke" },
	{ SUITE_KE1 + 2, "third additional key exchange", "ke" },
	{ SUITE_KE1 + 3, "fourth additional key exchange", "ke" },
	{ SUITE_KE1 + 4, "fifth additional key exchange", "ke" },
	{ SUITE_KE1 + 5, "sixth additional key exchange", "ke" },
	{ SUITE_KE7, "seventh additional key exchange", "ke" },
	{ SUITE_ESN, "sequence numbers", "esn" },
};

enum { N_KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static bool is_extra(uint8_t type)
{
	return type >= SUITE_KE1 && type <= SUITE_KE7;
}

static bool is_exchange(uint8_t type)
{
	return type == SUITE_KE || is_extra(type);
}

/* Where 0 says that there is none, and not which one it is. */
static bool can_be_none(uint8_t type)
{
	return type == SUITE_INTEG || is_exchange(type);
}

static bool equal(const struct suite_transform *a, const struct suite_transform *b)
{
	return a->type == b->type && a->id == b->id && a->bits == b->bits;
}

static bool has(const struct suite_transform *items, size_t n, const struct suite_transform *wanted)
{
	for (size_t i = 0; i < n; i++) {
		if (equal(&items[i], wanted))
			return true;
	}
	return false;
}

static bool has_type(const struct suite_transform *items, size_t n, uint8_t type)
{
	for (size_t i = 0; i < n; i++) {
		if (items[i].type == type)
			return true;
	}
	return false;
}

/* --- suites --- */

/* "ke2_mlkem768" is the second additional key exchange. */
static bool find_word(const char *word, size_t len, struct suite_transform *ret)
{
	uint8_t extra = 0;

	if (len > 4 && word[0] == 'k' && word[1] == 'e' && word[2] >= '1' && word[2] <= '7' && word[3] == '_') {
		extra = (uint8_t)(SUITE_KE1 + (word[2] - '1'));
		word += 4;
		len -= 4;
	}
	for (size_t i = 0; i < N_WORDS; i++) {
		if (strlen(words[i].word) != len || strncmp(words[i].word, word, len) != 0)
			continue;
		*ret = words[i].transform;
		if (extra && ret->type != SUITE_KE)
			return false;
		if (extra)
			ret->type = extra;
		return true;
	}
	return false;
}

static bool add_item(struct suite_rule *rule, enum suite_use use, const struct suite_transform *item)
{
	bool later = use == SUITE_FIRST_CHILD && is_exchange(item->type);

	if (has_type(rule->items, rule->n, item->type) || rule->n == SUITE_TRANSFORMS_MAX)
		return false;
	if (later)
		rule->later[rule->n_later++] = *item;
	else
		rule->items[rule->n++] = *item;
	return true;
}

bool suite_rule(const struct suite *suite, enum suite_use use, struct suite_rule *ret_rule)
{
	static const struct suite_transform no_esn = { SUITE_ESN, NO_ESN, 0 };
	const char *at = use == SUITE_IKE_SA ? suite->ike : suite->esp;
	struct suite_rule rule = { .n = 0 };
	size_t len;

	for (; *at; at += len + (at[len] == '-')) {
		struct suite_transform item;
		len = strcspn(at, "-");
		if (!find_word(at, len, &item) || !add_item(&rule, use, &item))
			return false;
	}
	if (use != SUITE_IKE_SA && !has_type(rule.items, rule.n, SUITE_ESN) && !add_item(&rule, use, &no_esn))
		return false;
	*ret_rule = rule;
	return true;
}

size_t suite_rule_extra(const struct suite_rule *rule)
{
	size_t count = 0;

	for (size_t i = 0; i < rule->n; i++)
		count += is_extra(rule->items[i].type);
	return count;
}

/* --- matching --- */

/* Whether transforms of a type that the rule does not demand can be left out: one of them is none, or stands for later.
 */
static bool can_leave_out(const struct suite_rule *rule, const struct suite_transform *items, size_t n, uint8_t type)
{
	const struct suite_transform none = { type, NONE, 0 };

	if (can_be_none(type) && has(items, n, &none))
		return true;
	for (size_t i = 0; i < rule->n_later; i++) {
		if (rule->later[i].type == type && has(items, n, &rule->later[i]))
			return true;
	}
	return false;
}

bool suite_rule_in(const struct suite_rule *rule, const struct suite_transform *items, size_t n)
{
	for (size_t i = 0; i < rule->n; i++) {
		if (!has(items, n, &rule->items[i]))
			return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (!has_type(rule->items, rule->n, items[i].type) && !can_leave_out(rule, items, n, items[i].type))
			return false;
	}
	return true;
}

bool suite_rule_is(const struct suite_rule *rule, const struct suite_transform *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (has_type(items, i, items[i].type))
			return false;
	}
	return suite_rule_in(rule, items, n);
}

/* Adds what is not there yet. */
static size_t merge(struct suite_transform *to, size_t n, const struct suite_transform *item)
{
	if (!has(to, n, item))
		to[n++] = *item;
	return n;
}

size_t suite_narrow(const struct suite_rule *rules, size_t n_rules, bool all, const struct suite_transform *items,
	size_t n, struct suite_transform *ret_items)
{
	size_t count = 0;

	for (size_t r = 0; r < n_rules && (all || !count); r++) {
		if (!suite_rule_in(&rules[r], items, n))
			continue;
		for (size_t i = 0; i < rules[r].n; i++)
			count = merge(ret_items, count, &rules[r].items[i]);
	}
	/* A suite that goes without an additional key exchange can only be chosen if the offer says that it may be none. */
	for (uint8_t type = SUITE_KE1; all && type <= SUITE_KE7; type++) {
		const struct suite_transform none = { type, NONE, 0 };
		if (has_type(ret_items, count, type) && has(items, n, &none))
			count = merge(ret_items, count, &none);
	}
	return count;
}

/* --- words for people --- */

static const char *name_of(const struct suite_transform *item, const char *prefix, char out[static WORD_MAX])
{
	struct suite_transform plain = *item;

	if (is_extra(item->type))
		plain.type = SUITE_KE;
	if (item->id == NONE && can_be_none(item->type))
		return "none";
	for (size_t i = 0; i < N_WORDS; i++) {
		if (equal(&words[i].transform, &plain))
			return words[i].word;
	}
	if (item->bits)
		snprintf(out, WORD_MAX, "%s%u_%u", prefix, item->id, item->bits);
	else
		snprintf(out, WORD_MAX, "%s%u", prefix, item->id);
	return out;
}

/* Appends the alternatives of one type; false if there are none. */
static bool spell_type(const struct suite_transform *items, size_t n, uint8_t type, const char *prefix,
	const char *before, struct buf *out)
{
	char word[WORD_MAX];
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (items[i].type != type)
			continue;
		buf_printf(out, "%s%s", any ? "/" : before, name_of(&items[i], prefix, word));
		any = true;
	}
	return any;
}

/* Sequence numbers of 32 bits are what everybody has: not worth a word if they are all there is. */
static bool is_plain_esn(const struct suite_transform *items, size_t n)
{
	static const struct suite_transform esn = { SUITE_ESN, 1, 0 };

	return !has(items, n, &esn);
}

void suite_spell(const struct suite_transform *items, size_t n, struct buf *out)
{
	bool any = false;

	for (size_t k = 0; k < N_KINDS; k++) {
		uint8_t type = (uint8_t)kinds[k].type;
		char before[16] = "";
		if (type == SUITE_ESN && is_plain_esn(items, n))
			continue;
		if (is_extra(type))
			snprintf(before, sizeof(before), "%ske%u_", any ? "-" : "", type - SUITE_KE1 + 1U);
		else
			snprintf(before, sizeof(before), "%s", any ? "-" : "");
		any |= spell_type(items, n, type, kinds[k].prefix, before, out);
	}
	for (size_t i = 0; i < n; i++) {
		if (items[i].type >= SUITE_ENCR && items[i].type <= SUITE_KE7)
			continue;
		buf_printf(out, "%stype%u_%u", any ? "-" : "", items[i].type, items[i].id);
		any = true;
	}
	if (!any)
		buf_puts(out, "nothing");
}

void suite_difference(const struct suite_rule *rule, const struct suite_transform *items, size_t n, struct buf *out)
{
	const char *separator = "";
	char word[WORD_MAX];

	for (size_t k = 0; k < N_KINDS; k++) {
		const struct suite_transform *wanted = NULL;
		uint8_t type = (uint8_t)kinds[k].type;
		for (size_t i = 0; i < rule->n && !wanted; i++)
			wanted = rule->items[i].type == type ? &rule->items[i] : NULL;
		if (wanted ? has(items, n, wanted) : !has_type(items, n, type) || can_leave_out(rule, items, n, type))
			continue;
		buf_printf(out, "%s%s%s", separator, has_type(items, n, type) ? "" : "no ", kinds[k].what);
		spell_type(items, n, type, kinds[k].prefix, " ", out);
		buf_printf(out, " instead of %s", wanted ? name_of(wanted, kinds[k].prefix, word) : "none");
		separator = ", ";
	}
	for (size_t i = 0; i < n; i++) {
		if (items[i].type >= SUITE_ENCR && items[i].type <= SUITE_KE7)
			continue;
		buf_printf(out, "%stransforms of the unknown type %u", separator, items[i].type);
		separator = ", ";
	}
}
