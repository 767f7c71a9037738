/*
 * From text to a frozen model: what is included is put in its place, the text becomes a tree, the schema reads, the
 * parts are checked against each other. Errors of one stage are all reported; what later stages would say of text that
 * does not parse is not.
 */
#include "conf/conf.h"

#include "conf/canonical.h"
#include "conf/derive.h"
#include "conf/locate.h"
#include "conf/model.h"
#include "conf/parse.h"
#include "conf/read.h"
#include "conf/schema.h"
#include "conf/source.h"
#include "conf/tree.h"
#include "conf/validate.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- model --- */

/* How far a load goes behind reading and the checks of the parts against each other. */
enum scope {
	SCOPE_TEXT, /* no secrets */
	SCOPE_FILE, /* all */
	SCOPE_FROZEN, /* what is canonical text already; no secrets */
};

struct task {
	enum scope scope;
	/* as in struct check */
	const struct model *before;
	time_t now;
	const struct conf_machine *machine;
};

/* Takes over the names of files, which origins in the model point to. */
static int new_model(char **files, size_t n_files, struct model **ret)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->dir = io_folder_of(files[0]);
	if (!m->dir) {
		conf_free(m);
		return -ENOMEM;
	}
	m->files = files;
	m->n_files = n_files;
	*ret = m;
	return 0;
}

/* Octets of all that canonical text may add to what is written in one group: every key with its default, indented. */
static size_t written_out(const struct schema_group *group)
{
	enum { AROUND_KEY = 24 }; /* tabs, " = ", brackets, ";" and newlines */
	size_t n = AROUND_KEY;

	for (size_t i = 0; i < group->n_keys; i++) {
		const struct schema_key *key = &group->keys[i];
		n += AROUND_KEY + strlen(key->name) + (key->fallback ? strlen(key->fallback) : 0);
		if (key->group && !key->list)
			n += written_out(key->group);
	}
	return n;
}

static const struct schema_group *list_in(const struct schema_group *group, const char *name)
{
	size_t i = 0;

	while (strcmp(group->keys[i].name, name) != 0)
		i++;
	return group->keys[i].group;
}

/* More octets than the canonical text of a file can have. len: of what is written, whose values may grow as well. */
static size_t canonical_bound(const struct model *m, size_t len)
{
	const struct schema_group *carrier = list_in(&schema_root, "carriers"), *tunnel = list_in(carrier, "tunnels");
	const struct schema_group *apn = list_in(&schema_root, "apns"), *service = list_in(apn, "services");
	size_t tunnels = 0, services = 0;

	for (size_t i = 0; i < m->n_carriers; i++)
		tunnels += m->carriers[i].n_tunnels;
	for (size_t i = 0; i < m->n_apns; i++)
		services += m->apns[i].n_services + m->apns[i].n_downlink;
	return 2 * len + written_out(&schema_root) + m->n_carriers * written_out(carrier) + tunnels * written_out(tunnel) +
		   m->n_apns * written_out(apn) + services * written_out(service);
}

/* A generation is kept as canonical text, with every default in it: that must load again. */
static int check_canonical(struct check *c, size_t len)
{
	const struct model *m = c->m;
	struct diag_list unsaid = { 0 };
	struct source source = { 0 };
	struct buf text = { 0 };

	if (canonical_bound(m, len) <= CONF_FILE_MAX)
		return 0;
	conf_print(m, &text);
	int r = text.error;
	if (!r)
		r = source_build(m->files[0], buf_text(&text), text.len, NULL, NULL, &unsaid, &source);
	if (r == -EINVAL)
		check_error(c, m->n_apns > m->n_carriers ? "apns" : "carriers",
			"the file is too much for one gateway: more than %d octets, or %d keys and values, once every default is "
			"written out; give some of the carriers and APNs to another gateway",
			CONF_FILE_MAX, SOURCE_VALUES_MAX);
	source_free(&source);
	diag_free(&unsaid);
	buf_free(&text);
	return r;
}

/* Those in a folder, or those that a generation holds. The model holds them afterwards, as far as they can be read. */
static void look_at_secrets(struct check *c, struct model *m)
{
	int r = conf_hold_secrets(m);

	if (r == -ENOMEM)
		c->error = r;
	else if (r == -EINVAL)
		check_error(c, NULL,
			"%s/secrets: is neither a folder nor a generation's file of secrets; make it a folder of mode 0700",
			m->dir);
	else
		validate_secrets(c);
	if (c->secrets)
		m->secrets = c->secrets;
	m->stamps = c->stamps;
}

/* Everything behind the parser. */
static int build(const struct locator *where, const struct task *task, struct diag_list *diags, struct model *m)
{
	struct check check = {
		.m = m,
		.diags = diags,
		.where = where,
		.before = task->before,
		.began = task->now,
		.machine = task->machine,
		.operators = task->scope == SCOPE_FILE,
	};
	size_t before = diags->errors;

	int r = read_model(where, diags, m);
	if (!r)
		r = derive_model(m);
	if (r)
		return r;
	validate_model(&check);
	if (task->scope == SCOPE_FILE)
		look_at_secrets(&check, m);
	if (task->machine)
		validate_machine(&check);
	validate_notes(&check);
	if (check.error)
		return check.error;
	if (diags->errors > before || where->source->doubtful)
		return -EINVAL;
	return task->scope == SCOPE_FROZEN ? 0 : check_canonical(&check, where->source->text.len);
}

/* The source's files are the model's at the end, or freed. */
static int load_tree(struct source *source, const struct tree *tree, const struct task *task, struct diag_list *diags,
	struct model **ret)
{
	struct locator where = { source, tree_root(tree) };
	struct model *m;

	int r = new_model(source->files, source->n_files, &m);
	if (r)
		return r;
	r = build(&where, task, diags, m);
	if (!r)
		*ret = m;
	else
		conf_free(m);
	source->files = NULL;
	source->n_files = 0;
	return r;
}

static int load_source(struct source *source, const struct task *task, struct diag_list *diags, struct model **ret)
{
	struct tree *tree;

	int r = parse_source(source, diags, &tree);
	if (r)
		return r;
	r = load_tree(source, tree, task, diags, ret);
	tree_free(tree);
	return r;
}

static int read_included(void *userdata, const char *path, size_t max, char **ret, size_t *ret_len)
{
	(void)userdata;
	return io_read_file(path, max, ret, ret_len);
}

/* Only the operator's file may include others. */
static int load_any(const char *name, const char *text, size_t len, const struct task *task, struct diag_list *diags,
	struct model **ret)
{
	struct source source;

	int r = source_build(name, text, len, task->scope == SCOPE_FILE ? read_included : NULL, NULL, diags, &source);
	if (!r)
		r = load_source(&source, task, diags, ret);
	source_free(&source);
	return r;
}

/* A plain text, as most are, is looked through only once. */
static int load(const char *name, const char *text, size_t len, const struct task *task, struct diag_list *diags,
	struct model **ret)
{
	size_t errors = diags->errors;
	struct source source;
	struct tree *tree;

	int r = source_take(name, text, len, diags, &source);
	if (!r)
		r = tree_parse_plain(buf_text(&source.text), source.text.len, &tree);
	bool other = r == -EINVAL && diags->errors == errors;
	if (!r) {
		r = load_tree(&source, tree, task, diags, ret);
		tree_free(tree);
	}
	source_free(&source);
	return other ? load_any(name, text, len, task, diags, ret) : r;
}

int conf_load_text(const char *text, size_t len, const char *name, struct diag_list *diags, struct model **ret)
{
	return load(name, text, len, &(struct task){ .scope = SCOPE_TEXT }, diags, ret);
}

static void report_unreadable(const char *path, int error, struct diag_list *diags)
{
	struct stat st;

	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		diag_error(diags, path, 0, NULL, "is a folder; name the file in it");
	else if (error == -EINVAL)
		diag_error(diags, path, 0, NULL, "is no regular file; name a text file");
	else if (error == -EFBIG)
		diag_error(diags, path, 0, NULL, "is larger than %d octets; is it the right file?", CONF_FILE_MAX);
	else if (error == -ENOENT)
		diag_error(diags, path, 0, NULL,
			"is not there; make it from /usr/share/doc/culvert/culvert.conf.example, or name another file");
	else
		diag_error(diags, path, 0, NULL, "cannot be read: %s; see to it that it can, with mode 0644", strerror(-error));
}

/* 0, -EINVAL with what is wrong in diags, or -ENOMEM. */
static int read_file(const char *path, struct diag_list *diags, char **ret, size_t *ret_len)
{
	int r = io_read_file(path, CONF_FILE_MAX, ret, ret_len);

	if (!r || r == -ENOMEM)
		return r;
	report_unreadable(path, r, diags);
	return -EINVAL;
}

int conf_load_after(const char *path, const struct model *before, time_t now, const struct conf_machine *machine,
	struct diag_list *diags, struct model **ret)
{
	struct task task = { SCOPE_FILE, before, now, machine };
	char *text;
	size_t len;

	int r = read_file(path, diags, &text, &len);
	if (r)
		return r;
	r = load(path, text, len, &task, diags, ret);
	free(text);
	return r;
}

int conf_load(const char *path, struct diag_list *diags, struct model **ret)
{
	return conf_load_after(path, NULL, time(NULL), NULL, diags, ret);
}

/* The files of a model that is one file; NULL when memory ran out. */
static char **name_file(const char *path)
{
	char **files = calloc(1, sizeof(*files)), *name = strdup(path);

	if (files && name) {
		files[0] = name;
		return files;
	}
	free(files);
	free(name);
	return NULL;
}

/*
 * What was printed of a model that was checked, and is not checked again: whoever can write a generation is root.
 * -EINVAL: it is some other text.
 */
static int load_canonical(const char *path, const char *text, size_t len, struct model **ret)
{
	char **files = name_file(path);
	struct model *m;

	if (!files || new_model(files, 1, &m)) {
		if (files)
			free(files[0]);
		free(files);
		return -ENOMEM;
	}
	int r = canonical_read(text, len, m);
	if (!r)
		r = derive_model(m);
	if (r)
		conf_free(m);
	else
		*ret = m;
	return r;
}

int conf_load_frozen(const char *path, struct diag_list *diags, struct model **ret)
{
	char *text;
	size_t len;

	int r = read_file(path, diags, &text, &len);
	if (r)
		return r;
	r = load_canonical(path, text, len, ret);
	if (r == -EINVAL)
		r = load(path, text, len, &(struct task){ .scope = SCOPE_FROZEN }, diags, ret);
	free(text);
	return r;
}
