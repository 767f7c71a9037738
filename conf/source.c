/*
 * Every inclusion counts, not every file, so that neither size nor number can multiply beyond what is allowed. What
 * makes no sense to read on after (a file that is no text, a bound that is passed) ends the building; all else is
 * reported together.
 */
#include "conf/source.h"

#include "conf/conf.h"
#include "conf/mend.h"
#include "conf/scan.h"
#include "lib/grow.h"
#include "lib/utf8.h"
#include "lib/cleanup.h"
#include "lib/diag.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bracket {
	unsigned line; /* of its file, where it opens */
	unsigned keys; /* that stand directly in it */
};

struct builder {
	struct source *source;
	struct diag_list *diags;
	source_read *read;
	void *userdata;
	const char *files[SOURCE_DEPTH_MAX]; /* that are open, the outermost first */
	unsigned depth;
	struct bracket brackets[SOURCE_BRACKETS_MAX]; /* that are open; the first stands for the whole text */
	unsigned n_brackets;
	unsigned lines; /* line of the whole text that comes next */
	unsigned values;
	size_t octets; /* of all inclusions */
};

static int take_file(struct builder *b, const char *name, const char *text, size_t len);

/* --- octets --- */

static unsigned line_at(const char *text, size_t at)
{
	const char *end = text + at;
	unsigned line = 1;

	while ((text = memchr(text, '\n', (size_t)(end - text)))) {
		text++;
		line++;
	}
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

/* --- the whole text --- */

/*
 * The lines from text on, of which the first is that line of the file that is open. The end of the whole text stays as
 * it is, so that a syntax error there is on its last line.
 */
static int add_lines(struct builder *b, const char *text, size_t len, unsigned line, bool whole)
{
	struct source *s = b->source;

	struct source_piece *pieces = grow(s->pieces, s->n_pieces, &s->room, sizeof(*pieces));
	if (!pieces)
		return -ENOMEM;
	s->pieces = pieces;
	s->pieces[s->n_pieces++] = (struct source_piece){ b->lines, { b->files[b->depth - 1], line } };
	buf_add(&s->text, text, len);
	if (whole && len && text[len - 1] != '\n') {
		buf_puts(&s->text, "\n");
		b->lines++;
	}
	b->lines += line_at(text, len) - 1;
	return s->text.error;
}

/* Keeps a name for as long as the model lives; NULL when memory ran out. */
static const char *keep_name(struct source *s, const char *name)
{
	char **files = reallocarray(s->files, s->n_files + 1, sizeof(*files));

	if (!files)
		return NULL;
	s->files = files;
	files[s->n_files] = strdup(name);
	return files[s->n_files] ? files[s->n_files++] : NULL;
}

struct origin source_origin(const struct source *s, unsigned line)
{
	size_t from = 0, to = s->n_pieces;

	if (!line || !to)
		return (struct origin){ s->n_files ? s->files[0] : NULL, 0 };
	while (to - from > 1) {
		size_t middle = from + (to - from) / 2;
		if (s->pieces[middle].first <= line)
			from = middle;
		else
			to = middle;
	}
	const struct source_piece *piece = &s->pieces[from];
	return (struct origin){ piece->origin.file, piece->origin.line + (line - piece->first) };
}

/* --- @include --- */

static void complain(struct builder *b, unsigned line, const char *key, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static void complain(struct builder *b, unsigned line, const char *key, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	diag_add(b->diags, DIAG_ERROR, b->files[b->depth - 1], line, key, format, ap);
	va_end(ap);
}

/* The path of a name in the file that is open; the caller frees it. */
static char *path_of(const struct builder *b, const char *name)
{
	const char *around = b->files[b->depth - 1], *slash = strrchr(around, '/');
	char *path;

	while (!strncmp(name, "./", 2))
		name += 2;
	int folder = *name != '/' && slash ? (int)(slash + 1 - around) : 0;
	return asprintf(&path, "%.*s%s", folder, around, name) < 0 ? NULL : path;
}

static void complain_unreadable(struct builder *b, unsigned line, const char *name, int error)
{
	if (error == -EFBIG)
		complain(b, line, "@include", "\"%s\": all files together are larger than %d octets; is it the right file?",
			name, CONF_FILE_MAX);
	else if (error == -EINVAL)
		complain(b, line, "@include", "\"%s\": is no regular file; name a text file", name);
	else
		complain(b, line, "@include", "\"%s\": %s; name a file, as seen from the folder of this one", name,
			strerror(-error));
}

/* True, with a message, if the file at path is open already. */
static bool is_open(struct builder *b, unsigned line, const char *path)
{
	struct buf by = { 0 };
	unsigned at = 0;

	while (at < b->depth && strcmp(b->files[at], path) != 0)
		at++;
	if (at == b->depth)
		return false;
	for (unsigned i = at + 1; i < b->depth; i++)
		buf_printf(&by, "%s%s", i == at + 1 ? " by way of " : ", ", b->files[i]);
	complain(b, line, "@include", "%s includes itself%s; take one @include out", path, buf_text(&by));
	buf_free(&by);
	return true;
}

static bool is_one_too_many(struct builder *b, unsigned line, const char *name)
{
	if (b->depth == SOURCE_DEPTH_MAX)
		complain(b, line, "@include", "\"%s\": files include each other more than %d deep; write fewer levels", name,
			SOURCE_DEPTH_MAX);
	else if (b->source->n_files > SOURCE_INCLUDES_MAX)
		complain(b, line, "@include", "\"%s\": is one of more than %d; write fewer files", name, SOURCE_INCLUDES_MAX);
	else
		return false;
	return true;
}

static int include_file(struct builder *b, unsigned line, const char *name)
{
	CLEANUP(cleanup_free) char *path = path_of(b, name), *text = NULL;
	size_t len;

	if (!path)
		return -ENOMEM;
	if (is_open(b, line, path))
		return 0;
	if (is_one_too_many(b, line, name))
		return -EINVAL;
	int r = b->read(b->userdata, path, CONF_FILE_MAX - b->octets, &text, &len);
	if (r == -ENOMEM)
		return r;
	if (!r)
		return take_file(b, path, text, len);
	complain_unreadable(b, line, name, r);
	return r == -EFBIG ? -EINVAL : 0;
}

/* What follows the word @include. *from, the begin of what is still to be added, moves behind it. */
static int take_include(
	struct builder *b, struct scan *s, const struct scan_token *word, const char **from, unsigned *from_line)
{
	const char *line_begin = word->start;

	if (!b->read) {
		complain(b, word->line, "@include", "is refused; write everything into one file");
		return -EINVAL;
	}
	struct scan_token t = scan_next(s);
	if (t.kind != SCAN_TEXT || t.len < 3 || t.line != word->line || memchr(t.start, '\\', t.len) || !word->first ||
		!scan_line_is_over(s)) {
		complain(b, word->line, "@include", "stands alone on its line; write @include \"file.conf\"");
		return -EINVAL;
	}
	int r = add_lines(b, *from, (size_t)(line_begin - *from), *from_line, true);
	if (r)
		return r;
	CLEANUP(cleanup_free) char *name = strndup(t.start + 1, t.len - 2);
	*from = s->at;
	*from_line = t.line;
	return name ? include_file(b, t.line, name) : -ENOMEM;
}

/* --- tokens --- */

static int open_bracket(struct builder *b, unsigned line)
{
	if (b->n_brackets == SOURCE_BRACKETS_MAX) {
		complain(b, line, NULL, "brackets are nested too deeply; close those that are over");
		return -EINVAL;
	}
	b->brackets[b->n_brackets++] = (struct bracket){ .line = line };
	return 0;
}

/* base: brackets that were open where the file begins. In the outermost file libconfig says what does not match. */
static int close_bracket(struct builder *b, unsigned line, unsigned base)
{
	if (b->n_brackets > base) {
		b->n_brackets--;
		return 0;
	}
	if (b->depth == 1)
		return 0;
	complain(b, line, NULL, "this bracket was not opened in this file; each file closes what it opens");
	return -EINVAL;
}

static int count_key(struct builder *b, unsigned line)
{
	if (++b->brackets[b->n_brackets - 1].keys <= SOURCE_KEYS_MAX)
		return 0;
	complain(b, line, NULL, "more than %d keys stand in one group; things of one kind stand in a list, in ( )",
		SOURCE_KEYS_MAX);
	return -EINVAL;
}

static int count_value(struct builder *b, unsigned line)
{
	if (++b->values <= SOURCE_VALUES_MAX)
		return 0;
	complain(b, line, NULL, "more than %d keys and values; is it the right file?", SOURCE_VALUES_MAX);
	return -EINVAL;
}

/* Any token but @include and the end. */
static int take_token(struct builder *b, const struct scan_token *t, unsigned base)
{
	switch (t->kind) {
	case SCAN_OPEN: {
		int r = open_bracket(b, t->line);
		return r ? r : count_value(b, t->line);
	}
	case SCAN_CLOSE:
		return close_bracket(b, t->line, base);
	case SCAN_OTHER:
		return *t->start == '=' || *t->start == ':' ? count_key(b, t->line) : 0;
	case SCAN_TEXT_OPEN:
		complain(b, t->line, NULL, "text begins here and does not end on this line; close the quote");
		break;
	case SCAN_COMMENT_OPEN:
		complain(b, t->line, NULL, "a comment begins here and does not end; close it with */");
		break;
	case SCAN_TEXT:
	case SCAN_INTEGER:
	case SCAN_HEX:
		b->source->doubtful = b->source->doubtful || mend_doubts(t);
		break;
	case SCAN_REAL:
	case SCAN_NAME:
	case SCAN_INCLUDE:
	case SCAN_END:
		break;
	}
	return count_value(b, t->line);
}

static int take_text(struct builder *b, const char *text, size_t len)
{
	struct scan scan = scan_begin(text, len);
	unsigned base = b->n_brackets, from_line = 1;
	const char *from = text, *behind = text;

	for (struct scan_token t = scan_next(&scan); t.kind != SCAN_END; t = scan_next(&scan)) {
		int r = t.kind == SCAN_INCLUDE ? take_include(b, &scan, &t, &from, &from_line) : take_token(b, &t, base);
		if (r)
			return r;
		behind = scan.at;
	}
	/* Entries of a list, say, of which the others are missing. */
	if (scan_breaks_off(behind, (size_t)(text + len - behind)))
		complain(b, scan.line, NULL, "the file ends in the middle of a comment; is it whole? End its last line");
	if (b->depth > 1 && b->n_brackets > base) {
		complain(b, b->brackets[b->n_brackets - 1].line, NULL,
			"this bracket is not closed in this file; each file closes what it opens");
		return -EINVAL;
	}
	return add_lines(b, from, (size_t)(text + len - from), from_line, b->depth > 1);
}

/* The file is open afterwards. */
static int open_file(struct builder *b, const char *name, const char *text, size_t len)
{
	int r = check_octets(text, len, name, b->diags);

	if (r)
		return r;
	b->files[b->depth] = keep_name(b->source, name);
	if (!b->files[b->depth])
		return -ENOMEM;
	b->octets += len;
	b->depth++;
	return 0;
}

static int take_file(struct builder *b, const char *name, const char *text, size_t len)
{
	int r = open_file(b, name, text, len);

	if (r)
		return r;
	r = take_text(b, text, len);
	b->depth--;
	return r;
}

int source_take(const char *name, const char *text, size_t len, struct diag_list *diags, struct source *ret)
{
	struct builder b = { .source = ret, .diags = diags, .lines = 1 };

	*ret = (struct source){ 0 };
	int r = open_file(&b, name, text, len);
	return r ? r : add_lines(&b, text, len, 1, false);
}

int source_build(const char *name, const char *text, size_t len, source_read *read, void *userdata,
	struct diag_list *diags, struct source *ret)
{
	struct builder b = { .source = ret, .diags = diags, .read = read, .userdata = userdata, .lines = 1 };
	size_t errors = diags->errors;

	*ret = (struct source){ 0 };
	b.n_brackets = 1; /* the whole text */
	int r = take_file(&b, name, text, len);
	return !r && diags->errors > errors ? -EINVAL : r;
}

void source_free(struct source *s)
{
	buf_free(&s->text);
	free(s->pieces);
	for (size_t i = 0; i < s->n_files; i++)
		free(s->files[i]);
	free(s->files);
	for (size_t i = 0; i < s->n_spoilt; i++)
		free(s->spoilt[i]);
	free(s->spoilt);
	*s = (struct source){ 0 };
}
