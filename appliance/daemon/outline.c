/* Lines are taken by their depth (tabs): entries of a list at the top stand at 1, tunnels within a carrier at 3. */
#include "appliance/daemon/outline.h"

#include "appliance/daemon/outline_part.h"
#include "lib/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRY = 1, KEY = 2, TUNNEL = 3, TUNNEL_KEY = 4 }; /* depths */
enum list { NOWHERE, CARRIERS, APNS };

/* Some of the text that is compared, which outlives all this. */
struct slice {
	const char *at;
	size_t len;
};

/* A carrier but for its name and its tunnels, which stand between these. */
enum { OWN_PARTS = 3 };

struct item {
	enum outline_kind kind;
	struct slice name;
	struct slice text; /* all that makes it, but for its carrier's own */
	struct slice own[OWN_PARTS];
};

struct outline {
	struct item *items; /* owned */
	size_t n, room;
	struct buf rest; /* what is in no carrier and no APN */
	int error;
};

struct line {
	const char *start; /* with its tabs */
	const char *text;
	size_t len; /* of the text, without the newline */
	size_t depth;
};

/* Where a reader is in the text. */
struct reader {
	struct outline *out;
	enum list list;
	bool in_tunnels;
	size_t first; /* items from here on are tunnels of the carrier that is being read */
	struct slice name; /* of the entry that is being read */
	const char *body; /* where its text begins */
	const char *part; /* where the part of the carrier's own text begins that is being read */
	struct slice own[OWN_PARTS];
	size_t parts;
};

static void outline_clear(struct outline *o)
{
	free(o->items);
	buf_free(&o->rest);
}

static int make_room(struct outline *o)
{
	size_t room = o->room ? o->room * 2 : 64;
	struct item *items;

	if (o->n < o->room)
		return 0;
	items = reallocarray(o->items, room, sizeof(*items));
	if (!items)
		return -ENOMEM;
	o->items = items;
	o->room = room;
	return 0;
}

static struct slice slice(const char *from, const char *to)
{
	return (struct slice){ from, (size_t)(to - from) };
}

static bool starts_with(const struct line *l, const char *word, size_t len)
{
	return l->len >= len && !memcmp(l->text, word, len);
}

#define STARTS_WITH(l, literal) starts_with(l, literal, sizeof(literal) - 1)

/* The entry that was read, which ends with this line, becomes an item. */
static void add_item(struct reader *r, enum outline_kind kind, const struct line *l)
{
	struct outline *o = r->out;

	if (make_room(o))
		o->error = -ENOMEM;
	else
		o->items[o->n++] = (struct item){ .kind = kind, .name = r->name, .text = slice(r->body, l->start) };
	r->name = (struct slice){ 0 };
}

/* Names have no quotation marks in them. */
static void take_name(struct reader *r, const struct line *l)
{
	static const char before[] = "name = \"";
	const char *value = l->text + sizeof(before) - 1;
	const char *end = STARTS_WITH(l, before) ? memrchr(value, '"', (size_t)(l->text + l->len - value)) : NULL;

	if (end)
		r->name = slice(value, end);
}

static bool begins(const struct line *l)
{
	return l->text[0] == '{';
}

static bool ends(const struct line *l)
{
	return l->text[0] == '}';
}

static void end_part(struct reader *r, const char *at)
{
	if (r->parts < OWN_PARTS)
		r->own[r->parts++] = slice(r->part, at);
}

/* The carrier's own text goes to each of its tunnels. */
static void end_carrier(struct reader *r, const struct line *l)
{
	end_part(r, l->start);
	while (r->parts < OWN_PARTS)
		r->own[r->parts++] = slice(l->start, l->start);
	for (; r->first < r->out->n; r->first++)
		memcpy(r->out->items[r->first].own, r->own, sizeof(r->own));
}

static void read_tunnel(struct reader *r, const struct line *l)
{
	if (l->depth == KEY) {
		r->in_tunnels = false;
		r->part = l->text + l->len;
	} else if (l->depth == TUNNEL && ends(l)) {
		add_item(r, OUTLINE_TUNNEL, l);
	} else if (l->depth == TUNNEL) {
		r->body = l->text + l->len;
	} else if (l->depth == TUNNEL_KEY) {
		take_name(r, l);
	}
}

static void read_carrier(struct reader *r, const struct line *l)
{
	if (r->in_tunnels) {
		read_tunnel(r, l);
	} else if (l->depth == ENTRY && ends(l)) {
		end_carrier(r, l);
	} else if (l->depth == ENTRY) {
		r->part = l->text + l->len;
		r->parts = 0;
	} else if (l->depth == KEY && STARTS_WITH(l, "tunnels = ")) {
		end_part(r, l->start);
		r->in_tunnels = true;
	} else if (l->depth == KEY && STARTS_WITH(l, "name = ")) {
		end_part(r, l->start);
		r->part = l->text + l->len;
	}
}

static void read_apn(struct reader *r, const struct line *l)
{
	if (l->depth == ENTRY && ends(l))
		add_item(r, OUTLINE_APN, l);
	else if (l->depth == ENTRY && begins(l))
		r->body = l->text + l->len;
	else if (l->depth == KEY)
		take_name(r, l);
}

static void read_line(struct reader *r, const struct line *l)
{
	if (l->depth == 0 && STARTS_WITH(l, "carriers = ")) {
		r->list = CARRIERS;
	} else if (l->depth == 0 && STARTS_WITH(l, "apns = ")) {
		r->list = APNS;
	} else if (l->depth == 0 && r->list != NOWHERE && l->text[0] == ')') {
		r->list = NOWHERE;
	} else if (r->list == CARRIERS) {
		read_carrier(r, l);
	} else if (r->list == APNS) {
		read_apn(r, l);
	} else {
		buf_add(&r->out->rest, l->start, l->depth + l->len);
		buf_puts(&r->out->rest, "\n");
	}
}

static int compare_slices(const struct slice *a, const struct slice *b)
{
	size_t len = a->len < b->len ? a->len : b->len;
	int order = len ? memcmp(a->at, b->at, len) : 0;

	return order ? order : a->len < b->len ? -1 : a->len > b->len;
}

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a;
	const struct item *y = b;

	return x->kind != y->kind ? (int)x->kind - (int)y->kind : compare_slices(&x->name, &y->name);
}

/* list: where the text begins. */
static int outline_read(const char *text, size_t len, enum list list, struct outline *ret)
{
	struct reader r = { .out = ret, .list = list, .body = text, .part = text };
	const char *end = text + len;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		struct line l = { .start = text, .text = text };

		text = newline ? newline + 1 : end;
		while (*l.text == '\t')
			l.text++;
		l.depth = (size_t)(l.text - l.start);
		l.len = (size_t)((newline ? newline : end) - l.text);
		if (l.len)
			read_line(&r, &l);
	}
	if (ret->rest.error)
		ret->error = -ENOMEM;
	if (!ret->error && ret->n)
		qsort(ret->items, ret->n, sizeof(*ret->items), compare_items);
	return ret->error;
}

static bool names_any_in(const struct slice *text, char *const *secrets)
{
	const char *end = text->len ? text->at + text->len : NULL;

	for (; end && secrets && *secrets; secrets++) {
		size_t len = strlen(*secrets);

		for (const char *at = text->at; at && (at = memmem(at, (size_t)(end - at), *secrets, len)); at += len)
			if (at > text->at && at[-1] == '"' && at + len < end && at[len] == '"')
				return true;
	}
	return false;
}

static bool names_any(const struct item *i, char *const *secrets)
{
	for (size_t k = 0; k < OWN_PARTS; k++) {
		if (names_any_in(&i->own[k], secrets))
			return true;
	}
	return names_any_in(&i->text, secrets);
}

static bool same_text(const struct item *a, const struct item *b)
{
	for (size_t k = 0; k < OWN_PARTS; k++) {
		if (compare_slices(&a->own[k], &b->own[k]) != 0)
			return false;
	}
	return !compare_slices(&a->text, &b->text);
}

static int note(struct outline_difference *d, const struct item *i, enum outline_verb verb)
{
	struct counts *c = i->kind == OUTLINE_TUNNEL ? &d->tunnels : &d->apns;
	char *name = strndup(i->name.len ? i->name.at : "", i->name.len);

	if (!name)
		return -ENOMEM;
	switch (verb) {
	case OUTLINE_ADDED:
		c->added++;
		break;
	case OUTLINE_CHANGED:
		c->changed++;
		break;
	case OUTLINE_REMOVED:
		c->removed++;
		break;
	}
	d->changes[d->n_changes++] = (struct outline_change){ .kind = i->kind, .verb = verb, .name = name };
	return 0;
}

static int note_both(
	struct outline_difference *d, const struct item *old, const struct item *next, char *const *changed_secrets)
{
	if (!same_text(old, next) || (next->kind == OUTLINE_TUNNEL && names_any(next, changed_secrets)))
		return note(d, next, OUTLINE_CHANGED);
	(next->kind == OUTLINE_TUNNEL ? &d->tunnels : &d->apns)->kept++;
	return 0;
}

static int merge(
	const struct outline *old, const struct outline *next, char *const *secrets, struct outline_difference *d)
{
	size_t o = 0;
	size_t n = 0;
	int r = 0;

	while (!r && (o < old->n || n < next->n)) {
		int c = o == old->n ? 1 : n == next->n ? -1 : compare_items(&old->items[o], &next->items[n]);

		if (c < 0)
			r = note(d, &old->items[o++], OUTLINE_REMOVED);
		else if (c > 0)
			r = note(d, &next->items[n++], OUTLINE_ADDED);
		else
			r = note_both(d, &old->items[o++], &next->items[n++], secrets);
	}
	return r;
}

/* How many there are of a kind. */
static unsigned items_of(const struct outline *o, enum outline_kind kind)
{
	unsigned n = 0;

	for (size_t i = 0; i < o->n; i++)
		n += o->items[i].kind == kind;
	return n;
}

/* A changed secret may be named anywhere, so that all must be read. */
int outline_compare(const char *old, const char *next, char *const *changed_secrets, struct outline_difference *ret)
{
	struct outline_part part = { .old = old, .next = next };
	struct outline_difference d = { 0 };
	struct outline was = { 0 };
	struct outline is = { 0 };
	bool narrow = (!changed_secrets || !*changed_secrets) && outline_narrow(old, next, &part);
	enum list list = !narrow ? NOWHERE : part.apns ? APNS : CARRIERS;
	int r = outline_read(part.old, narrow ? part.old_len : strlen(old), list, &was);

	if (!r)
		r = outline_read(part.next, narrow ? part.next_len : strlen(next), list, &is);
	if (!r && narrow) {
		d.tunnels.kept = part.tunnels - items_of(&is, OUTLINE_TUNNEL);
		d.apns.kept = part.apn_count - items_of(&is, OUTLINE_APN);
	}
	if (!r) {
		d.changes = calloc(was.n + is.n + 1, sizeof(*d.changes));
		d.gateway = strcmp(buf_text(&was.rest), buf_text(&is.rest)) != 0;
		r = d.changes ? merge(&was, &is, changed_secrets, &d) : -ENOMEM;
	}
	outline_clear(&was);
	outline_clear(&is);
	if (r)
		outline_free(&d);
	else
		*ret = d;
	return r;
}

void outline_free(struct outline_difference *d)
{
	for (size_t i = 0; i < d->n_changes; i++)
		free(d->changes[i].name);
	free(d->changes);
	*d = (struct outline_difference){ 0 };
}
