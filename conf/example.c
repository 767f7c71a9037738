/*
 * The commented example, by walking the schema: what is required or shown is in force, every other key stands in a
 * comment on one line, so that taking the '#' away is all it needs.
 */
#include "conf/conf.h"

#include "conf/schema.h"
#include "lib/buf.h"

#include <stdbool.h>
#include <string.h>

enum {
	TAB = 4, /* columns */
	WIDTH = 118, /* columns, for comments that fill lines */
	NOTE_COLUMN_MAX = 44, /* columns behind the indentation: values longer than this have their note right behind */
};

static const char head[] =
	"# culvert.conf: what this gateway is to be. Copy this file to /etc/culvert/culvert.conf and change it to your "
	"needs.\n"
	"#\n"
	"#   culvert check      tells what is wrong, with file, line and key; nothing is changed\n"
	"#   culvert reload     puts the file into force, whole or not at all\n"
	"#   culvert status     shows every tunnel, and what each APN's links are doing\n"
	"#\n"
	"# Syntax: key = value;   groups in { }   lists in ( ), or in [ ] if all entries are of one kind   text in "
	"\"quotes\"\n"
	"# Names are yours to choose: small letters, digits and '-'. A line that begins with #key = is left out: take the "
	"# away\n"
	"# to say it. @include \"other.conf\" on a line of its own takes in another file. Every key: culvert.conf(5).\n";

static void print_keys(const struct schema_group *group, unsigned depth, struct buf *out);

static void indent(unsigned depth, struct buf *out)
{
	for (unsigned i = 0; i < depth; i++)
		buf_puts(out, "\t");
}

/* --- comments --- */

/* Where to break so that at most width octets stand before: a space or the end. */
static size_t fitting(const char *text, size_t len, size_t width)
{
	if (len <= width)
		return len;
	for (size_t at = width; at; at--) {
		if (text[at] == ' ')
			return at;
	}
	return len;
}

/* text, whose own line breaks are kept, in as many lines of comment as it takes. */
static void print_comment(const char *text, unsigned depth, struct buf *out)
{
	while (*text) {
		size_t len = strcspn(text, "\n"), n = fitting(text, len, WIDTH - 2 - (size_t)depth * TAB);
		indent(depth, out);
		buf_printf(out, "# %.*s\n", (int)n, text);
		text += n;
		text += *text == ' ' || *text == '\n';
	}
}

/* The keys of a group that stands on one line, as far as something is to be said of them. */
static void print_key_notes(const struct schema_group *group, unsigned depth, struct buf *out)
{
	size_t longest = 0;

	for (size_t i = 0; i < group->n_keys; i++) {
		size_t len = group->keys[i].note ? strlen(group->keys[i].name) : 0;
		longest = len > longest ? len : longest;
	}
	for (size_t i = 0; i < group->n_keys; i++) {
		const struct schema_key *key = &group->keys[i];
		if (!key->note)
			continue;
		indent(depth, out);
		buf_printf(out, "#   %-*s   %s\n", (int)longest, key->name, key->note);
	}
}

/* --- keys --- */

static bool is_live(const struct schema_key *key)
{
	return key->required || key->shown;
}

/* With comments above it and empty lines around, not with a note behind it. */
static bool is_block(const struct schema_key *key)
{
	return key->group || (key->note && strchr(key->note, '\n'));
}

/* Octets of "key = value;". */
static size_t line_len(const struct schema_key *key)
{
	return strlen(key->name) + strlen(" = ;") + !is_live(key) + strlen(key->example);
}

/* Where the notes of a group's values begin. */
static size_t note_column(const struct schema_group *group)
{
	size_t column = 0;

	for (size_t i = 0; i < group->n_keys; i++) {
		const struct schema_key *key = &group->keys[i];
		size_t len = line_len(key);
		if (!is_block(key) && key->note && len <= NOTE_COLUMN_MAX && len > column)
			column = len;
	}
	return column + 2;
}

static void print_line(const struct schema_key *key, unsigned depth, size_t column, struct buf *out)
{
	size_t len = line_len(key);

	indent(depth, out);
	buf_printf(out, "%s%s = %s;", is_live(key) ? "" : "#", key->name, key->example);
	if (!is_block(key) && key->note)
		buf_printf(out, "%*s# %s", len < column ? (int)(column - len) : 1, "", key->note);
	buf_puts(out, "\n");
}

/* "key = { ... };" or, of a list, "key = ( { ... } );" with a line for each key. */
static void print_group(const struct schema_key *key, unsigned depth, struct buf *out)
{
	indent(depth, out);
	buf_printf(out, "%s = %s\n", key->name, key->list ? "(" : "{");
	if (key->list) {
		indent(depth + 1, out);
		buf_puts(out, "{\n");
	}
	print_keys(key->group, depth + 1 + key->list, out);
	if (key->list) {
		indent(depth + 1, out);
		buf_puts(out, "}\n");
	}
	indent(depth, out);
	buf_puts(out, key->list ? ");\n" : "};\n");
}

/* explained: the keys of the group were, just before. */
static void print_block(const struct schema_key *key, bool explained, unsigned depth, struct buf *out)
{
	bool one_line = !key->group || key->inlined || !is_live(key);

	if (key->note)
		print_comment(key->note, depth, out);
	if (key->group && one_line && !explained)
		print_key_notes(key->group, depth, out);
	if (one_line)
		print_line(key, depth, 0, out);
	else
		print_group(key, depth, out);
}

static void print_keys(const struct schema_group *group, unsigned depth, struct buf *out)
{
	size_t column = note_column(group);

	for (size_t i = 0; i < group->n_keys; i++) {
		const struct schema_key *key = &group->keys[i], *before = i ? key - 1 : NULL;
		if (before && (is_block(key) || is_block(before)))
			buf_puts(out, "\n");
		if (is_block(key))
			print_block(key, before && before->group && before->group == key->group, depth, out);
		else
			print_line(key, depth, column, out);
	}
}

void conf_print_example(struct buf *out)
{
	buf_puts(out, head);
	buf_puts(out, "\n");
	print_keys(&schema_root, 0, out);
}
