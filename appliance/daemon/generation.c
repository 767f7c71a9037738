/*
 * Writing order, which is what keeps a crash harmless: the lasting numbers, the folder N.part, its files, the rename to
 * N, and much later the switch of `current`. What is found half-made is removed, never completed. Failure policy: any
 * file that cannot be written or read refuses the generation; the one in force is never touched.
 */
#include "appliance/daemon/generation.h"

#include "appliance/daemon/frozen.h"
#include "appliance/daemon/secrets.h"
#include "conf/conf.h"
#include "conf/ids.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NUMBER_MAX = 999999999 };

/* A generation's number from a folder name or link target; 0 if it is none. */
static unsigned number_parse(const char *text)
{
	char *end;
	unsigned long n;

	if (*text < '1' || *text > '9')
		return 0;
	errno = 0;
	n = strtoul(text, &end, 10);
	return *end || errno || n > NUMBER_MAX ? 0 : (unsigned)n;
}

/* True if freezing would only repeat generation `current`. Secrets it no longer names show in its text. */
static bool is_current(const char *run, unsigned current, const struct model *m, const struct buf *text,
	const struct buf *ids, struct diag_list *diags)
{
	CLEANUP(cleanup_free) char *gen = frozen_path("%s/gen/%u", run, current);
	CLEANUP(cleanup_free) char *conf_path = gen ? frozen_path("%s/culvert.conf", gen) : NULL;
	CLEANUP(cleanup_free) char *ids_path = gen ? frozen_path("%s/ids", gen) : NULL;

	return current && frozen_equals(conf_path, text->text, text->len) &&
		   frozen_equals(ids_path, buf_text(ids), ids->len) && secrets_equal(m, gen, diags);
}

static int write_text(const char *dir, const char *name, const struct buf *text, mode_t mode, struct diag_list *diags)
{
	CLEANUP(cleanup_free) char *path = frozen_path("%s/%s", dir, name);
	int r = path ? io_write_file(path, buf_text(text), text->len, mode) : -ENOMEM;

	return r ? frozen_fail(diags, path, r, "cannot be written") : 0;
}

static int write_folder(
	const struct model *m, const char *dir, const struct buf *text, const struct buf *ids, struct diag_list *diags)
{
	int r = io_remove_tree(dir);

	if (r)
		return frozen_fail(diags, dir, r, "cannot be removed");
	r = io_make_dirs(dir, 0700);
	if (r)
		return frozen_fail(diags, dir, r, "cannot be made");
	r = secrets_copy(m, dir, diags);
	if (!r)
		r = write_text(dir, "ids", ids, 0600, diags);
	return r ? r : write_text(dir, "culvert.conf", text, 0600, diags);
}

static int load(const char *run, unsigned number, struct diag_list *diags, struct generation *ret)
{
	CLEANUP(cleanup_free) char *conf_path = frozen_path("%s/gen/%u/culvert.conf", run, number);
	CLEANUP(cleanup_free) char *ids_path = frozen_path("%s/gen/%u/ids", run, number);
	struct model *model;
	struct ids *ids = NULL;
	int r;

	if (!conf_path || !ids_path)
		return -ENOMEM;
	r = conf_load(conf_path, diags, &model);
	if (r)
		return r;
	r = ids_load(ids_path, &ids);
	if (!r)
		r = ids_assign(ids, model);
	ids_free(ids);
	if (r) {
		conf_free(model);
		return frozen_fail(diags, ids_path, r, "cannot be read");
	}
	*ret = (struct generation){ .number = number, .model = model };
	return 0;
}

/* The number after the highest that was ever made here, current or not. 0 with *ret or -errno. */
static int next_number(const char *gens, unsigned *ret)
{
	DIR *dir = opendir(gens);
	const struct dirent *e;
	unsigned highest = 0;

	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		unsigned n = number_parse(e->d_name);

		highest = n > highest ? n : highest;
	}
	closedir(dir);
	if (highest == NUMBER_MAX)
		return -EOVERFLOW;
	*ret = highest + 1;
	return 0;
}

/* Writes N.part, renames it and loads the result, so that culvertd holds what the plugin will read. */
static int make(const char *run, const struct model *m, const struct buf *text, const struct buf *ids,
	struct diag_list *diags, struct generation *ret)
{
	CLEANUP(cleanup_free) char *gens = frozen_path("%s/gen", run);
	CLEANUP(cleanup_free) char *part = NULL;
	CLEANUP(cleanup_free) char *whole = NULL;
	unsigned number = 0;
	int r = gens ? io_make_dirs(gens, 0700) : -ENOMEM;

	if (!r)
		r = next_number(gens, &number);
	if (r)
		return frozen_fail(diags, gens, r, "cannot be used");
	part = frozen_path("%s/%u.part", gens, number);
	whole = frozen_path("%s/%u", gens, number);
	if (!part || !whole)
		return -ENOMEM;
	r = write_folder(m, part, text, ids, diags);
	if (!r && rename(part, whole))
		r = frozen_fail(diags, whole, -errno, "cannot be renamed from its .part");
	if (r) {
		io_remove_tree(part);
		return r;
	}
	r = load(run, number, diags, ret);
	if (r)
		generation_discard(run, number);
	return r;
}

/*
 * Gives model its numbers and keeps them: text and file are the same afterwards. Where the file is gone, those of the
 * generation in force count: the kernel's SAs carry them, and must not become another link's.
 */
static int assign(const char *run, const char *state, struct model *model, struct diag_list *diags, struct buf *text)
{
	CLEANUP(cleanup_free) char *path = frozen_path("%s/ids", state);
	CLEANUP(cleanup_free) char *in_force = frozen_path("%s/gen/current/ids", run);
	struct ids *ids;
	int r = path && in_force ? ids_load(access(path, F_OK) ? in_force : path, &ids) : -ENOMEM;

	if (r)
		return frozen_fail(diags, path, r,
			"does not hold the numbers of links and APNs; restore it, or remove it to take those of the generation "
			"in force");
	r = ids_assign(ids, model);
	ids_print(ids, text);
	ids_free(ids);
	if (!r)
		r = text->error;
	/* Unchanged numbers need no write, so that a full or read-only disk does not keep the gateway from starting. */
	if (r || frozen_equals(path, buf_text(text), text->len))
		return r;
	r = io_make_dirs(state, 0755);
	if (!r)
		r = io_write_file(path, buf_text(text), text->len, 0644);
	return r ? frozen_fail(diags, path, r, "cannot be written") : 0;
}

int generation_freeze(const char *run, const char *state, struct model *model, unsigned current,
	struct diag_list *diags, struct generation *ret, bool *ret_changed)
{
	struct buf text = { 0 };
	struct buf ids = { 0 };
	int r = assign(run, state, model, diags, &ids);

	if (r)
		goto out;
	conf_print(model, &text);
	r = text.error;
	if (r)
		goto out;
	if (is_current(run, current, model, &text, &ids, diags)) {
		*ret_changed = false;
		goto out;
	}
	r = diags->errors ? -EINVAL : make(run, model, &text, &ids, diags, ret);
	if (!r)
		*ret_changed = true;
out:
	buf_free(&ids);
	buf_free(&text);
	return r;
}

int generation_load_current(const char *run, struct diag_list *diags, struct generation *ret)
{
	CLEANUP(cleanup_free) char *path = frozen_path("%s/gen/current", run);
	char target[16];
	ssize_t len;
	unsigned number;

	if (!path)
		return -ENOMEM;
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return errno == ENOENT ? -ENOENT : frozen_fail(diags, path, -errno, "cannot be read");
	target[len] = '\0';
	number = number_parse(target);
	if (!number)
		return frozen_fail(diags, path, -EINVAL, "does not name a generation");
	return load(run, number, diags, ret);
}

int generation_switch(const char *run, unsigned number)
{
	CLEANUP(cleanup_free) char *path = frozen_path("%s/gen/current", run);
	CLEANUP(cleanup_free) char *target = frozen_path("%u", number);

	return path && target ? io_replace_link(path, target) : -ENOMEM;
}

/* Out of sight first: a crash while removing leaves a .part, never half a generation. */
static void remove_generation(const char *gens, unsigned number)
{
	CLEANUP(cleanup_free) char *whole = frozen_path("%s/%u", gens, number);
	CLEANUP(cleanup_free) char *part = frozen_path("%s/%u.part", gens, number);

	if (whole && part && !rename(whole, part))
		io_remove_tree(part);
}

void generation_discard(const char *run, unsigned number)
{
	CLEANUP(cleanup_free) char *gens = frozen_path("%s/gen", run);

	if (gens)
		remove_generation(gens, number);
}

static int is_part(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return dot && !strcmp(dot, ".part");
}

static int is_generation(const struct dirent *e)
{
	return number_parse(e->d_name) != 0;
}

static int newest_first(const struct dirent **a, const struct dirent **b)
{
	unsigned left = number_parse((*a)->d_name);
	unsigned right = number_parse((*b)->d_name);

	return (left < right) - (left > right);
}

static void remove_parts(const char *gens)
{
	struct dirent **parts;
	int n = scandir(gens, &parts, is_part, NULL);

	for (int i = 0; i < n; i++) {
		CLEANUP(cleanup_free) char *path = frozen_path("%s/%s", gens, parts[i]->d_name);

		if (path)
			io_remove_tree(path);
		free(parts[i]);
	}
	if (n >= 0)
		free(parts);
}

void generation_prune(const char *run, unsigned current)
{
	CLEANUP(cleanup_free) char *gens = frozen_path("%s/gen", run);
	struct dirent **entries;
	int n = gens ? scandir(gens, &entries, is_generation, newest_first) : -1;

	for (int i = 0; i < n; i++) {
		unsigned number = number_parse(entries[i]->d_name);

		if (i >= GENERATION_KEEP && number != current)
			remove_generation(gens, number);
		free(entries[i]);
	}
	if (n < 0)
		return;
	free(entries);
	remove_parts(gens);
}

void generation_free(struct generation *g)
{
	conf_free(g->model);
	*g = (struct generation){ 0 };
}
