/*
 * What a carrier's certificates, keys and revocation lists say, and how they fit each other. What depends on the time
 * is a warning and never an error: at boot the same file is loaded, perhaps with a clock that is wrong, and one
 * carrier's certificate must not close the gateway to all others.
 */
#include "conf/secrets.h"

#include "conf/model.h"
#include "conf/validate.h"
#include "conf/x509.h"
#include "lib/buf.h"

#include <errno.h>
#include <string.h>

enum { DAY = 24 * 3600, SOON = 30 }; /* seconds; days */

struct date {
	char text[16];
};

static struct date date_of(time_t when)
{
	struct date date = { "?" };
	struct tm tm;

	if (gmtime_r(&when, &tm))
		strftime(date.text, sizeof(date.text), "%Y-%m-%d", &tm);
	return date;
}

/* --- single certificates --- */

static void check_time(struct check *c, const struct secret *s, const char *key, time_t now)
{
	time_t from, until;

	if (x509_validity(s->certificate, &from, &until)) {
		check_error(c, key, "%s: does not say how long it is valid; have it issued anew", s->path);
		return;
	}
	struct date begin = date_of(from), end = date_of(until);
	if (now > until)
		check_warning(
			c, key, "%s: has expired on %s, so that no tunnel comes up with it; have it renewed", s->path, end.text);
	else if (now < from)
		check_warning(c, key,
			"%s: is valid from %s only, so that no tunnel comes up with it; wait, or set the clock if it is wrong",
			s->path, begin.text);
	else if ((until - now) / DAY < SOON)
		check_warning(c, key, "%s: expires on %s, in %lld days; have it renewed", s->path, end.text,
			(long long)((until - now) / DAY));
}

static void check_strength(struct check *c, const struct secret *s, const char *key)
{
	bool refused;
	const char *weak = x509_weakness(s->certificate, &refused);

	if (weak && refused)
		check_error(c, key, "%s: %s", s->path, weak);
	else if (weak)
		check_warning(c, key, "%s: %s", s->path, weak);
}

static void check_identity(struct check *c, const struct secret *s, const char *key, const char *id)
{
	struct buf names = { 0 };

	if (!id || x509_has_identity(s->certificate, id))
		return;
	x509_print_identities(s->certificate, &names);
	check_error(c, key,
		"%s: does not have the identity local_id (\"%s\"), but %s; use one of these as local_id, or "
		"another certificate",
		s->path, id, names.len ? buf_text(&names) : "none");
	buf_free(&names);
}

/* --- what belongs together --- */

static const struct secret *find(const struct secrets *s, enum secret_kind kind, char *const *names, size_t i)
{
	return secrets_find(s, kind, names[i]);
}

/* Says nothing where a key could not be read: that has its message. */
static void check_has_key(
	struct check *c, const struct secrets *s, size_t carrier, const struct secret *own, const char *key)
{
	const struct carrier *x = &c->m->carriers[carrier];

	for (size_t i = 0; i < x->n_key_files; i++) {
		const struct secret *k = find(s, SECRET_KEY, x->key_files, i);
		if (!k || !k->key || x509_fits(own->certificate, k->key))
			return;
	}
	check_error(c, key, "%s: none of key_file is its key; name the private key that it was issued for", own->path);
}

static void check_key_used(struct check *c, const struct secrets *s, size_t carrier, size_t i)
{
	const struct carrier *x = &c->m->carriers[carrier];
	const struct secret *k = find(s, SECRET_KEY, x->key_files, i);

	for (size_t n = 0; k && k->key && n < x->n_certificates; n++) {
		const struct secret *own = find(s, SECRET_CERTIFICATE, x->certificates, n);
		if (!own || !own->certificate || x509_fits(own->certificate, k->key))
			return;
	}
	if (k && k->key)
		check_error(c, secrets_key(c, carrier, SECRET_KEY, i).text,
			"%s: is not the key of a file in certificate; name that certificate's key", k->path);
}

static void check_own(struct check *c, const struct secrets *s, size_t carrier, size_t i)
{
	const struct carrier *x = &c->m->carriers[carrier];
	const struct secret *own = find(s, SECRET_CERTIFICATE, x->certificates, i);
	struct key key = secrets_key(c, carrier, SECRET_CERTIFICATE, i);

	if (!own || !own->certificate)
		return;
	check_time(c, own, key.text, s->now);
	check_strength(c, own, key.text);
	check_identity(c, own, key.text, x->local_id);
	check_has_key(c, s, carrier, own, key.text);
}

static void check_ca(struct check *c, const struct secrets *s, size_t carrier, size_t i)
{
	const struct secret *ca = find(s, SECRET_CA, c->m->carriers[carrier].cas, i);
	struct key key = secrets_key(c, carrier, SECRET_CA, i);

	if (!ca || !ca->certificate)
		return;
	if (!x509_is_ca(ca->certificate))
		check_error(
			c, key.text, "%s: is no certificate of a CA; name that of the authority that issues the peer's", ca->path);
	check_time(c, ca, key.text, s->now);
	check_strength(c, ca, key.text);
}

/* True also where a CA could not be read, or none is named: that has its message. */
static bool has_issuer(struct check *c, const struct secrets *s, size_t carrier, struct X509_crl_st *crl)
{
	const struct carrier *x = &c->m->carriers[carrier];

	for (size_t i = 0; i < x->n_cas; i++) {
		const struct secret *ca = find(s, SECRET_CA, x->cas, i);
		if (!ca || !ca->certificate || x509_is_crl_of(crl, ca->certificate))
			return true;
	}
	return !x->n_cas;
}

static void check_crl(struct check *c, const struct secrets *s, size_t carrier, size_t i)
{
	const struct carrier *x = &c->m->carriers[carrier];
	const struct secret *list = find(s, SECRET_CRL, x->crls, i);
	struct key key = secrets_key(c, carrier, SECRET_CRL, i);
	time_t next;

	if (!list || !list->crl)
		return;
	if (!has_issuer(c, s, carrier, list->crl))
		check_error(c, key.text, "%s: is not signed by a CA in ca; name a list of one of these", list->path);
	int r = x509_next_update(list->crl, &next);
	if (r == -EINVAL)
		check_error(c, key.text, "%s: does not say when the next list comes; fetch another", list->path);
	else if (!r && s->now > next)
		check_warning(c, key.text, "%s: was to be replaced on %s, so that %s; fetch the CA's newest list", list->path,
			date_of(next).text,
			x->revocation == REVOCATION_STRICT ? "revocation = \"strict\" refuses every peer"
											   : "what was revoked since is not known");
}

void validate_certificates(struct check *c, const struct secrets *s, size_t carrier)
{
	const struct carrier *x = &c->m->carriers[carrier];

	for (size_t i = 0; i < x->n_certificates; i++)
		check_own(c, s, carrier, i);
	for (size_t i = 0; i < x->n_key_files; i++)
		check_key_used(c, s, carrier, i);
	for (size_t i = 0; i < x->n_cas; i++)
		check_ca(c, s, carrier, i);
	for (size_t i = 0; i < x->n_crls; i++)
		check_crl(c, s, carrier, i);
}
