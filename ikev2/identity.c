#include "ikev2/identity.h"

#include "lib/buf.h"
#include "lib/prefix.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const char *const words[] = {
	[IDENTITY_ADDRESS] = "address",
	[IDENTITY_NAME] = "name",
	[IDENTITY_MAIL] = "mail",
	[IDENTITY_DN] = "dn",
	[IDENTITY_KEY_ID] = "key",
};

enum identity_kind identity_kind(const char *text)
{
	struct ip ip;

	if (!ip_parse(text, &ip))
		return IDENTITY_ADDRESS;
	if (strchr(text, '='))
		return IDENTITY_DN;
	if (text[0] == '@' && text[1] == '#')
		return IDENTITY_KEY_ID;
	if (text[0] == '@' && text[1] != '@')
		return IDENTITY_NAME;
	if (strchr(text, '@'))
		return IDENTITY_MAIL;
	return strchr(text, ':') ? IDENTITY_KEY_ID : IDENTITY_NAME;
}

static void add_lower(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		buf_add(out, &c, 1);
	}
}

/* text without the white space at its ends. */
static const char *trim(const char *text, size_t *len)
{
	while (*len && strchr(" \t", text[0])) {
		text++;
		(*len)--;
	}
	while (*len && strchr(" \t", text[*len - 1]))
		(*len)--;
	return text;
}

/* Names of types that mean the same: those of the tools that make certificates, and charon's. */
static const char *const aliases[][2] = {
	{ "emailAddress", "e" },
	{ "email", "e" },
	{ "unstructuredName", "un" },
	{ "unstructuredAddress", "ua" },
	{ "employeeNumber", "en" },
	{ "GN", "g" },
	{ "title", "t" },
	{ "description", "d" },
	{ "name", "n" },
	{ "initials", "i" },
};

static void add_type(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		if (strlen(aliases[i][0]) == len && !strncasecmp(aliases[i][0], text, len)) {
			buf_puts(out, aliases[i][1]);
			return;
		}
	}
	add_lower(out, text, len);
}

void identity_add_rdn(struct buf *out, const char *type, size_t type_len, const char *value, size_t value_len)
{
	if (!out->len)
		buf_printf(out, "%s:", words[IDENTITY_DN]);
	type = trim(type, &type_len);
	value = trim(value, &value_len);
	buf_puts(out, "/");
	add_type(out, type, type_len);
	buf_puts(out, "=");
	add_lower(out, value, value_len);
}

/* "C=CZ, O=x" and "/C=CZ/O=x": each part as "/type=value". */
static void add_dn(struct buf *out, const char *text)
{
	const char *ends = text[strspn(text, " \t")] == '/' ? "/" : ",";

	while (*text) {
		size_t len = strcspn(text, ends);
		const char *next = text + len + (text[len] != '\0');
		text = trim(text, &len);
		const char *equals = memchr(text, '=', len);
		size_t type_len = equals ? (size_t)(equals - text) : len;
		if (len)
			identity_add_rdn(out, text, type_len, text + type_len + !!equals, len - type_len - !!equals);
		text = next;
	}
}

/* Octets of a key id as hexadecimal digits. */
static void add_key_id(struct buf *out, const char *text)
{
	if (text[0] == '@' && text[1] == '#') {
		add_lower(out, text + 2, strlen(text + 2));
		return;
	}
	for (; *text; text++)
		buf_printf(out, "%02x", (unsigned char)*text);
}

char *identity_canonical(const char *text)
{
	enum identity_kind kind = identity_kind(text);
	struct buf out = { 0 };
	char address[IP_TEXT];
	struct ip ip;

	buf_printf(&out, "%s:", words[kind]);
	switch (kind) {
	case IDENTITY_ADDRESS:
		if (!ip_parse(text, &ip))
			buf_puts(&out, ip_print(&ip, address));
		break;
	case IDENTITY_NAME:
		text += text[0] == '@';
		add_lower(&out, text, strlen(text));
		break;
	case IDENTITY_MAIL:
		text += text[0] == '@' && text[1] == '@' ? 2 : 0;
		add_lower(&out, text, strlen(text));
		break;
	case IDENTITY_DN:
		add_dn(&out, text);
		break;
	case IDENTITY_KEY_ID:
		add_key_id(&out, text);
		break;
	}
	return buf_steal(&out);
}
