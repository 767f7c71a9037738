/* The file that holds a generation's secrets, in a folder of its own, which is the current one. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "conf/vault.h"
#include "lib/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static int start(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/culvert-vault-XXXXXX");
	return mkdtemp(folder) && !chdir(folder) ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	return chdir("/") || io_remove_tree(folder);
}

static void add(struct vault *v, const char *name, const char *octets, size_t len)
{
	char *copy = malloc(len + 1);

	assert_non_null(copy);
	memcpy(copy, octets, len);
	copy[len] = '\0';
	vault_add(v, name, copy, len);
}

static void assert_secret(const struct vault *v, const char *name, const char *octets, size_t len)
{
	const struct vault_secret *s = vault_find(v, name);

	assert_non_null(s);
	assert_int_equal(s->len, len);
	assert_memory_equal(s->octets, octets, len + 1);
}

/* Octets of any kind come back as they were, names in any order. */
static void comes_back(void **state)
{
	struct vault *v = vault_new(4), *again = NULL;
	struct stat st;

	(void)state;
	add(v, "z.key", "a\0b\n", 4);
	add(v, "end", "secrets 7\n", 10);
	add(v, "empty", "", 0);
	add(v, "z.key", "a\0b\n", 4);
	vault_sort(v);
	assert_int_equal(vault_write(v, "secrets"), 0);
	assert_int_equal(vault_write(v, "secrets"), -EEXIST);
	assert_int_equal(stat("secrets", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(vault_read("secrets", &again), 0);
	for (const struct vault *one = v;; one = again) {
		assert_secret(one, "z.key", "a\0b\n", 4);
		assert_secret(one, "end", "secrets 7\n", 10);
		assert_secret(one, "empty", "", 0);
		assert_null(vault_find(one, "z.ke"));
		assert_null(vault_at(one, 3));
		if (one == again)
			break;
	}
	assert_true(vault_same(vault_find(v, "end"), vault_find(again, "end")));
	assert_false(vault_same(vault_find(v, "end"), vault_find(again, "empty")));
	assert_false(vault_same(vault_find(v, "end"), NULL));
	vault_free(v);
	vault_free(again);
	vault_free(NULL);
}

static void bad_files_are_refused(void **state)
{
	static const char *const bad[] = { "", "secrets", "secrets ", "secrets 1", "secrets 1\n", "secrets 1\na 1\nx",
		"secrets 1\na 1\nxx\n", "secrets 1\na 2\nx\n", "secrets 0\na 1\nx\n", "secrets 2\na 1\nx\n",
		"secrets 2\nb 1\nx\na 1\nx\n", "secrets 2\na 1\nx\na 1\nx\n", "secrets 1\na -1\nx\n", "secrets 1\na \n\n",
		"secrets 1\na 99999999999\nx\n", "secrets 99999999999\n", "secrets 4000000000\na 1\nx\n", "secrets 1\na\n\n" };
	struct vault *v = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(io_write_file("secrets", bad[i], strlen(bad[i]), 0600), 0);
		assert_int_equal(vault_read("secrets", &v), -EINVAL);
	}
	assert_int_equal(io_write_file("secrets", "secrets 0\n", 10, 0640), 0);
	assert_int_equal(vault_read("secrets", &v), -EINVAL);
	assert_int_equal(vault_read(".", &v), -EISDIR);
	assert_int_equal(vault_read("none", &v), -ENOENT);
	assert_null(v);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(comes_back),
		in_folder(bad_files_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
