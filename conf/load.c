/*
 * From text to a frozen model: octets are looked at, libconfig parses, the schema reads, the parts are checked against
 * each other. Errors of one stage are all reported; what later stages would say of text that does not parse is not.
 */
#include "conf/conf.h"

#include "conf/derive.h"
#include "conf/locate.h"
#include "conf/model.h"
#include "conf/read.h"
#include "conf/utf8.h"
#include "conf/validate.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <libconfig.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- octets --- */

static unsigned line_at(const char *text, size_t at)
{
	unsigned line = 1;

	for (size_t i = 0; i < at; i++)
		line += text[i] == '\n';
	return line;
}

/* 0, or -EINVAL with a message: what libconfig would cut short or take as it comes. */
static int check_octets(const char *text, size_t len, const char *name, struct diag_list *diags)
{
	if (len > CONF_FILE_MAX) {
		diag_error(diags, name, 0, NULL, "is larger than %d octets; is it the right file?", CONF_FILE_MAX);
		return -EINVAL;
	}
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		diag_error(diags, name, 1, NULL, "begins with a byte order mark; save the file as UTF-8 without one");
		return -EINVAL;
	}
	size_t valid = utf8_valid(text, len);
	if (valid < len) {
		diag_error(diags, name, line_at(text, valid), NULL, "is not UTF-8 from here; save the file as UTF-8");
		return -EINVAL;
	}
	const char *nul = memchr(text, '\0', len);
	if (nul) {
		diag_error(diags, name, line_at(text, (size_t)(nul - text)), NULL, "has a NUL in it; this is no text file");
		return -EINVAL;
	}
	return 0;
}

/* --- syntax --- */

static const char no_include[] = "@include is refused; write everything into one file";

static const char **refuse_include(config_t *config, const char *dir, const char *path, const char **error)
{
	(void)config, (void)dir, (void)path;
	*error = no_include;
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

static void report_syntax(const config_t *config, const char *name, struct diag_list *diags)
{
	const char *text = config_error_text(config);

	for (size_t i = 0; text && i < sizeof(syntax_messages) / sizeof(syntax_messages[0]); i++) {
		if (!strcmp(text, syntax_messages[i].theirs))
			text = syntax_messages[i].ours;
	}
	diag_error(diags, name, (unsigned)config_error_line(config), NULL, "%s", text ? text : "cannot be parsed");
}

/* --- model --- */

/* The folder of the file called name. */
static char *folder_of(const char *name)
{
	const char *slash = strrchr(name, '/');

	if (!slash)
		return strdup(".");
	return slash == name ? strdup("/") : strndup(name, (size_t)(slash - name));
}

static int new_model(const char *name, struct model **ret)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->dir = folder_of(name);
	m->files = calloc(1, sizeof(*m->files));
	if (m->files)
		m->files[m->n_files++] = strdup(name);
	if (!m->dir || !m->files || !m->files[0]) {
		conf_free(m);
		return -ENOMEM;
	}
	*ret = m;
	return 0;
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
	return diags->errors > before ? -EINVAL : 0;
}

static int load(
	const char *text, size_t len, const char *name, bool secrets, struct diag_list *diags, struct model **ret)
{
	struct model *m;
	config_t config;

	int r = check_octets(text, len, name, diags);
	if (r)
		return r;
	r = new_model(name, &m);
	if (r)
		return r;
	config_init(&config);
	config_set_include_func(&config, refuse_include);
	if (config_read_string(&config, text)) {
		struct locator where = { m->files[0], text, len, config_root_setting(&config) };
		r = build(&where, secrets, diags, m);
	} else {
		report_syntax(&config, name, diags);
		r = -EINVAL;
	}
	config_destroy(&config);
	if (r)
		conf_free(m);
	else
		*ret = m;
	return r;
}

int conf_load_text(const char *text, size_t len, const char *name, struct diag_list *diags, struct model **ret)
{
	if (len > CONF_FILE_MAX)
		return check_octets(text, len, name, diags);
	/* libconfig wants a NUL at the end, which the caller need not have. */
	char *copy = malloc(len + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, len);
	copy[len] = '\0';
	int r = load(copy, len, name, false, diags, ret);
	free(copy);
	return r;
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
	r = load(text, len, path, true, diags, ret);
	free(text);
	return r;
}
