#include "conf/validate.h"

#include "conf/locate.h"
#include "conf/model.h"
#include "lib/diag.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

struct key check_key(const char *format, ...)
{
	struct key key;
	va_list ap;

	va_start(ap, format);
	vsnprintf(key.text, sizeof(key.text), format, ap);
	va_end(ap);
	return key;
}

/* Line of a key, not looked for when the message will only be counted. */
static unsigned line_of(const struct check *c, const char *key)
{
	return key && c->diags->count < DIAG_MAX ? locate_key(c->where, key).line : 0;
}

static const char *file_of(const struct check *c, const char *key)
{
	return locate_key(c->where, c->diags->count < DIAG_MAX ? key : NULL).file;
}

void check_error(struct check *c, const char *key, const char *format, ...)
{
	char *text;
	va_list ap;

	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	diag_error(c->diags, file_of(c, key), line_of(c, key), key, "%s", n < 0 ? "out of memory" : text);
	if (n >= 0)
		free(text);
}

void check_warning(struct check *c, const char *key, const char *format, ...)
{
	char *text;
	va_list ap;

	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	diag_warning(c->diags, file_of(c, key), line_of(c, key), key, "%s", n < 0 ? "out of memory" : text);
	if (n >= 0)
		free(text);
}

/* Order in the file: of two places whose path differs in a number, the one with the smaller number. */
static int compare_keys(const char *a, const char *b)
{
	return strverscmp(a, b);
}

static int compare_named(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	if (!x->text || !y->text)
		return !y->text - !x->text;
	int order = strcmp(x->text, y->text);
	return order ? order : compare_keys(x->key.text, y->key.text);
}

void check_unique(struct check *c, const char *what, struct named *list, size_t n)
{
	size_t first = 0;

	qsort(list, n, sizeof(*list), compare_named);
	for (size_t i = 1; i < n; i++) {
		if (!list[i].text || !list[first].text || strcmp(list[i].text, list[first].text) != 0) {
			first = i;
			continue;
		}
		check_error(c, list[i].key.text, "the %s \"%s\" is taken by %s (line %u); choose another", what, list[i].text,
			list[first].key.text, line_of(c, list[first].key.text));
	}
}

/* Room for n entries; NULL when memory ran out, which c then knows. */
static struct named *named_list(struct check *c, size_t n)
{
	struct named *list = calloc(n ? n : 1, sizeof(*list));

	if (!list)
		c->error = -ENOMEM;
	return list;
}

static size_t count_tunnels(const struct model *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_carriers; i++)
		n += m->carriers[i].n_tunnels;
	return n;
}

static void check_carrier_names(struct check *c)
{
	struct named *list = named_list(c, c->m->n_carriers);

	if (!list)
		return;
	for (size_t i = 0; i < c->m->n_carriers; i++)
		list[i] = (struct named){ c->m->carriers[i].name, check_key("carriers[%zu].name", i) };
	check_unique(c, "name", list, c->m->n_carriers);
	free(list);
}

static void check_tunnel_names(struct check *c)
{
	size_t n = 0;
	struct named *list = named_list(c, count_tunnels(c->m));

	if (!list)
		return;
	for (size_t i = 0; i < c->m->n_carriers; i++) {
		const struct carrier *carrier = &c->m->carriers[i];
		for (size_t t = 0; t < carrier->n_tunnels; t++)
			list[n++] = (struct named){ carrier->tunnels[t].name, check_key("carriers[%zu].tunnels[%zu].name", i, t) };
	}
	check_unique(c, "name", list, n);
	free(list);
}

/* --- two tunnels that charon could not tell apart: the IKE_SA of one would replace the other's --- */

struct far_end {
	const struct tunnel *tunnel;
	struct key key;
};

/* "@name" and "name" are one to charon, as are capitals and small letters in names. */
static const char *bare(const char *id)
{
	return id + (id[0] == '@' && id[1] != '#');
}

static int compare_identities(const struct far_end *x, const struct far_end *y)
{
	int order = strcasecmp(bare(x->tunnel->remote_id), bare(y->tunnel->remote_id));

	return order ? order : strcasecmp(bare(x->tunnel->carrier->local_id), bare(y->tunnel->carrier->local_id));
}

static int compare_far_ends(const void *a, const void *b)
{
	const struct far_end *x = a, *y = b;
	int order = compare_identities(x, y);

	return order ? order : compare_keys(x->key.text, y->key.text);
}

static void check_far_ends(struct check *c)
{
	struct far_end *list = calloc(count_tunnels(c->m) + 1, sizeof(*list));
	size_t n = 0;

	if (!list) {
		c->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < c->m->n_carriers; i++) {
		const struct carrier *carrier = &c->m->carriers[i];
		for (size_t t = 0; t < carrier->n_tunnels; t++) {
			if (carrier->tunnels[t].remote_id && carrier->local_id)
				list[n++] =
					(struct far_end){ &carrier->tunnels[t], check_key("carriers[%zu].tunnels[%zu].name", i, t) };
		}
	}
	qsort(list, n, sizeof(*list), compare_far_ends);
	for (size_t i = 1; i < n; i++) {
		if (!compare_identities(&list[i - 1], &list[i]))
			check_error(c, list[i].key.text,
				"same identities as %s (line %u), so that one would replace the other; use one tunnel for both, "
				"or give each its own remote_id",
				list[i - 1].key.text, line_of(c, list[i - 1].key.text));
	}
	free(list);
}

/* --- carriers --- */

static bool is_written(const struct check *c, size_t carrier, const char *name)
{
	return locate_has(c->where, check_key("carriers[%zu].%s", carrier, name).text);
}

/* Goes by which keys are there: one with a wrong value has its own message. */
static void check_credentials(struct check *c, size_t i)
{
	bool psk = is_written(c, i, "psk_file"), certificate = is_written(c, i, "certificate");
	bool key_file = is_written(c, i, "key_file"), ca = is_written(c, i, "ca");
	unsigned n = (unsigned)certificate + key_file + ca;
	struct key key = check_key("carriers[%zu]", i);

	if (psk && n)
		check_error(c, key.text, "has psk_file and certificate keys; keep psk_file, or certificate, key_file and ca");
	else if (!psk && !n)
		check_error(c, key.text, "has no credentials; add psk_file, or certificate, key_file and ca");
	else if (!psk && n < 3)
		check_error(c, key.text, "certificate, key_file and ca belong together; add %s",
			!certificate ? "certificate"
			: !key_file  ? "key_file"
						 : "ca");
}

static const char *family_word(int family)
{
	return family == AF_INET6 ? "IPv6" : "IPv4";
}

static void check_address(struct check *c, const struct ip *peer, const char *key)
{
	const struct ip *outer = &c->m->gateway.outer.address.ip;
	char text[IP_TEXT];

	if (outer->family == AF_UNSPEC || peer->family == AF_UNSPEC)
		return;
	if (outer->family != peer->family)
		check_error(c, key, "is an %s address, but gateway.outer.address (%s) is %s; use one family for both",
			family_word(peer->family), ip_print(outer, text), family_word(outer->family));
	else if (ip_equal(outer, peer))
		check_error(c, key, "is the gateway's own address; write the carrier's");
}

static void check_peers(struct check *c, size_t carrier, size_t tunnel)
{
	const struct tunnel *t = &c->m->carriers[carrier].tunnels[tunnel];

	for (size_t i = 0; i < t->n_peers; i++) {
		struct key key = check_key("carriers[%zu].tunnels[%zu].peer", carrier, tunnel);
		if (t->peers[i].kind == PEER_ADDRESS)
			check_address(c, &t->peers[i].address, key.text);
	}
}

static void check_lifetime(struct check *c, const struct tunnel *t, const struct lifetime *l, const char *key)
{
	const char *broken = l->rekey ? lifetime_check(l, &t->retransmission) : NULL;
	unsigned margin = (unsigned)retransmission_total(&t->retransmission) + 1;

	if (broken)
		check_error(c, key, "%u s: %s; use %d to %u", l->rekey, broken, LIFETIME_REKEY_MIN,
			l->ceiling > margin ? l->ceiling - margin : 0);
}

static void check_tunnel(struct check *c, size_t carrier, size_t tunnel)
{
	const struct tunnel *t = &c->m->carriers[carrier].tunnels[tunnel];

	check_peers(c, carrier, tunnel);
	check_lifetime(c, t, &t->ike, check_key("carriers[%zu].tunnels[%zu].rekey.ike", carrier, tunnel).text);
	check_lifetime(c, t, &t->child, check_key("carriers[%zu].tunnels[%zu].rekey.child", carrier, tunnel).text);
}

void validate_model(struct check *c)
{
	for (size_t i = 0; i < c->m->n_carriers; i++) {
		check_credentials(c, i);
		for (size_t t = 0; t < c->m->carriers[i].n_tunnels; t++)
			check_tunnel(c, i, t);
	}
	check_carrier_names(c);
	check_tunnel_names(c);
	check_far_ends(c);
	validate_apns(c);
	validate_selectors(c);
}
