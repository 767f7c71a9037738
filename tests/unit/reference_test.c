/*
 * The page of reference, the manual page and the commented example are what the schema says, and what they say is so.
 * UPDATE_REFERENCE=1 (make reference) rewrites them. Run from the repository's root.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "conf/conf.h"
#include "conf/schema.h"
#include "conf/value.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void check_fresh(const char *path, void (*print)(struct buf *out))
{
	struct buf page = { 0 };
	char *text;
	size_t len;

	print(&page);
	assert_int_equal(page.error, 0);
	if (getenv("UPDATE_REFERENCE"))
		assert_int_equal(io_write_file(path, buf_text(&page), page.len, 0644), 0);
	assert_int_equal(io_read_file(path, 1 << 20, &text, &len), 0);
	if (strcmp(text, buf_text(&page)) != 0)
		fail_msg("%s is not what the schema says: run make reference", path);
	free(text);
	buf_free(&page);
}

static void pages_are_fresh(void **state)
{
	(void)state;
	check_fresh("conf/REFERENCE.md", conf_print_reference);
	check_fresh("conf/culvert.conf.5", conf_print_manual);
	check_fresh("conf/culvert.conf.example", conf_print_example);
}

/* What every row of the schema must have, so that page and messages have no holes. */
static void check_group(const struct schema_group *group)
{
	assert_non_null(group->doc);
	assert_true(group->n_keys > 0);
	for (size_t i = 0; i < group->n_keys; i++) {
		const struct schema_key *key = &group->keys[i];
		assert_non_null(key->name);
		assert_non_null(key->doc);
		assert_non_null(key->example);
		assert_true(!key->kind != !key->group);
		assert_true(!key->list || (key->max > 0 && key->min <= key->max && schema_entry_size(key) > 0));
		assert_true(!key->required || (!key->fallback && !key->absent));
		if (key->group)
			check_group(key->group);
	}
}

static void schema_is_complete(void **state)
{
	(void)state;
	check_group(&schema_root);
}

/* The example names every key of the schema, be it in a comment. */
static void check_example(const struct schema_group *group, const char *example)
{
	for (size_t i = 0; i < group->n_keys; i++) {
		if (!strstr(example, group->keys[i].name))
			fail_msg("conf/culvert.conf.example does not show %s", group->keys[i].name);
		if (group->keys[i].group)
			check_example(group->keys[i].group, example);
	}
}

static void example_shows_every_key(void **state)
{
	char *text;
	size_t len;

	(void)state;
	assert_int_equal(io_read_file("conf/culvert.conf.example", 1 << 20, &text, &len), 0);
	check_example(&schema_root, text);
	free(text);
}

/* The messages about a text; the caller frees them. */
static char *messages(const char *text)
{
	struct diag_list diags = { 0 };
	struct model *m = NULL;
	struct buf out = { 0 };

	conf_load_text(text, strlen(text), "x.conf", &diags, &m);
	diag_print(&diags, &out);
	diag_free(&diags);
	conf_free(m);
	return buf_steal(&out);
}

/* What may be said of the example with a line more: that the line does not fit what else stands there. */
static void check_line(const char *text, const char *line)
{
	static const char *const never[] = { "unknown key", "syntax", "second time", "cannot stand here", "out of range",
		"is no choice", "is no name", "is no address", "is no prefix", "is no peer", "has bits set" };
	char *said = messages(text);

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		if (strstr(said, never[i]))
			fail_msg("%.*s:\n%s", (int)strcspn(line, "\n"), line, said);
	}
	free(said);
}

/* Each "#key = value;" of the example is one that can stand there without its '#'. */
static void comments_of_the_example_can_be_said(void **state)
{
	unsigned lines = 0;
	char *text;
	size_t len;

	(void)state;
	assert_int_equal(io_read_file("conf/culvert.conf.example", 1 << 20, &text, &len), 0);
	for (char *line = text; line; line = strchr(line, '\n')) {
		line += strspn(line, "\n\t");
		if (line[0] != '#' || line[1] < 'a' || line[1] > 'z')
			continue;
		line[0] = ' ';
		check_line(text, line);
		line[0] = '#';
		lines++;
	}
	assert_true(lines > 20);
	free(text);
}

/* All keys at once, one line each without its '#', parse: there are none twice. */
static void whole_example_parses(void **state)
{
	char *text;
	size_t len;

	(void)state;
	assert_int_equal(io_read_file("conf/culvert.conf.example", 1 << 20, &text, &len), 0);
	for (char *line = text; line; line = strchr(line, '\n')) {
		line += strspn(line, "\n\t");
		if (line[0] == '#' && line[1] >= 'a' && line[1] <= 'z')
			line[0] = ' ';
	}
	check_line(text, text);
	free(text);
}

/* --- the manual page --- */

static void check_request(const char *line)
{
	static const char *const known[] = { ".\\\" ", ".TH ", ".SH ", ".SS ", ".PP\n", ".TP\n", ".br\n" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!strncmp(line, known[i], strlen(known[i])))
			return;
	}
	fail_msg("unknown request: %.*s", (int)strcspn(line, "\n"), line);
}

/* Every escape is one of those that are meant, and a line that begins bold ends roman. */
static void check_escapes(const char *line)
{
	size_t len = strcspn(line, "\n");
	bool bold = false;

	for (size_t i = 0; i < len; i++) {
		if (line[i] != '\\')
			continue;
		i++;
		if (line[i] == 'f') {
			i++;
			assert_true(line[i] == (bold ? 'R' : 'B'));
			bold = !bold;
		} else if (!strchr("e-&\"", line[i])) {
			fail_msg("unknown escape: %.*s", (int)len, line);
		}
	}
	assert_false(bold);
}

static void manual_is_well_formed(void **state)
{
	struct buf page = { 0 };
	unsigned lines = 0;

	(void)state;
	conf_print_manual(&page);
	for (const char *line = buf_text(&page); *line; line += strcspn(line, "\n") + 1) {
		if (*line == '.')
			check_request(line);
		assert_true(*line != '\'' && *line != '\n');
		assert_null(memchr(line, '`', strcspn(line, "\n")));
		check_escapes(line);
		lines++;
	}
	assert_true(lines > 200);
	buf_free(&page);
}

/* Every kind of value that a key has is explained in the page's table of kinds, or lists its words. */
static void check_kinds(const struct schema_group *group, const char *page)
{
	for (size_t i = 0; i < group->n_keys; i++) {
		const struct schema_key *key = &group->keys[i];
		if (key->group) {
			check_kinds(key->group, page);
			continue;
		}
		struct buf row = { 0 };
		buf_printf(&row, "\n| %.*s |", (int)strcspn(key->kind->form, ","), key->kind->form);
		if (!strchr(key->kind->form, '`') && strncmp(key->kind->form, "number", 6) && !strstr(page, buf_text(&row)))
			fail_msg("no row says what is accepted as %s", key->kind->form);
		buf_free(&row);
	}
}

static void kinds_are_explained(void **state)
{
	struct buf page = { 0 };

	(void)state;
	conf_print_reference(&page);
	check_kinds(&schema_root, buf_text(&page));
	buf_free(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_are_fresh),
		cmocka_unit_test(schema_is_complete),
		cmocka_unit_test(example_shows_every_key),
		cmocka_unit_test(comments_of_the_example_can_be_said),
		cmocka_unit_test(whole_example_parses),
		cmocka_unit_test(manual_is_well_formed),
		cmocka_unit_test(kinds_are_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
