#include "conf/parse.h"

#include "conf/locate.h"
#include "conf/mend.h"
#include "conf/source.h"
#include "conf/tree.h"
#include "lib/diag.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct {
	const char *theirs, *ours;
} syntax_messages[] = {
	{ "syntax error", "syntax error here or just before; is text without quotes, or a quote or bracket not closed?" },
	{ "memory exhausted", "brackets are nested too deeply; close those that are over" },
};

static void report_syntax(const struct tree_error *error, const struct source *source, struct diag_list *diags)
{
	struct origin at = source_origin(source, error->line);
	const char *text = error->text;

	for (size_t i = 0; i < sizeof(syntax_messages) / sizeof(syntax_messages[0]); i++) {
		if (!strcmp(text, syntax_messages[i].theirs))
			text = syntax_messages[i].ours;
	}
	diag_error(diags, at.file, at.line, NULL, "%s", text);
}

/* What mend() tells is known only where the brackets are sound: a syntax error stands alone. */
static int parse_mended(struct source *source, struct diag_list *diags, struct tree **ret)
{
	struct diag_list told = { 0 };
	struct tree_error error = { 0 };

	int r = mend(source, &told);
	if (!r)
		r = tree_parse(buf_text(&source->text), source->text.len, ret, &error);
	if (r == -EINVAL && (strcmp(error.text, tree_key_twice) != 0 || !told.errors))
		report_syntax(&error, source, diags);
	else
		diag_move(diags, &told);
	diag_free(&told);
	return r;
}

/* Values that do not count are told already: whoever reads the tree passes over them. */
static void mark_spoilt(const struct source *source, struct tree *t)
{
	struct locator where = { source, tree_root(t) };

	for (size_t i = 0; i < source->n_spoilt; i++) {
		const struct node *spoilt = locate_at(&where, source->spoilt[i]);
		if (spoilt)
			tree_spoil(t, spoilt);
	}
}

int parse_source(struct source *source, struct diag_list *diags, struct tree **ret)
{
	struct tree_error error;

	int r = source->doubtful ? -EINVAL : tree_parse(buf_text(&source->text), source->text.len, ret, &error);
	if (r != -EINVAL)
		return r;
	r = parse_mended(source, diags, ret);
	if (!r)
		mark_spoilt(source, *ret);
	return r;
}
