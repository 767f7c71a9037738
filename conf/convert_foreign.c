/* Failure policy: the first error is kept in the source, later calls do little and harmless things, the end asks once.
 */
#include "conf/convert_foreign.h"

#include "lib/utf8.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SHOWN_MAX = 72, /* octets of a quoted value */
	KEY_MAX = 250, /* octets of a key, with the sections that it is in */
	NOTES_MAX = 5000,
};

struct pool {
	struct pool *next;
	size_t size;
	max_align_t data[];
};

struct note {
	struct note *next;
	unsigned line;
	size_t number; /* in the order in which they came */
	const char *key, *text;
};

/* --- memory --- */

void *foreign_alloc(struct foreign *s, size_t size)
{
	struct pool *p = calloc(1, sizeof(*p) + size);

	if (!p) {
		s->error = s->error ? s->error : -ENOMEM;
		return NULL;
	}
	p->next = s->pool;
	p->size = size;
	s->pool = p;
	return p->data;
}

char *foreign_strndup(struct foreign *s, const char *text, size_t len)
{
	char *copy = foreign_alloc(s, len + 1);

	if (copy)
		memcpy(copy, text, len);
	return copy;
}

__attribute__((format(printf, 2, 0))) static char *format_text(struct foreign *s, const char *format, va_list ap)
{
	char *text, *copy;

	int n = vasprintf(&text, format, ap);
	if (n < 0) {
		s->error = s->error ? s->error : -ENOMEM;
		return NULL;
	}
	copy = foreign_strndup(s, text, (size_t)n);
	free(text);
	return copy;
}

char *foreign_printf(struct foreign *s, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	char *text = format_text(s, format, ap);
	va_end(ap);
	return text;
}

/* Control characters (U+0080 to U+009F too) must not forge lines or reach a terminal. */
static char *disarm(char *text)
{
	for (unsigned char *c = (unsigned char *)text; c && *c; c++) {
		if (*c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
			c[0] = c[1] = '?';
		else if (*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	return text;
}

static const char *show(struct foreign *s, const char *text, size_t max)
{
	size_t len = strlen(text), shown = utf8_valid(text, len < max ? len : max);
	char *copy = foreign_printf(s, "%.*s%s", (int)shown, text, shown < len ? "..." : "");

	return copy ? disarm(copy) : "";
}

const char *foreign_show(struct foreign *s, const char *text)
{
	return show(s, text, SHOWN_MAX);
}

const char *foreign_name(struct foreign *s)
{
	return show(s, s->file, PATH_MAX);
}

void foreign_free(struct foreign *s)
{
	while (s->pool) {
		struct pool *p = s->pool;
		s->pool = p->next;
		/* There may have been a secret in the file. */
		io_free_secret((char *)p, sizeof(*p) + p->size);
	}
}

/* --- messages --- */

void foreign_fail(struct foreign *s, unsigned line, const char *format, ...)
{
	va_list ap;

	if (s->error)
		return;
	va_start(ap, format);
	char *text = format_text(s, format, ap);
	va_end(ap);
	if (!text)
		return;
	s->error = -EINVAL;
	diag_error(s->diags, s->file, line, NULL, "%s", text);
}

static bool is_said(const struct foreign *s, unsigned line, const char *text)
{
	for (const struct note *n = s->notes; n; n = n->next) {
		if (n->line == line && !strcmp(n->text, text))
			return true;
	}
	return false;
}

void foreign_note(struct foreign *s, unsigned line, const char *key, const char *format, ...)
{
	va_list ap;

	if (s->n_notes == NOTES_MAX) {
		s->n_dropped++;
		return;
	}
	va_start(ap, format);
	char *text = disarm(format_text(s, format, ap));
	va_end(ap);
	if (!text || !key || is_said(s, line, text))
		return;
	struct note *n = foreign_alloc(s, sizeof(*n));
	if (!n)
		return;
	size_t len = strlen(key);
	char *shown = foreign_strndup(s, key, len && key[len - 1] == '.' ? len - 1 : len);
	*n = (struct note){ .line = line, .number = s->n_notes, .key = shown ? show(s, shown, KEY_MAX) : "", .text = text };
	if (!s->notes)
		s->last_note = &s->notes;
	*s->last_note = n;
	s->last_note = &n->next;
	s->n_notes++;
}

static int compare_notes(const void *a, const void *b)
{
	const struct note *x = *(const struct note *const *)a, *y = *(const struct note *const *)b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

void foreign_print_notes(struct foreign *s, const char *prefix, struct buf *out)
{
	const struct note **sorted = foreign_alloc(s, (s->n_notes + 1) * sizeof(struct note *));
	size_t n = 0;

	if (!sorted)
		return;
	for (const struct note *note = s->notes; note; note = note->next)
		sorted[n++] = note;
	qsort(sorted, n, sizeof(*sorted), compare_notes);
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%s:%u: %s: %s\n", prefix, foreign_name(s), sorted[i]->line, sorted[i]->key, sorted[i]->text);
	if (s->n_dropped)
		buf_printf(out, "%sand %zu more\n", prefix, s->n_dropped);
}

/* --- the tree --- */

/* Counts a section or setting; false if there are too many. */
static bool count_node(struct foreign *s, unsigned line)
{
	if (s->nodes++ < FOREIGN_NODES_MAX)
		return true;
	foreign_fail(s, line, "has more than %d settings and sections, with the inherited ones; is it the right file?",
		FOREIGN_NODES_MAX);
	return false;
}

struct section *foreign_find(const struct section *parent, const char *name)
{
	for (struct section *child = parent->sections; child; child = child->next) {
		if (!strcmp(child->name, name))
			return child;
	}
	return NULL;
}

struct section *foreign_section(struct foreign *s, struct section *parent, const char *name, unsigned line)
{
	struct section **last = &parent->sections, *child;

	for (; *last; last = &(*last)->next) {
		if (!strcmp((*last)->name, name))
			return *last;
	}
	if (++parent->n_sections > FOREIGN_SECTIONS_MAX) {
		foreign_fail(s, line, "more than %d sections in one; is it the right file?", FOREIGN_SECTIONS_MAX);
		return NULL;
	}
	if (!count_node(s, line))
		return NULL;
	child = foreign_alloc(s, sizeof(*child));
	if (!child)
		return NULL;
	child->name = name;
	child->line = line;
	*last = child;
	return child;
}

/* Appends a setting behind the last one, at *last. */
static void add_setting(
	struct foreign *s, struct section *section, struct setting **last, const struct setting *setting)
{
	if (++section->n_settings > FOREIGN_SETTINGS_MAX) {
		foreign_fail(
			s, setting->line, "more than %d settings in one section; is it the right file?", FOREIGN_SETTINGS_MAX);
		return;
	}
	struct setting *new = count_node(s, setting->line) ? foreign_alloc(s, sizeof(*new)) : NULL;
	if (!new)
		return;
	*new = *setting;
	*last = new;
}

void foreign_set(struct foreign *s, struct section *section, const char *name, const char *value, unsigned line)
{
	struct setting **last = &section->settings;

	for (; *last; last = &(*last)->next) {
		if (!strcmp((*last)->name, name)) {
			(*last)->value = value;
			(*last)->line = line;
			return;
		}
	}
	add_setting(s, section, last, &(struct setting){ .name = name, .value = value, .line = line });
}

void foreign_refer(struct foreign *s, struct section *section, const char *path, unsigned line)
{
	struct reference **last = &section->references, *new;
	size_t n = 0;

	for (; *last; last = &(*last)->next)
		n++;
	if (n == FOREIGN_REFERENCES_MAX) {
		foreign_fail(s, line, "more than %d references in one section; is it the right file?", FOREIGN_REFERENCES_MAX);
		return;
	}
	new = foreign_alloc(s, sizeof(*new));
	if (!new)
		return;
	*new = (struct reference){ .path = path, .line = line };
	*last = new;
}

void foreign_inherit(struct foreign *s, struct section *base, const struct section *other, unsigned depth)
{
	if (depth > FOREIGN_DEPTH_MAX) {
		foreign_fail(s, base->line, "sections inherit from each other more than %d deep", FOREIGN_DEPTH_MAX);
		return;
	}
	for (const struct setting *o = other->settings; o && !s->error; o = o->next) {
		struct setting **last = &base->settings;
		while (*last && strcmp((*last)->name, o->name) != 0)
			last = &(*last)->next;
		if (!*last)
			add_setting(s, base, last,
				&(struct setting){ .name = o->name, .value = o->value, .line = o->line, .inherited = true });
	}
	for (const struct section *o = other->sections; o && !s->error; o = o->next) {
		struct section *child = foreign_section(s, base, o->name, o->line);
		if (child && child != o)
			foreign_inherit(s, child, o, depth + 1);
	}
}

struct setting *foreign_get(const struct section *section, const char *name)
{
	for (struct setting *i = section->settings; i; i = i->next) {
		if (!strcmp(i->name, name))
			return i->value[0] ? i : NULL;
	}
	return NULL;
}

struct setting *foreign_take(const struct section *section, const char *name)
{
	struct setting *found = foreign_get(section, name);

	if (found)
		found->taken = true;
	return found;
}

/* --- what nobody took --- */

/* True if value is one of the words between '|'. */
static bool is_word_of(const char *words, const char *value)
{
	size_t len = strlen(value);

	if (!strcmp(words, "*"))
		return true;
	for (const char *w = words; *w;) {
		size_t n = strcspn(w, "|");
		if (n == len && !strncmp(w, value, n))
			return true;
		w += n + (w[n] == '|');
	}
	return false;
}

bool foreign_note_rule(
	struct foreign *s, const struct setting *i, const char *path, const char *name, const struct rules *rules)
{
	for (size_t r = 0; r < rules->n; r++) {
		const struct rule *rule = &rules->items[r];
		if (strcmp(rule->name, name) != 0)
			continue;
		if (!rule->same || !is_word_of(rule->same, i->value))
			foreign_note(s, i->line, foreign_printf(s, "%s%s", path, i->name), "%s", rule->why);
		return true;
	}
	return false;
}

void foreign_note_unknown(struct foreign *s, const struct setting *i, const char *path)
{
	foreign_note(s, i->line, foreign_printf(s, "%s%s", path, i->name),
		"is no key that culvert convert knows; look whether the tunnel needs it");
}

void foreign_note_rest(struct foreign *s, const struct section *section, const char *path, const struct rules *rules)
{
	for (const struct setting *i = section->settings; i && !s->error; i = i->next) {
		if (!i->taken && i->value[0] && !foreign_note_rule(s, i, path, i->name, rules))
			foreign_note_unknown(s, i, path);
	}
}
