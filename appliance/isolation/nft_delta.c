/*
 * nft.c renders one statement a line, and what depends on the model are lines "add element", and of APNs with limits
 * also objects and chains that the elements refer to. So the lines that two texts begin and end with are passed over,
 * and what is between them is compared as two sets of elements. The same element may stand there for several APNs: it
 * goes when the last of its lines does. Objects and chains may come beside elements; if one goes, or has another place,
 * the whole must be loaded: what is not in the old text is then not in the kernel either, or is an empty chain.
 */
#include "appliance/isolation/nft_delta.h"

#include "lib/buf.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ADD "add element inet culvert "

enum { SETS_MAX = 64 };

/* A piece of a text. */
struct piece {
	const char *text;
	size_t len;
};

struct element { /* SET { WHAT } */
	struct piece set, what;
};

struct elements { /* zero-initialise */
	struct element *items; /* owned */
	size_t count;
	size_t size;
};

/* Statements of other kinds, in order. */
struct rest { /* zero-initialise */
	struct piece *lines; /* owned */
	size_t count;
	size_t size;
};

/* The elements of each set, on their way into one statement. */
struct statements { /* zero-initialise */
	struct piece sets[SETS_MAX];
	struct buf elements[SETS_MAX];
	size_t count;
	int error;
};

static int compare_pieces(const struct piece *a, const struct piece *b)
{
	int c = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);

	return c != 0 ? c : (a->len > b->len) - (a->len < b->len);
}

static int compare_elements(const void *a, const void *b)
{
	const struct element *x = a, *y = b;
	int c = compare_pieces(&x->what, &y->what);

	return c != 0 ? c : compare_pieces(&x->set, &y->set);
}

/* Takes the next line, without its end, off the text. False at the end. */
static bool next_line(struct piece *text, struct piece *ret)
{
	if (text->len == 0)
		return false;
	const char *end = memchr(text->text, '\n', text->len);
	*ret = (struct piece){ text->text, end ? (size_t)(end - text->text) : text->len };
	size_t taken = ret->len + (end != NULL);
	text->text += taken;
	text->len -= taken;
	return true;
}

static bool is_silent(const struct piece *line)
{
	return line->len == 0 || line->text[0] == '#';
}

static bool read_element(const struct piece *line, struct element *ret)
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
	ret->set = (struct piece){ set, (size_t)(brace - set) };
	ret->what = (struct piece){ what, (size_t)(end - strlen(close) - what) };
	return true;
}

static int add_element(struct elements *list, const struct element *e)
{
	if (list->count == list->size) {
		size_t size = list->size > 0 ? 2 * list->size : 64;
		struct element *items = reallocarray(list->items, size, sizeof(*items));
		if (!items)
			return -ENOMEM;
		list->items = items;
		list->size = size;
	}
	list->items[list->count++] = *e;
	return 0;
}

static int add_rest(struct rest *list, const struct piece *line)
{
	if (list->count == list->size) {
		size_t size = list->size > 0 ? 2 * list->size : 16;
		struct piece *lines = reallocarray(list->lines, size, sizeof(*lines));
		if (!lines)
			return -ENOMEM;
		list->lines = lines;
		list->size = size;
	}
	list->lines[list->count++] = *line;
	return 0;
}

/* All elements of a text, sorted, and in ret_rest, unless that is NULL, what else there is in it. */
static int read_elements(struct piece text, struct elements *ret, struct rest *ret_rest)
{
	struct element e;
	struct piece line;
	int r = 0;

	while (r == 0 && next_line(&text, &line)) {
		if (read_element(&line, &e))
			r = add_element(ret, &e);
		else if (!is_silent(&line) && ret_rest)
			r = add_rest(ret_rest, &line);
	}
	if (r == 0 && ret->count > 0)
		qsort(ret->items, ret->count, sizeof(*ret->items), compare_elements);
	return r;
}

static bool has_element(const struct elements *list, const struct element *e)
{
	return list->count > 0 && bsearch(e, list->items, list->count, sizeof(*e), compare_elements);
}

/* What an element of a map is deleted by: KEY of "KEY : VALUE". */
static struct piece key_of(const struct piece *what)
{
	const char *colon = memmem(what->text, what->len, " : ", 3);

	return (struct piece){ what->text, colon ? (size_t)(colon - what->text) : what->len };
}

static void say(struct statements *s, const struct piece *set, const struct piece *what)
{
	size_t at = 0;

	while (at < s->count && compare_pieces(&s->sets[at], set) != 0)
		at++;
	if (at == SETS_MAX) {
		s->error = -EAGAIN;
		return;
	}
	if (at == s->count)
		s->sets[s->count++] = *set;
	if (s->elements[at].len > 0)
		buf_puts(&s->elements[at], ", ");
	buf_add(&s->elements[at], what->text, what->len);
}

/* Appends the statements and empties s. 0 or -errno. */
static int finish(struct statements *s, const char *verb, struct buf *out)
{
	int r = s->error;

	for (size_t i = 0; i < s->count; i++) {
		r = r < 0 ? r : s->elements[i].error;
		buf_printf(out, "%s element inet culvert %.*s { ", verb, (int)s->sets[i].len, s->sets[i].text);
		buf_add(out, s->elements[i].text, s->elements[i].len);
		buf_puts(out, " }\n");
		buf_free(&s->elements[i]);
	}
	s->count = 0;
	return r < 0 ? r : out->error;
}

/* Cuts off the lines that both begin with, then those that both end with. */
static void cut_common(struct piece *a, struct piece *b)
{
	size_t shorter = a->len < b->len ? a->len : b->len, head = 0, tail = 0;

	for (size_t i = 0; i < shorter && a->text[i] == b->text[i]; i++)
		if (a->text[i] == '\n')
			head = i + 1;
	for (size_t i = 1; i <= shorter - head && a->text[a->len - i] == b->text[b->len - i]; i++) {
		bool line_before = (i == a->len - head || a->text[a->len - i - 1] == '\n') &&
						   (i == b->len - head || b->text[b->len - i - 1] == '\n');
		if (line_before)
			tail = i;
	}
	*a = (struct piece){ a->text + head, a->len - head - tail };
	*b = (struct piece){ b->text + head, b->len - head - tail };
}

/* The elements of list that are not in other, first those that go. */
static int say_missing(const struct elements *list, const struct elements *other, bool goes, struct buf *out)
{
	struct statements s = { 0 };

	for (size_t i = 0; i < list->count; i++) {
		const struct element *e = &list->items[i];
		if (has_element(other, e) || (i > 0 && compare_elements(e, e - 1) == 0))
			continue;
		struct piece key = key_of(&e->what);
		say(&s, &e->set, goes ? &key : &e->what);
	}
	return finish(&s, goes ? "delete" : "add", out);
}

static bool starts_with(const struct piece *line, const char *start)
{
	return line->len >= strlen(start) && memcmp(line->text, start, strlen(start)) == 0;
}

/* An object, or a chain in a line of its own. */
static bool may_come(const struct piece *line)
{
	static const char *const starts[] = { "add limit inet culvert ", "add ct timeout inet culvert ",
		"table inet culvert { chain " };

	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		if (starts_with(line, starts[i]))
			return true;
	return false;
}

/* The statements of wanted that had does not have. -EAGAIN if one of had is not in wanted, or in another order. */
static int say_rest(const struct rest *had, const struct rest *wanted, struct buf *out)
{
	struct buf said CLEANUP(buf_free) = { 0 };
	size_t h = 0;

	for (size_t w = 0; w < wanted->count; w++) {
		const struct piece *line = &wanted->lines[w];
		if (h < had->count && compare_pieces(&had->lines[h], line) == 0) {
			h++;
			continue;
		}
		if (!may_come(line))
			return -EAGAIN;
		buf_add(&said, line->text, line->len);
		buf_puts(&said, "\n");
	}
	if (h < had->count || said.error < 0)
		return h < had->count ? -EAGAIN : said.error;
	buf_add(out, said.text, said.len);
	return out->error;
}

int nft_delta(const char *old_text, const char *new_text, struct buf *out)
{
	struct piece old_part = { old_text, strlen(old_text) }, new_part = { new_text, strlen(new_text) };
	const struct piece whole = new_part;
	struct elements had = { 0 }, wanted = { 0 }, all = { 0 };
	struct rest had_rest = { 0 }, wanted_rest = { 0 };

	cut_common(&old_part, &new_part);
	int r = read_elements(old_part, &had, &had_rest);
	if (r == 0)
		r = read_elements(new_part, &wanted, &wanted_rest);
	if (r == 0 && had.count > 0)
		r = read_elements(whole, &all, NULL);
	if (r == 0)
		r = say_rest(&had_rest, &wanted_rest, out);
	if (r == 0)
		r = say_missing(&had, &all, true, out);
	if (r == 0)
		r = say_missing(&wanted, &had, false, out);
	free(had.items);
	free(wanted.items);
	free(all.items);
	free(had_rest.lines);
	free(wanted_rest.lines);
	return r;
}

int nft_gather(const char *text, struct buf *out)
{
	struct piece rest = { text, strlen(text) }, line;
	struct statements s = { 0 };
	struct element e;

	while (next_line(&rest, &line)) {
		if (read_element(&line, &e)) {
			say(&s, &e.set, &e.what);
		} else if (!is_silent(&line)) {
			buf_add(out, line.text, line.len);
			buf_puts(out, "\n");
		}
	}
	return finish(&s, "add", out);
}
