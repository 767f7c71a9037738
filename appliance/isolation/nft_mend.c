#include "appliance/isolation/nft_mend.h"

#include "appliance/isolation/nft_rules.h"
#include "appliance/isolation/walls_watch.h"
#include "lib/buf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char element[] = "add element inet culvert ";
static const char own_chain[] = "table inet culvert { chain ";

/* "set" or "map", as the rules or a line of the model's part declare it; NULL: none of that name is known. */
static const char *kind_of(const char *rest, const char *set)
{
	static const char *const found[] = { "set", "map" };
	char line[64];

	for (size_t i = 0; i < sizeof(found) / sizeof(*found); i++) {
		snprintf(line, sizeof(line), "\t%s %s { ", found[i], set);
		if (strstr(nft_rules, line))
			return found[i];
	}
	snprintf(line, sizeof(line), "add map inet culvert %s { ", set);
	return strstr(rest, line) ? "map" : NULL;
}

static bool is_among(const struct walls_names *names, const char *name, size_t len)
{
	for (size_t i = 0; i < names->count; i++)
		if (strlen(names->items[i]) == len && memcmp(names->items[i], name, len) == 0)
			return true;
	return false;
}

/* Of what a model adds: an element of a damaged set, or a damaged chain. */
static bool is_wanted(const struct walls_damage *d, const char *line)
{
	const char *set = line + strlen(element), *chain = line + strlen(own_chain);

	if (strncmp(line, element, strlen(element)) == 0)
		return is_among(&d->sets, set, strcspn(set, " "));
	return strncmp(line, own_chain, strlen(own_chain)) == 0 && is_among(&d->chains, chain, strcspn(chain, " "));
}

/* Rules of a chain, as nft_rules or else a line of the model's part has them. -EAGAIN if none has. */
static int mend_chain(const char *rest, const char *name, struct buf *out)
{
	char begin[64];

	buf_printf(out, "flush chain inet culvert %s\n", name);
	snprintf(begin, sizeof(begin), "\tchain %s {\n", name);
	const char *at = strstr(nft_rules, begin), *end = at ? strstr(at, "\n\t}\n") : NULL;
	if (end) {
		buf_puts(out, "table inet culvert {\n");
		buf_add(out, at, (size_t)(end - at) + strlen("\n\t}\n"));
		buf_puts(out, "}\n");
		return 0;
	}
	snprintf(begin, sizeof(begin), "%s%s {", own_chain, name);
	return strstr(rest, begin) ? 0 : -EAGAIN;
}

/* The line that names the layout, which every text has ahead of the rules. */
static const char *find_layout(const char *text)
{
	static const char before[] = "add chain inet culvert layout_";
	const char *at = strstr(text, before);

	return at ? at + strlen("add chain inet culvert ") : NULL;
}

int nft_mend(const char *text, const struct walls_damage *d, struct buf *out)
{
	const char *layout = find_layout(text), *rest = strstr(text, nft_rules);
	int r = 0;

	if (d->lost || d->structure || !layout || !rest)
		return -EAGAIN;
	/* Refused where the table is another Culvert's. */
	buf_printf(out, "flush chain inet culvert %.*s\n", (int)strcspn(layout, "\n"), layout);
	rest += strlen(nft_rules);
	for (size_t i = 0; i < d->chains.count && r == 0; i++)
		r = mend_chain(rest, d->chains.items[i], out);
	for (size_t i = 0; i < d->sets.count && r == 0; i++) {
		const char *kind = kind_of(rest, d->sets.items[i]);
		r = kind ? 0 : -EAGAIN;
		if (kind)
			buf_printf(out, "flush %s inet culvert %s\n", kind, d->sets.items[i]);
	}
	for (const char *line = rest; *line != '\0' && r == 0;) {
		size_t len = strcspn(line, "\n");
		len += line[len] != '\0';
		if (is_wanted(d, line))
			buf_add(out, line, len);
		line += len;
	}
	return r < 0 ? r : out->error;
}

bool nft_has_chain(const char *name)
{
	char line[96];

	snprintf(line, sizeof(line), "\tchain %.64s {\n", name);
	if (strstr(nft_rules, line))
		return true;
	snprintf(line, sizeof(line), "{ chain %.64s {", name);
	return strstr(nft_presenting, line) || strstr(nft_outer6, line);
}
