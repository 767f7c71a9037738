/* ipsec.conf, strongSwan's and libreswan's: headings in the first column, settings indented below them. */
#include "conf/convert_parse.h"

#include "conf/convert_foreign.h"

#include <string.h>

#define BLANKS " \t\r"

struct reader {
	struct foreign *s;
	struct section *section; /* the one that settings belong to; NULL before the first */
	unsigned line;
};

/* Behind the comment and the blanks at the end of [text, text + len). */
static size_t content_length(const char *text, size_t len)
{
	bool quoted = false;
	size_t end = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"')
			quoted = !quoted;
		if (text[i] == '#' && !quoted && (!i || strchr(BLANKS, text[i - 1])))
			break;
		if (!strchr(BLANKS, text[i]))
			end = i + 1;
	}
	return end;
}

/*
 * A copy without blanks around it, and without the quotes or braces that hold all of it. In braces, libreswan's form of
 * a list, blanks are as good as commas.
 */
static const char *trimmed(struct foreign *s, const char *text, size_t len)
{
	bool braces = false;

	while (len && strchr(BLANKS, *text)) {
		text++;
		len--;
	}
	while (len && strchr(BLANKS, text[len - 1]))
		len--;
	if (len >= 2 && ((text[0] == '"' && text[len - 1] == '"') || (text[0] == '{' && text[len - 1] == '}'))) {
		braces = text[0] == '{';
		text++;
		len -= 2;
	}
	char *copy = foreign_strndup(s, text, len);
	for (char *c = copy; braces && c && *c; c++) {
		if (strchr(BLANKS, *c))
			*c = ',';
	}
	return copy ? copy : "";
}

static void take_setting(struct reader *r, const char *text, size_t len)
{
	const char *equals = memchr(text, '=', len);

	if (!equals || equals == text) {
		foreign_fail(r->s, r->line, "has no '=' in it; write key=value, or a heading in the first column");
		return;
	}
	if (!r->section) {
		foreign_fail(r->s, r->line, "is indented, but there is no section above it; is this an ipsec.conf?");
		return;
	}
	size_t n = (size_t)(equals - text);
	const char *name = trimmed(r->s, text, n), *value = trimmed(r->s, equals + 1, len - n - 1);
	if (!strcmp(name, "also"))
		foreign_refer(r->s, r->section, foreign_printf(r->s, "conn %s", value), r->line);
	else
		foreign_set(r->s, r->section, name, value, r->line);
}

static void take_heading(struct reader *r, const char *text, size_t len)
{
	static const char *const kinds[] = { "conn", "config", "ca" };
	size_t word = 0;

	while (word < len && !strchr(BLANKS, text[word]))
		word++;
	const char *rest = trimmed(r->s, text + word, len - word);
	if (word == 7 && !strncmp(text, "include", word)) {
		foreign_note(r->s, r->line, "include",
			"is not followed; convert that file by itself, or put its text in place of this line");
		return;
	}
	if (word == 7 && !strncmp(text, "version", word))
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strlen(kinds[i]) != word || strncmp(kinds[i], text, word) != 0 || !rest[0])
			continue;
		char *name = foreign_printf(r->s, "%s %s", kinds[i], rest);
		r->section = name ? foreign_section(r->s, r->s->root, name, r->line) : NULL;
		return;
	}
	foreign_fail(r->s, r->line, "begins in the first column, but is no conn, ca or config section");
}

static void take_line(struct reader *r, const char *text, size_t len)
{
	size_t indent = strspn(text, BLANKS);

	if (indent > len)
		indent = len;
	size_t end = content_length(text + indent, len - indent);
	if (!end)
		return;
	if (indent)
		take_setting(r, text + indent, end);
	else
		take_heading(r, text, end);
}

/* --- inheritance --- */

static void expand(struct foreign *s, struct section *conn, unsigned depth);

/* Says where a section gives another value than one that was inherited before it and stays. */
static void note_rivals(struct foreign *s, const struct section *conn, const struct section *other)
{
	for (const struct setting *o = other->settings; o; o = o->next) {
		const struct setting *i = foreign_get(conn, o->name);
		if (i && i->inherited && i->line != o->line && strcmp(i->value, o->value) != 0)
			foreign_note(s, o->line, conn->name,
				"%s is given otherwise in line %u by another also=; that one is taken, as strongSwan does",
				foreign_show(s, o->name), i->line);
	}
}

/* The later an also= stands, the more it counts. */
static void inherit_also(struct foreign *s, struct section *conn, const struct reference *r, unsigned depth)
{
	if (!r || s->error)
		return;
	inherit_also(s, conn, r->next, depth);
	struct section *other = r->path ? foreign_find(s->root, r->path) : NULL;
	if (!other) {
		foreign_note(s, r->line, conn->name, "also= names a section that is not in this file; add that section");
		return;
	}
	other->referenced = true;
	expand(s, other, depth + 1);
	note_rivals(s, conn, other);
	foreign_inherit(s, conn, other, 0);
}

static void expand(struct foreign *s, struct section *conn, unsigned depth)
{
	if (conn->expanded || s->error)
		return;
	if (conn->expanding || depth > FOREIGN_DEPTH_MAX) {
		foreign_fail(s, conn->line, "also= leads in a circle, or more than %d deep", FOREIGN_DEPTH_MAX);
		return;
	}
	conn->expanding = true;
	inherit_also(s, conn, conn->references, depth);
	conn->expanding = false;
	conn->expanded = true;
}

static void expand_all(struct foreign *s)
{
	const struct section *defaults = foreign_find(s->root, "conn %default");

	for (struct section *conn = s->root->sections; conn && !s->error; conn = conn->next)
		expand(s, conn, 0);
	for (struct section *conn = s->root->sections; conn && defaults && !s->error; conn = conn->next) {
		if (conn != defaults && !strncmp(conn->name, "conn ", 5))
			foreign_inherit(s, conn, defaults, 0);
	}
}

void convert_parse_ipsec(struct foreign *s, const char *text)
{
	struct reader r = { .s = s, .line = 1 };

	s->root = foreign_alloc(s, sizeof(*s->root));
	if (!s->root)
		return;
	for (const char *at = text; *at && !s->error; r.line++) {
		size_t len = strcspn(at, "\n");
		take_line(&r, at, len);
		at += len + (at[len] == '\n');
	}
	if (!s->error)
		expand_all(s);
}

/* --- which format it is --- */

/* True if a line's first word is a heading of ipsec.conf's and no setting or section of swanctl.conf's follows. */
static bool is_heading(const char *line)
{
	static const char *const words[] = { "conn", "config", "ca", "version" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i]);
		if (strncmp(line, words[i], len) != 0 || !strchr(" \t", line[len]))
			continue;
		const char *next = line + len + strspn(line + len, " \t");
		return *next && !strchr("={:\n\r#", *next);
	}
	return false;
}

bool convert_is_ipsec(const char *text)
{
	for (const char *at = text; *at; at += *at == '\n') {
		size_t blanks = strspn(at, BLANKS);
		if (!strchr("#\n", at[blanks]) && strncmp(at + blanks, "include", 7) != 0)
			return !blanks && is_heading(at);
		at += strcspn(at, "\n");
	}
	return false;
}
