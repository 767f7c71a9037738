/*
 * tests/golden/NAME/culvert.conf gives exactly NAME/nft and NAME/plan (while all links carry), NAME/plan.none and
 * NAME/plan.IF_ID (while only that link does), as far as these files exist. Numbers are those of a new installation.
 * UPDATE_GOLDEN=1 writes what is now instead of comparing: read the difference before you keep it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/carrying.h"
#include "appliance/isolation/nft.h"
#include "appliance/isolation/plan.h"
#include "conf/conf.h"
#include "conf/ids.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "tests/golden"

enum { TEXT_MAX = 1024 * 1024 };

static struct model *load(const char *name)
{
	struct diag_list diags = { 0 };
	struct model *m = NULL;
	struct ids *ids = NULL;
	char path[512], *text = NULL;
	size_t len;

	snprintf(path, sizeof(path), FOLDER "/%s/culvert.conf", name);
	assert_int_equal(io_read_file(path, TEXT_MAX, &text, &len), 0);
	if (conf_load_text(text, len, path, &diags, &m) < 0) {
		struct buf out = { 0 };
		diag_print(&diags, &out);
		fail_msg("%s", buf_text(&out));
	}
	assert_int_equal(ids_load(FOLDER "/no-such-file", &ids), 0);
	assert_int_equal(ids_assign(ids, m), 0);
	ids_free(ids);
	diag_free(&diags);
	free(text);
	return m;
}

/* The links that carry, by what follows "plan" in the name of the file: ".1" that one alone, ".1-2" all, it in rank 2.
 */
static void choose_links(const struct model *m, const char *which, struct carrying *c)
{
	if (strcmp(which, ".none") == 0)
		return;
	if (which[0] == '.') {
		char *rank;
		uint32_t if_id = (uint32_t)strtoul(which + 1, &rank, 10);

		assert_int_equal(carrying_put(c, if_id, *rank ? (uint32_t)strtoul(rank + 1, NULL, 10) : 0), 0);
		if (!*rank)
			return;
	}
	for (size_t i = 0; i < m->n_apns; i++)
		for (size_t k = 0; k < m->apns[i].n_links; k++)
			assert_int_equal(carrying_add(c, m->apns[i].links[k].if_id), 0);
}

static void render(const struct model *m, const char *file, struct buf *out)
{
	struct carrying c = { 0 };
	struct plan p = { 0 };

	if (strcmp(file, "nft") == 0) {
		assert_int_equal(nft_render(m, out), 0);
		return;
	}
	choose_links(m, file + strlen("plan"), &c);
	assert_int_equal(plan_build(m, &c, &p), 0);
	plan_print(&p, out);
	plan_free(&p);
	carrying_free(&c);
}

static void check_file(const char *name, const char *file, const struct model *m)
{
	struct buf now = { 0 };
	char path[1024], *expected = NULL;
	size_t len;

	render(m, file, &now);
	snprintf(path, sizeof(path), FOLDER "/%s/%s", name, file);
	if (getenv("UPDATE_GOLDEN")) {
		assert_int_equal(io_write_file(path, buf_text(&now), now.len, 0644), 0);
	} else {
		assert_int_equal(io_read_file(path, TEXT_MAX, &expected, &len), 0);
		if (strcmp(expected, buf_text(&now)) != 0)
			fail_msg("%s differs from what is made now:\n%s", path, buf_text(&now));
	}
	free(expected);
	buf_free(&now);
}

static bool is_golden(const char *file)
{
	return strcmp(file, "nft") == 0 || strcmp(file, "plan") == 0 || strncmp(file, "plan.", strlen("plan.")) == 0;
}

static unsigned check_folder(const char *name)
{
	struct model *m = load(name);
	struct dirent *entry;
	unsigned files = 0;
	char path[512];

	snprintf(path, sizeof(path), FOLDER "/%s", name);
	DIR *folder = opendir(path);
	assert_non_null(folder);
	while ((entry = readdir(folder)))
		if (is_golden(entry->d_name)) {
			check_file(name, entry->d_name, m);
			files++;
		}
	closedir(folder);
	conf_free(m);
	return files;
}

static void goldens_are_what_is_made(void **state)
{
	DIR *folder = opendir(FOLDER);
	struct dirent *entry;
	unsigned folders = 0;

	(void)state;
	assert_non_null(folder); /* run from the top of the checkout */
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.') {
			assert_true(check_folder(entry->d_name) >= 2);
			folders++;
		}
	closedir(folder);
	assert_true(folders >= 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goldens_are_what_is_made),
	};
	return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
