/*
 * Canonical text, by walking the schema: tabs, one key a line, keys in the table's order, lists in the file's. For
 * comparing, lists of groups that have names may be ordered by these: their order says nothing.
 */
#include "conf/conf.h"

#include "conf/model.h"
#include "conf/schema.h"
#include "conf/value.h"
#include "lib/buf.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void print_group(
	const struct schema_group *group, const void *record, unsigned depth, bool sorted, struct buf *out);

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
static void print_braces(
	const struct schema_group *group, const void *record, unsigned depth, bool sorted, struct buf *out)
{
	buf_puts(out, "{\n");
	print_group(group, record, depth + 1, sorted, out);
	indent(depth, out);
	buf_puts(out, "}");
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

static void print_groups(
	const struct schema_key *key, const char *entries, size_t n, unsigned depth, bool sorted, struct buf *out)
{
	const char **order = calloc(n, sizeof(*order));

	if (!order) {
		out->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < n; i++)
		order[i] = entries + i * key->group->size;
	if (sorted)
		qsort_r(order, n, sizeof(*order), compare_names, (void *)(uintptr_t)key->group);
	begin(key, depth, out);
	buf_puts(out, "(\n");
	for (size_t i = 0; i < n; i++) {
		indent(depth + 1, out);
		print_braces(key->group, order[i], depth + 1, sorted, out);
		buf_puts(out, i + 1 < n ? ",\n" : "\n");
	}
	indent(depth, out);
	buf_puts(out, ");\n");
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

static void print_list(const struct schema_key *key, const void *record, unsigned depth, bool sorted, struct buf *out)
{
	const char *entries = *(char *const *)schema_field_const(record, key->offset);
	size_t n = *(const size_t *)schema_field_const(record, key->count_offset);

	if (n && key->group)
		print_groups(key, entries, n, depth, sorted, out);
	else if (n)
		print_values(key, entries, n, depth, out);
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

static void print_single(const struct schema_key *key, const void *field, unsigned depth, bool sorted, struct buf *out)
{
	size_t before = out->len;

	begin(key, depth, out);
	if (key->group) {
		print_braces(key->group, field, depth, sorted, out);
	} else if (!value_print(key->kind, field, out)) {
		buf_cut(out, before);
		return;
	}
	buf_puts(out, ";\n");
}

static void print_group(
	const struct schema_group *group, const void *record, unsigned depth, bool sorted, struct buf *out)
{
	for (size_t i = 0; i < group->n_keys; i++) {
		const struct schema_key *key = &group->keys[i];
		if (key->list)
			print_list(key, record, depth, sorted, out);
		else if (!key->group || !key->absent || is_set(key->group, schema_field_const(record, key->offset)))
			print_single(key, schema_field_const(record, key->offset), depth, sorted, out);
	}
}

void conf_print(const struct model *m, struct buf *out)
{
	print_group(&schema_root, m, 0, false, out);
}

void conf_print_sorted(const struct model *m, struct buf *out)
{
	print_group(&schema_root, m, 0, true, out);
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
