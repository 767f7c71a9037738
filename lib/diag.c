#include "lib/diag.h"

#include "lib/buf.h"
#include "lib/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Messages quote what others wrote: no control character (U+0080 to U+009F too) may reach a terminal or forge a line,
 * and what is no UTF-8 (a path, a name in a certificate) could not be told in JSON. */
static void disarm(char *text)
{
	char *at = text;

	while (at && *(at += utf8_valid(at, strlen(at))))
		*at++ = '?';
	for (unsigned char *s = (unsigned char *)text; s && *s; s++) {
		if (*s == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f)
			s[0] = s[1] = '?';
		else if (*s < ' ' || *s == 0x7f)
			*s = '?';
	}
}

static void clear(struct diag *d)
{
	free(d->file);
	free(d->key);
	free(d->text);
}

__attribute__((format(printf, 4, 0))) static int fill(
	struct diag *d, const char *file, const char *key, const char *format, va_list ap)
{
	d->file = file ? strdup(file) : NULL;
	d->key = key ? strdup(key) : NULL;
	if (vasprintf(&d->text, format, ap) < 0)
		d->text = NULL;
	if (!d->text || (file && !d->file) || (key && !d->key)) {
		clear(d);
		return -1;
	}
	disarm(d->file);
	disarm(d->key);
	disarm(d->text);
	return 0;
}

/* The last entry that an error may displace, count if there is none. */
static size_t find_lesser(const struct diag_list *l)
{
	for (size_t i = l->count; i; i--) {
		if (l->items[i - 1].severity != DIAG_ERROR)
			return i - 1;
	}
	return l->count;
}

bool diag_has_room(const struct diag_list *l, enum diag_severity severity)
{
	return l->count < DIAG_MAX || (severity == DIAG_ERROR && find_lesser(l) < l->count);
}

/* Takes out the entry at an index; the order of the others stays. */
static void displace(struct diag_list *l, size_t at)
{
	clear(&l->items[at]);
	memmove(&l->items[at], &l->items[at + 1], (--l->count - at) * sizeof(*l->items));
	l->dropped++;
}

/* Room for one more of that severity, made if need be; NULL: there is none, which is counted. */
static struct diag *make_room(struct diag_list *l, enum diag_severity severity)
{
	if (severity == DIAG_ERROR)
		l->errors++;
	if (!l->items)
		l->items = calloc(DIAG_MAX, sizeof(*l->items));
	if (!l->items || !diag_has_room(l, severity)) {
		l->dropped++;
		return NULL;
	}
	if (l->count == DIAG_MAX)
		displace(l, find_lesser(l));
	return &l->items[l->count];
}

void diag_add(struct diag_list *l, enum diag_severity severity, const char *file, unsigned line, const char *key,
	const char *format, va_list ap)
{
	struct diag *d = make_room(l, severity);

	if (!d)
		return;
	*d = (struct diag){ .line = line, .severity = severity };
	if (fill(d, file, key, format, ap))
		l->dropped++;
	else
		l->count++;
}

void diag_move(struct diag_list *l, struct diag_list *from)
{
	size_t errors = l->errors + from->errors;

	for (size_t i = 0; i < from->count; i++) {
		struct diag *d = make_room(l, from->items[i].severity);
		if (d) {
			*d = from->items[i];
			l->count++;
		} else {
			clear(&from->items[i]);
		}
	}
	l->errors = errors;
	l->dropped += from->dropped;
	from->count = 0;
	diag_free(from);
}

void diag_error(struct diag_list *l, const char *file, unsigned line, const char *key, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	diag_add(l, DIAG_ERROR, file, line, key, format, ap);
	va_end(ap);
}

void diag_warning(struct diag_list *l, const char *file, unsigned line, const char *key, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	diag_add(l, DIAG_WARNING, file, line, key, format, ap);
	va_end(ap);
}

const char *diag_word(enum diag_severity severity)
{
	static const char *const words[] = { [DIAG_ERROR] = "error", [DIAG_WARNING] = "warning", [DIAG_NOTE] = "note" };

	return words[severity];
}

/* By file, then line, then the order in which they came: the addresses are those of one array. */
static int compare(const void *a, const void *b)
{
	const struct diag *x = *(const struct diag *const *)a, *y = *(const struct diag *const *)b;
	int order = strcmp(x->file ? x->file : "", y->file ? y->file : "");

	if (order)
		return order;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x < y ? -1 : x > y;
}

size_t diag_sorted(const struct diag_list *l, const struct diag *ret[static DIAG_MAX])
{
	for (size_t i = 0; i < l->count; i++)
		ret[i] = &l->items[i];
	qsort(ret, l->count, sizeof(*ret), compare);
	return l->count;
}

void diag_print_one(const struct diag *d, struct buf *out)
{
	if (d->file && d->line)
		buf_printf(out, "%s:%u: ", d->file, d->line);
	else if (d->file)
		buf_printf(out, "%s: ", d->file);
	if (d->severity != DIAG_ERROR)
		buf_printf(out, "%s: ", diag_word(d->severity));
	if (d->key)
		buf_printf(out, "%s: ", d->key);
	buf_puts(out, d->text);
}

void diag_print(const struct diag_list *l, struct buf *out)
{
	const struct diag *sorted[DIAG_MAX] = { 0 };
	size_t n = diag_sorted(l, sorted);

	for (size_t i = 0; i < n; i++) {
		diag_print_one(sorted[i], out);
		buf_puts(out, "\n");
	}
	if (l->dropped)
		buf_printf(out, "and %zu more\n", l->dropped);
}

void diag_free(struct diag_list *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->count; i++)
		clear(&l->items[i]);
	free(l->items);
	*l = (struct diag_list){ 0 };
}
