/*
 * From text to a frozen model: what is included is put in its place, libconfig parses, the schema reads, the parts are
 * checked against each other. Errors of one stage are all reported; what later stages would say of text that does not
 * parse is not.
 */
#include "conf/conf.h"

#include "conf/derive.h"
#include "conf/locate.h"
#include "conf/model.h"
#include "conf/read.h"
#include "conf/source.h"
#include "conf/validate.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <libconfig.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- syntax --- */

/* What is included stands in the text already; libconfig opens no file. */
static const char **refuse_include(config_t *config, const char *dir, const char *path, const char **error)
{
	(void)config, (void)dir, (void)path;
	*error = "@include cannot stand here";
	return NULL;
}

static const struct {
	const char *theirs, *ours;
} syntax_messages[] = {
	{ "syntax error", "syntax error here or just before; is text without quotes, or a quote or bracket not closed?" },
	{ "duplicate setting name", "this key stands here a second time; keep one" },
	{ "mismatched element type in array", "entries of [ ] are of one kind; write ( 80, \"8000-8010\" ) for a mixture" },
	{ "memory exhausted", "brackets are nested too deeply" },
};

static void report_syntax(const config_t *config, const struct source *source, struct diag_list *diags)
{
	struct origin at = source_origin(source, (unsigned)config_error_line(config));
	const char *text = config_error_text(config);

	for (size_t i = 0; text && i < sizeof(syntax_messages) / sizeof(syntax_messages[0]); i++) {
		if (!strcmp(text, syntax_messages[i].theirs))
			text = syntax_messages[i].ours;
	}
	diag_error(diags, at.file, at.line, NULL, "%s", text ? text : "cannot be parsed");
}

/* --- model --- */

/* Takes over the names of files, which origins in the model point to. */
static int new_model(struct source *source, struct model **ret)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->dir = io_folder_of(source->files[0]);
	if (!m->dir) {
		conf_free(m);
		return -ENOMEM;
	}
	m->files = source->files;
	m->n_files = source->n_files;
	*ret = m;
	return 0;
}

/* More octets than the canonical text of a file can have: what is written, indented, and all defaults. */
static size_t canonical_bound(const struct model *m, size_t len)
{
	size_t tunnels = 0;

	for (size_t i = 0; i < m->n_carriers; i++)
		tunnels += m->carriers[i].n_tunnels;
	return 2 * len + 1024 * (1 + m->n_carriers + tunnels + m->n_apns);
}

/* A generation is kept as canonical text, with every default in it: that must load again. */
static int check_canonical(const struct model *m, size_t len, struct diag_list *diags)
{
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
		diag_error(diags, m->files[0], 0, NULL,
			"is too much for one gateway: more than %d octets, or %d keys and values, once every default is written "
			"out",
			CONF_FILE_MAX, SOURCE_VALUES_MAX);
	source_free(&source);
	diag_free(&unsaid);
	buf_free(&text);
	return r;
}

/* Everything behind the parser. */
static int build(const struct locator *where, bool secrets, struct diag_list *diags, struct model *m)
{
	struct check check = { .m = m, .diags = diags, .where = where };
	size_t before = diags->errors;

	int r = read_model(where, diags, m);
	if (!r)
		r = derive_model(m);
	if (r)
		return r;
	validate_model(&check);
	if (secrets)
		validate_secrets(&check);
	validate_notes(&check);
	if (check.error)
		return check.error;
	return diags->errors > before ? -EINVAL : check_canonical(m, where->source->text.len, diags);
}

/* The source's files are the model's at the end, or freed. */
static int load_tree(
	struct source *source, const config_t *config, bool secrets, struct diag_list *diags, struct model **ret)
{
	struct locator where = { source, config_root_setting(config) };
	struct model *m;

	int r = new_model(source, &m);
	if (r)
		return r;
	r = build(&where, secrets, diags, m);
	if (!r)
		*ret = m;
	else
		conf_free(m);
	source->files = NULL;
	source->n_files = 0;
	return r;
}

static int load_source(struct source *source, bool secrets, struct diag_list *diags, struct model **ret)
{
	int r = -EINVAL;
	config_t config;

	config_init(&config);
	config_set_include_func(&config, refuse_include);
	if (config_read_string(&config, buf_text(&source->text)))
		r = load_tree(source, &config, secrets, diags, ret);
	else
		report_syntax(&config, source, diags);
	config_destroy(&config);
	return r;
}

/* read NULL: a text that stands alone, whose secrets are not looked at either. */
static int load(
	const char *name, const char *text, size_t len, source_read *read, struct diag_list *diags, struct model **ret)
{
	struct source source;

	int r = source_build(name, text, len, read, NULL, diags, &source);
	if (!r)
		r = load_source(&source, read != NULL, diags, ret);
	source_free(&source);
	return r;
}

int conf_load_text(const char *text, size_t len, const char *name, struct diag_list *diags, struct model **ret)
{
	return load(name, text, len, NULL, diags, ret);
}

static int read_included(void *userdata, const char *path, size_t max, char **ret, size_t *ret_len)
{
	(void)userdata;
	return io_read_file(path, max, ret, ret_len);
}

static void report_unreadable(const char *path, int error, struct diag_list *diags)
{
	struct stat st;

	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		diag_error(diags, path, 0, NULL, "is a folder; name the file in it");
	else if (error == -EINVAL)
		diag_error(diags, path, 0, NULL, "is no regular file");
	else if (error == -EFBIG)
		diag_error(diags, path, 0, NULL, "is larger than %d octets; is it the right file?", CONF_FILE_MAX);
	else
		diag_error(diags, path, 0, NULL, "cannot be read: %s", strerror(-error));
}

int conf_load(const char *path, struct diag_list *diags, struct model **ret)
{
	char *text;
	size_t len;

	int r = io_read_file(path, CONF_FILE_MAX, &text, &len);
	if (r == -ENOMEM)
		return r;
	if (r) {
		report_unreadable(path, r, diags);
		return -EINVAL;
	}
	r = load(path, text, len, read_included, diags, ret);
	free(text);
	return r;
}
