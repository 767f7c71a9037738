/*
 * Writing order, which is what keeps a crash harmless: the lasting numbers, the folder next.part, its files, the
 * number, the rename to N, and much later the switch of `current`. What is found half-made is removed, never completed.
 * Failure policy: any file that cannot be written or read refuses the generation; the one in force is never touched.
 */
#include "appliance/daemon/generation.h"

#include "appliance/daemon/archive.h"
#include "appliance/daemon/frozen.h"
#include "appliance/daemon/meta.h"
#include "appliance/daemon/outline.h"
#include "appliance/daemon/secrets.h"
#include "conf/conf.h"
#include "conf/ids.h"
#include "conf/model.h"
#include "conf/vault.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What the files of a generation will say. */
struct content {
	struct buf text;
	struct buf ids;
	char *old; /* the text of the generation in force; NULL: there is none, or it cannot be read */
	char **changed; /* names of secrets that differ from those of the generation in force */
	struct vault *secrets; /* of the generation in force; NULL: none, or they cannot be read */
};

static void content_free(struct content *c)
{
	buf_free(&c->text);
	buf_free(&c->ids);
	free(c->old);
	secrets_free_names(c->changed);
	vault_free(c->secrets);
}

static char *folder_of(const char *run, unsigned number)
{
	return frozen_path("%s/gen/%u", run, number);
}

/* True if both say the same, perhaps in another order. */
static bool same_in_any_order(const struct model *a, const struct model *b)
{
	struct buf left = { 0 }, right = { 0 };
	bool same;

	conf_print_sorted(a, &left);
	conf_print_sorted(b, &right);
	same = !left.error && !right.error && left.len == right.len && !memcmp(left.text, right.text, left.len);
	buf_free(&left);
	buf_free(&right);
	return same;
}

/*
 * True if freezing would only repeat generation `current`: in text or, where d finds nothing else, but for the order of
 * what has names. Secrets it no longer names show in its text.
 */
static bool repeats(const char *run, const struct generation_source *s, const struct generation *current,
	const struct content *c, const struct outline_difference *d, struct diag_list *diags)
{
	CLEANUP(cleanup_free) char *gen = folder_of(run, current->number);
	CLEANUP(cleanup_free) char *ids_path = gen ? frozen_path("%s/ids", gen) : NULL;

	if (!current->number || (current->rollback_of && !s->rollback_of) ||
		!frozen_equals(ids_path, buf_text(&c->ids), c->ids.len))
		return false;
	if ((!c->old || strcmp(c->old, buf_text(&c->text)) != 0) &&
		(d->n_changes || d->gateway || !current->model || !same_in_any_order(current->model, *s->model)))
		return false;
	return secrets_equal(*s->model, c->secrets, diags);
}

static int write_text(const char *dir, const char *name, const struct buf *text, struct diag_list *diags)
{
	CLEANUP(cleanup_free) char *path = frozen_path("%s/%s", dir, name);
	int r = text->error;

	if (!r)
		r = path ? io_write_file(path, buf_text(text), text->len, 0600) : -ENOMEM;
	return r ? frozen_fail(diags, path, r, "cannot be written") : 0;
}

static int make_folder(const char *dir, struct diag_list *diags)
{
	int r = io_remove_tree(dir);

	if (r)
		return frozen_fail(diags, dir, r, "cannot be removed");
	r = io_make_dirs(dir, 0700);
	return r ? frozen_fail(diags, dir, r, "cannot be made") : 0;
}

static int write_folder(
	const struct generation_source *s, const char *dir, const struct content *c, struct diag_list *diags)
{
	int r = make_folder(dir, diags);

	if (!r)
		r = secrets_write(*s->model, dir, diags);
	if (!r)
		r = write_text(dir, "ids", &c->ids, diags);
	return r ? r : write_text(dir, "culvert.conf", &c->text, diags);
}

/* The operator's file beside the rollback that passes it over. */
static int write_passed_over(const struct model *m, const char *dir, struct diag_list *diags)
{
	CLEANUP(cleanup_free) char *sub = frozen_path("%s/operator", dir);
	struct buf text = { 0 };
	int r;

	if (!m)
		return 0;
	if (!sub)
		return -ENOMEM;
	conf_print(m, &text);
	r = make_folder(sub, diags);
	if (!r)
		r = secrets_write(m, sub, diags);
	if (!r)
		r = write_text(sub, "culvert.conf", &text, diags);
	buf_free(&text);
	return r;
}

/* What sets c apart from the generation in force, secrets compared with those of m. Fills c->changed. */
static int compare(const char *run, const struct generation *current, struct content *c, const struct model *m,
	struct outline_difference *ret)
{
	CLEANUP(cleanup_free) char *gen = folder_of(run, current->number);
	int r = gen ? 0 : -ENOMEM;

	if (!r && current->number && secrets_load(gen, &c->secrets))
		c->secrets = NULL;
	if (!r)
		r = secrets_changed(m, c->secrets, &c->changed);
	if (!r && current->number && generation_text(run, current->number, &c->old))
		c->old = NULL;
	return r ? r : outline_compare(c->old ? c->old : "", buf_text(&c->text), c->changed, ret);
}

static int write_meta(const struct generation_source *s, const struct generation *current,
	const struct outline_difference *d, const char *dir, struct diag_list *diags)
{
	struct meta m = {
		.rollback_of = s->rollback_of,
		.before = current->number,
		.counted = true,
		.tunnels = d->tunnels,
		.apns = d->apns,
		.gateway = d->gateway,
	};
	struct buf text = { 0 };
	int r;

	meta_time(time(NULL), m.when);
	meta_text(m.who, sizeof(m.who), s->who);
	meta_text(m.file, sizeof(m.file), s->file);
	meta_print(&m, &text);
	r = write_text(dir, "meta", &text, diags);
	buf_free(&text);
	return r;
}

/* Renames a whole folder to the place of generation number. */
static int put_in_place(const char *run, const char *part, unsigned number, struct diag_list *diags)
{
	CLEANUP(cleanup_free) char *whole = folder_of(run, number);

	if (!whole)
		return -ENOMEM;
	return rename(part, whole) ? frozen_fail(diags, whole, -errno, "cannot be renamed from its .part") : 0;
}

/* Generation number takes the model over, with the secrets that were frozen with it. */
static int take_over(const char *run, const struct generation_source *s, unsigned number, struct generation *ret)
{
	CLEANUP(cleanup_free) char *dir = folder_of(run, number);

	if (!dir || conf_move(*s->model, dir))
		return -ENOMEM;
	*ret = (struct generation){ .number = number, .model = *s->model, .rollback_of = s->rollback_of };
	*s->model = NULL;
	return 0;
}

/* Writes next.part and renames it. What print writes is what the loader reads: a test holds them to that. */
static int make(const char *run, const struct generation_source *s, const struct generation *current,
	const struct content *c, const struct outline_difference *d, struct diag_list *diags, struct generation *ret)
{
	CLEANUP(cleanup_free) char *part = frozen_path("%s/gen/next.part", run);
	unsigned number = 0;
	int r = part ? write_folder(s, part, c, diags) : -ENOMEM;

	if (!r && s->rollback_of)
		r = write_passed_over(s->passed_over, part, diags);
	if (!r)
		r = write_meta(s, current, d, part, diags);
	if (!r) {
		r = archive_give(run, &number);
		if (r)
			frozen_fail(diags, run, r, "no number can be given to a generation");
	}
	if (!r)
		r = put_in_place(run, part, number, diags);
	if (r) {
		if (part)
			io_remove_tree(part);
		return r;
	}
	r = take_over(run, s, number, ret);
	if (r)
		generation_discard(run, number);
	return r;
}

/*
 * Gives model its numbers; text is what state/ids is to say afterwards. Where the file is gone, those of the generation
 * in force count: the kernel's SAs carry them, and must not become another link's.
 */
static int assign(const char *run, const char *path, struct model *model, struct diag_list *diags, struct buf *text)
{
	CLEANUP(cleanup_free) char *in_force = frozen_path("%s/gen/current/ids", run);
	struct ids *ids;
	int r = in_force ? ids_load(access(path, F_OK) ? in_force : path, &ids) : -ENOMEM;

	if (r)
		return frozen_fail(diags, path, r,
			"does not hold the numbers of links and APNs; restore it, or remove it to take those of the generation "
			"in force");
	r = ids_assign(ids, model);
	ids_print(ids, text);
	ids_free(ids);
	return r ? r : text->error;
}

/* Unchanged numbers need no write, so that a full or read-only disk does not keep the gateway from starting. */
static int keep_numbers(const char *state, const char *path, const struct buf *ids, struct diag_list *diags)
{
	int r;

	if (frozen_equals(path, buf_text(ids), ids->len))
		return 0;
	r = io_make_dirs(state, 0755);
	if (!r)
		r = io_write_file(path, buf_text(ids), ids->len, 0644);
	return r ? frozen_fail(diags, path, r, "cannot be written") : 0;
}

/* Text and numbers of s, the latter kept if keep. c is to be freed in any case. */
static int compose(const char *run, const char *state, const struct generation_source *s, bool keep,
	struct diag_list *diags, struct content *c)
{
	CLEANUP(cleanup_free) char *path = frozen_path("%s/ids", state);
	int r = path ? assign(run, path, *s->model, diags, &c->ids) : -ENOMEM;

	if (!r && keep)
		r = keep_numbers(state, path, &c->ids, diags);
	if (r)
		return r;
	conf_print(*s->model, &c->text);
	return c->text.error;
}

/* The common part of freezing and drafting: what s would be, and how it differs. c is to be freed in any case. */
static int look(const char *run, const char *state, const struct generation_source *s, const struct generation *current,
	bool keep, struct diag_list *diags, struct content *c, struct outline_difference *ret_difference, bool *ret_changed)
{
	bool changed;
	int r = compose(run, state, s, keep, diags, c);

	if (r)
		return r;
	r = compare(run, current, c, *s->model, ret_difference);
	if (r)
		return r;
	changed = !repeats(run, s, current, c, ret_difference, diags);
	if (diags->errors)
		return -EINVAL;
	*ret_changed = changed;
	return 0;
}

/* Hands d over, or frees it if r says that there is nothing to hand over. Returns r. */
static int finish(int r, struct content *c, struct outline_difference *d, struct outline_difference *ret)
{
	content_free(c);
	if (r)
		outline_free(d);
	else
		*ret = *d;
	return r;
}

int generation_freeze(const char *run, const char *state, const struct generation_source *s,
	const struct generation *current, struct diag_list *diags, struct generation *ret,
	struct outline_difference *ret_difference, bool *ret_changed)
{
	struct outline_difference d = { 0 };
	struct content c = { 0 };
	bool changed = false;
	int r = look(run, state, s, current, true, diags, &c, &d, &changed);

	if (!r && changed)
		r = make(run, s, current, &c, &d, diags, ret);
	if (!r)
		*ret_changed = changed;
	return finish(r, &c, &d, ret_difference);
}

static int write_draft(
	const char *run, const struct generation_source *s, const struct content *c, struct diag_list *diags)
{
	CLEANUP(cleanup_free) char *part = frozen_path("%s/gen/draft.part", run);
	int r = part ? 0 : -ENOMEM;

	if (r)
		return r;
	generation_discard(run, GENERATION_DRAFT);
	r = write_folder(s, part, c, diags);
	if (!r)
		r = put_in_place(run, part, GENERATION_DRAFT, diags);
	if (r)
		io_remove_tree(part);
	return r;
}

int generation_draft(const char *run, const char *state, const struct generation_source *s,
	const struct generation *current, struct diag_list *diags, struct outline_difference *ret_difference,
	bool *ret_changed)
{
	struct outline_difference d = { 0 };
	struct content c = { 0 };
	bool changed = false;
	int r = look(run, state, s, current, false, diags, &c, &d, &changed);

	if (!r && changed)
		r = write_draft(run, s, &c, diags);
	if (!r)
		*ret_changed = changed;
	return finish(r, &c, &d, ret_difference);
}

int generation_switch(const char *run, unsigned number)
{
	CLEANUP(cleanup_free) char *path = frozen_path("%s/gen/current", run);
	CLEANUP(cleanup_free) char *target = frozen_path("%u", number);
	unsigned now = 0;
	int r = path && target ? io_replace_link(path, target) : -ENOMEM;

	/* The link is what counts: if the folder could not be synced after the rename, the switch has happened. */
	return r && !archive_current(run, &now) && now == number ? 0 : r;
}

void generation_discard(const char *run, unsigned number)
{
	CLEANUP(cleanup_free) char *name = frozen_path("%u", number);

	if (name)
		archive_remove(run, name);
}

void generation_free(struct generation *g)
{
	conf_free(g->model);
	*g = (struct generation){ 0 };
}
