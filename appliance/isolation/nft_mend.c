#include "appliance/isolation/nft_mend.h"

#include "appliance/isolation/nft_rules.h"
#include "appliance/isolation/walls_watch.h"
#include "lib/buf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char element[] = "add element inet culvert ";

/* "set" or "map", as the rules declare it; NULL: they know none of that name. */
static const char *kind_of(const char *set)
{
	static const char *const found[] = { "set", "map" };
	char line[64];

	for (size_t i = 0; i < sizeof(found) / sizeof(*found); i++) {
		snprintf(line, sizeof(line), "\t%s %s { ", found[i], set);
		if (strstr(nft_rules, line))
			return found[i];
	}
	return NULL;
}

static bool is_damaged(const struct walls_damage *d, const char *name, size_t len)
{
	for (size_t i = 0; i < d->n_sets; i++)
		if (strlen(d->sets[i]) == len && memcmp(d->sets[i], name, len) == 0)
			return true;
	return false;
}

/* Of what a model adds: the line is about a damaged set, or is an object or a chain with rules. */
static bool is_wanted(const struct walls_damage *d, const char *line)
{
	const char *set = line + strlen(element);

	if (strncmp(line, element, strlen(element)) != 0)
		return d->rules;
	return is_damaged(d, set, strcspn(set, " "));
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

	if (d->lost || d->structure || !layout || !rest)
		return -EAGAIN;
	/* Refused where the table is another Culvert's. */
	buf_printf(out, "flush chain inet culvert %.*s\n", (int)strcspn(layout, "\n"), layout);
	if (d->rules)
		buf_puts(out, "flush table inet culvert\n");
	for (size_t i = 0; i < d->n_sets; i++) {
		const char *kind = kind_of(d->sets[i]);
		if (!kind)
			return -EAGAIN;
		buf_printf(out, "flush %s inet culvert %s\n", kind, d->sets[i]);
	}
	if (d->rules)
		buf_puts(out, nft_rules);
	for (const char *line = rest + strlen(nft_rules); *line != '\0';) {
		size_t len = strcspn(line, "\n") + (strchr(line, '\n') ? 1 : 0);
		if (is_wanted(d, line))
			buf_add(out, line, len);
		line += len;
	}
	return out->error;
}

bool nft_has_chain(const char *name)
{
	char line[96];

	snprintf(line, sizeof(line), "\tchain %.64s {\n", name);
	return strstr(nft_rules, line);
}
