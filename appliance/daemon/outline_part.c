/*
 * An entry of a list at the top begins and ends with a line of its own, one tab deep; no text in quotes has a line
 * break in it, so that such a line is nothing else.
 */
#include "appliance/daemon/outline_part.h"

#include <string.h>

static const char entry_begins[] = "\n\t{\n", entry_ends[] = "\n\t}", tunnel_begins[] = "\n\t\t\t{\n";
static const char carriers_begin[] = "\ncarriers = (\n", apns_begin[] = "\napns = (\n";

/* Where the two lists begin; the second goes to the end. */
struct lists {
	size_t carriers, apns, end;
};

static bool find_lists(const char *text, struct lists *ret)
{
	const char *carriers = strstr(text, carriers_begin), *apns = carriers ? strstr(carriers, apns_begin) : NULL;

	if (!apns)
		return false;
	*ret = (struct lists){ (size_t)(carriers - text), (size_t)(apns - text), (size_t)(apns - text) + strlen(apns) };
	return true;
}

static unsigned count(const char *text, size_t from, size_t to, const char *what)
{
	size_t len = strlen(what);
	unsigned n = 0;

	for (const char *at = text + from; (at = memmem(at, (size_t)(text + to - at), what, len)); at += len - 1)
		n++;
	return n;
}

static size_t common_before(const char *a, const char *b, size_t most)
{
	enum { STEP = 256 };
	size_t n = 0;

	while (most - n >= STEP && !memcmp(a + n, b + n, STEP))
		n += STEP;
	while (n < most && a[n] == b[n])
		n++;
	return n;
}

/* The same backwards, from both ends. */
static size_t common_behind(const char *a_end, const char *b_end, size_t most)
{
	enum { STEP = 256 };
	size_t n = 0;

	while (most - n >= STEP && !memcmp(a_end - n - STEP, b_end - n - STEP, STEP))
		n += STEP;
	while (n < most && a_end[-(ptrdiff_t)n - 1] == b_end[-(ptrdiff_t)n - 1])
		n++;
	return n;
}

/* The line of the last entry that begins in the first len octets; 0: none does. */
static size_t last_entry(const char *text, size_t len)
{
	size_t mark = sizeof(entry_begins) - 1;

	for (size_t at = len >= mark ? len - mark + 1 : 0; at; at--) {
		if (!memcmp(text + at - 1, entry_begins, mark))
			return at;
	}
	return 0;
}

/* Octets behind the line of the first entry that ends in the last len octets; len + 1: none does. */
static size_t behind_entry(const char *end, size_t len)
{
	const char *line = memmem(end - len, len, entry_ends, sizeof(entry_ends) - 1);
	const char *newline = line ? memchr(line + 1, '\n', (size_t)(end - line - 1)) : NULL;

	return newline ? (size_t)(end - newline - 1) : len + 1;
}

bool outline_narrow(const char *old, const char *next, struct outline_part *ret)
{
	struct lists was, is;

	if (!find_lists(old, &was) || !find_lists(next, &is))
		return false;
	size_t least = was.end < is.end ? was.end : is.end, same = common_before(old, next, least);
	size_t from = last_entry(next, same);
	if (same == least || from <= is.carriers)
		return false;
	size_t behind = common_behind(old + was.end, next + is.end, least - from);
	size_t rest = behind_entry(next + is.end, behind);
	size_t old_to = was.end - rest, to = is.end - rest;
	bool apns = from > is.apns;
	if (rest > behind || (apns ? from <= was.apns : to > is.apns || old_to > was.apns))
		return false;
	*ret = (struct outline_part){
		.apns = apns,
		.old = old + from,
		.next = next + from,
		.old_len = old_to - from,
		.next_len = to - from,
		.tunnels = count(next, is.carriers, is.apns, tunnel_begins),
		.apn_count = count(next, is.apns, is.end, entry_begins),
	};
	return true;
}
