/*
 * nft.c renders one statement a line, and what depends on the model are lines "add element", and chains and objects
 * that the elements refer to. The same element may stand there for several APNs: it goes when the last of its lines
 * does. A name stands once in a text. What has one comes before the elements and goes behind them; a chain with other
 * rules keeps its place in the kernel, so that what refers to it stays.
 */
#include "appliance/isolation/nft_delta.h"

#include "appliance/isolation/nft_diff.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/grow.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The elements of a set, on their way into one statement. */
struct statement {
	struct nft_piece set;
	struct buf elements;
};

struct statements { /* zero-initialise */
	struct statement *items; /* owned */
	size_t count;
	size_t size;
	int error;
};

/* What an element of a map is deleted by: KEY of "KEY : VALUE". */
static struct nft_piece key_of(const struct nft_piece *what)
{
	const char *colon = memmem(what->text, what->len, " : ", 3);

	return (struct nft_piece){ what->text, colon ? (size_t)(colon - what->text) : what->len };
}

static struct buf *statement_of(struct statements *s, const struct nft_piece *set)
{
	for (size_t i = 0; i < s->count; i++)
		if (nft_compare_pieces(&s->items[i].set, set) == 0)
			return &s->items[i].elements;
	struct statement *items = grow(s->items, s->count, &s->size, sizeof(*items));
	if (!items)
		return NULL;
	s->items = items;
	s->items[s->count] = (struct statement){ .set = *set };
	return &s->items[s->count++].elements;
}

static void say(struct statements *s, const struct nft_piece *set, const struct nft_piece *what)
{
	struct buf *elements = statement_of(s, set);

	if (!elements) {
		s->error = -ENOMEM;
		return;
	}
	if (elements->len > 0)
		buf_puts(elements, ", ");
	buf_add(elements, what->text, what->len);
}

/* Appends the statements and empties s. 0 or -errno. */
static int finish(struct statements *s, const char *verb, struct buf *out)
{
	int r = s->error;

	for (size_t i = 0; i < s->count; i++) {
		struct statement *one = &s->items[i];
		r = r < 0 ? r : one->elements.error;
		buf_printf(out, "%s element inet culvert %.*s { ", verb, (int)one->set.len, one->set.text);
		buf_add(out, one->elements.text, one->elements.len);
		buf_puts(out, " }\n");
		buf_free(&one->elements);
	}
	free(s->items);
	*s = (struct statements){ 0 };
	return r < 0 ? r : out->error;
}

/* The elements that do not stay. */
static int say_changed(const struct nft_elements *list, bool goes, struct buf *out)
{
	struct statements s = { 0 };

	for (size_t i = 0; i < list->count; i++) {
		const struct nft_element *e = &list->items[i];
		struct nft_piece key = key_of(&e->what);
		if (!e->stays)
			say(&s, &e->set, goes ? &key : &e->what);
	}
	return finish(&s, goes ? "delete" : "add", out);
}

/* An object cannot be another one under its name while something may refer to it. */
static bool has_other_object(const struct nft_names *had, const struct nft_names *wanted)
{
	for (size_t i = 0; i < wanted->count; i++) {
		const struct nft_named *n = &wanted->items[i], *old = nft_find_named(had, n);
		if (old && n->kind != NFT_KIND_CHAIN && nft_compare_pieces(&old->line, &n->line) != 0)
			return true;
	}
	return false;
}

/* Takes a chain's line apart: the kernel takes as long for a statement "table" as for the chain. */
static void say_chain(const struct nft_piece *line, struct buf *chains)
{
	static const char head[] = "table inet culvert { ", tail[] = " }";

	if (chains->len == 0)
		buf_puts(chains, "table inet culvert {\n");
	buf_add(chains, line->text + strlen(head), line->len - strlen(head) - strlen(tail));
	buf_puts(chains, "\n");
}

static void say_line(const struct nft_piece *line, struct buf *out)
{
	buf_add(out, line->text, line->len);
	buf_puts(out, "\n");
}

/* Ends what say_chain() began, and appends it. 0 or -ENOMEM. */
static int finish_chains(const struct buf *chains, struct buf *out)
{
	if (chains->len > 0) {
		buf_add(out, chains->text, chains->len);
		buf_puts(out, "}\n");
	}
	return chains->error < 0 ? chains->error : out->error;
}

/* What comes, and chains that get other rules. */
static int say_coming(const struct nft_names *had, const struct nft_names *wanted, struct buf *out)
{
	struct buf chains CLEANUP(buf_free) = { 0 };

	for (size_t i = 0; i < wanted->count; i++) {
		const struct nft_named *n = &wanted->items[i], *old = nft_find_named(had, n);
		if (old && nft_compare_pieces(&old->line, &n->line) == 0)
			continue;
		if (old)
			buf_printf(out, "flush chain inet culvert %.*s\n", (int)n->name.len, n->name.text);
		if (n->kind == NFT_KIND_CHAIN)
			say_chain(&n->line, &chains);
		else
			say_line(&n->line, out);
		/* One that a load in place left behind may have elements. */
		if (n->kind == NFT_KIND_MAP)
			buf_printf(out, "flush map inet culvert %.*s\n", (int)n->name.len, n->name.text);
	}
	return finish_chains(&chains, out);
}

/* A chain cannot go while it has rules, nor an object while one names it. */
static int say_going(const struct nft_names *had, const struct nft_names *wanted, struct buf *out)
{
	static const char *const verbs[] = { "flush", "delete" };

	for (size_t v = 0; v < 2; v++)
		for (size_t i = 0; i < had->count; i++) {
			const struct nft_named *n = &had->items[i];
			if (!nft_find_named(wanted, n) && (v > 0 || n->kind == NFT_KIND_CHAIN))
				buf_printf(
					out, "%s %s inet culvert %.*s\n", verbs[v], nft_kind_text(n->kind), (int)n->name.len, n->name.text);
		}
	return out->error;
}

int nft_delta(const char *old_text, const char *new_text, struct buf *out)
{
	struct nft_side had CLEANUP(nft_free_side) = { .text = { old_text, strlen(old_text) } };
	struct nft_side wanted CLEANUP(nft_free_side) = { .text = { new_text, strlen(new_text) } };
	int r = nft_compare_sides(&had, &wanted);

	if (r < 0)
		return r;
	if (has_other_object(&had.names, &wanted.names))
		return -EAGAIN;
	r = say_coming(&had.names, &wanted.names, out);
	if (r == 0)
		r = say_changed(&had.elements, true, out);
	if (r == 0)
		r = say_changed(&wanted.elements, false, out);
	return r < 0 ? r : say_going(&had.names, &wanted.names, out);
}

int nft_gather(const char *text, struct buf *out)
{
	struct buf chains CLEANUP(buf_free) = { 0 };
	struct nft_piece rest = { text, strlen(text) }, line;
	struct statements s = { 0 };
	struct nft_element e;
	struct nft_named n;

	while (nft_next_line(&rest, &line)) {
		if (nft_read_element(&line, &e))
			say(&s, &e.set, &e.what);
		else if (nft_read_named(&line, &n) && n.kind == NFT_KIND_CHAIN)
			say_chain(&line, &chains);
		else if (!nft_is_silent(&line))
			say_line(&line, out);
	}
	int r = finish_chains(&chains, out), end = finish(&s, "add", out);
	return r < 0 ? r : end;
}
