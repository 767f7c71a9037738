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
	size_t before = out->len;

	buf_add(out, text, len);
	for (size_t i = before; i < out->len; i++) {
		if (out->text[i] >= 'A' && out->text[i] <= 'Z')
			out->text[i] = (char)(out->text[i] - 'A' + 'a');
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

/* A part of a distinguished name: "type=value", or whatever stands there. */
struct part {
	const char *text;
	size_t len, type_len; /* type_len == len: there is no "=" */
};

/* "C=CZ, O=x" and "/C=CZ/O=x": the next part, not empty; *at moves behind it. False at the end. */
static bool next_part(const char **at, const char *ends, struct part *ret)
{
	while (**at) {
		const char *text = *at;
		size_t len = strcspn(text, ends);
		*at = text + len + (text[len] != '\0');
		text = trim(text, &len);
		if (!len)
			continue;
		const char *equals = memchr(text, '=', len);
		*ret = (struct part){ text, len, equals ? (size_t)(equals - text) : len };
		return true;
	}
	return false;
}

static const char *ends_of(const char *text)
{
	return text[strspn(text, " \t")] == '/' ? "/" : ",";
}

/* Each part as "/type=value". */
static void add_dn(struct buf *out, const char *text)
{
	const char *ends = ends_of(text);
	struct part p;

	while (next_part(&text, ends, &p)) {
		size_t skipped = p.type_len + (p.type_len < p.len);
		identity_add_rdn(out, p.text, p.type_len, p.text + skipped, p.len - skipped);
	}
}

static bool is_known_type(const char *text, size_t len)
{
	static const char *const known[] = { "ND", "UID", "DC", "CN", "SN", "serialNumber", "C", "L", "ST", "STREET", "O",
		"OU", "organizationIdentifier", "T", "D", "postalAddress", "postalCode", "N", "G", "I", "dnQualifier",
		"dmdName", "pseudonym", "ID", "EN", "employeeNumber", "E", "Email", "emailAddress", "UN", "unstructuredName",
		"UA", "unstructuredAddress", "TCGID" };

	text = trim(text, &len);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strlen(known[i]) == len && !strncasecmp(known[i], text, len))
			return true;
	}
	return false;
}

bool identity_find_unknown(const char *text, const char **ret, size_t *ret_len)
{
	const char *ends = ends_of(text);
	struct part p;

	if (identity_kind(text) != IDENTITY_DN)
		return false;
	while (next_part(&text, ends, &p)) {
		if (p.type_len < p.len && is_known_type(p.text, p.type_len))
			continue;
		*ret = p.text;
		*ret_len = p.len;
		return true;
	}
	return false;
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
