/*
 * libconfig's own lexer takes a missing quote or a comment without end as it comes and goes on; here both are tokens
 * that say so. A text ends on its line: no value of ours has a line break in it, and two texts beside each other are
 * one, so that long ones can still be split.
 */
#include "conf/scan.h"

#include <ctype.h>
#include <string.h>

struct scan scan_begin(const char *text, size_t len)
{
	return (struct scan){ .at = text, .end = text + len, .line = 1 };
}

/* The i-th octet from here, NUL behind the end. */
static char peek(const struct scan *s, size_t i)
{
	return i < (size_t)(s->end - s->at) ? s->at[i] : '\0';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Octets from the i-th on that are digits. */
static size_t digits(const struct scan *s, size_t i)
{
	size_t n = 0;

	while (is_digit(peek(s, i + n)))
		n++;
	return n;
}

/* --- spaces and comments --- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f';
}

/* Octets of the comment that begins here; 0 if none does. *ret_closed: false for one that reaches the end of the text.
 */
static size_t comment(const struct scan *s, bool *ret_closed)
{
	size_t left = (size_t)(s->end - s->at);
	bool block = peek(s, 0) == '/' && peek(s, 1) == '*';

	*ret_closed = true;
	if (block) {
		const char *end = left < 4 ? NULL : memmem(s->at + 2, left - 2, "*/", 2);
		*ret_closed = end;
		return end ? (size_t)(end + 2 - s->at) : left;
	}
	if (peek(s, 0) != '#' && (peek(s, 0) != '/' || peek(s, 1) != '/'))
		return 0;
	const char *end = memchr(s->at, '\n', left);
	return end ? (size_t)(end - s->at) : left;
}

static void advance(struct scan *s, size_t n)
{
	for (; n; n--, s->at++) {
		if (*s->at != '\n')
			continue;
		s->line++;
		s->line_begun = false;
	}
}

/* True if a comment may begin with c; what is no comment is then seen by comment(). */
static bool may_comment(char c)
{
	return c == '#' || c == '/';
}

/* To the next token, or to a comment without end. */
static void skip(struct scan *s)
{
	for (;;) {
		while (s->at < s->end && (is_space(*s->at) || *s->at == '\n'))
			advance(s, 1);
		bool closed;
		size_t n = may_comment(peek(s, 0)) ? comment(s, &closed) : 0;
		if (!n || !closed)
			return;
		advance(s, n);
	}
}

bool scan_line_is_over(const struct scan *s)
{
	size_t i = 0;

	while (is_space(peek(s, i)))
		i++;
	struct scan there = { .at = s->at + i, .end = s->end };
	bool closed;
	char c = peek(s, i);
	return !c || c == '\n' || comment(&there, &closed);
}

/* --- tokens --- */

static size_t text(const struct scan *s, enum scan_kind *ret_kind)
{
	const char *at = s->at + 1;

	while (at < s->end && *at && *at != '"' && *at != '\n')
		at += *at == '\\' && s->end - at > 1 && (at[1] == '"' || at[1] == '\\') ? 2 : 1;
	bool closed = at < s->end && *at == '"';
	*ret_kind = closed ? SCAN_TEXT : SCAN_TEXT_OPEN;
	return (size_t)(at - s->at) + closed;
}

/* Octets of an exponent, 0 if there is none. */
static size_t exponent(const struct scan *s, size_t i)
{
	if (peek(s, i) != 'e' && peek(s, i) != 'E')
		return 0;
	size_t sign = peek(s, i + 1) == '+' || peek(s, i + 1) == '-';
	size_t n = digits(s, i + 1 + sign);
	return n ? 1 + sign + n : 0;
}

/* Octets of an integer's mark of 64 bits. */
static size_t wide(const struct scan *s, size_t i)
{
	return peek(s, i) != 'L' ? 0 : peek(s, i + 1) == 'L' ? 2 : 1;
}

/* Octets of the number that begins here, 0 if none does. */
static size_t number(const struct scan *s, enum scan_kind *ret_kind)
{
	size_t sign = peek(s, 0) == '+' || peek(s, 0) == '-', n = digits(s, sign);

	if (peek(s, 0) == '0' && (peek(s, 1) == 'x' || peek(s, 1) == 'X') && isxdigit((unsigned char)peek(s, 2))) {
		for (n = 3; isxdigit((unsigned char)peek(s, n));)
			n++;
		*ret_kind = SCAN_HEX;
		return n + wide(s, n);
	}
	size_t at = sign + n;
	size_t fraction = peek(s, at) == '.' ? 1 + digits(s, at + 1) : 0;
	size_t power = n || fraction ? exponent(s, at + fraction) : 0;
	if (fraction || power) {
		*ret_kind = SCAN_REAL;
		return at + fraction + power;
	}
	*ret_kind = SCAN_INTEGER;
	return n ? at + wide(s, at) : 0;
}

static size_t name(const struct scan *s)
{
	const char *at = s->at;

	while (at < s->end && (is_letter(*at) || *at == '*' || (at > s->at && (is_digit(*at) || *at == '-' || *at == '_'))))
		at++;
	return (size_t)(at - s->at);
}

static size_t token(const struct scan *s, enum scan_kind *ret_kind)
{
	static const char include[] = "@include";
	char c = peek(s, 0);

	if (c == '"')
		return text(s, ret_kind);
	size_t n = name(s);
	*ret_kind = SCAN_NAME;
	if (n)
		return n;
	n = number(s, ret_kind);
	if (n)
		return n;
	n = strlen(include);
	*ret_kind = SCAN_INCLUDE;
	if ((size_t)(s->end - s->at) >= n && !memcmp(s->at, include, n))
		return n;
	*ret_kind = c && strchr("{[(", c) ? SCAN_OPEN : c && strchr("}])", c) ? SCAN_CLOSE : SCAN_OTHER;
	return 1;
}

struct scan_token scan_next(struct scan *s)
{
	skip(s);
	struct scan_token t = { .kind = SCAN_END, .start = s->at, .line = s->line, .first = !s->line_begun };
	bool closed;

	if (s->at == s->end)
		return t;
	s->line_begun = true;
	t.len = may_comment(*s->at) ? comment(s, &closed) : 0;
	if (t.len)
		t.kind = SCAN_COMMENT_OPEN;
	else
		t.len = token(s, &t.kind);
	/* No line ends in a token, but in a comment without end, behind which nothing follows. */
	s->at += t.len;
	return t;
}
