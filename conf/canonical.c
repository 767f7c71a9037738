/*
 * print.c the other way round, function by function: the text is taken as it is printed, to the octet. What it cannot
 * take is left to the loader of the operator's file, which knows what to say of it. So nothing is forgiven here: no
 * other order of keys, no comment, no other spelling of a number.
 */
#include "conf/canonical.h"

#include "conf/model.h"
#include "conf/places.h"
#include "conf/read.h"
#include "conf/schema.h"
#include "conf/value.h"
#include "lib/arena.h"
#include "lib/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	TEXT_MAX = 256, /* octets of a value with its NUL; no kind takes a longer one */
	FIELD_OCTETS = 16, /* of a field that is remembered */
};

/* What the line of a key with a single value said the last time: nearly all say it again in the next record. */
struct line {
	const char *start; /* with its tabs and its newline */
	size_t len; /* 0: not known */
	char field[FIELD_OCTETS];
};

struct reader {
	const char *at, *end;
	unsigned line;
	struct model *m;
	struct tunnel_index tunnels; /* filled when the first link is read: carriers stand before apns in the schema */
	struct fallbacks fallbacks;
	struct places places;
	struct line lines[PLACES_MAX];
	struct buf waiting; /* entries of lists that are not over, one behind the other */
};

static int read_group(struct reader *r, const struct schema_group *group, void *record, unsigned depth);

/* --- octets --- */

/* Goes behind text if that is what comes next. It has a newline at its end or none. */
static bool take(struct reader *r, const char *text, size_t len)
{
	if ((size_t)(r->end - r->at) < len || memcmp(r->at, text, len) != 0)
		return false;
	r->at += len;
	r->line += text[len - 1] == '\n';
	return true;
}

#define TAKE(r, literal) take(r, literal, sizeof(literal) - 1)

static bool take_tabs(struct reader *r, unsigned depth)
{
	const char *at = r->at;

	while (depth && at < r->end && *at == '\t') {
		at++;
		depth--;
	}
	if (depth)
		return false;
	r->at = at;
	return true;
}

/* Goes behind "KEY = " on a line of its own; stays where it is if that is not what comes next. */
static bool begin(struct reader *r, const struct schema_key *key, unsigned depth)
{
	const char *before = r->at;

	if (take_tabs(r, depth) && take(r, key->name, strlen(key->name)) && TAKE(r, " = "))
		return true;
	r->at = before;
	return false;
}

/* --- values --- */

static bool is_digit(const struct reader *r)
{
	return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

/* Behind the opening quote. */
static int take_text(struct reader *r, char to[static TEXT_MAX])
{
	const char *at = r->at, *end = r->end;
	size_t len = 0;

	for (; at < end && *at != '"'; at++) {
		bool escaped = *at == '\\';
		at += escaped;
		if (len == TEXT_MAX - 1 || at == end || !*at || *at == '\n' || (escaped && *at != '"' && *at != '\\'))
			return -EINVAL;
		to[len++] = *at;
	}
	to[len] = '\0';
	if (at == end)
		return -EINVAL;
	r->at = at + 1;
	return 0;
}

/* Digits, as many as make a number that no key's range exceeds. */
static int take_digits(struct reader *r, long long *ret, unsigned *ret_n)
{
	const char *from = r->at;
	long long number = 0;

	for (; is_digit(r); r->at++) {
		if (r->at - from == 12)
			return -EINVAL;
		number = number * 10 + (*r->at - '0');
	}
	if (r->at == from || (*from == '0' && r->at - from > 1))
		return -EINVAL;
	*ret = number;
	*ret_n = (unsigned)(r->at - from);
	return 0;
}

/* Up to three digits behind the point: thousandths are all that is kept. */
static int take_fraction(struct reader *r, struct value_source *s)
{
	static const double scales[] = { 1, 10, 100, 1000 };
	unsigned n = 0;
	long long all = s->number;

	for (; is_digit(r); r->at++) {
		if (n == 3)
			return -EINVAL;
		all = all * 10 + (*r->at - '0');
		n++;
	}
	s->form = VALUE_REAL;
	s->real = (double)all / scales[n];
	return n ? 0 : -EINVAL;
}

static int take_number(struct reader *r, struct value_source *s)
{
	unsigned n;
	int error = take_digits(r, &s->number, &n);

	s->form = VALUE_NUMBER;
	return !error && TAKE(r, ".") ? take_fraction(r, s) : error;
}

static int read_value(struct reader *r, const struct schema_key *key, void *field)
{
	struct value_source source = {
		.tunnels = &r->tunnels, .least = key->least, .most = key->most, .memory = r->m->memory
	};
	struct buf why = { 0 };
	char text[TEXT_MAX];
	int error;

	if (key->kind == &value_link && !r->tunnels.sorted) {
		error = tunnel_index_build(r->m, &r->tunnels);
		if (error)
			return error;
	}
	if (TAKE(r, "\"")) {
		source.form = VALUE_TEXT;
		source.text = text;
		error = take_text(r, text);
	} else if (TAKE(r, "false")) { /* true is what all of them fall back to, and not printed */
		source.form = VALUE_BOOL;
		error = 0;
	} else {
		error = take_number(r, &source);
	}
	if (!error)
		error = key->kind->forms & source.form ? value_parse(key->kind, &source, field, &why) : -EINVAL;
	buf_free(&why);
	return error;
}

/* --- lists --- */

/* The n entries of a list that wait from that octet on go to their lasting place. */
static int end_list(struct reader *r, const struct schema_key *key, void *record, size_t from, size_t n)
{
	char *entries =
		r->waiting.error ? NULL : arena_copy(r->m->memory, buf_text(&r->waiting) + from, r->waiting.len - from);

	if (!entries)
		return -ENOMEM;
	buf_cut(&r->waiting, from);
	*(char **)schema_field(record, key->offset) = entries;
	*(size_t *)schema_field(record, key->count_offset) = n;
	return 0;
}

/* Room for an entry that is being read. */
union entry {
	max_align_t aligned;
	char octets[512];
};

_Static_assert(sizeof(struct apn) <= sizeof(union entry) && sizeof(struct carrier) <= sizeof(union entry) &&
				   sizeof(struct tunnel) <= sizeof(union entry) && sizeof(struct service) <= sizeof(union entry),
	"every entry of a list has room");

static int read_groups(struct reader *r, const struct schema_key *key, void *record, unsigned depth)
{
	size_t from = r->waiting.len, n = 0;

	if (!TAKE(r, "(\n"))
		return -EINVAL;
	if (!depth && TAKE(r, ");\n"))
		return 0;
	bool more = true;
	for (; more; n++) {
		unsigned line = r->line;
		if (n == key->max || !take_tabs(r, depth + 1) || !TAKE(r, "{\n"))
			return -EINVAL;
		union entry entry;
		memset(entry.octets, 0, key->group->size);
		if (key->group->has_origin)
			memcpy(entry.octets, &(struct origin){ r->m->files[0], line }, sizeof(struct origin));
		int error = read_group(r, key->group, entry.octets, depth + 2);
		if (error)
			return error;
		buf_add(&r->waiting, entry.octets, key->group->size);
		if (!take_tabs(r, depth + 1) || !TAKE(r, "}"))
			return -EINVAL;
		more = TAKE(r, ",\n");
		if (!more && !TAKE(r, "\n"))
			return -EINVAL;
	}
	bool over = n >= key->min && take_tabs(r, depth) && TAKE(r, ");\n");
	return over ? end_list(r, key, record, from, n) : -EINVAL;
}

/* The bracket that opens or closes a list of values; none around a single one where it may stand alone. */
static bool take_bracket(struct reader *r, bool mixed, bool closing)
{
	if (closing)
		return mixed ? TAKE(r, " )") : TAKE(r, " ]");
	return mixed ? TAKE(r, "( ") : TAKE(r, "[ ");
}

static int read_values(struct reader *r, const struct schema_key *key, void *record)
{
	bool mixed = key->kind->forms == (VALUE_TEXT | VALUE_NUMBER), brackets = take_bracket(r, mixed, false);
	size_t from = r->waiting.len, n = 0;

	do {
		union entry entry;
		memset(entry.octets, 0, key->kind->size);
		int error = n == key->max ? -EINVAL : read_value(r, key, entry.octets);
		if (error)
			return error;
		buf_add(&r->waiting, entry.octets, key->kind->size);
		n++;
	} while (brackets && TAKE(r, ", "));
	if (n < key->min || brackets == (key->single && n == 1) || (brackets && !take_bracket(r, mixed, true)))
		return -EINVAL;
	return TAKE(r, ";\n") ? end_list(r, key, record, from, n) : -EINVAL;
}

/* --- groups --- */

static int read_single(struct reader *r, const struct schema_key *key, void *field, unsigned depth)
{
	unsigned line = r->line;

	if (!key->group) {
		int error = read_value(r, key, field);
		return error ? error : TAKE(r, ";\n") ? 0 : -EINVAL;
	}
	if (!TAKE(r, "{\n"))
		return -EINVAL;
	if (key->group->has_origin)
		*(struct origin *)field = (struct origin){ r->m->files[0], line };
	int error = read_group(r, key->group, field, depth + 1);
	if (error)
		return error;
	return take_tabs(r, depth) && TAKE(r, "};\n") ? 0 : -EINVAL;
}

/* The values that the keys of a group have where nothing of it is written. */
static int read_absent(struct reader *r, const struct schema_key *key, void *record)
{
	int error = 0;

	if (key->fallback)
		return read_fallback(&r->fallbacks, r->m->memory, key, record);
	if (!key->group || key->list)
		return 0;
	for (size_t i = 0; i < key->group->n_keys && !error; i++)
		error = read_absent(r, &key->group->keys[i], schema_field(record, key->offset));
	return error;
}

static int read_key(struct reader *r, const struct schema_key *key, void *record, unsigned depth)
{
	if (!begin(r, key, depth))
		return key->required ? -EINVAL : read_absent(r, key, record);
	if (!key->list)
		return read_single(r, key, schema_field(record, key->offset), depth);
	return key->group ? read_groups(r, key, record, depth) : read_values(r, key, record);
}

/* The key's last line, if that may be remembered; a value that names a tunnel is more than its text. */
static struct line *line_of(struct reader *r, const struct schema_key *key)
{
	if (key->list || key->group || key->kind == &value_link || key->kind->size > FIELD_OCTETS)
		return NULL;
	size_t place = places_find(&r->places, key);
	return place < PLACES_MAX ? &r->lines[place] : NULL;
}

static int read_line(struct reader *r, struct line *line, const struct schema_key *key, void *record, unsigned depth)
{
	void *field = schema_field(record, key->offset);
	const char *start = r->at;

	if (line->len && take(r, line->start, line->len)) {
		memcpy(field, line->field, key->kind->size);
		return 0;
	}
	int error = read_key(r, key, record, depth);
	if (!error && r->at > start) {
		line->start = start;
		line->len = (size_t)(r->at - start);
		memcpy(line->field, field, key->kind->size);
	}
	return error;
}

static int read_group(struct reader *r, const struct schema_group *group, void *record, unsigned depth)
{
	int error = 0;

	for (size_t i = 0; i < group->n_keys && !error; i++) {
		const struct schema_key *key = &group->keys[i];
		struct line *line = line_of(r, key);
		error = line ? read_line(r, line, key, record, depth) : read_key(r, key, record, depth);
	}
	return error;
}

int canonical_read(const char *text, size_t len, struct model *m)
{
	struct reader r = { .at = text, .end = text + len, .line = 1, .m = m };

	m->memory = arena_new();
	int error = m->memory ? read_group(&r, &schema_root, m, 0) : -ENOMEM;
	free(r.tunnels.sorted);
	buf_free(&r.waiting);
	return error ? error : r.at == r.end ? 0 : -EINVAL;
}
