/* A run of addresses of one family, from the first to the last. Prefixes and nftables' ranges are both such. Pure. */
#ifndef CULVERT_APPLIANCE_ISOLATION_VERIFY_SPAN_H
#define CULVERT_APPLIANCE_ISOLATION_VERIFY_SPAN_H

#include "lib/prefix.h"

#include <stdbool.h>

struct span {
	struct ip first, last; /* inclusive; AF_UNSPEC: no address at all */
};

enum { SPAN_TEXT = 2 * IP_TEXT + 1 };

struct span span_of(const struct prefix *p);
/* All addresses of a family. */
struct span span_any(int family);
/* "10.64.0.0/16", "10.64.0.5" or "10.64.0.5-10.64.0.9". 0, or -EINVAL with *ret untouched. */
int span_parse(const char *text, struct span *ret);
/* As a host, a prefix, or a range. Writes the text and returns it. */
const char *span_print(const struct span *s, char text[static SPAN_TEXT]);
bool span_covers(const struct span *outer, const struct span *inner);
bool span_overlaps(const struct span *a, const struct span *b);
bool span_equal(const struct span *a, const struct span *b);
/* What both have. False, with *ret untouched, if that is nothing. */
bool span_meet(const struct span *a, const struct span *b, struct span *ret);
/* What of a lies before b, and what behind: at most one span each. Returns how many were written. */
unsigned span_without(const struct span *a, const struct span *b, struct span ret[static 2]);
int span_compare(const struct span *a, const struct span *b);

#endif
