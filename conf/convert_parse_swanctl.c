/* strongSwan's settings format: "name { name = value }", "name : section.inherited, another { }", "include PATTERN". */
#include "conf/convert_parse.h"

#include "conf/convert_foreign.h"

#include <string.h>

struct cursor {
	struct foreign *s;
	const char *at;
	unsigned line;
};

#define BLANKS " \t\r"

static void skip_blanks(struct cursor *c)
{
	c->at += strspn(c->at, BLANKS);
}

/* Blanks, line ends and comments. */
static void skip_lines(struct cursor *c)
{
	for (;;) {
		skip_blanks(c);
		if (*c->at == '#')
			c->at += strcspn(c->at, "\n");
		if (*c->at != '\n')
			return;
		c->at++;
		c->line++;
	}
}

/* Text up to one of the octets in ends; NULL if there is none or memory ran out. */
static char *take_word(struct cursor *c, const char *ends)
{
	size_t len = strcspn(c->at, ends);
	char *word = len ? foreign_strndup(c->s, c->at, len) : NULL;

	c->at += len;
	return word;
}

static char unescaped(char c)
{
	return c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
}

/* The rest of "...", appended at to, which has room; returns its end. */
static char *take_quoted(struct cursor *c, char *to)
{
	unsigned first = c->line;

	for (c->at++; *c->at && *c->at != '"'; c->at++) {
		bool escaped = *c->at == '\\' && c->at[1];
		c->at += escaped;
		c->line += *c->at == '\n';
		if ((!escaped || *c->at != '\n') && *c->at != '\r')
			*to++ = escaped ? unescaped(*c->at) : *c->at;
	}
	if (*c->at)
		c->at++;
	else
		foreign_fail(c->s, first, "a quote begins here and is not closed");
	return to;
}

/* Where the value ends at the latest: quotes may hold the octets that end it outside. */
static size_t value_room(const char *at)
{
	size_t n = 0;
	bool quoted = false;

	for (; at[n] && (quoted || !strchr("\n#}", at[n])); n++) {
		if (quoted && at[n] == '\\' && at[n + 1])
			n++;
		else if (at[n] == '"')
			quoted = !quoted;
	}
	return n;
}

/* Words and quoted texts up to the end of the line, joined by one space. */
static const char *take_value(struct cursor *c)
{
	char *value = foreign_alloc(c->s, value_room(c->at) + 1), *to = value;

	if (!value)
		return "";
	for (skip_blanks(c); !strchr("\n#}", *c->at) && !c->s->error; skip_blanks(c)) {
		if (to > value)
			*to++ = ' ';
		if (*c->at == '"') {
			to = take_quoted(c, to);
			continue;
		}
		size_t len = strcspn(c->at, BLANKS "\n#}\"");
		memcpy(to, c->at, len);
		to += len;
		c->at += len;
	}
	return value;
}

static void take_references(struct cursor *c, struct section *section)
{
	do {
		c->at++;
		skip_lines(c);
		unsigned line = c->line;
		char *path = take_word(c, BLANKS "\n#{}=:,\"");
		if (!path)
			foreign_fail(c->s, line, "a section's name is missing behind ':' or ','");
		else
			foreign_refer(c->s, section, path, line);
		skip_lines(c);
	} while (*c->at == ',' && !c->s->error);
}

static void take_body(struct cursor *c, struct section *section, unsigned depth);

static void take_section(struct cursor *c, struct section *parent, const char *name, unsigned line, unsigned depth)
{
	struct section *section = foreign_section(c->s, parent, name, line);

	if (!section)
		return;
	if (*c->at == ':')
		take_references(c, section);
	if (c->s->error)
		return;
	if (*c->at != '{') {
		foreign_fail(c->s, c->line, "'{' is expected here, for the section that begins in line %u", line);
		return;
	}
	c->at++;
	take_body(c, section, depth + 1);
	if (*c->at == '}')
		c->at++;
	else
		foreign_fail(c->s, line, "the section that begins here is not closed; a '}' is missing");
}

static void take_include(struct cursor *c, unsigned line)
{
	c->at += strcspn(c->at, "\n");
	foreign_note(
		c->s, line, "include", "is not followed; convert that file by itself, or put its text in place of this line");
}

static void take_entry(struct cursor *c, struct section *section, unsigned depth)
{
	unsigned line = c->line;
	char *name = take_word(c, BLANKS "\n#{}=:,\"");

	if (!name) {
		foreign_fail(c->s, line, "a name is expected here; is this a swanctl.conf?");
		return;
	}
	skip_blanks(c);
	if (*c->at == '=') {
		c->at++;
		foreign_set(c->s, section, name, take_value(c), line);
		return;
	}
	if (!strcmp(name, "include") && !strchr("{:\n#", *c->at)) {
		take_include(c, line);
		return;
	}
	skip_lines(c);
	if (*c->at == '{' || *c->at == ':')
		take_section(c, section, name, line, depth);
	else
		foreign_fail(c->s, line, "neither '=' nor '{' stands behind the name; is this a swanctl.conf?");
}

static void take_body(struct cursor *c, struct section *section, unsigned depth)
{
	if (depth > FOREIGN_DEPTH_MAX) {
		foreign_fail(c->s, c->line, "sections stand in each other more than %d deep", FOREIGN_DEPTH_MAX);
		return;
	}
	for (skip_lines(c); *c->at && *c->at != '}' && !c->s->error; skip_lines(c))
		take_entry(c, section, depth);
}

/* --- inheritance --- */

static void expand(struct foreign *s, struct section *section, unsigned depth);

static struct section *find_path(const struct foreign *s, const char *path)
{
	struct section *at = s->root;

	while (at && *path) {
		size_t len = strcspn(path, ".");
		struct section *child = at->sections;
		while (child && (strlen(child->name) != len || strncmp(child->name, path, len) != 0))
			child = child->next;
		at = child;
		path += len + (path[len] == '.');
	}
	return at == s->root ? NULL : at;
}

static void expand_one(struct foreign *s, struct section *section, const struct reference *r, unsigned depth)
{
	struct section *target = find_path(s, r->path);

	if (!target) {
		foreign_note(s, r->line, section->name, "inherits from a section that is not in this file; add that section");
		return;
	}
	target->referenced = true;
	expand(s, target, depth + 1);
	/* The place may lie in the target itself; a copy of it would then grow while it is made. */
	if (target->expanding)
		foreign_fail(s, r->line, "the section inherits from itself; end the circle");
	else
		foreign_inherit(s, section, target, depth);
}

/* Resolves the references of a section and of those in it. */
static void expand(struct foreign *s, struct section *section, unsigned depth)
{
	if (section->expanded || section->expanding || s->error)
		return;
	if (depth > FOREIGN_DEPTH_MAX) {
		foreign_fail(s, section->line, "sections inherit from each other more than %d deep", FOREIGN_DEPTH_MAX);
		return;
	}
	section->expanding = true;
	for (struct section *child = section->sections; child && !s->error; child = child->next)
		expand(s, child, depth + 1);
	for (const struct reference *r = section->references; r && !s->error; r = r->next)
		expand_one(s, section, r, depth);
	section->expanding = false;
	section->expanded = true;
}

void convert_parse_swanctl(struct foreign *s, const char *text)
{
	struct cursor c = { .s = s, .at = text, .line = 1 };

	s->root = foreign_alloc(s, sizeof(*s->root));
	if (!s->root)
		return;
	take_body(&c, s->root, 0);
	if (*c.at == '}')
		foreign_fail(s, c.line, "there is no section to close here; a '}' too many");
	if (!s->error)
		expand(s, s->root, 0);
}
