/* The tokens of libconfig's language, as far as one must know them to see what stands outside of texts and comments. */
#ifndef CULVERT_CONF_SCAN_H
#define CULVERT_CONF_SCAN_H

#include <stdbool.h>
#include <stddef.h>

enum scan_kind {
	SCAN_END,
	SCAN_TEXT, /* with its quotes */
	SCAN_INTEGER, /* decimal, or what libconfig takes as octal */
	SCAN_HEX,
	SCAN_REAL,
	SCAN_NAME, /* true and false as well */
	SCAN_OPEN, /* one of { [ ( */
	SCAN_CLOSE,
	SCAN_INCLUDE, /* the word @include */
	SCAN_OTHER, /* any other octet */
	SCAN_TEXT_OPEN, /* a text that does not end on its line */
	SCAN_COMMENT_OPEN, /* a comment that does not end */
};

struct scan {
	const char *at, *end;
	unsigned line; /* from 1 */
	bool line_begun; /* something stands on the line already */
};

struct scan_token {
	enum scan_kind kind;
	const char *start;
	size_t len; /* octets */
	unsigned line; /* where it begins */
	bool first; /* nothing stands before it on its line */
};

struct scan scan_begin(const char *text, size_t len);
/* Spaces and comments are passed over. Behind the last one: SCAN_END, however often it is asked. */
struct scan_token scan_next(struct scan *s);
/*
 * True if what is behind the last token of a text ends in the middle of a comment: such a text was hardly written to
 * its end, and all that is there may look complete.
 */
bool scan_breaks_off(const char *rest, size_t len);
/* True if nothing but spaces and a comment follows on the line. */
bool scan_line_is_over(const struct scan *s);

#endif
