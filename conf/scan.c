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

/* What an octet may begin, and what it may go on: looked up, since each octet of a large file comes by. */
enum class { OTHER, SPACE, LINE_END, COMMENT, QUOTE, LETTER, DIGIT, SIGN, OPEN, CLOSE };

static const unsigned char classes[256] = {
	[' '] = SPACE,
	['\t'] = SPACE,
	['\r'] = SPACE,
	['\f'] = SPACE,
	['\n'] = LINE_END,
	['#'] = COMMENT,
	['/'] = COMMENT,
	['"'] = QUOTE,
	['a' ... 'z'] = LETTER,
	['A' ... 'Z'] = LETTER,
	['*'] = LETTER,
	['0' ... '9'] = DIGIT,
	['+'] = SIGN,
	['-'] = SIGN,
	['.'] = SIGN,
	['{'] = OPEN,
	['['] = OPEN,
	['('] = OPEN,
	['}'] = CLOSE,
	[']'] = CLOSE,
	[')'] = CLOSE,
};

static enum class class_of(char c) { return (enum class)classes[(unsigned char)c]; }

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
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

/* Over spaces and ends of lines. */
static void skip_blank(struct scan *s)
{
	const char *at = s->at;

	for (; at < s->end; at++) {
		enum class c = class_of(*at);
		if (c == LINE_END) {
			s->line++;
			s->line_begun = false;
		} else if (c != SPACE) {
			break;
		}
	}
	s->at = at;
}

/* To the next token, or to a comment without end. */
static void skip(struct scan *s)
{
	for (;;) {
		skip_blank(s);
		/* What only looks like one is seen by comment(). */
		bool closed = false;
		size_t n = class_of(peek(s, 0)) == COMMENT ? comment(s, &closed) : 0;
		if (!n || !closed)
			return;
		advance(s, n);
	}
}

bool scan_breaks_off(const char *rest, size_t len)
{
	const char *newline = memrchr(rest, '\n', len), *last = newline ? newline + 1 : rest;
	size_t n = (size_t)(rest + len - last);

	while (n && strchr(" \t\r\f", last[n - 1]))
		n--;
	return (memchr(last, '#', n) || memmem(last, n, "//", 2)) && (n < 2 || memcmp(last + n - 2, "*/", 2) != 0);
}

bool scan_line_is_over(const struct scan *s)
{
	size_t i = 0;

	while (class_of(peek(s, i)) == SPACE)
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

/* Of a name that begins here. */
static size_t name(const struct scan *s)
{
	const char *at = s->at;

	for (; at < s->end; at++) {
		enum class c = class_of(*at);
		if (c != LETTER && c != DIGIT && *at != '-' && *at != '_')
			break;
	}
	return (size_t)(at - s->at);
}

static size_t other(const struct scan *s, enum scan_kind *ret_kind)
{
	static const char include[] = "@include";
	size_t len = sizeof(include) - 1;

	*ret_kind = SCAN_OTHER;
	if ((size_t)(s->end - s->at) < len || memcmp(s->at, include, len) != 0)
		return 1;
	*ret_kind = SCAN_INCLUDE;
	return len;
}

static size_t token(const struct scan *s, enum scan_kind *ret_kind)
{
	size_t n;
	bool closed;

	switch (class_of(*s->at)) {
	case QUOTE:
		return text(s, ret_kind);
	case LETTER:
		*ret_kind = SCAN_NAME;
		return name(s);
	case DIGIT:
	case SIGN:
		n = number(s, ret_kind);
		return n ? n : other(s, ret_kind);
	case OPEN:
		*ret_kind = SCAN_OPEN;
		return 1;
	case CLOSE:
		*ret_kind = SCAN_CLOSE;
		return 1;
	case COMMENT:
		*ret_kind = SCAN_COMMENT_OPEN;
		n = comment(s, &closed);
		return n ? n : other(s, ret_kind);
	case OTHER:
	case SPACE:
	case LINE_END:
		break;
	}
	return other(s, ret_kind);
}

struct scan_token scan_next(struct scan *s)
{
	skip(s);
	struct scan_token t = { .kind = SCAN_END, .start = s->at, .line = s->line, .first = !s->line_begun };

	if (s->at == s->end)
		return t;
	s->line_begun = true;
	t.len = token(s, &t.kind);
	/* No line ends in a token, but in a comment without end, behind which nothing follows. */
	s->at += t.len;
	return t;
}
