/* conf/REFERENCE.md is what the schema says; UPDATE_REFERENCE=1 (make reference) rewrites it. From the repository's
 * root. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "conf/conf.h"
#include "conf/schema.h"
#include "lib/buf.h"
#include "lib/io.h"

#include <stdlib.h>
#include <string.h>

static void page_is_fresh(void **state)
{
	struct buf page = { 0 };
	char *text;
	size_t len;

	(void)state;
	conf_print_reference(&page);
	assert_int_equal(page.error, 0);
	if (getenv("UPDATE_REFERENCE"))
		assert_int_equal(io_write_file("conf/REFERENCE.md", buf_text(&page), page.len, 0644), 0);
	assert_int_equal(io_read_file("conf/REFERENCE.md", 1 << 20, &text, &len), 0);
	if (strcmp(text, buf_text(&page)) != 0)
		fail_msg("conf/REFERENCE.md is not what the schema says: run make reference");
	free(text);
	buf_free(&page);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_is_fresh),
		cmocka_unit_test(schema_is_complete),
		cmocka_unit_test(example_shows_every_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
