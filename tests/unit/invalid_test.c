/*
 * Every tests/invalid/NAME.conf must be refused with exactly the messages of NAME.expected. Run from the repository's
 * root; UPDATE_INVALID=1 rewrites the expected files, for review with git diff.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "conf/conf.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_FILES = 60 }; /* fewer would mean that they were not found */

static char *read_text(const char *path, size_t *ret_len)
{
	char *text = NULL;

	int r = io_read_file(path, CONF_FILE_MAX, &text, ret_len);
	if (r)
		fail_msg("%s: %s", path, strerror(-r));
	return text;
}

/* What is told of a text that is no configuration yet: at that line, nobody knows of which key. */
static const char *const of_no_key[] = {
	"syntax error here or just before; is text without quotes, or a quote or bracket not closed?",
	"text begins here and does not end on this line; close the quote",
	"brackets are nested too deeply; close those that are over",
};

static bool is_of_no_key(const char *text)
{
	for (size_t i = 0; i < sizeof(of_no_key) / sizeof(of_no_key[0]); i++) {
		if (!strcmp(text, of_no_key[i]))
			return true;
	}
	return false;
}

/*
 * "FILE:LINE: KEY: WHAT IS WRONG; WHAT WOULD BE RIGHT": what is wrong is half of a message, and so is where. Instead of
 * what would be right a question may lead there.
 */
static void check_form(const char *path, const struct diag_list *diags)
{
	for (size_t i = 0; i < diags->count; i++) {
		const struct diag *d = &diags->items[i];
		if (d->severity != DIAG_ERROR)
			continue;
		if (!strstr(d->text, "; ") && !strchr(d->text, '?'))
			fail_msg("%s: \"%s\" does not say what would be right", path, d->text);
		if (!d->file || strcmp(d->file, path) != 0 || !d->line)
			fail_msg("%s: \"%s\" does not say at which line", path, d->text);
		if (!d->key && !is_of_no_key(d->text))
			fail_msg("%s: \"%s\" does not say of which key", path, d->text);
	}
}

/* The messages about a file that must not load; the caller frees them. */
static char *messages(const char *path)
{
	struct diag_list diags = { 0 };
	struct model *m = NULL;
	struct buf out = { 0 };
	size_t len;

	char *text = read_text(path, &len);
	int r = conf_load_text(text, len, path, &diags, &m);
	free(text);
	if (r != -EINVAL || !diags.errors)
		fail_msg("%s: loads", path);
	check_form(path, &diags);
	diag_print(&diags, &out);
	diag_free(&diags);
	return buf_steal(&out);
}

/* 0 if the file's messages are the expected ones. */
static int compare(const char *path)
{
	char expected_path[256];
	size_t len;

	snprintf(expected_path, sizeof(expected_path), "%.*s.expected", (int)(strlen(path) - strlen(".conf")), path);
	char *got = messages(path);
	if (getenv("UPDATE_INVALID"))
		assert_int_equal(io_write_file(expected_path, got, strlen(got), 0644), 0);
	char *expected = read_text(expected_path, &len);
	int different = strcmp(got, expected);
	if (different)
		print_error("%s:\n--- expected\n%s--- got\n%s", path, expected, got);
	free(expected);
	free(got);
	return different;
}

static void all(void **state)
{
	size_t wrong = 0;
	glob_t files;

	(void)state;
	assert_int_equal(glob("tests/invalid/*.conf", 0, NULL, &files), 0);
	assert_true(files.gl_pathc >= LEAST_FILES);
	for (size_t i = 0; i < files.gl_pathc; i++)
		wrong += !!compare(files.gl_pathv[i]);
	globfree(&files);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
