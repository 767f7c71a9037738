/*
 * A proposal is a set of algorithms. It holds a suite if every algorithm of the suite is in it. What is not named
 * follows as the other programs have it: the PRF from the integrity algorithm; an ESP proposal may come without a key
 * exchange.
 */
#include "conf/convert_proposal.h"

#include "ikev2/suite.h"
#include "lib/buf.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = 24, WORD_MAX = 32 };

/* The algorithms of one proposal, spelt as Culvert's suites spell them. */
struct words {
	char items[WORDS_MAX][WORD_MAX];
	size_t n;
	bool noesn; /* sequence numbers need not be extended ones, even if "esn" is among the words */
};

static const struct {
	const char *theirs, *ours;
} spellings[] = {
	{ "aes_cbc256", "aes256" },
	{ "aes_cbc_256", "aes256" },
	{ "aes_256", "aes256" },
	{ "aes256gcm", "aes256gcm16" },
	{ "aes256gcm128", "aes256gcm16" },
	{ "aes_gcm256", "aes256gcm16" },
	{ "aes_gcm_256", "aes256gcm16" },
	{ "aes_gcm_c_256", "aes256gcm16" },
	{ "aes_gcm_16_256", "aes256gcm16" },
	{ "sha2", "sha256" },
	{ "sha2_256", "sha256" },
	{ "hmac_sha2_256", "sha256" },
	{ "sha2_384", "sha384" },
	{ "hmac_sha2_384", "sha384" },
	{ "sha2_512", "sha512" },
	{ "hmac_sha2_512", "sha512" },
	{ "dh14", "modp2048" },
	{ "dh20", "ecp384" },
	{ "ecp_384", "ecp384" },
};

static bool begins(const char *word, const char *with)
{
	return strncmp(word, with, strlen(with)) == 0;
}

static bool is_exchange(const char *word)
{
	return begins(word, "modp") || begins(word, "ecp") || begins(word, "curve") || begins(word, "x25519") ||
		   begins(word, "x448") || begins(word, "mlkem") || begins(word, "ke1_") ||
		   (begins(word, "dh") && isdigit((unsigned char)word[2]));
}

static bool is_aead(const char *word)
{
	return strstr(word, "gcm") || strstr(word, "ccm") || begins(word, "chacha20");
}

static bool is_hash(const char *word)
{
	return begins(word, "sha") || begins(word, "md5");
}

/* Takes no place in a suite: what the other programs write where there is no algorithm. */
static bool is_filler(const char *word)
{
	return !word[0] || !strcmp(word, "null") || !strcmp(word, "none") || !strcmp(word, "noesn");
}

static bool has(const struct words *w, const char *word)
{
	for (size_t i = 0; i < w->n; i++) {
		if (!strcmp(w->items[i], word))
			return true;
	}
	return false;
}

static bool has_exchange(const struct words *w)
{
	for (size_t i = 0; i < w->n; i++) {
		if (is_exchange(w->items[i]))
			return true;
	}
	return false;
}

static void add(struct words *w, const char *text, size_t len)
{
	char word[WORD_MAX] = { 0 };

	if (len >= sizeof(word))
		len = sizeof(word) - 1; /* no algorithm of a suite's is so long */
	for (size_t i = 0; i < len; i++)
		word[i] = (char)tolower((unsigned char)text[i]);
	w->noesn |= !strcmp(word, "noesn");
	if (is_filler(word) || w->n == WORDS_MAX)
		return;
	snprintf(w->items[w->n], WORD_MAX, "%s", word);
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		if (!strcmp(word, spellings[i].theirs))
			snprintf(w->items[w->n], WORD_MAX, "%s", spellings[i].ours);
	}
	w->n++;
}

/* An IKE proposal without a PRF means the one of its hash; libreswan's AEAD proposals name nothing else. */
static void derive_prf(struct words *w)
{
	bool aead = false, prf = false;
	size_t n = w->n;

	for (size_t i = 0; i < n; i++) {
		aead |= is_aead(w->items[i]);
		prf |= begins(w->items[i], "prf");
	}
	for (size_t i = 0; i < n && !prf; i++) {
		char word[WORD_MAX + 3];
		if (!is_hash(w->items[i]))
			continue;
		snprintf(word, sizeof(word), "prf%s", w->items[i]);
		if (aead)
			snprintf(w->items[i], WORD_MAX, "%.*s", WORD_MAX - 1, word);
		else
			add(w, word, strlen(word));
	}
}

static struct words split(const char *text, size_t len, enum proposal_kind kind)
{
	struct words w = { 0 };
	size_t from = 0;

	for (size_t i = 0; i <= len; i++) {
		if (i < len && !strchr("-;+! ", text[i]))
			continue;
		add(&w, text + from, i - from);
		from = i + 1;
	}
	if (kind == PROPOSAL_IKE)
		derive_prf(&w);
	return w;
}

static struct words of_suite(const struct suite *suite, enum proposal_kind kind)
{
	const char *text = kind == PROPOSAL_IKE ? suite->ike : suite->esp;

	return split(text, strlen(text), kind);
}

/* True if each word of the suite is in w; an ESP proposal may leave out the key exchange. */
static bool holds(const struct words *w, const struct words *suite, enum proposal_kind kind)
{
	bool exchange = kind == PROPOSAL_IKE || has_exchange(w);

	for (size_t i = 0; i < suite->n; i++) {
		if ((exchange || !is_exchange(suite->items[i])) && !has(w, suite->items[i]))
			return false;
	}
	if (has(w, "esn") && !w->noesn && !has(suite, "esn"))
		return false;
	return w->n > 0;
}

/* The list's next proposal; false at its end. */
static bool next(const char **at, size_t *len)
{
	*at += strspn(*at, ", ");
	*len = strcspn(*at, ",");
	return **at != '\0';
}

struct proposal_match proposal_find(const char *list, enum proposal_kind kind, const struct suite *suite)
{
	struct words wanted = of_suite(suite, kind);
	unsigned place = 0;
	size_t len;

	for (const char *at = list; next(&at, &len); at += len) {
		struct words w = split(at, len, kind);
		if (holds(&w, &wanted, kind))
			return (struct proposal_match){ place, has_exchange(&w) };
		place++;
	}
	return (struct proposal_match){ .place = PROPOSAL_NONE };
}

/* True if the proposal holds one of the suites and has nothing that none of them has. */
static bool is_covered(const struct words *w, enum proposal_kind kind, const struct suite *const *suites, size_t n)
{
	bool held = false;
	size_t known = 0;

	for (size_t i = 0; i < n; i++) {
		struct words suite = of_suite(suites[i], kind);
		held |= holds(w, &suite, kind);
	}
	for (size_t k = 0; k < w->n; k++) {
		bool found = false;
		for (size_t i = 0; i < n && !found; i++) {
			struct words suite = of_suite(suites[i], kind);
			found = has(&suite, w->items[k]);
		}
		known += found;
	}
	return held && known == w->n;
}

void proposal_leftover(
	const char *list, enum proposal_kind kind, const struct suite *const *suites, size_t n, struct buf *out)
{
	const char *separator = "";
	size_t len;

	for (const char *at = list; next(&at, &len); at += len) {
		struct words w = split(at, len, kind);
		if (is_covered(&w, kind, suites, n))
			continue;
		buf_printf(out, "%s%.*s", separator, (int)len, at);
		separator = ", ";
	}
}
