/* Carriers and their tunnels: credentials, peers, suites, lifetimes. */
#include "conf/validate.h"

#include "conf/model.h"
#include "ikev2/peer_type.h"
#include "ikev2/suite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* Seconds in which a dead peer must be noticed; and that a radio link of a carrier's may well be gone. */
static const double retransmission_most = 300, retransmission_few = 10;

enum { NOTES_MOST = 20 }; /* of one kind; five thousand of them help nobody */

/* --- names --- */

static void check_names(struct check *c)
{
	size_t n = 0, tunnels = 0;

	for (size_t i = 0; i < c->m->n_carriers; i++)
		tunnels += c->m->carriers[i].n_tunnels;
	struct named *carriers = calloc(c->m->n_carriers + 1, sizeof(*carriers));
	struct named *list = calloc(tunnels + 1, sizeof(*list));
	if (!carriers || !list)
		c->error = -ENOMEM;
	for (size_t i = 0; !c->error && i < c->m->n_carriers; i++) {
		const struct carrier *carrier = &c->m->carriers[i];
		carriers[i] = (struct named){ carrier->name, check_key("carriers[%zu].name", i) };
		for (size_t t = 0; t < carrier->n_tunnels; t++)
			list[n++] = (struct named){ carrier->tunnels[t].name, check_key("carriers[%zu].tunnels[%zu].name", i, t) };
	}
	if (!c->error) {
		check_unique(c, "name", carriers, c->m->n_carriers);
		check_unique(c, "name", list, n);
	}
	free(carriers);
	free(list);
}

/* --- credentials --- */

static void check_pairs(struct check *c, size_t i)
{
	const struct carrier *carrier = &c->m->carriers[i];
	size_t certificates = carrier->n_certificates, keys = carrier->n_key_files;

	if (certificates && keys && certificates != keys)
		check_error(c, check_key("carriers[%zu].key_file", i).text,
			"%zu for %zu in certificate; each certificate needs its own", keys, certificates);
}

/* What only certificates have. Canonical text has revocation = "relaxed" beside a pre-shared key as well. */
static void check_revocation(struct check *c, size_t i, const struct node *group, bool psk)
{
	static const char psk_only[] = "means nothing with psk_file; remove it, or use certificate, key_file and ca";
	bool strict = c->m->carriers[i].revocation == REVOCATION_STRICT, crl = check_group_has(group, "crl");

	if (psk && crl)
		check_error(c, check_key("carriers[%zu].crl", i).text, "%s", psk_only);
	if (psk && strict)
		check_error(c, check_key("carriers[%zu].revocation", i).text, "%s", psk_only);
	if (!psk && strict && !crl)
		check_error(c, check_key("carriers[%zu].revocation", i).text,
			"\"strict\" without crl would refuse every peer; add crl, the list of the carrier's CA, or use "
			"\"relaxed\"");
}

/* Goes by which keys are there: one with a wrong value has its own message. */
static void check_credentials(struct check *c, size_t i)
{
	const struct carrier *carrier = &c->m->carriers[i];
	struct key key = check_key("carriers[%zu]", i);
	const struct node *group = check_group(c, key.text);
	bool psk = carrier->n_psk_files || check_group_has(group, "psk_file");
	bool certificate = carrier->n_certificates || check_group_has(group, "certificate");
	bool key_file = carrier->n_key_files || check_group_has(group, "key_file");
	bool ca = carrier->n_cas || check_group_has(group, "ca");
	unsigned n = (unsigned)certificate + key_file + ca;

	if (psk && n)
		check_error(c, key.text, "has psk_file and certificate keys; keep psk_file, or certificate, key_file and ca");
	else if (!psk && !n)
		check_error(c, key.text, "has no credentials; add psk_file, or certificate, key_file and ca");
	else if (!psk && n < 3)
		check_error(c, key.text, "certificate, key_file and ca belong together; add %s",
			!certificate ? "certificate"
			: !key_file  ? "key_file"
						 : "ca");
	else
		check_revocation(c, i, group, psk);
	check_pairs(c, i);
}

static void check_twice(struct check *c, size_t carrier, const char *name, char *const *files, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		for (size_t k = 0; k < i; k++) {
			if (files[i] && files[k] && !strcmp(files[i], files[k]))
				check_error(c, check_key("carriers[%zu].%s[%zu]", carrier, name, i).text,
					"\"%s\" is here twice; name a file once", files[i]);
		}
	}
}

static void check_files(struct check *c, size_t i)
{
	const struct carrier *carrier = &c->m->carriers[i];

	check_twice(c, i, "psk_file", carrier->psk_files, carrier->n_psk_files);
	check_twice(c, i, "certificate", carrier->certificates, carrier->n_certificates);
	check_twice(c, i, "key_file", carrier->key_files, carrier->n_key_files);
	check_twice(c, i, "ca", carrier->cas, carrier->n_cas);
	check_twice(c, i, "crl", carrier->crls, carrier->n_crls);
}

/* --- peers --- */

/* The key of the i-th peer of the tunnel at path, or of the list if it stands without brackets. */
static struct key peer_key(const struct check *c, const char *path, size_t i)
{
	struct key key = check_key("%s.peer[%zu]", path, i);

	return check_has(c, key.text) ? key : check_key("%s.peer", path);
}

static void check_address(struct check *c, const struct ip *peer, const char *path, size_t i)
{
	const struct outer *outer = &c->m->gateway.outer;
	int family = outer_family(c->m);
	char text[IP_TEXT];

	if (family == AF_UNSPEC || !is_set(peer))
		return;
	if (family != peer->family)
		check_error(c, peer_key(c, path, i).text,
			"is an %s address, but gateway.outer.address (%s) is %s; use one family for both",
			family_word(peer->family), outer->address.dhcp ? "dhcp" : ip_print(&outer->address.ip, text),
			family_word(family));
	else if (ip_equal(&outer->address.ip, peer) || ip_equal(&outer->public_address, peer))
		check_error(c, peer_key(c, path, i).text, "is the gateway's own address; write the carrier's");
}

static bool same_peer(const struct peer *a, const struct peer *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == PEER_NAME)
		return !strcasecmp(a->name, b->name);
	return a->kind == PEER_ANY || (a->kind == PEER_ADDRESS && ip_equal(&a->address, &b->address));
}

static void check_company(struct check *c, const struct tunnel *t, size_t i, const char *path)
{
	const struct peer *peer = &t->peers[i];

	if (t->n_peers > 1 && peer->kind == PEER_ANY)
		check_error(c, peer_key(c, path, i).text, "\"any\" stands alone; remove the others, or name addresses only");
	else if (t->n_peers > 1 && peer->kind == PEER_NAME)
		check_error(c, peer_key(c, path, i).text,
			"\"%s\" is a name, which stands alone; remove the others, or write its addresses", peer->name);
	for (size_t k = 0; k < i; k++) {
		if (peer->kind == PEER_ADDRESS && same_peer(peer, &t->peers[k]))
			check_error(c, peer_key(c, path, i).text, "is here twice; name an address once");
	}
}

/* Somebody who calls from anywhere has to be waited for, and to be known by an identity. */
static void check_any(struct check *c, const struct tunnel *t, const char *path)
{
	struct key key = check_key("%s.peer", path);

	if (t->initiate && !check_wrong(c, check_key("%s.initiator", path).text))
		check_error(c, key.text, "\"any\" cannot be called; add initiator = \"carrier\", or write its address");
	if (!t->remote_id && !check_has(c, check_key("%s.remote_id", path).text))
		check_error(c, key.text, "\"any\" needs remote_id, the identity that the peer must prove; add it");
}

static void check_name(struct check *c, const struct tunnel *t, const char *path)
{
	if (!c->m->gateway.outer.n_resolvers && !c->m->management.interface && !check_has(c, "gateway.outer.resolvers") &&
		!check_has(c, "management"))
		check_warning(c, check_key("%s.peer", path).text,
			"\"%s\" is a name that the walls let nobody look up; add gateway.outer.resolvers, or write its addresses",
			t->peers[0].name);
}

static void check_peers(struct check *c, const struct tunnel *t, const char *path)
{
	for (size_t i = 0; i < t->n_peers; i++) {
		if (t->peers[i].kind == PEER_ADDRESS)
			check_address(c, &t->peers[i].address, path, i);
		check_company(c, t, i, path);
	}
	if (t->n_peers == 1 && t->peers[0].kind == PEER_ANY)
		check_any(c, t, path);
	else if (t->n_peers == 1 && t->peers[0].kind == PEER_NAME)
		check_name(c, t, path);
}

static void check_suites(struct check *c, const struct tunnel *t, const char *path)
{
	for (size_t i = 1; i < t->n_suites; i++) {
		for (size_t k = 0; k < i; k++) {
			if (t->suites[i] && t->suites[i] == t->suites[k])
				check_error(c, check_key("%s.suite[%zu]", path, i).text, "\"%s\" is here twice; name a suite once",
					t->suites[i]->name);
		}
	}
}

/* --- times --- */

/* Seconds that an exchange without an answer takes; 0 if that is not known or has a message already. */
static double check_retransmission(struct check *c, const struct tunnel *t, const char *path)
{
	const struct retransmission *r = &t->retransmission;

	if (r->timeout <= 0 || r->base <= 0 || !r->tries)
		return 0;
	double total = retransmission_total(r);
	if (total > retransmission_most) {
		check_error(c, check_key("%s.retransmission", path).text,
			"a peer that is silent would be given up after %.0f s only; use fewer tries or less time, together at most "
			"%.0f s",
			total, retransmission_most);
		return 0;
	}
	if (total < retransmission_few)
		check_warning(c, check_key("%s.retransmission", path).text,
			"a peer that is silent for %.1f s is given up; allow at least %.0f s for a disturbance to pass", total,
			retransmission_few);
	return total;
}

/* total is at most retransmission_most. */
static void check_lifetime(
	struct check *c, const struct tunnel *t, const struct lifetime *l, double total, const char *path, const char *name)
{
	const char *broken = l->rekey && total > 0 ? lifetime_check(l, &t->retransmission) : NULL;
	unsigned rest = (unsigned)total + 1; /* the least number of whole seconds that is more */

	if (!broken)
		return;
	struct key key = check_key("%s.rekey.%s", path, name), ceiling = check_key("%s.rekey.ceiling", path);
	if (check_wrong(c, ceiling.text))
		return;
	unsigned most = l->ceiling > rest ? l->ceiling - rest : 0;
	if (t->ceiling && (!check_has(c, key.text) || most < LIFETIME_REKEY_FEW))
		check_error(c, ceiling.text,
			"%u s: leaves no room for a rekey after %u s (rekey.%s) and for %.1f s of retransmissions; use %u to %d, "
			"or "
			"a shorter rekey.%s",
			l->ceiling, l->rekey, name, total, l->rekey + rest, LIFETIME_LIMIT - 1, name);
	else
		check_error(c, key.text, "%u s: %s (rekey.ceiling: %u s, retransmissions: %.1f s); use %d to %u", l->rekey,
			broken, l->ceiling, total, LIFETIME_REKEY_FEW, most);
}

/* Allowed, so that what takes an hour can be watched in a minute. */
static void check_often(struct check *c, const struct lifetime *l, const char *path, const char *name)
{
	if (l->rekey >= LIFETIME_REKEY_MIN && l->rekey < LIFETIME_REKEY_FEW)
		check_warning(c, check_key("%s.rekey.%s", path, name).text,
			"%u s: keys are renewed so often that a peer may take it for an attack; use %d or more but for tests",
			l->rekey, LIFETIME_REKEY_FEW);
}

static void check_times(struct check *c, const struct tunnel *t, const char *path)
{
	double total = check_retransmission(c, t, path);

	check_lifetime(c, t, &t->ike, total, path, "ike");
	check_lifetime(c, t, &t->child, total, path, "child");
	check_often(c, &t->ike, path, "ike");
	check_often(c, &t->child, path, "child");
	if (total > 0 && t->dpd && t->child.rekey && t->dpd + total >= t->child.ceiling)
		check_warning(c, check_key("%s.dpd", path).text,
			"%u s and %.1f s of retransmissions: a dead peer is noticed when its keys have ended anyway, after %u s; "
			"use "
			"less",
			t->dpd, total, t->child.ceiling);
}

void validate_carriers(struct check *c)
{
	check_names(c);
	for (size_t i = 0; i < c->m->n_carriers; i++) {
		const struct carrier *carrier = &c->m->carriers[i];
		check_credentials(c, i);
		check_files(c, i);
		for (size_t k = 0; k < carrier->n_tunnels; k++) {
			struct key path = check_key("carriers[%zu].tunnels[%zu]", i, k);
			check_peers(c, &carrier->tunnels[k], path.text);
			check_suites(c, &carrier->tunnels[k], path.text);
			check_times(c, &carrier->tunnels[k], path.text);
		}
	}
}

/* --- notes --- */

/* NULL: what is anyway. */
static const char *what_it_sets(const struct peer_type *type)
{
	if (type->any && type->each_pair)
		return "sets selectors any to any and children = \"each-pair\" where an APN does not say otherwise";
	if (type->any)
		return "sets selectors any to any where an APN does not say otherwise";
	return type->each_pair ? "sets children = \"each-pair\" where an APN does not say otherwise" : NULL;
}

void validate_notes(struct check *c)
{
	size_t notes = 0;

	for (size_t i = 0; i < c->m->n_carriers; i++) {
		for (size_t k = 0; k < c->m->carriers[i].n_tunnels; k++) {
			const struct peer_type *type = c->m->carriers[i].tunnels[k].peer_type;
			const char *sets = type ? what_it_sets(type) : NULL;
			if (!sets)
				continue;
			struct key key = check_key("carriers[%zu].tunnels[%zu].peer_type", i, k);
			if (!check_has(c, key.text) || notes++ >= NOTES_MOST)
				continue;
			check_note(c, key.text, "\"%s\" %s: %s", type->name, type->why, sets);
		}
	}
	if (notes > NOTES_MOST)
		check_note(c, NULL, "what the peer_type of %zu further tunnels sets is not repeated", notes - NOTES_MOST);
}
