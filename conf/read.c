/*
 * Every setting is either consumed by a key of the schema or reported. Recursion is as deep as the schema, whatever
 * the file nests. A failed allocation is remembered in the reader and ends the reading at the next step.
 */
#include "conf/read.h"

#include "conf/locate.h"
#include "conf/model.h"
#include "conf/schema.h"
#include "conf/tree.h"
#include "conf/value.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/diag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One step of the way from the root to the setting at hand. */
struct step {
	const struct step *before;
	const char *name; /* NULL: the entry at index */
	size_t index;
};

struct reader {
	const struct locator *where;
	struct diag_list *diags;
	struct model *m;
	struct tunnel_index tunnels; /* filled when the first link is read: carriers stand before apns in the schema */
	struct fallbacks fallbacks;
	const struct step *at; /* the last step to the setting at hand; NULL: the root */
	int error; /* 0 or -ENOMEM */
};

static void read_group(struct reader *r, const struct node *setting, const struct schema_group *group, void *record);

/* --- the path of the setting at hand --- */

static void print_path(const struct step *step, struct buf *out)
{
	if (!step)
		return;
	print_path(step->before, out);
	if (step->name)
		buf_printf(out, "%s%.*s", out->len ? "." : "", 64, step->name);
	else
		buf_printf(out, "[%zu]", step->index);
}

/* Takes the message over. */
static void complain(struct reader *r, const struct node *setting, struct buf *why)
{
	/* Finding the line reads the text: not for what is only counted. */
	struct origin at = { 0 };
	struct buf path = { 0 };

	if (diag_has_room(r->diags, DIAG_ERROR)) {
		at = locate_setting(r->where, setting);
		print_path(r->at, &path);
	}
	if (path.error)
		r->error = path.error;
	diag_error(r->diags, at.file, at.line, path.len ? buf_text(&path) : NULL, "%s", buf_text(why));
	buf_free(&path);
	buf_free(why);
}

/* --- single values --- */

static const char *const type_words[] = {
	[NODE_TEXT] = "text",
	[NODE_NUMBER] = "a number",
	[NODE_REAL] = "a number with a fraction",
	[NODE_BOOL] = "true or false",
	[NODE_GROUP] = "a group",
	[NODE_ARRAY] = "a list in [ ]",
	[NODE_LIST] = "a list in ( )",
};

static void complain_type(struct reader *r, const struct node *setting, const struct schema_key *key)
{
	struct buf why = { 0 };

	buf_printf(&why, "%s cannot stand here; write %s = %s;", type_words[setting->type], key->name, key->example);
	complain(r, setting, &why);
}

/* The value of setting in the form that kinds parse. False if its type is not the kind's. */
static bool source_of(const struct node *setting, const struct value_kind *kind, struct value_source *ret)
{
	switch ((enum node_type)setting->type) {
	case NODE_TEXT:
		ret->form = VALUE_TEXT;
		ret->text = setting->text;
		break;
	case NODE_NUMBER:
		ret->form = VALUE_NUMBER;
		ret->number = setting->number;
		break;
	case NODE_REAL:
		ret->form = VALUE_REAL;
		ret->real = setting->real;
		break;
	case NODE_BOOL:
		ret->form = VALUE_BOOL;
		ret->number = setting->number;
		break;
	case NODE_GROUP:
	case NODE_ARRAY:
	case NODE_LIST:
		return false;
	}
	return kind->forms & ret->form;
}

static void read_value(struct reader *r, const struct node *setting, const struct schema_key *key, void *field)
{
	struct value_source source = {
		.tunnels = &r->tunnels, .least = key->least, .most = key->most, .memory = r->m->memory
	};
	struct buf why = { 0 };

	if (key->kind == &value_link && !r->tunnels.sorted)
		r->error = tunnel_index_build(r->m, &r->tunnels);
	if (r->error)
		return;
	if (!source_of(setting, key->kind, &source)) {
		complain_type(r, setting, key);
		return;
	}
	if (setting->spoilt)
		return;
	int error = value_parse(key->kind, &source, field, &why);
	if (error == -EINVAL)
		complain(r, setting, &why);
	else if (error)
		r->error = error;
}

/* A list of n entries in record, zeroed; NULL when memory ran out. */
static void *make_list(struct arena *memory, const struct schema_key *key, void *record, size_t n)
{
	char *entries = arena_zeroed(memory, n * schema_entry_size(key));

	if (!entries)
		return NULL;
	*(char **)schema_field(record, key->offset) = entries;
	*(size_t *)schema_field(record, key->count_offset) = n;
	return entries;
}

/* Fallbacks are ours and correct; a test reads each of them. */
static int parse_fallback(struct arena *memory, const struct schema_key *key, void *field)
{
	struct value_source source = {
		.form = VALUE_TEXT, .text = key->fallback, .least = key->least, .most = key->most, .memory = memory
	};
	struct buf why = { 0 };

	if (key->kind->forms & VALUE_REAL) {
		source.form = VALUE_REAL;
		source.real = strtod(key->fallback, NULL);
	} else if (key->kind->forms & VALUE_NUMBER) {
		source.form = VALUE_NUMBER;
		source.number = strtoll(key->fallback, NULL, 10);
	} else if (key->kind->forms & VALUE_BOOL) {
		source.form = VALUE_BOOL;
		source.number = !strcmp(key->fallback, "true");
	}
	int error = value_parse(key->kind, &source, field, &why);
	buf_free(&why);
	return error;
}

int read_fallback(struct fallbacks *known, struct arena *memory, const struct schema_key *key, void *record)
{
	void *field = key->list ? make_list(memory, key, record, 1) : schema_field(record, key->offset);
	size_t place = key->kind->size <= FALLBACK_OCTETS ? places_find(&known->places, key) : PLACES_MAX;

	if (!field)
		return -ENOMEM;
	if (place < PLACES_MAX && known->list[place].known) {
		memcpy(field, known->list[place].octets, key->kind->size);
		return 0;
	}
	int error = parse_fallback(memory, key, field);
	if (!error && place < PLACES_MAX) {
		known->list[place].known = true;
		memcpy(known->list[place].octets, field, key->kind->size);
	}
	return error;
}

/* --- lists --- */

static bool right_count(struct reader *r, const struct node *setting, const struct schema_key *key, size_t n)
{
	struct buf why = { 0 };

	if (n >= key->min && n <= key->max)
		return true;
	if (n < key->min)
		buf_printf(&why, "is empty; write %s = %s;", key->name, key->example);
	else
		buf_printf(&why, "has %zu entries; at most %zu are allowed", n, key->max);
	complain(r, setting, &why);
	return false;
}

static void read_entry(struct reader *r, const struct node *setting, const struct schema_key *key, void *entry)
{
	if (!key->group)
		read_value(r, setting, key, entry);
	else if (setting->type == NODE_GROUP)
		read_group(r, setting, key->group, entry);
	else
		complain_type(r, setting, key);
}

static void read_list(struct reader *r, const struct node *setting, const struct schema_key *key, void *record)
{
	bool brackets = setting->type == NODE_LIST || setting->type == NODE_ARRAY;

	if (!brackets && (!key->single || setting->type == NODE_GROUP)) {
		complain_type(r, setting, key);
		return;
	}
	size_t n = brackets ? setting->n : 1;
	if (!right_count(r, setting, key, n) || !n)
		return;
	char *entries = make_list(r->m->memory, key, record, n);
	if (!entries)
		r->error = -ENOMEM;
	if (entries && !brackets)
		read_entry(r, setting, key, entries);
	for (size_t i = 0; brackets && i < n && !r->error; i++) {
		struct step step = { .before = r->at, .index = i };
		r->at = &step;
		read_entry(r, &setting->entries[i], key, entries + i * schema_entry_size(key));
		r->at = step.before;
	}
}

/* --- groups --- */

/* The place of name among the keys, n_keys if it is none. Looked for from a place on: files keep the table's order. */
static size_t find_key(const struct schema_group *group, const char *name, size_t from)
{
	for (size_t i = 0; i < group->n_keys; i++) {
		size_t at = from + i < group->n_keys ? from + i : from + i - group->n_keys;
		if (!strcmp(group->keys[at].name, name))
			return at;
	}
	return group->n_keys;
}

/* The key of the group that name may have been meant for, or NULL. */
static const char *nearest_key(const char *name, const struct schema_group *group)
{
	const char *names[SCHEMA_KEYS_MAX] = { 0 };

	for (size_t i = 0; i < group->n_keys; i++)
		names[i] = group->keys[i].name;
	return value_nearest(name, names, group->n_keys);
}

static void complain_unknown(struct reader *r, const struct node *setting, const struct schema_group *group)
{
	struct step step = { .before = r->at, .name = setting->name };
	const char *nearest = nearest_key(step.name, group);
	struct buf why = { 0 };

	if (nearest) {
		buf_printf(&why, "unknown key; did you mean \"%s\"?", nearest);
	} else {
		buf_puts(&why, "unknown key; known here are ");
		for (size_t i = 0; i < group->n_keys; i++)
			buf_printf(&why, "%s%s", !i ? "" : i + 1 < group->n_keys ? ", " : " and ", group->keys[i].name);
	}
	r->at = &step;
	complain(r, setting, &why);
	r->at = step.before;
}

/* True if a key of setting that is unknown is this one, misspelt: that has its message. */
static bool is_misspelt(const struct node *setting, const struct schema_group *group, const char *key)
{
	for (unsigned i = 0; i < setting->n; i++) {
		const char *name = setting->entries[i].name;
		const char *nearest = find_key(group, name, 0) < group->n_keys ? NULL : nearest_key(name, group);
		if (nearest && !strcmp(nearest, key))
			return true;
	}
	return false;
}

/* What an absent key means. around: the group that lacks it; NULL if that is absent as well and may be. */
static void read_absent(struct reader *r, const struct node *around, const struct schema_group *group,
	const struct schema_key *key, void *record)
{
	struct buf why = { 0 };

	if (key->required && around) {
		if (is_misspelt(around, group, key->name))
			return;
		buf_printf(&why, "is missing; write %s = %s;", key->name, key->example);
		complain(r, around, &why);
	} else if (key->fallback) {
		int error = read_fallback(&r->fallbacks, r->m->memory, key, record);
		r->error = error ? error : r->error;
	} else if (key->group && !key->list) {
		read_group(r, NULL, key->group, schema_field(record, key->offset));
	}
}

/* setting NULL: the key is absent from the group around it, which may be absent as well. */
static void read_key(struct reader *r, const struct node *around, const struct node *setting,
	const struct schema_group *group, const struct schema_key *key, void *record)
{
	struct step step = { .before = r->at, .name = key->name };

	r->at = &step;
	if (!setting)
		read_absent(r, around, group, key, record);
	else if (key->list)
		read_list(r, setting, key, record);
	else
		read_entry(r, setting, key, schema_field(record, key->offset));
	r->at = step.before;
}

/* Puts each member of the group at the place of its key; complains of the others. */
static void assign_members(struct reader *r, const struct node *setting, const struct schema_group *group,
	const struct node *members[static SCHEMA_KEYS_MAX])
{
	size_t from = 0;

	for (unsigned i = 0; i < setting->n; i++) {
		const struct node *member = &setting->entries[i];
		size_t at = find_key(group, member->name, from);
		if (at == group->n_keys) {
			complain_unknown(r, member, group);
			continue;
		}
		members[at] = member;
		from = at + 1;
	}
}

/* setting NULL: the group is absent, and its keys take what they fall back to. */
static void read_group(struct reader *r, const struct node *setting, const struct schema_group *group, void *record)
{
	const struct node *members[SCHEMA_KEYS_MAX] = { 0 };

	if (setting && group->has_origin)
		*(struct origin *)record = locate_setting(r->where, setting);
	if (setting)
		assign_members(r, setting, group, members);
	for (size_t i = 0; i < group->n_keys && !r->error; i++)
		read_key(r, setting, members[i], group, &group->keys[i], record);
}

int read_model(const struct locator *where, struct diag_list *diags, struct model *m)
{
	struct reader r = { .where = where, .diags = diags, .m = m };

	m->memory = arena_new();
	if (!m->memory)
		return -ENOMEM;
	read_group(&r, where->root, &schema_root, m);
	free(r.tunnels.sorted);
	return r.error;
}
