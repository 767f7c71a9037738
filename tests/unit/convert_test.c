/*
 * tests/convert/NAME.conf gives exactly NAME.expected: what is written, what is not taken over, what is wrong. What is
 * written must be good for Culvert once every TODO in it is filled in. UPDATE_CONVERT=1 rewrites the expected files,
 * for review with git diff. Run from the repository's root.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "conf/conf.h"
#include "conf/convert.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "tests/convert/"

enum { LEAST_FILES = 15 }; /* fewer would mean that they were not found */

struct result {
	int error;
	struct buf out, left, errors;
};

static struct result converted(const char *text, size_t len, const char *name)
{
	struct diag_list diags = { 0 };
	struct result r = { 0 };

	r.error = convert_text(text, len, name, &diags, &r.out, &r.left);
	assert_true(r.error == 0 || r.error == -EINVAL);
	assert_int_equal(r.error != 0, diags.errors > 0);
	diag_print(&diags, &r.errors);
	diag_free(&diags);
	return r;
}

static void result_free(struct result *r)
{
	buf_free(&r->out);
	buf_free(&r->left);
	buf_free(&r->errors);
}

static char *read_text(const char *path, size_t *ret_len)
{
	char *text = NULL;

	int r = io_read_file(path, CONVERT_FILE_MAX, &text, ret_len);
	if (r)
		fail_msg("%s: %s", path, strerror(-r));
	return text;
}

static struct result converted_file(const char *path)
{
	size_t len;
	char *text = read_text(path, &len);
	struct result r = converted(text, len, path);

	free(text);
	return r;
}

/* --- goldens --- */

static void render(const char *path, struct buf *now)
{
	struct result r = converted_file(path);

	buf_printf(now, "--- written\n%s--- not taken over\n%s--- wrong\n%s", buf_text(&r.out), buf_text(&r.left),
		buf_text(&r.errors));
	result_free(&r);
}

static int compare(const char *path)
{
	char expected_path[256];
	struct buf now = { 0 };
	size_t len;

	snprintf(expected_path, sizeof(expected_path), "%.*s.expected", (int)(strlen(path) - strlen(".conf")), path);
	render(path, &now);
	if (getenv("UPDATE_CONVERT"))
		assert_int_equal(io_write_file(expected_path, buf_text(&now), now.len, 0644), 0);
	char *expected = read_text(expected_path, &len);
	int different = strcmp(buf_text(&now), expected);
	if (different)
		print_error("%s: --- got\n%s", path, buf_text(&now));
	free(expected);
	buf_free(&now);
	return different;
}

/* Calls check for each input; returns the sum of what it returns. */
static size_t each_file(int (*check)(const char *path))
{
	size_t sum = 0;
	glob_t files;

	assert_int_equal(glob(FOLDER "*.conf", 0, NULL, &files), 0);
	assert_true(files.gl_pathc >= LEAST_FILES);
	for (size_t i = 0; i < files.gl_pathc; i++)
		sum += (size_t)!!check(files.gl_pathv[i]);
	globfree(&files);
	return sum;
}

static void goldens_are_what_is_made(void **state)
{
	(void)state;
	assert_int_equal(each_file(compare), 0);
}

/* Wherever a secret stands in the inputs, it is one of these texts. */
static int shows_secret(const char *path)
{
	static const char *const secrets[] = { "do-not-print", "0sZG8t", "ZG8tbm90", "0x646f", "646f2d" };
	struct buf now = { 0 };
	int shown = 0;

	render(path, &now);
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		shown |= strstr(buf_text(&now), secrets[i]) != NULL;
	buf_free(&now);
	return shown;
}

static void no_secret_is_shown(void **state)
{
	size_t len;
	char *text = read_text(FOLDER "swanctl-mixed.conf", &len);

	(void)state;
	assert_non_null(strstr(text, "do-not-print"));
	free(text);
	assert_int_equal(each_file(shows_secret), 0);
}

/* --- what an operator makes of it --- */

/* An operator's answers; %u is the number of the APN or tunnel so far. */
static const struct {
	const char *key, *four, *six;
} answers[] = {
	{ "interface = ", "interface = \"eth%u\";", "interface = \"eth%u\";" },
	{ "address = ", "address = \"172.31.%u.4/24\";", "address = \"2001:db8:31:%u::4/64\";" },
	{ "# TODO: next_hop", "next_hop = \"172.31.%u.1\";", "next_hop = \"2001:db8:31:%u::1\";" },
	{ "prefixes = ", "prefixes = [ \"172.31.%u.0/24\" ];", "prefixes = [ \"2001:db8:31:%u::/64\" ];" },
	{ "pool = ", "pool = [ \"10.250.%u.0/24\" ];", "pool = [ \"2001:db8:250:%u::/64\" ];" },
	{ "peer = ", "peer = \"198.18.0.%u\";", "peer = \"2001:db8:18::%u\";" },
	{ "remote_id = ", "remote_id = \"peer-%u.example\";", "remote_id = \"peer-%u.example\";" },
	{ "local_id = ", "local_id = \"gw.example\";", "local_id = \"gw.example\";" },
	{ "crl = ", "crl = \"ca.crl\";", "crl = \"ca.crl\";" },
};

static bool answer(const char *line, bool six, unsigned n, struct buf *out)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		if (strncmp(line, answers[i].key, strlen(answers[i].key)) != 0)
			continue;
		const char *text = six ? answers[i].six : answers[i].four, *number = strstr(text, "%u");
		if (number)
			buf_printf(out, "%.*s%u%s\n", (int)(number - text), text, n, number + 2);
		else
			buf_printf(out, "%s\n", text);
		return true;
	}
	return false;
}

/* The text with every TODO answered. */
static void fill_in(const char *text, struct buf *out)
{
	bool six = strstr(text, "peer = \"2001:") != NULL;
	unsigned n = 0;

	buf_printf(out, "gateway = { name = \"g\"; outer = { interface = \"outer0\"; address = \"%s\"; }; };\n",
		six ? "2001:db8::1" : "192.0.2.1");
	while (*text) {
		size_t indent = strspn(text, "\t"), len = strcspn(text, "\n");
		char line[1024];
		snprintf(line, sizeof(line), "%.*s", (int)(len - indent), text + indent);
		n += !strncmp(line, "name = ", 7);
		bool todo = strstr(line, "\"TODO: ") || !strncmp(line, "# TODO: next_hop", 16);
		if (!todo || !answer(line, six, n, out))
			buf_printf(out, "%s\n", line);
		text += len + (text[len] == '\n');
	}
}

static int fails_filled_in(const char *path)
{
	struct diag_list diags = { 0 };
	struct buf filled = { 0 }, messages = { 0 };
	struct model *m = NULL;

	struct result r = converted_file(path);
	if (r.error) {
		result_free(&r);
		return 0;
	}
	fill_in(buf_text(&r.out), &filled);
	int error = conf_load_text(buf_text(&filled), filled.len, path, &diags, &m);
	diag_print(&diags, &messages);
	if (error)
		print_error("%s\n%s\n%s", path, buf_text(&messages), buf_text(&filled));
	diag_free(&diags);
	buf_free(&messages);
	buf_free(&filled);
	result_free(&r);
	conf_free(m);
	return error;
}

static void what_is_filled_in_loads(void **state)
{
	(void)state;
	assert_int_equal(each_file(fails_filled_in), 0);
}

/* An unanswered TODO must not go into force: each is an error of its own. */
static void what_is_not_filled_in_is_refused(void **state)
{
	struct result r = converted_file(FOLDER "swanctl-apn.conf");
	struct diag_list diags = { 0 };
	struct buf text = { 0 }, messages = { 0 };
	struct model *m = NULL;

	(void)state;
	buf_puts(&text, "gateway = { name = \"g\"; outer = { interface = \"outer0\"; address = \"192.0.2.1\"; }; };\n");
	buf_puts(&text, buf_text(&r.out));
	assert_int_equal(conf_load_text(buf_text(&text), text.len, "x.conf", &diags, &m), -EINVAL);
	diag_print(&diags, &messages);
	assert_non_null(strstr(buf_text(&messages), "apns[0].cloud.interface: \"TODO: "));
	assert_non_null(strstr(buf_text(&messages), "apns[0].cloud.address: \"TODO: "));
	diag_free(&diags);
	buf_free(&messages);
	buf_free(&text);
	result_free(&r);
}

/* --- hostile files --- */

static void assert_refused(const char *text, size_t len, const char *expected)
{
	struct result r = converted(text, len, "x.conf");

	assert_int_equal(r.error, -EINVAL);
	assert_int_equal(r.out.len, 0);
	assert_string_equal(buf_text(&r.errors), expected);
	result_free(&r);
}

static void octets_that_are_no_text(void **state)
{
	char *large = calloc(1, CONVERT_FILE_MAX + 1);

	(void)state;
	assert_non_null(large);
	assert_refused("a {\nb\0 = 2\n}\n", 14, "x.conf:2: has a NUL in it; this is no text file\n");
	assert_refused("# caf\xe9\n", 7, "x.conf:1: is not UTF-8 from here; save the file as UTF-8\n");
	assert_refused("\xef\xbb\xbf"
				   "a {}",
		7, "x.conf:1: begins with a byte order mark; save the file as UTF-8 without one\n");
	assert_refused("", 0, "x.conf: is empty; name a swanctl.conf or an ipsec.conf with a connection in it\n");
	assert_refused(large, CONVERT_FILE_MAX + 1, "x.conf: is larger than 1048576 octets; is it the right file?\n");
	free(large);
}

/* count times piece. */
static void assert_bounded(const char *before, const char *piece, size_t count, const char *expected)
{
	struct buf text = { 0 };

	buf_puts(&text, before);
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%s%zx", piece, i);
	struct result r = converted(buf_text(&text), text.len, "x.conf");
	assert_int_equal(r.error, -EINVAL);
	if (!strstr(buf_text(&r.errors), expected))
		fail_msg("%s", buf_text(&r.errors));
	result_free(&r);
	buf_free(&text);
}

static void everything_is_bounded(void **state)
{
	(void)state;
	assert_bounded("", "a{", 50000, "x.conf:1: sections stand in each other more than 16 deep\n");
	assert_bounded("a {\n", "\nx=", 50000, ""); /* one setting again and again is one */
	assert_bounded("connections {\n", "{}\nc", 50000, "a name is expected here");
	assert_bounded("connections {\nc", "{}\nc", 50000, "more than 4096 sections in one");
	assert_bounded("c {\nk", "=1\nk", 50000, "more than 512 settings in one section");
	assert_bounded("conn a\n", "\n\talso=a", 50000, "more than 64 references in one section");
	assert_bounded("conn a\n\talso=b\nconn b\n\talso=a\n", "\nconn x", 10, "also= leads in a circle");
}

/* Sections that double their content by reference at each of 16 steps. */
static void inheritance_is_bounded(void **state)
{
	struct buf text = { 0 };

	(void)state;
	buf_puts(&text, "s0 { a { k = v } b { k = v } c { k = v } d { k = v } }\n");
	for (unsigned i = 1; i < 12; i++)
		buf_printf(&text, "s%u { a : s%u { } b : s%u { } c : s%u { } d : s%u { } }\n", i, i - 1, i - 1, i - 1, i - 1);
	struct result r = converted(buf_text(&text), text.len, "x.conf");
	assert_int_equal(r.error, -EINVAL);
	assert_non_null(strstr(buf_text(&r.errors), "with the inherited ones"));
	result_free(&r);
	buf_free(&text);
}

/* Line ends of another system's editor change nothing. */
static void line_ends(void **state)
{
	static const char *const paths[] = { FOLDER "swanctl-policy-based.conf", FOLDER "ipsec-libreswan.conf" };

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct buf text = { 0 };
		size_t len;
		char *plain = read_text(paths[i], &len);
		for (const char *c = plain; *c; c++)
			buf_printf(&text, *c == '\n' ? "\r%c" : "%c", *c);
		struct result one = converted(plain, len, "x.conf"), other = converted(buf_text(&text), text.len, "x.conf");
		assert_string_equal(buf_text(&one.out), buf_text(&other.out));
		assert_string_equal(buf_text(&one.left), buf_text(&other.left));
		result_free(&one);
		result_free(&other);
		buf_free(&text);
		free(plain);
	}
}

/* What stands in quotes must not end a line, a string or a comment of the output. */
static void quotes_forge_nothing(void **state)
{
	static const char
		text[] = "connections { \"x\" }\n",
		forged[] = "connections { c { remote_addrs = 198.51.100.7\nlocal { auth = psk\nid = \"a\\\"; name = \\\"b\" }\n"
				   "remote { auth = psk\nid = \"x\\ny\" }\nmystery\\n = 1\n"
				   "children { n { local_ts = 10.1.0.0/16\nremote_ts = \"10.2.0.0/16,\\n10.3.0.0/16\" } } } }\n";

	(void)state;
	assert_refused(text, sizeof(text) - 1, "x.conf:1: a name is expected here; is this a swanctl.conf?\n");
	struct result r = converted(forged, sizeof(forged) - 1, "x\ny.conf");
	assert_int_equal(r.error, 0);
	assert_non_null(strstr(buf_text(&r.out), "local_id = \"a\\\"; name = \\\"b\";\n"));
	assert_null(strstr(buf_text(&r.out), "\ny"));
	assert_null(strstr(buf_text(&r.left), "\ny"));
	result_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goldens_are_what_is_made),
		cmocka_unit_test(no_secret_is_shown),
		cmocka_unit_test(what_is_filled_in_loads),
		cmocka_unit_test(what_is_not_filled_in_is_refused),
		cmocka_unit_test(octets_that_are_no_text),
		cmocka_unit_test(everything_is_bounded),
		cmocka_unit_test(inheritance_is_bounded),
		cmocka_unit_test(line_ends),
		cmocka_unit_test(quotes_forge_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
