/*
 * One walk over the tokens, which knows the key of each as the tree will have it. Only texts in which something is
 * wrong are walked through, so that nobody else pays for keys. It ends where brackets do not match: what is behind
 * that has no key, and libconfig says what is wrong there.
 */
#include "conf/mend.h"

#include "conf/scan.h"
#include "conf/source.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/grow.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
	DIGITS_MAX =
		18, /* of an integer, without zeros before it: libconfig has 64 bits for it, of which one is the sign */
	DIGITS_NARROW = 9, /* 32 bits */
	HEX_MAX = 7, /* libconfig keeps 32 bits */
	NAME_SHOWN = 64, /* octets */
};

/* What the entries of an array must have in common. */
enum kind { KIND_NONE, KIND_TEXT, KIND_NUMBER, KIND_REAL, KIND_BOOL };

struct name {
	const char *start;
	size_t len;
};

struct bracket {
	char open; /* as it is written; '\0': the whole text */
	char *at; /* in the text */
	struct name names[SOURCE_KEYS_MAX]; /* of a group, the one at hand last */
	unsigned n_names;
	size_t entry; /* of an array or list: entries before the one at hand */
	enum kind kind; /* of the first entry of an array */
	bool wide; /* that is a number of 64 bits */
	bool mixed; /* libconfig would not take it as an array */
	bool told; /* that it is */
};

struct mender {
	struct source *source;
	struct diag_list *diags;
	struct bracket *brackets; /* that are open, the whole text first */
	unsigned n;
	bool assigned; /* the token before was '=', or ':', which is the same */
	bool lost; /* brackets do not match */
	int error; /* 0 or -ENOMEM */
};

/* --- single values --- */

/* A decimal integer, which consists of all this in this order. */
struct integer {
	size_t sign, zeros, digits, marks; /* octets */
};

static struct integer integer_of(const struct scan_token *t)
{
	struct integer i = { .sign = *t->start == '+' || *t->start == '-' };
	const char *digits = t->start + i.sign;
	size_t len = t->len - i.sign;

	while (len && digits[len - 1] == 'L') {
		len--;
		i.marks++;
	}
	while (i.zeros + 1 < len && digits[i.zeros] == '0')
		i.zeros++;
	i.digits = len - i.zeros;
	return i;
}

/* Digits of a hexadecimal number behind its zeros. */
static size_t hex_digits(const struct scan_token *t)
{
	size_t at = 2, n = 0;

	while (at < t->len && t->start[at] == '0')
		at++;
	while (at + n < t->len && t->start[at + n] != 'L')
		n++;
	return n;
}

/* libconfig makes a NUL of \x00, which cuts the text short: "a\x00b" would be "a". */
static bool is_cut(const struct scan_token *t)
{
	const char *end = t->start + t->len, *at = memchr(t->start, '\\', t->len);

	while (at && end - at > 3) {
		if ((at[1] == 'x' || at[1] == 'X') && at[2] == '0' && at[3] == '0')
			return true;
		at = memchr(at + 2, '\\', (size_t)(end - at - 2));
	}
	return false;
}

bool mend_doubts(const struct scan_token *t)
{
	struct integer i;

	switch (t->kind) {
	case SCAN_INTEGER:
		i = integer_of(t);
		return i.zeros || i.digits > DIGITS_MAX;
	case SCAN_HEX:
		return hex_digits(t) > HEX_MAX;
	case SCAN_TEXT:
		return is_cut(t);
	case SCAN_END:
	case SCAN_REAL:
	case SCAN_NAME:
	case SCAN_OPEN:
	case SCAN_CLOSE:
	case SCAN_INCLUDE:
	case SCAN_OTHER:
	case SCAN_TEXT_OPEN:
	case SCAN_COMMENT_OPEN:
		break;
	}
	return false;
}

/* --- messages --- */

static bool is_group(const struct bracket *b)
{
	return !b->open || b->open == '{';
}

/* The key at hand in the outermost n brackets: "carriers[0].tunnels[2].dpd"; of n - 1, of what the last one stands for.
 */
static void print_key(const struct mender *m, unsigned n, struct buf *out)
{
	for (unsigned i = 0; i < n; i++) {
		const struct bracket *b = &m->brackets[i];
		const struct name *name = b->n_names ? &b->names[b->n_names - 1] : NULL;
		if (!is_group(b))
			buf_printf(out, "[%zu]", b->entry);
		else if (name)
			buf_printf(out, "%s%.*s", out->len ? "." : "", (int)(name->len < NAME_SHOWN ? name->len : NAME_SHOWN),
				name->start);
	}
}

/* As print_key(). */
static void tell(struct mender *m, unsigned n, unsigned line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static void tell(struct mender *m, unsigned n, unsigned line, const char *format, ...)
{
	struct origin at = source_origin(m->source, line);
	struct buf key = { 0 };
	va_list ap;

	if (diag_has_room(m->diags, DIAG_ERROR))
		print_key(m, n, &key);
	if (key.error)
		m->error = key.error;
	va_start(ap, format);
	diag_add(m->diags, DIAG_ERROR, at.file, at.line, key.len ? buf_text(&key) : NULL, format, ap);
	va_end(ap);
	buf_free(&key);
	m->source->doubtful = true;
}

/* The key at hand has no value that counts. Where nothing more is told, nobody asks. */
static void note_spoilt(struct mender *m)
{
	struct source *s = m->source;
	struct buf key = { 0 };

	if (!diag_has_room(m->diags, DIAG_ERROR))
		return;
	print_key(m, m->n, &key);
	char **spoilt = key.error ? NULL : grow(s->spoilt, s->n_spoilt, &s->spoilt_room, sizeof(*spoilt));
	if (spoilt) {
		s->spoilt = spoilt;
		s->spoilt[s->n_spoilt++] = buf_steal(&key);
	} else {
		m->error = -ENOMEM;
	}
	buf_free(&key);
}

/* --- putting right --- */

/* Where octets of a token stand in the text, to be changed. */
static char *in_text(struct mender *m, const char *octets)
{
	return m->source->text.text + (octets - buf_text(&m->source->text));
}

/* The octets before rest go out of a number from at on. Blanks come behind it, so that it does not meet what follows.
 */
static void take_out(char *at, size_t before, size_t rest)
{
	memmove(at, at + before, rest);
	memset(at + rest, ' ', before);
}

/* Any number instead of the first len octets. */
static void replace_number(struct mender *m, const struct scan_token *t, size_t len)
{
	char *text = in_text(m, t->start);

	note_spoilt(m);
	*text = '1';
	take_out(text + 1, len - 1, t->len - len);
}

static void mend_integer(struct mender *m, const struct scan_token *t)
{
	struct integer i = integer_of(t);
	const char *digits = t->start + i.sign;
	int shown = (int)(i.digits < 20 ? i.digits : 20), all = (int)(i.zeros + i.digits < 32 ? i.zeros + i.digits : 32);

	if (i.digits > DIGITS_MAX) {
		tell(m, m->n, t->line, "%.*s%s is too large a number; write one that its key takes", shown, digits + i.zeros,
			i.digits > 20 ? "..." : "");
		replace_number(m, t, t->len - i.marks);
	} else {
		tell(m, m->n, t->line, "%.*s is read as octal; write %.*s%.*s", all, digits, (int)i.sign, t->start, shown,
			digits + i.zeros);
		take_out(in_text(m, digits), i.zeros, i.digits + i.marks);
	}
}

static void mend_hex(struct mender *m, const struct scan_token *t)
{
	size_t len = t->len;

	tell(m, m->n, t->line, "%.*s is too large a number; write it in decimal", (int)(len < 32 ? len : 32), t->start);
	while (t->start[len - 1] == 'L')
		len--;
	replace_number(m, t, len);
}

static void mend_text(struct mender *m, const struct scan_token *t)
{
	tell(m, m->n, t->line, "\\x00 stands in a text; take it out, or write \\\\ for a backslash");
	note_spoilt(m);
}

static void mend_value(struct mender *m, const struct scan_token *t)
{
	if (t->kind == SCAN_INTEGER)
		mend_integer(m, t);
	else if (t->kind == SCAN_HEX)
		mend_hex(m, t);
	else
		mend_text(m, t);
}

/* --- arrays, which become lists where they are of more than one kind --- */

/* In 64 bits rather than 32, for libconfig, or perhaps so. */
static bool is_wide(const struct scan_token *t)
{
	size_t len = t->len;

	if (t->kind != SCAN_INTEGER && t->kind != SCAN_HEX)
		return false;
	while (t->start[len - 1] == ' ') /* put right */
		len--;
	return t->start[len - 1] == 'L' || (t->kind == SCAN_INTEGER && len > DIGITS_NARROW);
}

static void take_entry(struct mender *m, const struct scan_token *t, enum kind kind)
{
	struct bracket *b = &m->brackets[m->n - 1];

	if (b->open != '[')
		return;
	if (b->kind == KIND_NONE) {
		b->kind = kind;
		b->wide = is_wide(t);
		return;
	}
	b->mixed = b->mixed || b->kind != kind || b->wide != is_wide(t);
	/* Of numbers alone there is nothing to tell: what they mean is clear, and no key takes the wide ones. */
	if (b->mixed)
		*b->at = '(';
	if (b->kind == kind || b->told)
		return;
	b->told = true;
	tell(m, m->n - 1, t->line, "entries of [ ] are of one kind; write ( 80, \"8000-8010\" ) for a mixture");
}

static void take_value(struct mender *m, const struct scan_token *t, enum kind kind)
{
	if (mend_doubts(t))
		mend_value(m, t);
	take_entry(m, t, kind);
}

/* --- keys and brackets --- */

static void take_key(struct mender *m, const struct scan_token *t)
{
	struct bracket *b = &m->brackets[m->n - 1];
	struct name name = { t->start, t->len };
	unsigned i = 0;

	if (b->n_names == SOURCE_KEYS_MAX)
		return;
	while (i < b->n_names && (b->names[i].len != name.len || memcmp(b->names[i].start, name.start, name.len) != 0))
		i++;
	b->names[b->n_names++] = name;
	if (i + 1 < b->n_names)
		tell(m, m->n, t->line, "this key stands here a second time; keep one");
}

/* In a group, what does not follow a '=' is a key; all others are true or false. */
static void take_name(struct mender *m, const struct scan_token *t)
{
	if (is_group(&m->brackets[m->n - 1]) && !m->assigned)
		take_key(m, t);
	else
		take_entry(m, t, KIND_BOOL);
}

static void open_bracket(struct mender *m, const struct scan_token *t)
{
	m->lost = m->n == SOURCE_BRACKETS_MAX;
	if (!m->lost)
		m->brackets[m->n++] = (struct bracket){ .open = *t->start, .at = in_text(m, t->start) };
}

static void close_bracket(struct mender *m, const struct scan_token *t)
{
	const struct bracket *b = &m->brackets[m->n - 1];
	char close = b->open == '{' ? '}' : b->open == '[' ? ']' : ')';

	bool as_list = b->mixed && *t->start == ')';

	m->lost = !b->open || (*t->start != close && !as_list);
	if (m->lost)
		return;
	if (as_list)
		tell(m, m->n - 1, t->line, "[ is closed by ); write ]");
	else if (b->mixed)
		*in_text(m, t->start) = ')';
	m->n--;
}

static void take_token(struct mender *m, const struct scan_token *t)
{
	switch (t->kind) {
	case SCAN_TEXT:
		take_value(m, t, KIND_TEXT);
		break;
	case SCAN_INTEGER:
	case SCAN_HEX:
		take_value(m, t, KIND_NUMBER);
		break;
	case SCAN_REAL:
		take_value(m, t, KIND_REAL);
		break;
	case SCAN_NAME:
		take_name(m, t);
		break;
	case SCAN_OPEN:
		open_bracket(m, t);
		break;
	case SCAN_CLOSE:
		close_bracket(m, t);
		break;
	case SCAN_OTHER:
		m->brackets[m->n - 1].entry += *t->start == ',';
		break;
	case SCAN_END:
	case SCAN_INCLUDE:
	case SCAN_TEXT_OPEN:
	case SCAN_COMMENT_OPEN:
		break;
	}
}

int mend(struct source *s, struct diag_list *diags)
{
	struct mender m = { .source = s, .diags = diags, .n = 1 };
	struct scan scan = scan_begin(buf_text(&s->text), s->text.len);

	m.brackets = calloc(SOURCE_BRACKETS_MAX, sizeof(*m.brackets));
	if (!m.brackets)
		return -ENOMEM;
	for (struct scan_token t = scan_next(&scan); t.kind != SCAN_END && !m.lost && !m.error; t = scan_next(&scan)) {
		take_token(&m, &t);
		m.assigned = t.kind == SCAN_OTHER && (*t.start == '=' || *t.start == ':');
	}
	free(m.brackets);
	return m.error;
}
