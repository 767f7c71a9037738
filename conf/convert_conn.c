#include "conf/convert_conn.h"

#include "conf/convert_source.h"
#include "ikev2/lifetime.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SECONDS_MAX = 1000000000, FILE_NAME_MAX = 64, DPD_MOST = 600 };

/* --- numbers and times --- */

/* Digits at *at, which moves behind them. 0, or -EINVAL if there are none or too many. */
static int take_number(const char **at, unsigned *ret)
{
	unsigned long n = 0;

	if (!isdigit((unsigned char)**at))
		return -EINVAL;
	for (; isdigit((unsigned char)**at); (*at)++) {
		n = n * 10 + (unsigned long)(**at - '0');
		if (n > SECONDS_MAX)
			return -EINVAL;
	}
	*ret = (unsigned)n;
	return 0;
}

int conn_seconds(const char *text, unsigned *ret)
{
	static const struct {
		const char *unit;
		unsigned seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	unsigned n;

	if (take_number(&text, &n))
		return -EINVAL;
	text += strspn(text, " ");
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text, units[i].unit) != 0)
			continue;
		*ret = n > SECONDS_MAX / units[i].seconds ? SECONDS_MAX : n * units[i].seconds;
		return 0;
	}
	return -EINVAL;
}

bool conn_is_yes(const char *text)
{
	return !strcmp(text, "yes") || !strcmp(text, "true") || !strcmp(text, "1") || !strcmp(text, "on") ||
		   !strcmp(text, "enabled");
}

static unsigned rekey_most(void)
{
	return LIFETIME_CEILING - (unsigned)retransmission_total(&retransmission_default) - 1;
}

void conn_set_rekey(struct source *s, unsigned *field, unsigned seconds, unsigned line, const char *key)
{
	if (seconds < LIFETIME_REKEY_MIN || seconds > rekey_most())
		source_note(s, line, key,
			"keys would be renewed after %u s; Culvert renews them after %d to %u s, so that none gets an hour old, "
			"and takes its own default",
			seconds, LIFETIME_REKEY_MIN, rekey_most());
	else if (*field && *field != seconds)
		source_note(
			s, line, key, "is another value than elsewhere in this tunnel (%u s), which is taken for all", *field);
	else
		*field = seconds;
}

void conn_set_number(
	struct source *s, unsigned *field, const struct setting *i, unsigned least, unsigned most, const char *key)
{
	const char *at;
	unsigned n;

	if (!i)
		return;
	at = i->value;
	if (take_number(&at, &n) || *at || n < least || n > most)
		source_note(s, i->line, key, "%s is out of Culvert's range, %u to %u; its default is taken",
			source_show(s, i->value), least, most);
	else if (*field && *field != n)
		source_note(
			s, i->line, key, "is another value than elsewhere in this tunnel (%u), which is taken for all", *field);
	else
		*field = n;
}

void conn_set_word(struct source *s, const char **field, const char *word, unsigned line, const char *key)
{
	if (*field && strcmp(*field, word) != 0)
		source_note(
			s, line, key, "is another value than elsewhere in this tunnel, where \"%s\" is taken for all", *field);
	else
		*field = word;
}

void conn_set_dpd(struct source *s, struct conn *c, const struct setting *i, const char *key)
{
	unsigned seconds;

	if (!i)
		return;
	if (conn_seconds(i->value, &seconds))
		source_note(s, i->line, key, "%s is no time; Culvert's default is taken", source_show(s, i->value));
	else if (!seconds || seconds > DPD_MOST)
		source_note(s, i->line, key,
			"Culvert asks a silent peer after 1 to %d s, so that a dead tunnel is seen; its default is taken",
			DPD_MOST);
	else
		c->dpd = seconds;
}

/* --- texts --- */

const char *conn_file(struct source *s, const char *path, const char *fallback)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	char *name = source_strndup(s, base, strnlen(base, FILE_NAME_MAX));

	for (char *c = name; c && *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
			*c = '_';
	}
	return name && (isalnum((unsigned char)name[0]) || name[0] == '_') ? name : fallback;
}

char *conn_entry(struct source *s, const char **at)
{
	*at += strspn(*at, ", \t");
	size_t len = strcspn(*at, ",");
	const char *from = *at;

	*at += len;
	while (len && strchr(" \t", from[len - 1]))
		len--;
	return len ? source_strndup(s, from, len) : NULL;
}

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

const char *conn_identity(struct source *s, const struct setting *i, const char *key)
{
	if (!i)
		return NULL;
	const char *id = without_type(i->value);
	if (!strcmp(id, "%fromcert"))
		source_note(s, i->line, key,
			"Culvert does not read it from the certificate; write the subject or one of the subjectAltNames");
	else if (is_pattern(id))
		source_note(s, i->line, key,
			"%s fits more than one peer; Culvert wants the one identity, write what the peer shows",
			source_show(s, id));
	else if (is_typed(id))
		source_note(s, i->line, key,
			"%s is of a type that Culvert does not have; agree on an address, a name or a distinguished name",
			source_show(s, id));
	else if (!id[0] || has_control(id) || strlen(id) > 255)
		source_note(s, i->line, key, "is no identity of 1 to 255 printable octets; write one");
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

static void add_peer(struct source *s, struct conn *c, const char *text, unsigned line, const char *key)
{
	struct ip ip;
	bool name = ip_parse(text, &ip) != 0;

	if (is_any(text))
		c->any_peer = true;
	else if (name && !is_host_name(text))
		source_note(s, line, key, "%s is no single address or name; write the address of each gateway of the carrier",
			source_show(s, text));
	else if (c->n_peers == CONN_PEERS_MAX || (c->n_peers && name))
		source_note(s, line, key, "%s is left out: Culvert takes one name, or up to %d addresses", source_show(s, text),
			CONN_PEERS_MAX);
	else
		c->peers[c->n_peers++] = text;
}

void conn_set_peers(struct source *s, struct conn *c, const struct setting *i, const char *key)
{
	const char *at = i ? i->value : "", *entry;
	struct ip ip;

	while ((entry = conn_entry(s, &at)))
		add_peer(s, c, entry, i->line, key);
	if (c->n_peers > 1 && ip_parse(c->peers[0], &ip)) {
		source_note(s, i->line, key, "of a name and addresses only the name is taken");
		c->n_peers = 1;
	}
	if (c->any_peer && c->n_peers) {
		source_note(s, i->line, key, "%%any beside addresses is left out: the peer must have one of them");
		c->any_peer = false;
	}
}

void conn_set_local(struct source *s, struct conn *c, const struct setting *i, const char *key)
{
	const char *at = i ? i->value : "", *entry;
	struct ip ip;

	while ((entry = conn_entry(s, &at))) {
		if (is_any(entry) || !strcmp(entry, "%defaultroute"))
			continue;
		if (ip_parse(entry, &ip) || c->local_address)
			source_note(s, i->line, key, "%s: the gateway has one outer address; write it as gateway.outer.address",
				source_show(s, entry));
		else
			c->local_address = entry;
	}
}

/* Adds p unless others cover it, in place of those that it covers. */
static void add_prefix(struct source *s, struct side *side, const struct prefix *p, unsigned line, const char *key)
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
		source_note(s, line, key, "only the first %d prefixes are taken", CONN_PREFIXES_MAX);
	else
		side->prefixes[side->n++] = *p;
}

static void add_selector(struct source *s, struct side *side, char *text, unsigned line, const char *key)
{
	size_t len = strcspn(text, "[");
	struct prefix p;

	if (text[len]) {
		source_note(s, line, key,
			"%s: protocol and port are left out; carriers want selectors without, and services say which ports are let "
			"through",
			source_show(s, text));
		text[len] = '\0';
	}
	if (!strcmp(text, "dynamic") || !strcmp(text, "%dynamic"))
		source_note(s, line, key, "%s, the tunnel's own end, is no selector of Culvert's; write a prefix", text);
	else if (is_any(text))
		side->any = true;
	else if (prefix_parse(text, &p))
		source_note(s, line, key, "%s is no prefix; write one, or several that make it up", source_show(s, text));
	else {
		p = prefix_network(&p);
		add_prefix(s, side, &p, line, key);
	}
}

void conn_set_side(struct source *s, struct side *side, const struct setting *i, const char *key)
{
	const char *at = i ? i->value : "";
	char *entry;

	while ((entry = conn_entry(s, &at)))
		add_selector(s, side, entry, i->line, key);
	if (side->any)
		side->n = 0;
}

/* --- making --- */

struct conn *conn_new(struct source *s, const char *name, const char *path, unsigned line)
{
	struct conn *c = source_alloc(s, sizeof(*c));

	if (!c)
		return NULL;
	c->name = name;
	c->path = path;
	c->line = line;
	return c;
}

void conn_add(struct conns *all, struct conn *c)
{
	if (!all->last)
		all->last = &all->first;
	*all->last = c;
	all->last = &c->next;
}

struct child *conn_child(struct source *s, struct conns *all, struct conn *c, const char *name, unsigned line)
{
	struct child **last = &c->children, *child;

	if (all->n_children++ == CONN_CHILDREN_MAX) {
		source_fail(s, line, "has more than %d children; is it the right file?", CONN_CHILDREN_MAX);
		return NULL;
	}
	child = source_alloc(s, sizeof(*child));
	if (!child)
		return NULL;
	while (*last)
		last = &(*last)->next;
	child->name = name;
	child->path = c->path;
	child->line = line;
	*last = child;
	return child;
}
