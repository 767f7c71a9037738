#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "conf/conf.h"
#include "conf/ids.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];

static int make_path(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/culvert-ids-XXXXXX");
	int fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

/* A model with APNs of the names, each on tunnels t and u. */
static struct model *model_of(const char *const *names, size_t n)
{
	struct diag_list diags = { 0 };
	struct buf text = { 0 };
	struct model *m = NULL;

	buf_puts(&text, "gateway = { name = \"g\"; outer = { interface = \"eth0\"; address = \"192.0.2.1\"; }; };\n"
					"carriers = ( { name = \"c\"; local_id = \"a\"; psk_file = \"k\"; tunnels = ( { name = \"t\"; peer "
					"= \"192.0.2.11\"; },\n"
					"  { name = \"u\"; peer = \"192.0.2.12\"; } ); } );\n"
					"apns = (");
	for (size_t i = 0; i < n; i++)
		buf_printf(&text,
			"%s{ name = \"%s\"; pool = [ \"10.%zu.0.0/16\" ]; tunnels = [ \"t\", \"u\" ]; cloud = { attach = "
			"\"dedicated\";\n"
			"interface = \"c%zu\"; address = \"192.168.0.4/24\"; prefixes = [ \"192.168.0.0/24\" ]; }; }",
			i ? ",\n" : "", names[i], i, i);
	buf_puts(&text, ");\n");
	assert_int_equal(conf_load_text(buf_text(&text), text.len, "x.conf", &diags, &m), 0);
	buf_free(&text);
	diag_free(&diags);
	return m;
}

static struct ids *ids_of(const char *text)
{
	struct ids *ids = NULL;

	assert_int_equal(io_write_file(path, text, strlen(text), 0600), 0);
	assert_int_equal(ids_load(path, &ids), 0);
	return ids;
}

static void assert_ids(const struct ids *ids, const char *expected)
{
	struct buf out = { 0 };

	ids_print(ids, &out);
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
}

static void absent_file_is_empty(void **state)
{
	struct ids *ids = NULL;

	(void)state;
	assert_int_equal(ids_load("/tmp/culvert-ids-none/ids", &ids), 0);
	assert_ids(ids, "end 0\n");
	ids_free(ids);
	ids_free(NULL);
}

static void first_numbers(void **state)
{
	struct model *m = model_of((const char *const[]){ "b", "a" }, 2);
	struct ids *ids = ids_of("end 0\n");

	(void)state;
	assert_int_equal(ids_assign(ids, m), 0);
	assert_ids(ids, "if_id a/t 3\nif_id a/u 4\nif_id b/t 1\nif_id b/u 2\ntable a 1002\ntable b 1001\ntunnel t "
					"1\ntunnel u 2\nend 8\n");
	assert_int_equal(m->apns[0].table, 1001);
	assert_int_equal(m->apns[0].links[1].if_id, 2);
	assert_int_equal(m->apns[1].table, 1002);
	assert_int_equal(m->apns[1].links[0].if_id, 3);
	ids_free(ids);
	conf_free(m);
}

/* Through a file, another order and a time out of the configuration. */
static void names_keep_their_numbers(void **state)
{
	struct model *both = model_of((const char *const[]){ "b", "a" }, 2),
				 *one = model_of((const char *const[]){ "c" }, 1),
				 *again = model_of((const char *const[]){ "a", "c", "b" }, 3);
	struct ids *ids = ids_of("end 0\n");
	struct buf text = { 0 };

	(void)state;
	assert_int_equal(ids_assign(ids, both), 0);
	assert_int_equal(ids_assign(ids, one), 0);
	ids_print(ids, &text);
	ids_free(ids);
	ids = ids_of(buf_text(&text));
	assert_int_equal(ids_assign(ids, again), 0);
	assert_ids(ids, buf_text(&text));
	assert_int_equal(again->apns[0].table, both->apns[1].table);
	assert_int_equal(again->apns[1].links[1].if_id, one->apns[0].links[1].if_id);
	assert_int_equal(again->apns[2].links[0].if_id, both->apns[0].links[0].if_id);
	buf_free(&text);
	ids_free(ids);
	conf_free(both);
	conf_free(one);
	conf_free(again);
}

static void gaps_are_filled(void **state)
{
	struct model *m = model_of((const char *const[]){ "n", "o" }, 2);
	struct ids *ids = ids_of("if_id x/y 1\nif_id x/z 3\nif_id y/y 4\ntable x 1002\nend 4\n");

	(void)state;
	assert_int_equal(ids_assign(ids, m), 0);
	assert_int_equal(m->apns[0].links[0].if_id, 2);
	assert_int_equal(m->apns[0].links[1].if_id, 5);
	assert_int_equal(m->apns[1].links[0].if_id, 6);
	assert_int_equal(m->apns[0].table, 1001);
	assert_int_equal(m->apns[1].table, 1003);
	ids_free(ids);
	conf_free(m);
}

static void assert_malformed(const char *text, size_t len)
{
	struct ids *ids = NULL;

	assert_int_equal(io_write_file(path, text, len, 0600), 0);
	if (ids_load(path, &ids) != -EINVAL)
		fail_msg("taken: %s", text);
	assert_null(ids);
}

/* What is left of a file that was cut anywhere is refused, also at the end of a line. */
static void cut_is_refused(void **state)
{
	static const char whole[] = "if_id a/t 1\ntable a 1001\ntunnel t 1\nend 3\n";
	static const char *const others[] = { "end 1\n", "if_id a/t 1\nend 0\n", "if_id a/t 1\nend 2\n", "end 0\nend 0\n",
		"end 00\n", "end\n", "end 0 \n", "end -0\n", "end 0\n\n", "if_id a/t 1\nend 1" };

	(void)state;
	for (size_t len = 0; len < strlen(whole); len++)
		assert_malformed(whole, len);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_malformed(others[i], strlen(others[i]));
	ids_free(ids_of(whole));
}

/* All tables were given away once: names that are not configured lose theirs, the others keep them. */
static void exhausted_numbers_come_back(void **state)
{
	struct model *m = model_of((const char *const[]){ "n", "x7" }, 2);
	struct buf text = { 0 };

	(void)state;
	for (unsigned i = 0; i <= IDS_TABLE_LAST - IDS_TABLE_FIRST; i++)
		buf_printf(&text, "table x%u %u\n", i, IDS_TABLE_FIRST + i);
	buf_printf(&text, "end %u\n", IDS_TABLE_LAST - IDS_TABLE_FIRST + 1);
	struct ids *ids = ids_of(buf_text(&text));
	assert_int_equal(ids_assign(ids, m), 0);
	assert_int_equal(m->apns[0].table, IDS_TABLE_FIRST);
	assert_int_equal(m->apns[1].table, IDS_TABLE_FIRST + 7);
	assert_ids(ids, "if_id n/t 1\nif_id n/u 2\nif_id x7/t 3\nif_id x7/u 4\ntable n 1001\ntable x7 1008\ntunnel t "
					"1\ntunnel u 2\nend 8\n");
	buf_free(&text);
	ids_free(ids);
	conf_free(m);
}

static void malformed_is_refused(void **state)
{
	static const char *const texts[] = {
		"if_id a/t 1", /* cut short */
		"\n",
		"if_id\n",
		"if_id a/t\n",
		"if_id a/t \n",
		"if_id a/t 0\n",
		"if_id a/t 01\n",
		"if_id a/t -1\n",
		"if_id a/t 1 \n",
		"if_id a/t 1 2\n",
		"if_id a/t 100000000\n", /* too long for an interface's name */
		"if_id a 1\n",
		"if_id /t 1\n",
		"if_id a/ 1\n",
		"if_id a/b/c 1\n",
		"if_id A/t 1\n",
		"table a 1000\n", /* below the first */
		"table a/t 1001\n",
		"zone a 1\n",
		"if_id a/t 1\nif_id b/t 1\n", /* a number twice */
		"if_id a/t 1\nif_id a/t 2\n", /* a name twice */
		"table a 1001\ntable b 1001\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct buf text = { 0 };
		unsigned lines = 0;
		for (const char *c = texts[i]; *c; c++)
			lines += *c == '\n';
		buf_printf(&text, "%send %u\n", texts[i], lines);
		assert_malformed(buf_text(&text), text.len);
		buf_free(&text);
	}
	assert_malformed("if_id a/t 1\n\0end 1\n", 19);
	struct ids *ids = NULL;
	assert_int_equal(ids_load("/tmp", &ids), -EINVAL);
}

#define WITH_PATH(f) cmocka_unit_test_setup_teardown(f, make_path, remove_path)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(absent_file_is_empty),
		WITH_PATH(first_numbers),
		WITH_PATH(names_keep_their_numbers),
		WITH_PATH(gaps_are_filled),
		WITH_PATH(malformed_is_refused),
		WITH_PATH(cut_is_refused),
		WITH_PATH(exhausted_numbers_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
