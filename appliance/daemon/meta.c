#include "appliance/daemon/meta.h"

#include "lib/utf8.h"
#include "lib/buf.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS = 4 };

void meta_time(time_t when, char ret[static META_WHEN])
{
	struct tm utc;

	if (!gmtime_r(&when, &utc) || !strftime(ret, META_WHEN, "%Y-%m-%dT%H:%M:%SZ", &utc))
		ret[0] = '\0';
}

void meta_text(char *to, size_t size, const char *text)
{
	size_t len = strnlen(text, size - 1);

	len = utf8_valid(text, len);
	for (size_t i = 0; i < len; i++)
		to[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
	to[len] = '\0';
}

static void print_counts(const char *word, const struct counts *c, struct buf *out)
{
	buf_printf(out, "%s %u %u %u %u\n", word, c->added, c->changed, c->removed, c->kept);
}

void meta_print(const struct meta *m, struct buf *out)
{
	buf_printf(out, "when %s\nwho %s\nfile %s\n", m->when, m->who, m->file);
	if (m->rollback_of)
		buf_printf(out, "rollback %u\n", m->rollback_of);
	if (m->before)
		buf_printf(out, "before %u\n", m->before);
	if (!m->counted)
		return;
	print_counts("tunnels", &m->tunnels, out);
	print_counts("apns", &m->apns, out);
	buf_printf(out, "gateway %u\n", m->gateway ? 1U : 0U);
}

/* n numbers with one space between and nothing else. */
static bool parse_numbers(const char *text, unsigned *ret, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *end;
		unsigned long number;

		if (*text < '0' || *text > '9')
			return false;
		errno = 0;
		number = strtoul(text, &end, 10);
		if (errno || number > UINT32_MAX || *end != (i + 1 < n ? ' ' : '\0'))
			return false;
		ret[i] = (unsigned)number;
		text = end + 1;
	}
	return true;
}

static bool parse_counts(const char *text, struct counts *ret)
{
	unsigned n[NUMBERS];

	if (!parse_numbers(text, n, NUMBERS))
		return false;
	*ret = (struct counts){ .added = n[0], .changed = n[1], .removed = n[2], .kept = n[3] };
	return true;
}

/* What of the counts was there. */
enum { SEEN_TUNNELS = 1, SEEN_APNS = 2, SEEN_GATEWAY = 4, SEEN_ALL = 7 };

static void parse_line(const char *word, const char *value, struct meta *m, unsigned *seen)
{
	unsigned n = 0;

	if (!strcmp(word, "when"))
		meta_text(m->when, sizeof(m->when), value);
	else if (!strcmp(word, "who"))
		meta_text(m->who, sizeof(m->who), value);
	else if (!strcmp(word, "file"))
		meta_text(m->file, sizeof(m->file), value);
	else if (!strcmp(word, "rollback") && parse_numbers(value, &n, 1))
		m->rollback_of = n;
	else if (!strcmp(word, "before") && parse_numbers(value, &n, 1))
		m->before = n;
	else if (!strcmp(word, "tunnels") && parse_counts(value, &m->tunnels))
		*seen |= SEEN_TUNNELS;
	else if (!strcmp(word, "apns") && parse_counts(value, &m->apns))
		*seen |= SEEN_APNS;
	else if (!strcmp(word, "gateway") && parse_numbers(value, &n, 1)) {
		m->gateway = n != 0;
		*seen |= SEEN_GATEWAY;
	}
}

void meta_parse(const char *text, size_t len, struct meta *ret)
{
	char *copy = strndup(text, len);
	struct meta m = { 0 };
	unsigned seen = 0;
	char *rest = copy;
	char *line;

	while (rest && (line = strsep(&rest, "\n"))) {
		const char *word = strsep(&line, " ");

		if (line)
			parse_line(word, line, &m, &seen);
	}
	free(copy);
	m.counted = seen == SEEN_ALL;
	*ret = m;
}
