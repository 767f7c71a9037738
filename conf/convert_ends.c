/* Who and where the two ends of a connection are: identities, addresses, selectors. */
#include "conf/convert_conn.h"

#include "conf/convert_foreign.h"
#include "lib/utf8.h"

#include <ctype.h>
#include <string.h>

/* --- identities --- */

static bool has_control(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c < ' ' || *c == 0x7f || (*c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f))
			return true;
	}
	return false;
}

/* Behind a type that says nothing more than the form of the identity does. */
static const char *without_type(const char *id)
{
	static const char *const types[] = {
		"fqdn:", "dns:", "email:", "rfc822:", "userfqdn:", "ipv4:", "ipv6:", "dn:", "asn1dn:"
	};
	struct ip ip;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (!strncmp(id, types[i], strlen(types[i])))
			return id + strlen(types[i]);
	}
	if (id[0] == '@' && id[1] == '@')
		return id + 2;
	return id[0] == '@' && id[1] && id[1] != '#' && ip_parse(id + 1, &ip) ? id + 1 : id;
}

/* Has a type in front that Culvert does not write. */
static bool is_typed(const char *id)
{
	size_t word = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789{}");
	struct ip ip;

	return !strncmp(id, "@#", 2) || (word && id[word] == ':' && ip_parse(id, &ip));
}

/* "%any", "*", "10.0.0.0/8": what more than one peer can have. */
static bool is_pattern(const char *id)
{
	size_t first = strcspn(id, "/-");
	char address[IP_TEXT] = { 0 };
	struct ip ip;

	if (id[0] == '%' || strchr(id, '*') || !strcmp(id, "0.0.0.0") || !strcmp(id, "::"))
		return true;
	if (!id[first] || first >= sizeof(address))
		return false;
	memcpy(address, id, first);
	return !ip_parse(address, &ip);
}

const char *conn_identity(struct foreign *s, const struct setting *i, const char *key)
{
	if (!i)
		return NULL;
	const char *id = without_type(i->value);
	if (!strcmp(id, "%fromcert"))
		foreign_note(s, i->line, key,
			"Culvert does not read it from the certificate; write the subject or one of the subjectAltNames");
	else if (is_pattern(id))
		foreign_note(s, i->line, key,
			"%s fits more than one peer; Culvert wants the one identity, write what the peer shows",
			foreign_show(s, id));
	else if (is_typed(id))
		foreign_note(s, i->line, key,
			"%s is of a type that Culvert does not have; agree on an address, a name or a distinguished name",
			foreign_show(s, id));
	else if (!id[0] || has_control(id) || strlen(id) > 255)
		foreign_note(s, i->line, key, "is no identity of 1 to 255 printable octets; write one");
	else
		return id;
	return NULL;
}

/* --- addresses --- */

static bool is_any(const char *text)
{
	static const char *const words[] = { "%any", "%any4", "%any6", "any", "0.0.0.0", "::", "0.0.0.0/0", "::/0",
		"%opportunistic" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcmp(text, words[i]))
			return true;
	}
	return false;
}

static bool is_host_name(const char *text)
{
	for (const char *c = text; *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr(".-_", *c))
			return false;
	}
	/* A range of addresses and a broken address are made of the same letters. */
	return isalnum((unsigned char)text[0]) && text[strspn(text, "0123456789.-")] && strlen(text) < 254;
}

static bool has_peer(const struct conn *c, const char *text)
{
	for (size_t i = 0; i < c->n_peers; i++) {
		if (!strcmp(c->peers[i], text))
			return true;
	}
	return false;
}

static void add_peer(struct foreign *s, struct conn *c, const char *text, unsigned line, const char *key)
{
	struct ip ip;
	bool name = ip_parse(text, &ip) != 0;

	if (is_any(text))
		c->any_peer = true;
	else if (has_peer(c, text))
		return;
	else if (name && !is_host_name(text))
		foreign_note(s, line, key, "%s is no single address or name; write the address of each gateway of the carrier",
			foreign_show(s, text));
	else if (c->n_peers == CONN_PEERS_MAX || (c->n_peers && name))
		foreign_note(s, line, key, "%s is left out: Culvert takes one name, or up to %d addresses",
			foreign_show(s, text), CONN_PEERS_MAX);
	else
		c->peers[c->n_peers++] = text;
}

void conn_set_peers(struct foreign *s, struct conn *c, const struct setting *i, const char *key)
{
	const char *at, *entry;
	struct ip ip;

	if (!i)
		return;
	at = i->value;
	while ((entry = conn_entry(s, &at)))
		add_peer(s, c, entry, i->line, key);
	if (c->n_peers > 1 && ip_parse(c->peers[0], &ip)) {
		foreign_note(s, i->line, key, "of a name and addresses only the name is taken");
		c->n_peers = 1;
	}
	if (c->any_peer && c->n_peers) {
		foreign_note(s, i->line, key, "%%any beside addresses is left out: the peer must have one of them");
		c->any_peer = false;
	}
}

void conn_set_local(struct foreign *s, struct conn *c, const struct setting *i, const char *key)
{
	const char *at, *entry;
	struct ip ip;

	if (!i)
		return;
	at = i->value;
	while ((entry = conn_entry(s, &at))) {
		if (is_any(entry) || !strcmp(entry, "%defaultroute"))
			continue;
		if (ip_parse(entry, &ip) || c->local_address)
			foreign_note(s, i->line, key, "%s: the gateway has one outer address; write it as gateway.outer.address",
				foreign_show(s, entry));
		else
			c->local_address = entry;
	}
}

/* Adds p unless others cover it, in place of those that it covers. */
static void add_prefix(struct foreign *s, struct side *side, const struct prefix *p, unsigned line, const char *key)
{
	size_t kept = 0;

	for (size_t i = 0; i < side->n; i++) {
		if (prefix_covers(&side->prefixes[i], p))
			return;
	}
	for (size_t i = 0; i < side->n; i++) {
		if (!prefix_covers(p, &side->prefixes[i]))
			side->prefixes[kept++] = side->prefixes[i];
	}
	side->n = kept;
	if (side->n == CONN_PREFIXES_MAX)
		foreign_note(s, line, key, "only the first %d prefixes are taken", CONN_PREFIXES_MAX);
	else
		side->prefixes[side->n++] = *p;
}

static void add_selector(struct foreign *s, struct side *side, char *text, unsigned line, const char *key)
{
	size_t len = strcspn(text, "[");
	struct prefix p;

	if (text[len]) {
		foreign_note(s, line, key,
			"%s: protocol and port are left out; carriers want selectors without, and services say which ports are let "
			"through",
			foreign_show(s, text));
		text[len] = '\0';
	}
	if (!strcmp(text, "dynamic") || !strcmp(text, "%dynamic"))
		foreign_note(s, line, key, "%s, the tunnel's own end, is no selector of Culvert's; write a prefix", text);
	else if (is_any(text))
		side->any = true;
	else if (prefix_parse(text, &p))
		foreign_note(s, line, key, "%s is no prefix; write one, or several that make it up", foreign_show(s, text));
	else {
		p = prefix_network(&p);
		add_prefix(s, side, &p, line, key);
	}
}

void conn_set_side(struct foreign *s, struct side *side, const struct setting *i, const char *key)
{
	const char *at;
	char *entry;

	if (!i)
		return;
	at = i->value;
	while ((entry = conn_entry(s, &at)))
		add_selector(s, side, entry, i->line, key);
	if (side->any)
		side->n = 0;
}
