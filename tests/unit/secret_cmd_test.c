/* culvert secret new: what it writes is a good key for the loader, is never shown, and never replaces anything. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/cmd/cmd.h"
#include "conf/conf.h"
#include "lib/diag.h"
#include "lib/io.h"
#include "tests/unit/said.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], secrets[80];
static struct said said;

static int start(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/culvert-secret-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(secrets, sizeof(secrets), "%s/secrets", folder);
	return mkdir(secrets, 0700);
}

static int stop(void **state)
{
	(void)state;
	return io_remove_tree(folder);
}

#define RUN(...) SAID_RUN(&said, cmd_secret, "secret", __VA_ARGS__)

/* What is in the file, without the newline that must end it; the caller frees it. */
static char *key_in(const char *name, size_t *ret_len)
{
	char path[128], *text;

	snprintf(path, sizeof(path), "%s/%s", secrets, name);
	assert_int_equal(io_read_file(path, SAID_MAX, &text, ret_len), 0);
	assert_true(*ret_len > 0 && text[*ret_len - 1] == '\n');
	text[--*ret_len] = '\0';
	return text;
}

static bool exists(const char *name)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", secrets, name);
	return !lstat(path, &st);
}

static void a_key_is_made(void **state)
{
	char path[128], *first, *second;
	struct stat st;
	size_t len;

	(void)state;
	mode_t before = umask(0777);
	int code = RUN("new", "a.psk", "--dir", secrets);
	umask(before);
	assert_int_equal(code, EXIT_OK);
	snprintf(path, sizeof(path), "%s/a.psk", secrets);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	first = key_in("a.psk", &len);
	assert_int_equal(len, 44);
	assert_int_equal(strspn(first, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"), 44);
	assert_null(strstr(said.out, first));
	assert_null(strstr(said.err, first));
	assert_non_null(strstr(said.out, "psk_file = \"a.psk\";"));
	assert_non_null(strstr(said.out, path));

	assert_int_equal(RUN("new", "b.psk", "--length", "128", "--dir", secrets), EXIT_OK);
	second = key_in("b.psk", &len);
	assert_int_equal(len, 128);
	assert_null(strstr(said.out, second));
	assert_null(strstr(said.err, second));
	assert_int_not_equal(strncmp(first, second, 16), 0);
	free(first);
	free(second);
}

/* The loader has nothing to say of it, not even a warning. */
static void the_loader_likes_it(void **state)
{
	static const char text[] =
		"gateway = { name = \"g\"; outer = { interface = \"eth0\"; address = \"192.0.2.1\"; }; };\n"
		"carriers = ( { name = \"c\"; local_id = \"a\"; psk_file = \"a.psk\"; tunnels = ( { name = \"t\"; peer = "
		"\"192.0.2.11\"; } ); } );\n"
		"apns = ( { name = \"a\"; pool = [ \"10.64.0.0/16\" ]; tunnels = [ \"t\" ]; cloud = { attach = \"dedicated\";\n"
		"interface = \"eth1\"; address = \"10.110.0.4/20\"; prefixes = [ \"10.110.0.0/20\" ]; }; } );\n";
	struct diag_list diags = { 0 };
	char path[128];
	struct model *m = NULL;

	(void)state;
	assert_int_equal(RUN("new", "a.psk", "--length", "43", "--dir", secrets), EXIT_OK);
	snprintf(path, sizeof(path), "%s/culvert.conf", folder);
	assert_int_equal(io_write_file(path, text, sizeof(text) - 1, 0600), 0);
	assert_int_equal(conf_load(path, &diags, &m), 0);
	assert_int_equal(diags.count, 0);
	diag_free(&diags);
	conf_free(m);
}

static void nothing_is_replaced(void **state)
{
	char path[128], *key;
	size_t len;

	(void)state;
	snprintf(path, sizeof(path), "%s/a.psk", secrets);
	assert_int_equal(io_write_file(path, "in-use\n", 7, 0600), 0);
	assert_int_equal(RUN("new", "a.psk", "--dir", secrets), EXIT_BAD);
	assert_non_null(strstr(said.err, "psk_file = [ \"new\", \"old\" ]"));
	key = key_in("a.psk", &len);
	assert_string_equal(key, "in-use");
	free(key);

	/* Nor does it write through a link. */
	snprintf(path, sizeof(path), "%s/link.psk", secrets);
	assert_int_equal(symlink("target", path), 0);
	assert_int_equal(RUN("new", "link.psk", "--dir", secrets), EXIT_BAD);
	assert_false(exists("target"));
}

static void a_folder_of_others_is_refused(void **state)
{
	static const mode_t modes[] = { 0770, 0707, 0777, 01777 };

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(secrets, modes[i]), 0);
		assert_int_equal(RUN("new", "a.psk", "--dir", secrets), EXIT_BAD);
		assert_non_null(strstr(said.err, "lets others put files there; chmod it to 0700"));
		assert_false(exists("a.psk"));
	}
	assert_int_equal(chmod(secrets, 0700), 0);
	/* In a user namespace with one user, root included, there is nobody to give it to. */
	if (!chown(secrets, 12345, (gid_t)-1)) {
		assert_int_equal(RUN("new", "a.psk", "--dir", secrets), EXIT_BAD);
		assert_non_null(strstr(said.err, "belongs to user 12345; chown it to root"));
		assert_int_equal(chown(secrets, geteuid(), (gid_t)-1), 0);
	}
	assert_int_equal(RUN("new", "a.psk", "--dir", "/tmp/culvert-no-such-folder"), EXIT_BAD);
	assert_non_null(strstr(said.err, "/tmp/culvert-no-such-folder: is not there; make it: mkdir -m 0700 "));
}

static void wrong_usage(void **state)
{
	static const char *const names[] = { "../a", "a/b", ".a", "", "a b", "-a", "a\n",
		"0123456789012345678901234567890123456789012345678901234567890123456" };
	static const char *const lengths[] = { "42", "129", "0", "-50", "50x", "", "99999999999999999999" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(RUN("new", names[i], "--dir", secrets), EXIT_USAGE);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		assert_int_equal(RUN("new", "a.psk", "--length", lengths[i], "--dir", secrets), EXIT_USAGE);
	assert_int_equal(RUN("new"), EXIT_USAGE);
	assert_int_equal(RUN("old", "a.psk"), EXIT_USAGE);
	assert_int_equal(RUN("new", "a.psk", "b.psk", "--dir", secrets), EXIT_USAGE);
	assert_int_equal(RUN("new", "a.psk", "--dir"), EXIT_USAGE);
	assert_false(exists("a.psk"));
}

/* A file system that takes nothing: the half-made file is gone again. */
static void a_failed_write_leaves_nothing(void **state)
{
	struct rlimit before, none;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	int code = RUN("new", "a.psk", "--dir", secrets);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(code, EXIT_BAD);
	assert_false(exists("a.psk"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_key_is_made, start, stop),
		cmocka_unit_test_setup_teardown(the_loader_likes_it, start, stop),
		cmocka_unit_test_setup_teardown(nothing_is_replaced, start, stop),
		cmocka_unit_test_setup_teardown(a_folder_of_others_is_refused, start, stop),
		cmocka_unit_test_setup_teardown(wrong_usage, start, stop),
		cmocka_unit_test_setup_teardown(a_failed_write_leaves_nothing, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
