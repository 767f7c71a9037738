/* Files of secrets that did not change since are not read again; whatever is done to one, it is. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "conf/conf.h"
#include "conf/model.h"
#include "conf/stamps.h"
#include "conf/vault.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char conf[] =
	"gateway = { name = \"g\"; outer = { interface = \"eth0\"; address = \"192.0.2.1\"; }; };\n"
	"carriers = ( { name = \"c\"; local_id = \"g.example.net\"; psk_file = \"c.psk\"; tunnels = (\n"
	"	{ name = \"t\"; peer = \"192.0.2.11\"; } ); } );\n"
	"apns = ( { name = \"a\"; pool = [ \"10.64.0.0/16\" ]; tunnels = [ \"t\" ];\n"
	"	cloud = { attach = \"dedicated\"; interface = \"eth1\"; address = \"10.110.0.4/20\";\n"
	"		prefixes = [ \"10.110.0.0/20\" ]; }; } );\n";

#define FIRST  "0123456789abcdef0123456789abcdeg\n"
#define SECOND "0123456789abcdef0123456789abcdeh\n"
#define KEPT   "what-was-kept-of-it-elsewhere-xyz\n"

static char folder[64];
static struct model *before;

/* Later by more than a step of the file system's clock, so that files made a moment ago have stamps. */
static time_t later(void)
{
	return time(NULL) + 60;
}

static struct model *load(time_t now)
{
	struct diag_list diags = { 0 };
	struct model *m = NULL;

	assert_int_equal(conf_load_after("x.conf", before, now, NULL, &diags, &m), 0);
	assert_int_equal(diags.errors, 0);
	diag_free(&diags);
	return m;
}

/* The model of a generation that keeps something else in the place of what it read, so that it shows who took that. */
static void keep(time_t now)
{
	static const char vault[] = "secrets 1\nc.psk 34\n" KEPT "\n";

	before = load(now);
	assert_int_equal(io_make_dirs("gen", 0700), 0);
	assert_int_equal(io_write_file("gen/secrets", vault, sizeof(vault) - 1, 0600), 0);
	assert_int_equal(conf_move(before, "gen"), 0);
}

static int enter_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/culvert-stamps-XXXXXX");
	before = NULL;
	if (!mkdtemp(folder) || chdir(folder) || mkdir("secrets", 0700))
		return -1;
	return io_write_file("x.conf", conf, strlen(conf), 0600) ||
		   io_write_file("secrets/c.psk", FIRST, strlen(FIRST), 0600);
}

static int leave_folder(void **state)
{
	(void)state;
	conf_free(before);
	return chdir("/") || io_remove_tree(folder) ? -1 : 0;
}

static void assert_loads(const char *expected)
{
	struct model *m = load(later());
	char *octets;
	size_t len;

	assert_int_equal(conf_read_secret(m, "c.psk", &octets, &len), 0);
	assert_string_equal(octets, expected);
	io_free_secret(octets, len);
	conf_free(m);
}

static struct stat look(void)
{
	struct stat st;

	assert_int_equal(stat("secrets/c.psk", &st), 0);
	return st;
}

/* Writes into the file until its time of change is another: its clock goes in steps. */
static void write_in_place(const char *text)
{
	struct stat was = look(), is = was;
	int fd = open("secrets/c.psk", O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	for (unsigned i = 0;
		i < 10000000 && is.st_ctim.tv_sec == was.st_ctim.tv_sec && is.st_ctim.tv_nsec == was.st_ctim.tv_nsec; i++) {
		assert_int_equal(pwrite(fd, text, strlen(text), 0), (ssize_t)strlen(text));
		is = look();
	}
	close(fd);
	assert_int_equal(is.st_ino, was.st_ino);
	assert_int_equal(is.st_size, was.st_size);
}

static void unchanged(void **state)
{
	(void)state;
	keep(later());
	assert_loads(KEPT);
}

/* And what is taken again counts as read: it is taken again the next time. */
static void unchanged_again(void **state)
{
	(void)state;
	keep(later());
	struct model *m = load(later());
	assert_int_equal(conf_move(m, "gen"), 0);
	conf_free(before);
	before = m;
	assert_loads(KEPT);
}

static void written_in_place(void **state)
{
	(void)state;
	keep(later());
	write_in_place(SECOND);
	assert_loads(SECOND);
}

static void times_set_back(void **state)
{
	(void)state;
	keep(later());
	struct stat was = look();
	write_in_place(SECOND);
	assert_int_equal(utimensat(AT_FDCWD, "secrets/c.psk", (const struct timespec[]){ was.st_atim, was.st_mtim }, 0), 0);
	assert_loads(SECOND);
}

static void another_in_its_place(void **state)
{
	(void)state;
	keep(later());
	assert_int_equal(io_write_file("secrets/c.psk", SECOND, strlen(SECOND), 0600), 0);
	assert_loads(SECOND);
}

/* It may have changed again within the same step of the clock. */
static void changed_just_before(void **state)
{
	(void)state;
	keep(time(NULL));
	assert_loads(FIRST);
}

/* A clock that was set back says nothing. */
static void changed_in_the_future(void **state)
{
	(void)state;
	keep(time(NULL) - 3600);
	assert_loads(FIRST);
}

static void not_kept(void **state)
{
	(void)state;
	keep(later());
	assert_int_equal(unlink("gen/secrets"), 0);
	assert_loads(FIRST);
}

static void assert_refused(const char *expected)
{
	struct diag_list diags = { 0 };
	struct buf out = { 0 };
	struct model *m;

	assert_int_equal(conf_load_after("x.conf", before, later(), NULL, &diags, &m), -EINVAL);
	diag_print(&diags, &out);
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
	diag_free(&diags);
}

static void open_to_others(void **state)
{
	(void)state;
	keep(later());
	assert_int_equal(chmod("secrets/c.psk", 0644), 0);
	assert_refused("x.conf:2: carriers[0].psk_file: ./secrets/c.psk: mode 0644 lets others in; chmod it to 0600\n");
}

static void gone(void **state)
{
	(void)state;
	keep(later());
	assert_int_equal(unlink("secrets/c.psk"), 0);
	assert_refused("x.conf:2: carriers[0].psk_file: ./secrets/c.psk: is not there; put the carrier's key into it, or "
				   "make one: culvert secret new c.psk --dir ./secrets\n");
}

/* Two readings of one file may not have seen the same. */
static void read_twice(void **state)
{
	struct stamps *s = stamps_new(3);
	struct stat st = look();

	(void)state;
	stamps_add(s, "b", &st, later());
	stamps_add(s, "a", &st, later());
	stamps_add(s, "b", &st, later());
	stamps_sort(s);
	assert_true(stamps_fit(s, "a", &st));
	assert_false(stamps_fit(s, "b", &st));
	assert_false(stamps_fit(s, "c", &st));
	st.st_size++;
	assert_false(stamps_fit(s, "a", &st));
	assert_false(stamps_fit(NULL, "a", &st));
	stamps_free(s);
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, enter_folder, leave_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(unchanged),
		IN_FOLDER(unchanged_again),
		IN_FOLDER(written_in_place),
		IN_FOLDER(times_set_back),
		IN_FOLDER(another_in_its_place),
		IN_FOLDER(changed_just_before),
		IN_FOLDER(changed_in_the_future),
		IN_FOLDER(not_kept),
		IN_FOLDER(open_to_others),
		IN_FOLDER(gone),
		IN_FOLDER(read_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
