#include "appliance/daemon/comparison.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *word(char **rest)
{
	const char *w = strsep(rest, " ");

	return w && *w ? w : NULL;
}

static int parse_tunnel(char *rest, struct comparison *c)
{
	struct comparison_tunnel t = { .name = word(&rest), .change = word(&rest) };

	if (!t.name || !t.change)
		return -EPROTO;
	t.also = rest;
	c->tunnels[c->n_tunnels++] = t;
	return 0;
}

static int parse_child(char *rest, struct comparison *c)
{
	struct comparison_child child = { .tunnel = word(&rest), .apn = word(&rest), .change = word(&rest) };

	if (!child.tunnel || !child.apn || !child.change)
		return -EPROTO;
	c->children[c->n_children++] = child;
	return 0;
}

static int parse_kept(char *rest, struct comparison *c)
{
	const char *count = word(&rest);
	char *end;
	unsigned long n;

	if (!count || *count < '0' || *count > '9')
		return -EPROTO;
	errno = 0;
	n = strtoul(count, &end, 10);
	if (*end || errno)
		return -EPROTO;
	c->kept = n;
	return 0;
}

static int parse_line(char *line, struct comparison *c)
{
	static const struct {
		const char *keyword;
		int (*parse)(char *rest, struct comparison *c);
	} kinds[] = {
		{ "tunnel", parse_tunnel },
		{ "child", parse_child },
		{ "kept", parse_kept },
	};
	const char *keyword = strsep(&line, " ");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(keyword, kinds[i].keyword))
			return line ? kinds[i].parse(line, c) : -EPROTO;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct comparison_tunnel *)a)->name, ((const struct comparison_tunnel *)b)->name);
}

static int by_tunnel(const void *a, const void *b)
{
	const struct comparison_child *x = a;
	const struct comparison_child *y = b;
	int order = strcmp(x->tunnel, y->tunnel);

	return order ? order : strcmp(x->apn, y->apn);
}

static size_t count_lines(const char *text)
{
	size_t n = 1;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

int comparison_parse(const char *text, struct comparison *ret)
{
	size_t lines = count_lines(text);
	struct comparison c = {
		.text = strdup(text),
		.tunnels = calloc(lines, sizeof(struct comparison_tunnel)),
		.children = calloc(lines, sizeof(struct comparison_child)),
	};
	char *rest = c.text;
	char *line;
	int error = c.text && c.tunnels && c.children ? 0 : -ENOMEM;

	while (!error && (line = strsep(&rest, "\n")))
		error = *line ? parse_line(line, &c) : 0;
	if (error) {
		comparison_free(&c);
		return error;
	}
	qsort(c.tunnels, c.n_tunnels, sizeof(*c.tunnels), by_name);
	qsort(c.children, c.n_children, sizeof(*c.children), by_tunnel);
	*ret = c;
	return 0;
}

const struct comparison_child *comparison_children(const struct comparison *c, const char *tunnel, size_t *ret_n)
{
	size_t low = 0;
	size_t high = c->n_children;
	size_t n = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(c->children[middle].tunnel, tunnel) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	while (low + n < c->n_children && !strcmp(c->children[low + n].tunnel, tunnel))
		n++;
	*ret_n = n;
	return n ? &c->children[low] : NULL;
}

static bool is_among(const char *change, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(change, list[i]))
			return true;
	return false;
}

/* What ends with a tunnel that is "changed" are CHILD_SAs, which have lines of their own. */
bool comparison_tunnel_interrupts(const char *change)
{
	static const char *const gentle[] = { "added", "changed", "children", "credentials", "initiator", "rehearsal" };

	return !is_among(change, gentle, sizeof(gentle) / sizeof(gentle[0]));
}

/*
 * A rekey makes the new CHILD_SA before the old one ends, and peers know how to go over to it. One with other selectors
 * comes first as well, where this side calls, but the two have policies of their own: while one end has deleted the old
 * ones and the other has not, packets meet the wrong SA.
 */
bool comparison_child_interrupts(const char *change)
{
	static const char *const gentle[] = { "added", "extended", "rekeyed" };

	return !is_among(change, gentle, sizeof(gentle) / sizeof(gentle[0]));
}

bool comparison_interrupts(const struct comparison *c)
{
	for (size_t i = 0; i < c->n_tunnels; i++)
		if (comparison_tunnel_interrupts(c->tunnels[i].change))
			return true;
	for (size_t i = 0; i < c->n_children; i++)
		if (comparison_child_interrupts(c->children[i].change))
			return true;
	return false;
}

void comparison_free(struct comparison *c)
{
	free(c->children);
	free(c->tunnels);
	free(c->text);
	*c = (struct comparison){ 0 };
}
