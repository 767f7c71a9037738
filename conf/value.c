/*
 * Names and other texts, and what all kinds share. Identities are strict on purpose: whatever
 * strongSwan would take as a pattern ("%any", "*", ranges) must not stand where one peer has to prove who it is.
 */
#include "conf/value.h"

#include "lib/utf8.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/prefix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LEN = 32, FILE_MAX_LEN = 64, INTERFACE_MAX_LEN = 15, IDENTITY_MAX_LEN = 255, QUOTE_MAX = 64 };

/* --- words and messages --- */

void value_print_word(struct buf *out, const char *text)
{
	buf_puts(out, "\"");
	buf_puts(out, text);
	buf_puts(out, "\"");
}

void value_quote(struct buf *out, const char *text)
{
	size_t len = strlen(text), shown = utf8_valid(text, len < QUOTE_MAX ? len : QUOTE_MAX);

	buf_printf(out, "\"%.*s%s\"", (int)shown, text, shown < len ? "..." : "");
}

int value_refuse(struct buf *why, const char *text, const char *reason)
{
	value_quote(why, text);
	buf_printf(why, " %s", reason);
	return -EINVAL;
}

enum { WORD_MAX = 32 };

static size_t least_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Edits (one octet put in, left out or changed, two neighbours exchanged) from a to b; both shorter than WORD_MAX. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1], len = strlen(b), n = strlen(a);

	for (size_t k = 0; k <= len; k++)
		rows[0][k] = k;
	for (size_t i = 1; i <= n; i++) {
		const size_t *before = rows[(i + 1) % 3], *above = rows[(i - 1) % 3];
		size_t *row = rows[i % 3];
		row[0] = i;
		for (size_t k = 1; k <= len; k++) {
			row[k] = least_of(above[k - 1] + (a[i - 1] != b[k - 1]), least_of(row[k - 1], above[k]) + 1);
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				row[k] = least_of(row[k], before[k - 2] + 1);
		}
	}
	return rows[n % 3][len];
}

/* The only word that begins with text, as "psk" for "psk_file"; NULL if there is none or more. */
static const char *only_longer(const char *text, size_t len, const char *const *words, size_t n)
{
	const char *only = NULL;

	for (size_t i = 0; i < n; i++) {
		if (!words[i] || strncmp(words[i], text, len) != 0)
			continue;
		if (only)
			return NULL;
		only = words[i];
	}
	return only;
}

const char *value_nearest(const char *text, const char *const *words, size_t n)
{
	size_t len = strnlen(text, WORD_MAX + 1);
	const char *nearest = NULL;

	if (len > WORD_MAX)
		return NULL;
	/* In short words, more would make any of another. */
	size_t least = len < 6 ? 1 : 2;
	for (size_t i = 0; i < n; i++) {
		if (!words[i] || strnlen(words[i], WORD_MAX + 1) > WORD_MAX)
			continue;
		size_t d = distance(text, words[i]);
		if (d < least || (d == least && !nearest)) {
			nearest = words[i];
			least = d;
		}
	}
	return nearest || len < 3 ? nearest : only_longer(text, len, words, n);
}

/* --- texts --- */

static int copy_text(const struct value_source *source, void *ret)
{
	char *copy = arena_text(source->memory, source->text);

	if (!copy)
		return -ENOMEM;
	*(char **)ret = copy;
	return 0;
}

static bool print_text(const void *value, struct buf *out)
{
	const char *text = *(char *const *)value;

	if (!text)
		return false;
	buf_puts(out, "\"");
	while (*text) {
		size_t plain = strcspn(text, "\"\\");
		buf_add(out, text, plain);
		text += plain;
		if (*text) {
			char escaped[] = { '\\', *text++ };
			buf_add(out, escaped, sizeof(escaped));
		}
	}
	buf_puts(out, "\"");
	return true;
}

static bool is_small(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alphanumeric(char c)
{
	return is_small(c) || (c >= 'A' && c <= 'Z');
}

/* What each kind of text is made of; the first octet, and those behind it. */
static bool begins_name(char c)
{
	return is_small(c);
}

static bool in_name(char c)
{
	return is_small(c) || c == '-';
}

static bool begins_file(char c)
{
	return is_alphanumeric(c) || c == '_';
}

static bool in_file(char c)
{
	return is_alphanumeric(c) || c == '_' || c == '.' || c == '-';
}

static bool begins_interface(char c)
{
	return is_alphanumeric(c);
}

/* True if text has 1 to max octets, the first one such, all others so. */
static inline bool made_of(const char *text, bool (*first)(char c), bool (*other)(char c), size_t max)
{
	size_t len = first(text[0]) ? 1 : 0;

	while (len && len <= max && other(text[len]))
		len++;
	return len && len <= max && !text[len];
}

static int parse_name(const struct value_source *source, void *ret, struct buf *why)
{
	if (!made_of(source->text, begins_name, in_name, NAME_MAX_LEN))
		return value_refuse(
			why, source->text, "is no name; use 1 to 32 small letters, digits and '-', with a letter or digit first");
	return copy_text(source, ret);
}

static int parse_file(const struct value_source *source, void *ret, struct buf *why)
{
	if (!made_of(source->text, begins_file, in_file, FILE_MAX_LEN))
		return value_refuse(why, source->text,
			"is no plain file name; name a file in the secrets folder, without '/', of letters, digits, '.', '_' and "
			"'-'");
	return copy_text(source, ret);
}

static int parse_interface(const struct value_source *source, void *ret, struct buf *why)
{
	const char *text = source->text;

	if (!made_of(text, begins_interface, in_file, INTERFACE_MAX_LEN))
		return value_refuse(
			why, text, "is no interface name; use 1 to 15 letters, digits, '.', '_' and '-', such as \"eth1\"");
	if (!strncmp(text, "culv-", 5))
		return value_refuse(why, text, "is one of Culvert's own interfaces; name one of the machine's");
	/* Where the kernel keeps settings of interfaces these stand for all of them, so that none has such a name. */
	if (!strcmp(text, "all") || !strcmp(text, "default"))
		return value_refuse(why, text, "cannot be an interface's name; name one of the machine's, such as \"eth1\"");
	if (!strcmp(text, "lo"))
		return value_refuse(why, text, "is the loopback interface; name one that leads out of the machine");
	return copy_text(source, ret);
}

/* True for "10.0.0.0/8" and "10.0.0.1-10.0.0.9", which strongSwan takes as any address in there. */
static bool is_address_range(const char *text)
{
	char first[IP_TEXT];
	struct ip ip;

	size_t len = strcspn(text, "/-");
	if (!text[len] || len >= sizeof(first))
		return false;
	memcpy(first, text, len);
	first[len] = '\0';
	return !ip_parse(first, &ip);
}

/* "fqdn:x", "ipv4net:0.0.0.0/0", "{2}:x", "@#": charon would take these apart, and some match many peers. */
static bool has_type_prefix(const char *text)
{
	size_t word = 0;
	struct ip ip;

	while (is_alphanumeric(text[word]) || text[word] == '{' || text[word] == '}')
		word++;
	return (word && text[word] == ':' && ip_parse(text, &ip)) || !strcmp(text, "@#");
}

static int parse_identity(const struct value_source *source, void *ret, struct buf *why)
{
	const char *text = source->text;
	size_t len = strlen(text);
	struct ip ip;

	if (!len || len > IDENTITY_MAX_LEN)
		return value_refuse(why, text, "is no identity; use 1 to 255 octets");
	if (utf8_valid(text, len) < len)
		return value_refuse(why, text, "is not UTF-8; write it in UTF-8");
	if (utf8_has_control(text))
		return value_refuse(why, text, "has a control character in it; take that out");
	if (text[0] == ' ' || text[len - 1] == ' ')
		return value_refuse(why, text, "begins or ends with a space; take that out");
	bool any = !ip_parse(text, &ip) && ip_equal(&ip, &(struct ip){ .family = ip.family });
	if (has_type_prefix(text))
		return value_refuse(why, text, "names a type of identity; write the address, name or distinguished name alone");
	if (any || text[0] == '%' || text[0] == '{' || strchr(text, '*') || is_address_range(text))
		return value_refuse(
			why, text, "would match more than one identity; write one address, name or distinguished name");
	return copy_text(source, ret);
}

const struct value_kind value_name = {
	.form = "name",
	.size = sizeof(char *),
	.forms = VALUE_TEXT,
	.parse = parse_name,
	.print = print_text,
};
const struct value_kind value_file = {
	.form = "file name",
	.size = sizeof(char *),
	.forms = VALUE_TEXT,
	.parse = parse_file,
	.print = print_text,
};
const struct value_kind value_interface = {
	.form = "interface",
	.size = sizeof(char *),
	.forms = VALUE_TEXT,
	.parse = parse_interface,
	.print = print_text,
};
const struct value_kind value_identity = {
	.form = "identity",
	.size = sizeof(char *),
	.forms = VALUE_TEXT,
	.parse = parse_identity,
	.print = print_text,
};
