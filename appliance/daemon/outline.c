/* Lines are taken by their depth (tabs): entries of a list at the top stand at 1, tunnels within a carrier at 3. */
#include "appliance/daemon/outline.h"

#include "lib/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRY = 1, KEY = 2, TUNNEL = 3, TUNNEL_KEY = 4 }; /* depths */

struct item {
	enum outline_kind kind;
	char *name; /* owned */
	char *text; /* owned: all that makes it */
};

struct outline {
	struct item *items; /* owned */
	size_t n, room;
	struct buf rest; /* what is in no carrier and no APN */
	int error;
};

/* Where a reader is in the text. */
struct reader {
	struct outline *out;
	enum { NOWHERE, CARRIERS, APNS } list;
	bool in_tunnels;
	size_t first; /* items from here on are tunnels of the carrier that is being read */
	char *name; /* owned: of the entry that is being read */
	struct buf body;
	struct buf carrier; /* text of the carrier without name and tunnels */
};

static void outline_clear(struct outline *o)
{
	for (size_t i = 0; i < o->n; i++) {
		free(o->items[i].name);
		free(o->items[i].text);
	}
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

/* The entry that was read becomes an item. */
static void add_item(struct reader *r, enum outline_kind kind)
{
	struct outline *o = r->out;
	char *text = buf_steal(&r->body);
	char *name = r->name ? r->name : strdup("");

	r->name = NULL;
	if (!text || !name || make_room(o)) {
		free(text);
		free(name);
		o->error = -ENOMEM;
		return;
	}
	o->items[o->n++] = (struct item){ .kind = kind, .name = name, .text = text };
}

/* The value of a name's line, or NULL. Names have no quotation marks in them. */
static char *name_in(const char *line)
{
	static const char before[] = "name = \"";
	const char *end = strrchr(line, '"');
	const char *value = line + sizeof(before) - 1;

	return !strncmp(line, before, sizeof(before) - 1) && end >= value ? strndup(value, (size_t)(end - value)) : NULL;
}

static void take_name(struct reader *r, const char *line)
{
	char *name = name_in(line);

	if (name) {
		free(r->name);
		r->name = name;
	}
}

static bool begins(const char *line)
{
	return line[0] == '{';
}

static bool ends(const char *line)
{
	return line[0] == '}';
}

/* The carrier's own text goes to each of its tunnels. */
static void end_carrier(struct reader *r)
{
	struct outline *o = r->out;

	for (size_t i = r->first; i < o->n; i++) {
		struct buf text = { 0 };

		buf_printf(&text, "%s%s", o->items[i].text, buf_text(&r->carrier));
		free(o->items[i].text);
		o->items[i].text = buf_steal(&text);
		if (!o->items[i].text)
			o->error = -ENOMEM;
	}
	r->first = o->n;
	buf_free(&r->carrier);
}

static void read_tunnel(struct reader *r, size_t depth, const char *line)
{
	if (depth == KEY) {
		r->in_tunnels = false;
	} else if (depth == TUNNEL && ends(line)) {
		add_item(r, OUTLINE_TUNNEL);
	} else if (depth > TUNNEL) {
		if (depth == TUNNEL_KEY)
			take_name(r, line);
		buf_printf(&r->body, "%zu %s\n", depth, line);
	}
}

static void read_carrier(struct reader *r, size_t depth, const char *line)
{
	if (r->in_tunnels)
		read_tunnel(r, depth, line);
	else if (depth == ENTRY && ends(line))
		end_carrier(r);
	else if (depth == KEY && !strncmp(line, "tunnels = ", 10))
		r->in_tunnels = true;
	else if (depth > ENTRY && !(depth == KEY && !strncmp(line, "name = ", 7)))
		buf_printf(&r->carrier, "%zu %s\n", depth, line);
}

static void read_apn(struct reader *r, size_t depth, const char *line)
{
	if (depth == ENTRY && ends(line)) {
		add_item(r, OUTLINE_APN);
	} else if (!(depth == ENTRY && begins(line))) {
		if (depth == KEY)
			take_name(r, line);
		buf_printf(&r->body, "%zu %s\n", depth, line);
	}
}

static void read_line(struct reader *r, size_t depth, const char *line)
{
	if (depth == 0 && !strncmp(line, "carriers = ", 11))
		r->list = CARRIERS;
	else if (depth == 0 && !strncmp(line, "apns = ", 7))
		r->list = APNS;
	else if (depth == 0 && r->list != NOWHERE && line[0] == ')')
		r->list = NOWHERE;
	else if (r->list == CARRIERS)
		read_carrier(r, depth, line);
	else if (r->list == APNS)
		read_apn(r, depth, line);
	else
		buf_printf(&r->out->rest, "%zu %s\n", depth, line);
}

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a;
	const struct item *y = b;

	return x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->name, y->name);
}

static int outline_read(const char *text, struct outline *ret)
{
	struct reader r = { .out = ret };
	char *copy = strdup(text);
	char *rest = copy;
	char *line;

	if (!copy)
		return -ENOMEM;
	while ((line = strsep(&rest, "\n"))) {
		size_t depth = strspn(line, "\t");

		if (line[depth])
			read_line(&r, depth, line + depth);
	}
	if (r.body.error || r.carrier.error || ret->rest.error)
		ret->error = -ENOMEM;
	free(r.name);
	buf_free(&r.body);
	buf_free(&r.carrier);
	free(copy);
	if (!ret->error && ret->n)
		qsort(ret->items, ret->n, sizeof(*ret->items), compare_items);
	return ret->error;
}

static bool names_any(const char *text, char *const *secrets)
{
	for (; secrets && *secrets; secrets++) {
		size_t len = strlen(*secrets);

		for (const char *at = text; (at = strstr(at, *secrets)); at += len)
			if (at > text && at[-1] == '"' && at[len] == '"')
				return true;
	}
	return false;
}

static int note(struct outline_difference *d, const struct item *i, enum outline_verb verb)
{
	struct counts *c = i->kind == OUTLINE_TUNNEL ? &d->tunnels : &d->apns;
	char *name = strdup(i->name);

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
	if (strcmp(old->text, next->text) != 0 || (next->kind == OUTLINE_TUNNEL && names_any(next->text, changed_secrets)))
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

int outline_compare(const char *old, const char *next, char *const *changed_secrets, struct outline_difference *ret)
{
	struct outline_difference d = { 0 };
	struct outline was = { 0 };
	struct outline is = { 0 };
	int r = outline_read(old, &was);

	if (!r)
		r = outline_read(next, &is);
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
