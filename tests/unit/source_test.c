/* What the text is put together from: @include, and all that is refused before libconfig sees it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "conf/conf.h"
#include "conf/model.h"
#include "conf/source.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GATEWAY "gateway = { name = \"g\"; outer = { interface = \"eth0\"; address = \"192.0.2.1\"; }; };\n"

#define NO_APNS     "apns = ( );\n"
#define NO_APN_SAID "x.conf:2: warning: apns: there is no APN; nothing will be carried\n"

static char folder[64], before[4096];

/* Each test works in a folder of its own. */
static int enter_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/culvert-source-XXXXXX");
	return !getcwd(before, sizeof(before)) || !mkdtemp(folder) || chdir(folder) || mkdir("secrets", 0700) ? -1 : 0;
}

static int leave_folder(void **state)
{
	(void)state;
	return chdir(before) || io_remove_tree(folder) ? -1 : 0;
}

static void put(const char *path, const char *text)
{
	assert_int_equal(io_write_file(path, text, strlen(text), 0600), 0);
}

/* What is said of x.conf, which must be refused. */
static void assert_refused(const char *expected)
{
	struct model untouched, *m = &untouched;
	struct diag_list diags = { 0 };
	struct buf out = { 0 };

	assert_int_equal(conf_load("x.conf", &diags, &m), -EINVAL);
	assert_ptr_equal(m, &untouched);
	diag_print(&diags, &out);
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
	diag_free(&diags);
}

/* x.conf with that text. */
static void assert_text_refused(const char *text, const char *expected)
{
	put("x.conf", text);
	assert_refused(expected);
}

/* The model of a file that must load; the caller frees it. */
static struct model *loaded(const char *path)
{
	struct diag_list diags = { 0 };
	struct model *m = NULL;
	struct buf out = { 0 };

	int r = conf_load(path, &diags, &m);
	diag_print(&diags, &out);
	if (r)
		fail_msg("%s", buf_text(&out));
	buf_free(&out);
	diag_free(&diags);
	return m;
}

/* --- what is included --- */

static void put_carriers(void)
{
	assert_int_equal(mkdir("carriers", 0700), 0);
	put("carriers/c.conf", "# the carrier\n"
						   "{ name = \"c\"; local_id = \"a\"; psk_file = \"k.psk\";\n"
						   "  tunnels = (\n"
						   "\t@include \"t.conf\" # beside this file\n"
						   "  );\n"
						   "}");
	put("carriers/t.conf", "{ name = \"t\";\n  peer = \"192.0.2.11\"; },\n{ name = \"u\"; peer = \"192.0.2.12\"; }");
	put("secrets/k.psk", "0123456789012345678901234567890123456789\n");
	assert_int_equal(chmod("secrets/k.psk", 0600), 0);
}

/* At the top, in a list, in a list of what is included; relative to each file's folder; with absolute paths. */
static void includes_anywhere(void **state)
{
	struct buf text = { 0 };

	(void)state;
	put_carriers();
	buf_printf(
		&text, "@include \"%s/gateway.conf\"\n\ncarriers = (\n  @include \"./carriers/c.conf\"\n);\n" NO_APNS, folder);
	put("x.conf", buf_text(&text));
	buf_free(&text);
	put("gateway.conf", GATEWAY);
	struct model *m = loaded("x.conf");
	assert_string_equal(m->dir, ".");
	assert_string_equal(m->gateway.name, "g");
	assert_int_equal(m->gateway.origin.line, 1);
	assert_string_equal(strrchr(m->gateway.origin.file, '/'), "/gateway.conf");
	assert_int_equal(m->n_carriers, 1);
	assert_string_equal(m->carriers[0].origin.file, "carriers/c.conf");
	assert_int_equal(m->carriers[0].origin.line, 2);
	assert_int_equal(m->carriers[0].n_tunnels, 2);
	assert_string_equal(m->carriers[0].tunnels[0].origin.file, "carriers/t.conf");
	assert_int_equal(m->carriers[0].tunnels[0].origin.line, 1);
	assert_int_equal(m->carriers[0].tunnels[1].origin.line, 3);

	/* The canonical text is one file. */
	struct buf printed = { 0 };
	struct diag_list diags = { 0 };
	struct model *again = NULL;
	conf_print(m, &printed);
	assert_null(strchr(buf_text(&printed), '@'));
	assert_int_equal(conf_load_text(buf_text(&printed), printed.len, "y.conf", &diags, &again), 0);
	buf_free(&printed);
	diag_free(&diags);
	conf_free(again);
	conf_free(m);
}

/* The same file may be included twice, side by side. */
static void included_twice(void **state)
{
	(void)state;
	put("x.conf", "@include \"empty.conf\"\n@include \"empty.conf\"\n" GATEWAY NO_APNS "@include \"empty.conf\"");
	put("empty.conf", "");
	conf_free(loaded("x.conf"));
}

/* Inside texts and comments the word means nothing. */
static void word_in_text_and_comment(void **state)
{
	(void)state;
	put("x.conf", "# @include \"a\"\n/*\n@include \"a\" */ // @include \"a\"\n" GATEWAY NO_APNS);
	conf_free(loaded("x.conf"));
	assert_text_refused(
		"gateway = { name = \"@include\"; outer = { interface = \"eth0\"; address = \"192.0.2.1\"; }; };",
		"x.conf:1: gateway.name: \"@include\" is no name; use 1 to 32 small letters, digits and '-', with a letter or "
		"digit first\n"
		"x.conf:1: warning: apns: there is no APN; nothing will be carried\n");
}

/* --- where what is wrong stands --- */

static void errors_name_the_file(void **state)
{
	(void)state;
	put("x.conf", "# 1\n@include \"gateway.conf\"\n\nservice = 1;\n@include \"more.conf\"\nservices = 2;\n");
	put("gateway.conf",
		"gateway = {\n  name = \"G\";\n  outer = { interface = \"eth0\"; adress = \"192.0.2.1\"; };\n};");
	put("more.conf", "\n\nserv = 3;\n");
	assert_refused("gateway.conf:2: gateway.name: \"G\" is no name; use 1 to 32 small letters, digits and '-', with a "
				   "letter or digit first\n"
				   "gateway.conf:3: gateway.outer.adress: unknown key; did you mean \"address\"?\n"
				   "more.conf:3: serv: unknown key; known here are gateway, management, carriers and apns\n"
				   "x.conf:1: warning: apns: there is no APN; nothing will be carried\n"
				   "x.conf:4: service: unknown key; known here are gateway, management, carriers and apns\n"
				   "x.conf:6: services: unknown key; known here are gateway, management, carriers and apns\n");
}

static void syntax_errors_name_the_file(void **state)
{
	(void)state;
	put("x.conf", "@include \"a.conf\"\n" GATEWAY);
	put("a.conf", "\nmanagement = { interface = eth2; };\n");
	assert_refused("a.conf:2: syntax error here or just before; is text without quotes, or a quote or bracket not "
				   "closed?\n");
	put("a.conf", "a = 1;\n\n");
	assert_text_refused(
		"@include \"a.conf\"\n\n" GATEWAY "a = 1;\n", "x.conf:4: a: this key stands here a second time; keep one\n");
}

/* The last text of a list is looked for backwards, across the end of a file. */
static void last_text_of_a_list(void **state)
{
	(void)state;
	put("a.conf", "\"10.0.0.1/8\"\n\n\n");
	assert_text_refused(GATEWAY "management = { interface = \"eth2\"; address = \"10.9.0.5/24\"; allow = [\n"
								"@include \"a.conf\"\n"
								"\n ]; };\n",
		"a.conf:1: management.allow[0]: \"10.0.0.1/8\" has bits set behind /8; the network is \"10.0.0.0/8\"\n"
		"x.conf:1: warning: apns: there is no APN; nothing will be carried\n");
}

/* --- what cannot be included --- */

static void unreadable(void **state)
{
	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	assert_text_refused("@include \"none.conf\"\n" GATEWAY "@include \"d\"\n@include \"/dev/null\"\n",
		"x.conf:1: @include: \"none.conf\": No such file or directory; name a file, as seen from the folder of this "
		"one\n"
		"x.conf:3: @include: \"d\": is no regular file; name a text file\n"
		"x.conf:4: @include: \"/dev/null\": is no regular file; name a text file\n");
}

static void no_text(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *expected;
	} files[] = {
		{ "\xef\xbb\xbf", 3, "a.conf:1: begins with a byte order mark; save the file as UTF-8 without one\n" },
		{ "#\n\xff\n", 4, "a.conf:2: is not UTF-8 from here; save the file as UTF-8\n" },
		{ "#\n\n\0", 4, "a.conf:3: has a NUL in it; this is no text file\n" },
	};

	(void)state;
	put("x.conf", "@include \"a.conf\"\n" GATEWAY);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		assert_int_equal(io_write_file("a.conf", files[i].text, files[i].len, 0600), 0);
		assert_refused(files[i].expected);
	}
}

static void recursion(void **state)
{
	(void)state;
	assert_text_refused(
		"\n@include \"x.conf\"\n", "x.conf:2: @include: x.conf includes itself; take one @include out\n");
	put("x.conf", "@include \"b.conf\"\n");
	put("b.conf", "@include \"c.conf\"\n");
	put("c.conf", "@include \"./x.conf\"\n");
	assert_refused("c.conf:1: @include: x.conf includes itself by way of b.conf, c.conf; take one @include out\n");
	/* By a name that hides it. */
	assert_int_equal(mkdir("d", 0700), 0);
	assert_text_refused("@include \"d/../x.conf\"\n", "d/../d/../d/../d/../d/../d/../d/../d/../d/../x.conf:1: "
													  "@include: \"d/../x.conf\": files include each other more "
													  "than 10 deep; write fewer levels\n");
}

/* Each level includes the next ten times: the bound on all octets ends it long before 10^9 inclusions. */
static void multiplication(void **state)
{
	char *comment = malloc(2 * 1024 * 1024);

	(void)state;
	assert_non_null(comment);
	memset(comment, '#', 2 * 1024 * 1024);
	memcpy(comment + 2 * 1024 * 1024 - 2, "\n", 2);
	for (char level = '0'; level < '8'; level++) {
		struct buf text = { 0 };
		char path[] = { level, '.', 'c', 'o', 'n', 'f', '\0' };
		for (unsigned i = 0; i < 10; i++)
			buf_printf(&text, "@include \"%c.conf\"\n", level + 1);
		put(path, buf_text(&text));
		buf_free(&text);
	}
	put("8.conf", comment);
	assert_text_refused("@include \"0.conf\"\n",
		"7.conf:8: @include: \"8.conf\": all files together are larger than 16777216 octets; is it the right file?\n");
	put("8.conf", "");
	assert_text_refused(
		"@include \"0.conf\"\n", "7.conf:7: @include: \"8.conf\": is one of more than 10000; write fewer files\n");
	free(comment);
}

static void form_of_the_line(void **state)
{
	static const char *const texts[] = {
		"@include\n",
		"@include a.conf\n",
		"@include \"\"\n",
		"@include \"a.conf\";\n",
		"@include \"a.conf\" @include \"a.conf\"\n",
		"@include\n\"a.conf\"\n",
		"@include \"a\\\\b\"\n",
		"@include \"a.conf\n",
		"apns = (); @include \"a.conf\"\n",
	};

	(void)state;
	put("a.conf", "");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_text_refused(texts[i], "x.conf:1: @include: stands alone on its line; write @include \"file.conf\"\n");
}

/* Files that are no configuration at all, each with one message and nothing read beyond it. */
static void no_configuration(void **state)
{
	char noise[4096];
	uint32_t x = 1;

	(void)state;
	assert_text_refused("",
		"x.conf:1: gateway: is missing; write gateway = { name = \"gw-fra1\"; outer = { interface = "
		"\"eth0\"; address = \"192.0.2.1\"; }; };\n"
		"x.conf:1: warning: apns: there is no APN; nothing will be carried\n");
	for (size_t i = 0; i < sizeof(noise); i++) {
		x = x * 1664525 + 1013904223;
		noise[i] = (char)(x >> 24);
	}
	assert_int_equal(io_write_file("x.conf", noise, sizeof(noise), 0600), 0);
	assert_refused("x.conf:1: is not UTF-8 from here; save the file as UTF-8\n");
	/* 100 MB that take no room. */
	assert_int_equal(truncate("x.conf", 100 * 1000 * 1000), 0);
	assert_refused("x.conf: is larger than 16777216 octets; is it the right file?\n");
	assert_int_equal(rename("x.conf", "big"), 0);
	assert_text_refused("@include \"big\"\n",
		"x.conf:1: @include: \"big\": all files together are larger than 16777216 octets; is it the right file?\n");
	assert_int_equal(mkfifo("pipe", 0600), 0);
	assert_text_refused(
		"@include \"pipe\"\n" GATEWAY, "x.conf:1: @include: \"pipe\": is no regular file; name a text file\n");
}

/* Nothing that begins in one file ends in another. */
static void brackets_across_files(void **state)
{
	(void)state;
	put("x.conf", GATEWAY "carriers = (\n@include \"a.conf\"\n);\n");
	put("a.conf", "{\n{ ( )\n");
	assert_refused("a.conf:2: this bracket is not closed in this file; each file closes what it opens\n");
	put("a.conf", "{ }\n) ; apns = (\n");
	assert_refused("a.conf:2: this bracket was not opened in this file; each file closes what it opens\n");
	put("a.conf", "/* {\n");
	assert_refused("a.conf:1: a comment begins here and does not end; close it with */\n");
}

/* --- numbers, texts, comments, bounds --- */

/* Each is told, with its key; what it looks like is read on. */
static void numbers_that_are_something_else(void **state)
{
	(void)state;
	assert_text_refused(GATEWAY NO_APNS "management = { address = 007L; allow = [ 00,\n -010 ]; # 0443\n"
										"interface = ( \"0443\", [ 0x1bb, 0.5, 00.5 ], 08 ); /* 01 */ };\n",
		NO_APN_SAID
		"x.conf:3: management.address: 007 is read as octal; write 7\n"
		"x.conf:3: management.allow[0]: 00 is read as octal; write 0\n"
		"x.conf:3: management.address: a number cannot stand here; write address = \"10.9.0.5/24\";\n"
		"x.conf:3: management.allow[0]: a number cannot stand here; write allow = [ \"10.9.0.0/24\" ];\n"
		"x.conf:4: management.allow[1]: 010 is read as octal; write -10\n"
		"x.conf:4: management.allow[1]: a number cannot stand here; write allow = [ \"10.9.0.0/24\" ];\n"
		"x.conf:5: management.interface[1]: entries of [ ] are of one kind; write ( 80, \"8000-8010\" ) for a mixture\n"
		"x.conf:5: management.interface[2]: 08 is read as octal; write 8\n"
		"x.conf:5: management.interface: a list in ( ) cannot stand here; write interface = \"eth2\";\n");
	/* Nor does libconfig take numbers of 32 and of 64 bits in one array, which only look alike. */
	assert_text_refused(GATEWAY NO_APNS "management = { interface = \"eth2\"; address = \"10.9.0.5/24\";\n"
										"allow = [ 0x0000001bb, 0x100000001, 99999999999, 99999999999999999999 ]; };\n",
		NO_APN_SAID
		"x.conf:4: management.allow[1]: 0x100000001 is too large a number; write it in decimal\n"
		"x.conf:4: management.allow[3]: 99999999999999999999 is too large a number; write one that its key takes\n"
		"x.conf:4: management.allow[0]: a number cannot stand here; write allow = [ \"10.9.0.0/24\" ];\n"
		"x.conf:4: management.allow[1]: a number cannot stand here; write allow = [ \"10.9.0.0/24\" ];\n"
		"x.conf:4: management.allow[2]: a number cannot stand here; write allow = [ \"10.9.0.0/24\" ];\n"
		"x.conf:4: management.allow[3]: a number cannot stand here; write allow = [ \"10.9.0.0/24\" ];\n");
}

/* What is wrong in a file that is included has its line there, and its key in the whole. */
static void values_of_an_included_file(void **state)
{
	(void)state;
	put("x.conf", "@include \"a.conf\"\n" GATEWAY NO_APNS "management = {\n@include \"b.conf\"\n};\n");
	put("a.conf", "");
	put("b.conf", "\ninterface = \"\\x00\"; address = \"10.9.0.0/24\"; allow = [\n\"10.9.0.0/24\",\n1 ]");
	assert_refused(
		"b.conf:2: management.interface: \\x00 stands in a text; take it out, or write \\\\ for a backslash\n"
		"b.conf:2: management.address: \"10.9.0.0/24\" is the subnet itself or its broadcast address; write a host's "
		"address in it\n"
		"b.conf:4: management.allow: entries of [ ] are of one kind; write ( 80, \"8000-8010\" ) for a mixture\n"
		"b.conf:4: management.allow[1]: a number cannot stand here; write allow = [ \"10.9.0.0/24\" ];\n"
		"x.conf:3: warning: apns: there is no APN; nothing will be carried\n");
}

/* Where text is no tree, what is said of its values would be guessed. */
static void syntax_errors_stand_alone(void **state)
{
	(void)state;
	assert_text_refused("a = [ 1, \"b\" ];\nb = 010;\nc = ;\n", "x.conf:3: syntax error here or just before; is text "
																"without quotes, or a quote or bracket not "
																"closed?\n");
	assert_text_refused("a = ( 1;\nb = 010;\na = 1; )\n", "x.conf:1: syntax error here or just before; is text without "
														  "quotes, or a quote or bracket not closed?\n");
	/* libconfig has a name for a key before it knows what follows. */
	assert_text_refused("a = 1;\na b = 2;\n", "x.conf:2: a: this key stands here a second time; keep one\n");
}

static void what_does_not_end(void **state)
{
	(void)state;
	assert_text_refused(
		GATEWAY "/* apns = ();\n", "x.conf:2: a comment begins here and does not end; close it with */\n");
	assert_text_refused(GATEWAY "/*/", "x.conf:2: a comment begins here and does not end; close it with */\n");
	assert_text_refused(GATEWAY "\"", "x.conf:2: text begins here and does not end on this line; close the quote\n");
	assert_text_refused("gateway = { name = \"g;\n outer = { interface = \"eth0\"; address = \"\\\"; }; };\n",
		"x.conf:1: text begins here and does not end on this line; close the quote\n"
		"x.conf:2: text begins here and does not end on this line; close the quote\n");
	/* A file that was written to half. */
	assert_text_refused("gateway = { name = \"g\"; outer = { interface = \"eth0\"; addr",
		"x.conf:1: syntax error here or just before; is text without quotes, or a quote or bracket not closed?\n");
}

/* Whoever loads a file while it is being written gets an error, wherever the writer is. */
static void cut_short_anywhere(void **state)
{
	char *text = NULL, *example = NULL;
	size_t len, loads = 0;

	(void)state;
	assert_true(asprintf(&example, "%s/conf/culvert.conf.example", before) > 0);
	assert_int_equal(io_read_file(example, CONF_FILE_MAX, &text, &len), 0);
	put("secrets/vodafone-cz.psk", "0123456789012345678901234567890123456789\n");
	assert_true(len > 4096 && text[len - 1] == '\n');
	for (size_t cut = 0; cut <= len; cut++) {
		struct diag_list diags = { 0 };
		struct model *m = NULL;
		assert_int_equal(io_write_file("x.conf", text, cut, 0600), 0);
		int r = conf_load("x.conf", &diags, &m);
		loads += !r;
		/* All that the end may lack is the newline, and the semicolon before it. */
		if (!r != (cut + 2 >= len))
			fail_msg("%zu of %zu octets: %s", cut, len, r ? "refused" : "loads");
		diag_free(&diags);
		conf_free(m);
	}
	assert_int_equal(loads, 3);
	free(text);
	free(example);
}

/* Between the entries of a list, in a file that is included. */
static void cut_short_in_a_comment(void **state)
{
	static const char *const ends[] = { "# the ot", "// the", "  #", "/* of */ # the o" };

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char text[128];
		snprintf(text, sizeof(text), "{ name = \"t\"; peer = \"192.0.2.11\"; },\n%s", ends[i]);
		put("t.conf", text);
		assert_text_refused("a = (\n@include \"t.conf\"\n);\n",
			"t.conf:2: the file ends in the middle of a comment; is it whole? End its last line\n");
	}
	put("x.conf", "@include \"t.conf\"\n" NO_APNS);
	put("t.conf", GATEWAY "/* whole */");
	conf_free(loaded("x.conf"));
	put("t.conf", GATEWAY "/* whole, see #3 */ \t");
	conf_free(loaded("x.conf"));
}

/* What would end all traffic has to be said. */
static void no_apns(void **state)
{
	(void)state;
	assert_text_refused(GATEWAY,
		"x.conf:1: apns: is missing; is the file whole? Write apns = ( { name = \"meters\"; ... "
		"} ); or, where nothing is "
		"to be carried, apns = ( );\n");
	put("x.conf", GATEWAY NO_APNS);
	struct model *m = loaded("x.conf");
	struct buf printed = { 0 };
	conf_print(m, &printed);
	put("x.conf", buf_text(&printed));
	conf_free(loaded("x.conf"));
	buf_free(&printed);
	conf_free(m);
}

/* libconfig would take "g\x00h" for "g". */
static void escaped_nul(void **state)
{
	static const char why[] = "\\x00 stands in a text; take it out, or write \\\\ for a backslash\n";
	char expected[256];

	(void)state;
	snprintf(expected, sizeof(expected),
		"x.conf:1: gateway.name: %sx.conf:1: warning: apns: there is no APN; nothing will be carried\n"
		"x.conf:2: gateway.outer.address: %s",
		why, why);
	assert_text_refused("gateway = { name = \"g\\x00h\"; outer = { interface = \"eth0\";\n address = "
						"\"192.0.2.1\\\\\\X00\"; }; };\n",
		expected);
	assert_text_refused(
		"gateway = { name = \"\\\\x00\"; outer = { interface = \"eth0\"; address = \"192.0.2.1\"; }; };\n",
		"x.conf:1: gateway.name: \"\\x00\" is no name; use 1 to 32 small letters, digits and '-', with a letter or "
		"digit first\n"
		"x.conf:1: warning: apns: there is no APN; nothing will be carried\n");
}

static void bounds(void **state)
{
	struct buf keys = { 0 }, values = { 0 };

	(void)state;
	buf_puts(&keys, "x = ( {\n");
	for (unsigned i = 0; i < 500000; i++)
		buf_printf(&keys, "k%u = 1;\n", i);
	buf_puts(&keys, "} );\n");
	assert_text_refused(buf_text(&keys),
		"x.conf:66: more than 64 keys stand in one group; things of one kind stand in a "
		"list, in ( )\n");
	buf_puts(&values, "x = (\n");
	for (unsigned i = 0; i < SOURCE_VALUES_MAX; i++)
		buf_puts(&values, "1,\n");
	buf_puts(&values, "1 );\n");
	assert_text_refused(
		buf_text(&values), "x.conf:2000000: more than 2000000 keys and values; is it the right file?\n");
	buf_free(&keys);
	buf_free(&values);
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, enter_folder, leave_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(includes_anywhere),
		IN_FOLDER(included_twice),
		IN_FOLDER(word_in_text_and_comment),
		IN_FOLDER(errors_name_the_file),
		IN_FOLDER(syntax_errors_name_the_file),
		IN_FOLDER(last_text_of_a_list),
		IN_FOLDER(unreadable),
		IN_FOLDER(no_text),
		IN_FOLDER(recursion),
		IN_FOLDER(multiplication),
		IN_FOLDER(form_of_the_line),
		IN_FOLDER(no_configuration),
		IN_FOLDER(brackets_across_files),
		IN_FOLDER(numbers_that_are_something_else),
		IN_FOLDER(values_of_an_included_file),
		IN_FOLDER(syntax_errors_stand_alone),
		IN_FOLDER(what_does_not_end),
		IN_FOLDER(cut_short_anywhere),
		IN_FOLDER(cut_short_in_a_comment),
		IN_FOLDER(no_apns),
		IN_FOLDER(escaped_nul),
		IN_FOLDER(bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
