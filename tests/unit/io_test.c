/* Each test works in an empty folder of its own, which is the current one. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lib/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static int enter_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/culvert-io-XXXXXX");
	return mkdtemp(folder) && !chdir(folder) ? 0 : -1;
}

static int leave_folder(void **state)
{
	(void)state;
	return chdir("/") || io_remove_tree(folder) ? -1 : 0;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode;
}

static void written_is_read(void **state)
{
	char *text = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(io_write_file("f", "a\0b", 3, 0600), 0);
	assert_int_equal(io_read_file("f", 3, &text, &len), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(text, "a\0b", 4);
	io_free_secret(text, len);
	assert_int_equal(mode_of("f") & 07777, 0600);

	assert_int_equal(io_write_file("f", "", 0, 0640), 0);
	assert_int_equal(io_read_file("f", 3, &text, &len), 0);
	assert_int_equal(len, 0);
	assert_string_equal(text, "");
	free(text);
	assert_int_equal(mode_of("f") & 07777, 0640);
}

/* procfs does not tell sizes. */
static void size_need_not_be_known(void **state)
{
	char *text = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(io_read_file("/proc/cpuinfo", 1 << 20, &text, &len), 0);
	assert_true(len > 0);
	assert_int_equal(strlen(text), len);
	free(text);
	assert_int_equal(io_read_file("/proc/cpuinfo", 10, &text, &len), -EFBIG);
}

static void what_is_no_file_is_refused(void **state)
{
	char untouched, *text = &untouched;
	size_t len = 7;

	(void)state;
	assert_int_equal(io_read_file("f", 10, &text, &len), -ENOENT);
	assert_int_equal(io_read_file(".", 10, &text, &len), -EINVAL);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(io_read_file("fifo", 10, &text, &len), -EINVAL);
	assert_int_equal(io_write_file("f", "0123456789a", 11, 0600), 0);
	assert_int_equal(io_read_file("f", 10, &text, &len), -EFBIG);
	assert_ptr_equal(text, &untouched);
	assert_int_equal(len, 7);
}

/* A write that fails leaves neither the old file changed nor a new one beside it. */
static void failed_write_leaves_nothing(void **state)
{
	(void)state;
	assert_int_equal(io_make_dirs("d/inside", 0700), 0);
	assert_int_equal(io_write_file("d", "x", 1, 0600), -EISDIR);
	assert_int_equal(io_write_file("none/f", "x", 1, 0600), -ENOENT);
	assert_int_equal(io_remove_tree("d"), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(mkdir(folder, 0700), 0);
}

static void folders_are_made(void **state)
{
	(void)state;
	assert_int_equal(io_make_dirs("a/b//c/", 0700), 0);
	assert_int_equal(io_make_dirs("a/b/c", 0700), 0);
	assert_int_equal(mode_of("a/b") & 07777, 0700);
	assert_int_equal(io_write_file("a/f", "x", 1, 0600), 0);
	assert_int_equal(io_make_dirs("a/f/g", 0700), -ENOTDIR);
	assert_int_equal(io_make_dirs("a/f", 0700), -ENOTDIR);
}

static void links_are_replaced(void **state)
{
	char target[8] = { 0 };

	(void)state;
	assert_int_equal(io_replace_link("current", "1"), 0);
	assert_int_equal(io_replace_link("current", "2"), 0);
	assert_int_equal(readlink("current", target, sizeof(target)), 1);
	assert_string_equal(target, "2");
	assert_int_equal(io_write_file("file", "x", 1, 0600), 0);
	assert_int_equal(io_replace_link("file", "1"), -EEXIST);
	assert_true(S_ISREG(mode_of("file")));
}

/* Links are removed, not followed. */
static void trees_are_removed(void **state)
{
	(void)state;
	assert_int_equal(io_make_dirs("kept", 0700), 0);
	assert_int_equal(io_write_file("kept/f", "x", 1, 0600), 0);
	assert_int_equal(io_make_dirs("tree/a/b", 0700), 0);
	assert_int_equal(io_write_file("tree/a/f", "x", 1, 0600), 0);
	assert_int_equal(symlink("../kept", "tree/link"), 0);
	assert_int_equal(io_remove_tree("tree"), 0);
	assert_int_equal(access("tree", F_OK), -1);
	assert_int_equal(access("kept/f", F_OK), 0);
	assert_int_equal(io_remove_tree("tree"), 0);
	assert_int_equal(symlink("kept", "link"), 0);
	assert_int_equal(io_remove_tree("link"), 0);
	assert_int_equal(access("kept/f", F_OK), 0);
}

static void deep_trees_are_refused(void **state)
{
	char path[256] = "t";

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		strcat(path, "/d");
	assert_int_equal(io_make_dirs(path, 0700), 0);
	assert_int_equal(io_remove_tree("t"), -ELOOP);
	for (; strchr(path, '/'); *strrchr(path, '/') = '\0')
		assert_int_equal(rmdir(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(written_is_read, enter_folder, leave_folder),
		cmocka_unit_test_setup_teardown(size_need_not_be_known, enter_folder, leave_folder),
		cmocka_unit_test_setup_teardown(what_is_no_file_is_refused, enter_folder, leave_folder),
		cmocka_unit_test_setup_teardown(failed_write_leaves_nothing, enter_folder, leave_folder),
		cmocka_unit_test_setup_teardown(folders_are_made, enter_folder, leave_folder),
		cmocka_unit_test_setup_teardown(links_are_replaced, enter_folder, leave_folder),
		cmocka_unit_test_setup_teardown(trees_are_removed, enter_folder, leave_folder),
		cmocka_unit_test_setup_teardown(deep_trees_are_refused, enter_folder, leave_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
