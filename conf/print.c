/* Canonical text, by walking the schema: tabs, one key a line, keys in the table's order, lists in the file's. */
#include "conf/conf.h"

#include "conf/schema.h"
#include "conf/value.h"
#include "lib/buf.h"

static void print_group(const struct schema_group *group, const void *record, unsigned depth, struct buf *out);

static void indent(unsigned depth, struct buf *out)
{
	for (unsigned i = 0; i < depth; i++)
		buf_puts(out, "\t");
}

/* "{ ... }" without a newline behind it. */
static void print_braces(const struct schema_group *group, const void *record, unsigned depth, struct buf *out)
{
	buf_puts(out, "{\n");
	print_group(group, record, depth + 1, out);
	indent(depth, out);
	buf_puts(out, "}");
}

static void print_groups(const struct schema_key *key, const char *entries, size_t n, unsigned depth, struct buf *out)
{
	indent(depth, out);
	buf_printf(out, "%s = (\n", key->name);
	for (size_t i = 0; i < n; i++) {
		indent(depth + 1, out);
		print_braces(key->group, entries + i * key->group->size, depth + 1, out);
		buf_puts(out, i + 1 < n ? ",\n" : "\n");
	}
	indent(depth, out);
	buf_puts(out, ");\n");
}

/* Entries that may be numbers and texts side by side need round brackets. */
static void print_values(const struct schema_key *key, const char *entries, size_t n, unsigned depth, struct buf *out)
{
	bool mixed = key->kind->text && key->kind->number;

	indent(depth, out);
	buf_printf(out, "%s = %s ", key->name, mixed ? "(" : "[");
	for (size_t i = 0; i < n; i++) {
		key->kind->print(entries + i * key->kind->size, out);
		buf_puts(out, i + 1 < n ? ", " : " ");
	}
	buf_puts(out, mixed ? ");\n" : "];\n");
}

static void print_list(const struct schema_key *key, const void *record, unsigned depth, struct buf *out)
{
	const char *entries = *(char *const *)schema_field_const(record, key->offset);
	size_t n = *(const size_t *)schema_field_const(record, key->count_offset);

	if (n)
		(key->group ? print_groups : print_values)(key, entries, n, depth, out);
}

static void print_single(const struct schema_key *key, const void *field, unsigned depth, struct buf *out)
{
	struct buf value = { 0 };

	if (key->group)
		print_braces(key->group, field, depth, &value);
	if (key->group || key->kind->print(field, &value)) {
		indent(depth, out);
		buf_printf(out, "%s = %s;\n", key->name, buf_text(&value));
	}
	if (value.error)
		out->error = value.error;
	buf_free(&value);
}

static void print_group(const struct schema_group *group, const void *record, unsigned depth, struct buf *out)
{
	for (size_t i = 0; i < group->n_keys; i++) {
		const struct schema_key *key = &group->keys[i];
		if (key->list)
			print_list(key, record, depth, out);
		else
			print_single(key, schema_field_const(record, key->offset), depth, out);
	}
}

void conf_print(const struct model *m, struct buf *out)
{
	print_group(&schema_root, m, 0, out);
}
