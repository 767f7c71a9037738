/* Freezing, switching, pruning, and what a crash at each step leaves, in a folder of its own, which is the current one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/archive.h"
#include "appliance/daemon/generation.h"
#include "appliance/daemon/meta.h"
#include "appliance/daemon/outline.h"
#include "conf/conf.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* %s: the pool */
static const char conf_format[] =
	"gateway = { name = \"g\"; outer = { interface = \"eth0\"; address = \"192.0.2.1\"; }; };\n"
	"carriers = ( { name = \"c\"; local_id = \"a\"; psk_file = \"c.psk\";\n"
	"  tunnels = ( { name = \"t\"; peer = \"192.0.2.11\"; } ); } );\n"
	"apns = ( { name = \"a\"; pool = [ \"%s\" ]; tunnels = [ \"t\" ]; cloud = { attach = \"dedicated\";\n"
	"  interface = \"eth1\"; address = \"10.110.0.4/20\"; prefixes = [ \"10.110.0.0/20\" ]; }; } );\n";

static char folder[64];

static void write_text(const char *path, const char *text)
{
	assert_int_equal(io_write_file(path, text, strlen(text), 0600), 0);
}

static void write_conf(const char *pool)
{
	struct buf text = { 0 };

	buf_printf(&text, conf_format, pool);
	write_text("etc/culvert.conf", buf_text(&text));
	buf_free(&text);
}

static int enter_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/culvert-generation-XXXXXX");
	if (!mkdtemp(folder) || chdir(folder) || mkdir("etc", 0755) || mkdir("etc/secrets", 0700))
		return -1;
	write_conf("10.64.0.0/16");
	write_text("etc/secrets/c.psk", "0123456789abcdef0123456789abcdef\n");
	return 0;
}

static int leave_folder(void **state)
{
	(void)state;
	return chdir("/") || io_remove_tree(folder) ? -1 : 0;
}

static struct generation in_force(unsigned number)
{
	struct diag_list diags = { 0 };
	struct generation g = { 0 };

	if (number)
		assert_int_equal(generation_load("run", number, &diags, &g), 0);
	diag_free(&diags);
	return g;
}

/* As freezing returns. */
static int freeze_model(
	struct model **m, unsigned current, struct diag_list *diags, struct generation *g, bool *changed)
{
	struct generation_source source = { .model = m, .who = "root (uid 0)", .file = "etc/culvert.conf" };
	struct outline_difference d = { 0 };
	struct generation old = in_force(current);
	int r = generation_freeze("run", "state", &source, &old, diags, g, &d, changed);

	outline_free(&d);
	generation_free(&old);
	return r;
}

/* Loads the operator's file and freezes it; a generation that is made is switched to and freed. Returns its number. */
static unsigned freeze(unsigned current)
{
	struct diag_list diags = { 0 };
	struct generation g = { 0 };
	struct model *m = NULL;
	bool changed = false;
	unsigned number;

	assert_int_equal(conf_load("etc/culvert.conf", &diags, &m), 0);
	assert_int_equal(freeze_model(&m, current, &diags, &g, &changed), 0);
	assert_int_equal(changed, g.number != 0);
	number = g.number;
	if (number)
		assert_int_equal(generation_switch("run", number), 0);
	generation_free(&g);
	conf_free(m);
	diag_free(&diags);
	return number;
}

static void assert_mode(const char *path, mode_t mode)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static void first_is_whole_and_closed(void **state)
{
	(void)state;
	assert_int_equal(freeze(0), 1);
	assert_mode("run/gen", 0700);
	assert_mode("run/gen/1", 0700);
	assert_mode("run/gen/1/secrets", 0600);
	assert_mode("run/gen/1/culvert.conf", 0600);
	assert_mode("run/gen/1/ids", 0600);
	assert_int_equal(access("run/gen/1.part", F_OK), -1);
	assert_int_equal(access("state/ids", R_OK), 0);
}

static void same_input_is_the_same_generation(void **state)
{
	(void)state;
	assert_int_equal(freeze(0), 1);
	assert_int_equal(freeze(1), 0);
	write_conf("10.65.0.0/16");
	assert_int_equal(freeze(1), 2);
}

static void changed_secret_is_a_new_generation(void **state)
{
	(void)state;
	assert_int_equal(freeze(0), 1);
	write_text("etc/secrets/c.psk", "another-0123456789abcdef0123456789\n");
	assert_int_equal(freeze(1), 2);
	assert_int_equal(freeze(2), 0);
}

static void current_loads_with_its_numbers(void **state)
{
	struct diag_list diags = { 0 };
	struct generation g = { 0 };

	(void)state;
	assert_int_equal(generation_load_current("run", &diags, &g), -ENOENT);
	assert_int_equal(freeze(0), 1);
	assert_int_equal(generation_load_current("run", &diags, &g), 0);
	assert_int_equal(g.number, 1);
	assert_int_equal(g.model->apns[0].table, 1001);
	assert_int_equal(g.model->apns[0].links[0].if_id, 1);
	assert_string_equal(g.model->dir, "run/gen/1");
	generation_free(&g);
	diag_free(&diags);
}

static void numbers_outlast_the_run_folder(void **state)
{
	struct diag_list diags = { 0 };
	struct generation g = { 0 };

	(void)state;
	write_text("state-ids", "if_id a/t 7\ntable a 1009\nend 2\n");
	assert_int_equal(mkdir("state", 0755), 0);
	assert_int_equal(rename("state-ids", "state/ids"), 0);
	assert_int_equal(freeze(0), 1);
	assert_int_equal(generation_load_current("run", &diags, &g), 0);
	assert_int_equal(g.model->apns[0].table, 1009);
	assert_int_equal(g.model->apns[0].links[0].if_id, 7);
	generation_free(&g);
	diag_free(&diags);
}

/* What the loader says of the operator's file it would say of the frozen one again. */
static void no_message_is_said_twice(void **state)
{
	struct diag_list diags = { 0 };
	struct generation g = { 0 };
	struct model *m = NULL;
	bool changed = false;

	(void)state;
	write_text("etc/secrets/c.psk", "twenty-two-octets-long\n");
	assert_int_equal(conf_load("etc/culvert.conf", &diags, &m), 0);
	assert_int_equal(diags.count, 1);
	assert_int_equal(freeze_model(&m, 0, &diags, &g, &changed), 0);
	assert_true(changed);
	assert_int_equal(diags.count, 1);
	assert_string_equal(diags.items[0].file, "etc/culvert.conf");
	generation_free(&g);
	conf_free(m);
	diag_free(&diags);
}

static void bad_numbers_refuse(void **state)
{
	struct diag_list diags = { 0 };
	struct buf said = { 0 };
	struct generation g = { 0 };
	struct model *m = NULL;
	bool changed = false;

	(void)state;
	assert_int_equal(mkdir("state", 0755), 0);
	write_text("state/ids", "if_id a/t seven\nend 1\n");
	assert_int_equal(conf_load("etc/culvert.conf", &diags, &m), 0);
	assert_int_equal(freeze_model(&m, 0, &diags, &g, &changed), -EINVAL);
	diag_print(&diags, &said);
	assert_non_null(strstr(buf_text(&said), "state/ids: does not hold the numbers"));
	assert_int_equal(access("run/gen", F_OK), -1);
	buf_free(&said);
	conf_free(m);
	diag_free(&diags);
}

/* What was checked is what is frozen, whatever becomes of the file in between. */
static void secret_is_frozen_as_it_was_checked(void **state)
{
	struct diag_list diags = { 0 };
	struct generation g = { 0 };
	struct model *m = NULL;
	bool changed = false;
	char *secrets;
	size_t len;

	(void)state;
	assert_int_equal(freeze(0), 1);
	write_conf("10.66.0.0/16");
	assert_int_equal(conf_load("etc/culvert.conf", &diags, &m), 0);
	assert_int_equal(unlink("etc/secrets/c.psk"), 0);
	assert_int_equal(freeze_model(&m, 1, &diags, &g, &changed), 0);
	assert_true(changed);
	assert_null(g.model->secrets);
	assert_int_equal(io_read_file("run/gen/2/secrets", 1000, &secrets, &len), 0);
	assert_string_equal(secrets, "secrets 1\nc.psk 33\n0123456789abcdef0123456789abcdef\n\n");
	free(secrets);
	generation_free(&g);
	conf_free(m);
	diag_free(&diags);
}

/* One that culvertd could not read, which is a warning to who is not root, is not left out. */
static void unread_secret_refuses(void **state)
{
	struct diag_list diags = { 0 };
	struct generation g = { 0 };
	struct model *m = NULL;
	bool changed = false;

	(void)state;
	assert_int_equal(freeze(0), 1);
	assert_int_equal(conf_load("etc/culvert.conf", &diags, &m), 0);
	assert_int_equal(conf_move(m, "etc"), 0);
	assert_int_not_equal(freeze_model(&m, 1, &diags, &g, &changed), 0);
	assert_int_not_equal(diags.errors, 0);
	assert_false(changed);
	assert_int_equal(access("run/gen/2", F_OK), -1);
	assert_int_equal(access("run/gen/2.part", F_OK), -1);
	conf_free(m);
	diag_free(&diags);
}

/* Half-made, whole but never switched to, half-removed: none of it is loaded, none of it is numbered over. */
static void leftovers_of_a_crash_do_not_count(void **state)
{
	struct diag_list diags = { 0 };
	struct generation g = { 0 };

	(void)state;
	assert_int_equal(freeze(0), 1);
	assert_int_equal(mkdir("run/gen/2", 0700), 0);
	assert_int_equal(mkdir("run/gen/3.part", 0700), 0);
	write_text("run/gen/3.part/ids", "half");
	assert_int_equal(generation_load_current("run", &diags, &g), 0);
	assert_int_equal(g.number, 1);
	generation_free(&g);
	write_conf("10.66.0.0/16");
	assert_int_equal(freeze(1), 3);
	archive_prune("run");
	assert_int_equal(access("run/gen/1", F_OK), 0);
	assert_int_equal(access("run/gen/3.part", F_OK), -1);
	assert_int_equal(access("run/gen/3/secrets", F_OK), 0);
	diag_free(&diags);
}

static void bad_current_is_refused(void **state)
{
	static const char *const targets[] = { "../../etc", "0", "1x", "99999999999", "01", "-1" };
	(void)state;
	assert_int_equal(freeze(0), 1);
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		struct diag_list diags = { 0 };
		struct generation g = { 0 };

		assert_int_equal(io_replace_link("run/gen/current", targets[i]), 0);
		assert_int_equal(generation_load_current("run", &diags, &g), -EINVAL);
		diag_free(&diags);
	}
}

/* Exactly ten that were in force, however many were not. */
static void prune_keeps_ten(void **state)
{
	unsigned *kept = NULL;
	size_t n = 0;
	char pool[32];

	(void)state;
	for (unsigned i = 1; i <= 14; i++) {
		snprintf(pool, sizeof(pool), "10.%u.0.0/16", 10 + i);
		write_conf(pool);
		assert_int_equal(freeze(i - 1), i);
	}
	assert_int_equal(mkdir("run/gen/15", 0700) | mkdir("run/gen/next.part", 0700), 0);
	write_text("run/gen/last.abcdef", "half");
	archive_prune("run");
	assert_int_equal(access("run/gen/15", F_OK), -1);
	assert_int_equal(access("run/gen/next.part", F_OK), -1);
	assert_int_equal(access("run/gen/last.abcdef", F_OK), -1);
	assert_int_equal(archive_list("run", &kept, &n), 0);
	assert_int_equal(n, 10);
	assert_int_equal(kept[0], 14);
	assert_int_equal(kept[9], 5);
	free(kept);
}

/* Nothing is thrown away on the word of a link that says nothing. */
static void prune_needs_to_know_the_current_one(void **state)
{
	(void)state;
	assert_int_equal(freeze(0), 1);
	assert_int_equal(io_replace_link("run/gen/current", "../1"), 0);
	archive_prune("run");
	assert_int_equal(access("run/gen/1", F_OK), 0);
}

static void numbers_go_on_after_what_was_discarded(void **state)
{
	unsigned number = 0;

	(void)state;
	assert_int_equal(freeze(0), 1);
	assert_int_equal(archive_give("run", &number), 0);
	assert_int_equal(number, 2);
	assert_int_equal(archive_give("run", &number), 0);
	assert_int_equal(number, 3);
	write_text("run/gen/last", "garbled");
	assert_int_equal(mkdir("run/gen/7", 0700), 0);
	assert_int_equal(archive_give("run", &number), 0);
	assert_int_equal(number, 8);
}

static void remembers_who_and_what(void **state)
{
	struct meta m;

	(void)state;
	assert_int_equal(freeze(0), 1);
	generation_meta("run", 1, &m);
	assert_string_equal(m.who, "root (uid 0)");
	assert_string_equal(m.file, "etc/culvert.conf");
	assert_int_equal(strlen(m.when), 20);
	assert_int_equal(m.before, 0);
	assert_true(m.counted);
	assert_int_equal(m.tunnels.added, 1);
	write_text("etc/secrets/c.psk", "another-0123456789abcdef0123456789\n");
	assert_int_equal(freeze(1), 2);
	generation_meta("run", 2, &m);
	assert_int_equal(m.before, 1);
	assert_int_equal(m.tunnels.changed, 1);
	assert_int_equal(m.apns.kept, 1);
	/* Of an older culvertd, or garbled: unknown, and no more than that. */
	assert_int_equal(unlink("run/gen/2/meta"), 0);
	generation_meta("run", 2, &m);
	assert_string_equal(m.who, "");
	assert_false(m.counted);
	assert_int_equal(freeze(2), 0);
}

/* The order of what has names says nothing; that of an APN's tunnels does. */
static void another_order_is_no_change(void **state)
{
	static const char format[] =
		"gateway = { name = \"g\"; outer = { interface = \"eth0\"; address = \"192.0.2.1\"; }; };\n"
		"carriers = ( { name = \"c\"; local_id = \"a\"; psk_file = \"c.psk\";\n"
		"  tunnels = ( { name = \"%s\"; peer = \"192.0.2.1%s\"; }, { name = \"%s\"; peer = \"192.0.2.1%s\"; } ); } );\n"
		"apns = ( { name = \"a\"; pool = [ \"10.64.0.0/16\" ]; tunnels = [ \"%s\", \"%s\" ];\n"
		"  cloud = { attach = \"dedicated\"; interface = \"eth1\"; address = \"10.110.0.4/20\";\n"
		"  prefixes = [ \"10.110.0.0/20\" ]; }; } );\n";
	static const struct {
		const char *words[6];
		unsigned number;
	} cases[] = {
		{ { "t", "1", "u", "2", "t", "u" }, 1 },
		{ { "u", "2", "t", "1", "t", "u" }, 0 },
		{ { "u", "2", "t", "1", "u", "t" }, 2 },
		{ { "u", "1", "t", "2", "u", "t" }, 3 },
	};
	unsigned current = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const *w = cases[i].words;
		struct buf text = { 0 };

		buf_printf(&text, format, w[0], w[1], w[2], w[3], w[4], w[5]);
		write_text("etc/culvert.conf", buf_text(&text));
		buf_free(&text);
		assert_int_equal(freeze(current), cases[i].number);
		current = cases[i].number ? cases[i].number : current;
	}
}

/* What culvertd goes on with is what it will load after a restart. */
static void the_model_is_taken_over(void **state)
{
	struct diag_list diags = { 0 };
	struct buf taken = { 0 }, loaded = { 0 };
	struct generation g = { 0 }, again;
	struct model *m = NULL;
	bool changed = false;

	(void)state;
	assert_int_equal(conf_load("etc/culvert.conf", &diags, &m), 0);
	assert_int_equal(freeze_model(&m, 0, &diags, &g, &changed), 0);
	assert_null(m);
	assert_string_equal(g.model->dir, "run/gen/1");
	again = in_force(1);
	conf_print(g.model, &taken);
	conf_print(again.model, &loaded);
	assert_string_equal(buf_text(&taken), buf_text(&loaded));
	assert_int_equal(g.model->apns[0].table, again.model->apns[0].table);
	assert_int_equal(g.model->apns[0].links[0].if_id, again.model->apns[0].links[0].if_id);
	buf_free(&taken);
	buf_free(&loaded);
	generation_free(&g);
	generation_free(&again);
	diag_free(&diags);
}

static void a_draft_leaves_no_trace(void **state)
{
	struct diag_list diags = { 0 };
	struct outline_difference d = { 0 };
	struct generation old;
	struct model *m = NULL;
	struct generation_source source = { .model = &m, .who = "", .file = "etc/culvert.conf" };
	char *before = NULL, *after = NULL;
	size_t len = 0;
	bool changed = false;

	(void)state;
	assert_int_equal(freeze(0), 1);
	assert_int_equal(io_read_file("state/ids", 1000, &before, &len), 0);
	write_conf("10.66.0.0/16");
	assert_int_equal(conf_load("etc/culvert.conf", &diags, &m), 0);
	old = in_force(1);
	assert_int_equal(generation_draft("run", "state", &source, &old, &diags, &d, &changed), 0);
	assert_true(changed);
	assert_int_equal(d.apns.changed, 1);
	assert_int_equal(access("run/gen/1000000000/secrets", F_OK), 0);
	assert_int_equal(access("run/gen/2", F_OK), -1);
	assert_int_equal(io_read_file("state/ids", 1000, &after, &len), 0);
	assert_string_equal(before, after);
	archive_prune("run");
	assert_int_equal(access("run/gen/1", F_OK), 0);
	generation_discard("run", GENERATION_DRAFT);
	assert_int_equal(access("run/gen/1000000000", F_OK), -1);
	assert_int_equal(freeze(1), 2);
	outline_free(&d);
	generation_free(&old);
	assert_non_null(m);
	conf_free(m);
	diag_free(&diags);
	free(before);
	free(after);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(first_is_whole_and_closed),
		in_folder(same_input_is_the_same_generation),
		in_folder(changed_secret_is_a_new_generation),
		in_folder(current_loads_with_its_numbers),
		in_folder(numbers_outlast_the_run_folder),
		in_folder(no_message_is_said_twice),
		in_folder(bad_numbers_refuse),
		in_folder(secret_is_frozen_as_it_was_checked),
		in_folder(unread_secret_refuses),
		in_folder(leftovers_of_a_crash_do_not_count),
		in_folder(bad_current_is_refused),
		in_folder(prune_keeps_ten),
		in_folder(prune_needs_to_know_the_current_one),
		in_folder(numbers_go_on_after_what_was_discarded),
		in_folder(remembers_who_and_what),
		in_folder(a_draft_leaves_no_trace),
		in_folder(the_model_is_taken_over),
		in_folder(another_order_is_no_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
