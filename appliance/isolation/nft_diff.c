/*
 * Two texts are walked line by line, and lines that both have are passed over. What is left are as a rule a few lines;
 * they are sorted, and an element that is left of the old text may still stand in another place of the new one.
 */
#include "appliance/isolation/nft_diff.h"

#include "lib/grow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ADD "add element inet culvert "

enum {
	NEAR = 32768, /* octets in which the next line that both have is looked for */
	MISSES_MAX = 32, /* of such searches; texts that have less in common are compared as sets in one */
};

static const struct {
	const char *text, *start; /* of a line */
} kinds[] = {
	[NFT_KIND_LIMIT] = { "limit", "add limit inet culvert " },
	[NFT_KIND_TIMEOUT] = { "ct timeout", "add ct timeout inet culvert " },
	[NFT_KIND_MAP] = { "map", "add map inet culvert " },
	[NFT_KIND_CHAIN] = { "chain", "table inet culvert { chain " },
};

int nft_compare_pieces(const struct nft_piece *a, const struct nft_piece *b)
{
	int c = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);

	return c != 0 ? c : (a->len > b->len) - (a->len < b->len);
}

static int compare_elements(const void *a, const void *b)
{
	const struct nft_element *x = a, *y = b;
	int c = nft_compare_pieces(&x->what, &y->what);

	return c != 0 ? c : nft_compare_pieces(&x->set, &y->set);
}

static int compare_names(const void *a, const void *b)
{
	const struct nft_named *x = a, *y = b;
	int c = (x->kind > y->kind) - (x->kind < y->kind);

	return c != 0 ? c : nft_compare_pieces(&x->name, &y->name);
}

bool nft_next_line(struct nft_piece *text, struct nft_piece *ret)
{
	if (text->len == 0)
		return false;
	const char *end = memchr(text->text, '\n', text->len);
	*ret = (struct nft_piece){ text->text, end ? (size_t)(end - text->text) : text->len };
	size_t taken = ret->len + (end != NULL);
	text->text += taken;
	text->len -= taken;
	return true;
}

bool nft_is_silent(const struct nft_piece *line)
{
	return line->len == 0 || line->text[0] == '#';
}

bool nft_read_element(const struct nft_piece *line, struct nft_element *ret)
{
	static const char open[] = " { ", close[] = " }";
	const char *set = line->text + strlen(ADD), *end = line->text + line->len;

	if (line->len < strlen(ADD) + strlen(open) + strlen(close) || memcmp(line->text, ADD, strlen(ADD)) != 0)
		return false;
	const char *brace = memmem(set, (size_t)(end - set), open, strlen(open));
	if (!brace || memcmp(end - strlen(close), close, strlen(close)) != 0)
		return false;
	const char *what = brace + strlen(open);
	if (end - strlen(close) < what)
		return false;
	ret->set = (struct nft_piece){ set, (size_t)(brace - set) };
	ret->what = (struct nft_piece){ what, (size_t)(end - strlen(close) - what) };
	return true;
}

static int add_element(struct nft_elements *list, const struct nft_element *e)
{
	struct nft_element *items = grow(list->items, list->count, &list->size, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	list->items[list->count++] = *e;
	return 0;
}

static int add_named(struct nft_names *list, const struct nft_named *n)
{
	struct nft_named *items = grow(list->items, list->count, &list->size, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	list->items[list->count++] = *n;
	return 0;
}

bool nft_read_named(const struct nft_piece *line, struct nft_named *ret)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t start = strlen(kinds[i].start);
		if (line->len <= start || memcmp(line->text, kinds[i].start, start) != 0)
			continue;
		const char *name = line->text + start, *end = memchr(name, ' ', line->len - start);
		*ret = (struct nft_named){ .kind = (enum nft_kind)i, .line = *line };
		ret->name = (struct nft_piece){ name, end ? (size_t)(end - name) : line->len - start };
		return true;
	}
	return false;
}

static int take_line(struct nft_side *s, const struct nft_piece *line)
{
	struct nft_element e = { 0 };
	struct nft_named n;

	if (nft_read_element(line, &e))
		return add_element(&s->elements, &e);
	if (nft_is_silent(line))
		return 0;
	return nft_read_named(line, &n) ? add_named(&s->names, &n) : -EAGAIN;
}

/* Takes in lines up to the octet that s->text may begin with then. */
static int take_until(struct nft_side *s, const char *end)
{
	struct nft_piece line;
	int r = 0;

	while (r == 0 && s->text.text < end && nft_next_line(&s->text, &line))
		r = take_line(s, &line);
	return r;
}

static const char *end_of(const struct nft_piece *text)
{
	return text->text + text->len;
}

/* Where text has the line next that other begins with, of which behind is left, if that is near; NULL. */
static const char *find_line(
	const struct nft_piece *text, const struct nft_piece *other, const struct nft_piece *behind)
{
	const char *from = text->text, *end = from + (text->len < NEAR ? text->len : NEAR), *at;

	while ((at = memmem(from, (size_t)(end - from), other->text, (size_t)(behind->text - other->text)))) {
		if (at == text->text || at[-1] == '\n')
			return at;
		from = at + 1;
	}
	return NULL;
}

/* Takes in what one of them has before the next line of both. */
static int take_difference(struct nft_side *a, struct nft_side *b, unsigned *misses)
{
	struct nft_piece a_rest = a->text, b_rest = b->text, line;
	const char *at;

	if (!nft_next_line(&a_rest, &line) || !nft_next_line(&b_rest, &line) || *misses == MISSES_MAX) {
		int r = take_until(a, end_of(&a->text));
		return r < 0 ? r : take_until(b, end_of(&b->text));
	}
	if ((at = find_line(&b->text, &a->text, &a_rest)))
		return take_until(b, at);
	if ((at = find_line(&a->text, &b->text, &b_rest)))
		return take_until(a, at);
	++*misses;
	int r = take_until(a, a_rest.text);
	return r < 0 ? r : take_until(b, b_rest.text);
}

/* What lines the texts do not share. -EAGAIN if one of them is neither an element nor has a name. */
static int read_differences(struct nft_side *a, struct nft_side *b)
{
	unsigned misses = 0;
	int r = 0;

	while (r == 0 && (a->text.len > 0 || b->text.len > 0)) {
		struct nft_piece a_rest = a->text, b_rest = b->text, a_line, b_line;
		bool shared = nft_next_line(&a_rest, &a_line) && nft_next_line(&b_rest, &b_line) && a_line.len == b_line.len &&
					  memcmp(a_line.text, b_line.text, a_line.len) == 0;
		if (shared) {
			a->text = a_rest;
			b->text = b_rest;
		} else {
			r = take_difference(a, b, &misses);
		}
	}
	return r;
}

/* Without doubles. */
static void sort_elements(struct nft_elements *list)
{
	size_t kept = 0;

	if (list->count > 0)
		qsort(list->items, list->count, sizeof(*list->items), compare_elements);
	for (size_t i = 0; i < list->count; i++)
		if (kept == 0 || compare_elements(&list->items[kept - 1], &list->items[i]) != 0)
			list->items[kept++] = list->items[i];
	list->count = kept;
}

static struct nft_element *find_element(const struct nft_elements *list, const struct nft_element *e)
{
	return list->count > 0 ? bsearch(e, list->items, list->count, sizeof(*e), compare_elements) : NULL;
}

/* Of two sorted lists, and the text that the second one is from. */
static void mark_what_stays(struct nft_elements *had, struct nft_elements *wanted, struct nft_piece text)
{
	struct nft_element e, *found;
	struct nft_piece line;

	for (size_t i = 0; i < wanted->count; i++)
		wanted->items[i].stays = find_element(had, &wanted->items[i]) != NULL;
	while (had->count > 0 && nft_next_line(&text, &line))
		if (nft_read_element(&line, &e) && (found = find_element(had, &e)))
			found->stays = true;
}

static void sort_names(struct nft_names *list)
{
	if (list->count > 0)
		qsort(list->items, list->count, sizeof(*list->items), compare_names);
}

const struct nft_named *nft_find_named(const struct nft_names *list, const struct nft_named *key)
{
	return list->count > 0 ? bsearch(key, list->items, list->count, sizeof(*key), compare_names) : NULL;
}

int nft_compare_sides(struct nft_side *old, struct nft_side *new)
{
	const struct nft_piece whole = new->text;
	int r = read_differences(old, new);

	if (r < 0)
		return r;
	sort_elements(&old->elements);
	sort_elements(&new->elements);
	sort_names(&old->names);
	sort_names(&new->names);
	mark_what_stays(&old->elements, &new->elements, whole);
	return 0;
}

const char *nft_kind_text(enum nft_kind kind)
{
	return kinds[kind].text;
}

void nft_free_side(struct nft_side *s)
{
	free(s->elements.items);
	free(s->names.items);
}
