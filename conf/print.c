/*
 * Canonical text, by walking the schema: tabs, one key a line, keys in the table's order, lists in the file's. For
 * comparing, lists of groups that have names may be ordered by these: their order says nothing.
 */
#include "conf/conf.h"

#include "conf/model.h"
#include "conf/places.h"
#include "conf/schema.h"
#include "conf/value.h"
#include "lib/buf.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIELD_OCTETS = 16, /* of a field that is remembered */
	LINE_OCTETS = 64, /* of its line */
};

/*
 * What the line of a key with a single value said the last time: nearly all say it again in the next record. A field of
 * the same octets says the same, since what it points to stays as it is while a model is printed.
 */
struct line {
	bool known;
	unsigned depth;
	char field[FIELD_OCTETS];
	char text[LINE_OCTETS]; /* with its tabs and its newline; none if it was never set */
	size_t len;
};

struct printer {
	struct buf *out;
	bool sorted;
	struct places places;
	struct line lines[PLACES_MAX];
};

static void print_group(struct printer *p, const struct schema_group *group, const void *record, unsigned depth);

static void indent(unsigned depth, struct buf *out)
{
	static const char tabs[] = "\t\t\t\t\t\t\t\t";

	for (; depth > sizeof(tabs) - 1; depth--)
		buf_puts(out, "\t");
	buf_add(out, tabs, depth);
}

/* "KEY = " on a line of its own. */
static void begin(const struct schema_key *key, unsigned depth, struct buf *out)
{
	static const char sign[] = " = ";
	size_t len = strlen(key->name);
	char line[64];

	indent(depth, out);
	if (len + sizeof(sign) > sizeof(line)) {
		buf_puts(out, key->name);
		buf_puts(out, sign);
		return;
	}
	memcpy(line, key->name, len);
	memcpy(line + len, sign, sizeof(sign));
	buf_add(out, line, len + sizeof(sign) - 1);
}

/* "{ ... }" without a newline behind it. */
static void print_braces(struct printer *p, const struct schema_group *group, const void *record, unsigned depth)
{
	buf_puts(p->out, "{\n");
	print_group(p, group, record, depth + 1);
	indent(depth, p->out);
	buf_puts(p->out, "}");
}

/* The name of an entry, "" if it has none: the first key of every group in a list. */
static const char *name_of(const struct schema_group *group, const void *entry)
{
	const char *name = *(char *const *)schema_field_const(entry, group->keys[0].offset);

	return name ? name : "";
}

static int compare_names(const void *a, const void *b, void *group)
{
	return strcmp(name_of(group, *(const void *const *)a), name_of(group, *(const void *const *)b));
}

static void print_groups(struct printer *p, const struct schema_key *key, const char *entries, size_t n, unsigned depth)
{
	const char **order = calloc(n + 1, sizeof(*order));

	if (!order) {
		p->out->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < n; i++)
		order[i] = entries + i * key->group->size;
	if (p->sorted)
		qsort_r(order, n, sizeof(*order), compare_names, (void *)(uintptr_t)key->group);
	begin(key, depth, p->out);
	buf_puts(p->out, "(\n");
	for (size_t i = 0; i < n; i++) {
		indent(depth + 1, p->out);
		print_braces(p, key->group, order[i], depth + 1);
		buf_puts(p->out, i + 1 < n ? ",\n" : "\n");
	}
	indent(depth, p->out);
	buf_puts(p->out, ");\n");
	free(order);
}

/* Entries that may be numbers and texts side by side need round brackets. */
static void print_values(const struct schema_key *key, const char *entries, size_t n, unsigned depth, struct buf *out)
{
	bool mixed = key->kind->forms == (VALUE_TEXT | VALUE_NUMBER);
	bool bare = key->single && n == 1;

	begin(key, depth, out);
	buf_puts(out, bare ? "" : mixed ? "( " : "[ ");
	for (size_t i = 0; i < n; i++) {
		value_print(key->kind, entries + i * key->kind->size, out);
		buf_puts(out, i + 1 < n ? ", " : "");
	}
	buf_puts(out, bare ? ";\n" : mixed ? " );\n" : " ];\n");
}

static void print_list(struct printer *p, const struct schema_key *key, const void *record, unsigned depth)
{
	const char *entries = *(char *const *)schema_field_const(record, key->offset);
	size_t n = *(const size_t *)schema_field_const(record, key->count_offset);

	/* That the file lists nothing is said, so that it is not taken for one that was cut short. */
	if (key->group && (n || !depth))
		print_groups(p, key, entries, n, depth);
	else if (n)
		print_values(key, entries, n, depth, p->out);
}

/* True if a value, as it was printed, is what an absent one is taken as. */
static bool is_fallback(const struct schema_key *key, const char *text)
{
	size_t len = key->fallback ? strlen(key->fallback) : 0, quoted = *text == '"';

	return len && !strncmp(text + quoted, key->fallback, len) && strlen(text) == len + 2 * quoted;
}

static bool is_set(const struct schema_group *group, const void *record);

/* False if the key's absence would say the same. */
static bool key_is_set(const struct schema_key *key, const void *record)
{
	const void *field = schema_field_const(record, key->offset);
	struct buf value = { 0 };

	if (key->list)
		return *(const size_t *)schema_field_const(record, key->count_offset) > 0;
	if (key->group)
		return is_set(key->group, field);
	bool set = value_print(key->kind, field, &value) && !is_fallback(key, buf_text(&value));
	buf_free(&value);
	return set;
}

static bool is_set(const struct schema_group *group, const void *record)
{
	for (size_t i = 0; i < group->n_keys; i++) {
		if (key_is_set(&group->keys[i], record))
			return true;
	}
	return false;
}

static void print_value(const struct schema_key *key, const void *field, unsigned depth, struct buf *out)
{
	size_t before = out->len;

	begin(key, depth, out);
	if (value_print(key->kind, field, out))
		buf_puts(out, ";\n");
	else
		buf_cut(out, before);
}

static void print_line(
	struct line *line, const struct schema_key *key, const void *field, unsigned depth, struct buf *out)
{
	size_t before = out->len;

	if (line->known && line->depth == depth && !memcmp(line->field, field, key->kind->size)) {
		buf_add(out, line->text, line->len);
		return;
	}
	print_value(key, field, depth, out);
	line->len = out->len - before;
	line->known = !out->error && line->len <= LINE_OCTETS;
	if (!line->known)
		return;
	line->depth = depth;
	memcpy(line->field, field, key->kind->size);
	memcpy(line->text, buf_text(out) + before, line->len);
}

static void print_single(struct printer *p, const struct schema_key *key, const void *field, unsigned depth)
{
	size_t place = key->kind->size <= FIELD_OCTETS ? places_find(&p->places, key) : PLACES_MAX;

	if (place < PLACES_MAX)
		print_line(&p->lines[place], key, field, depth, p->out);
	else
		print_value(key, field, depth, p->out);
}

static void print_key(struct printer *p, const struct schema_key *key, const void *record, unsigned depth)
{
	const void *field = schema_field_const(record, key->offset);

	if (key->list) {
		print_list(p, key, record, depth);
	} else if (!key->group) {
		print_single(p, key, field, depth);
	} else if (!key->absent || is_set(key->group, field)) {
		begin(key, depth, p->out);
		print_braces(p, key->group, field, depth);
		buf_puts(p->out, ";\n");
	}
}

static void print_group(struct printer *p, const struct schema_group *group, const void *record, unsigned depth)
{
	for (size_t i = 0; i < group->n_keys; i++)
		print_key(p, &group->keys[i], record, depth);
}

void conf_print(const struct model *m, struct buf *out)
{
	struct printer p = { .out = out };

	print_group(&p, &schema_root, m, 0);
}

void conf_print_sorted(const struct model *m, struct buf *out)
{
	struct printer p = { .out = out, .sorted = true };

	print_group(&p, &schema_root, m, 0);
}

void conf_print_peers(const struct tunnel *t, struct buf *out)
{
	char text[IP_TEXT];

	for (size_t i = 0; i < t->n_peers; i++) {
		const struct peer *peer = &t->peers[i];
		const char *word = peer->kind == PEER_ADDRESS ? ip_print(&peer->address, text)
						   : peer->kind == PEER_NAME  ? peer->name
													  : "any";

		buf_printf(out, "%s%s", i ? ", " : "", word);
	}
}
