/*
 * The secrets folder: each file is what it should be and nobody else can read it. Messages name files, never what is
 * in them; contents are overwritten before they are freed.
 */
#include "conf/conf.h"

#include "conf/locate.h"
#include "conf/model.h"
#include "conf/psk.h"
#include "conf/validate.h"
#include "lib/cleanup.h"
#include "lib/io.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	PSK_LEAST = 20, /* octets; fewer can be guessed off line by who sees a handshake */
	PSK_GOOD = 32, /* octets; 256 bits if random */
};

/* What a file must be like. */
struct form {
	const char *name; /* key in the operator's file */
	mode_t refused; /* mode bits that must not be set */
	const char *pem; /* "-----BEGIN" labels end so; NULL: a PSK */
};

static const struct form psk_file_form = { "psk_file", 077, NULL };
static const struct form certificate_form = { "certificate", 022, "CERTIFICATE-----" };
static const struct form key_form = { "key_file", 077, "PRIVATE KEY-----" };
static const struct form ca_form = { "ca", 022, "CERTIFICATE-----" };
static const struct form crl_form = { "crl", 022, "X509 CRL-----" };

static char *secret_path(const struct model *m, const char *name)
{
	char *path;

	return asprintf(&path, "%s/secrets/%s", m->dir, name) < 0 ? NULL : path;
}

/* "aaaa...", "changemechangeme...": a period of at most a quarter of its length. */
static bool is_periodic(const char *psk, size_t len)
{
	for (size_t period = 1; period <= len / 4; period++) {
		if (!memcmp(psk, psk + period, len - period))
			return true;
	}
	return false;
}

static void check_strength(struct check *c, const char *key, const char *path, const char *psk, size_t len)
{
	if (len < PSK_LEAST)
		check_error(c, key, "%s: the key has %zu octets; use %d or more, from a random source", path, len, PSK_GOOD);
	else if (len < PSK_GOOD)
		check_warning(
			c, key, "%s: the key has %zu octets; %d or more, from a random source, are better", path, len, PSK_GOOD);
	else if (is_periodic(psk, len))
		check_warning(c, key,
			"%s: the key repeats itself and can be guessed; use %d octets or more, from a random source", path,
			PSK_GOOD);
}

static void check_psk(struct check *c, const char *key, const char *path, const char *text, size_t len)
{
	bool hex = psk_form(text, len) == PSK_HEX;
	size_t psk_len;
	char *psk;

	int r = psk_decode(text, len, &psk, &psk_len);
	if (r == -ENOMEM)
		c->error = r;
	else if (r == -EINVAL)
		check_error(
			c, key, "%s: has a NUL, a carriage return or more than one line in it; write the key on one line", path);
	else if (r)
		check_error(c, key, "%s: begins with %s, but what follows is not %s; %s", path, hex ? "0x" : "0s",
			hex ? "an even number of hexadecimal digits" : "base64 with its padding",
			hex ? "write only those behind 0x, or a key that begins differently"
				: "write only that behind 0s, or a key that begins differently");
	if (r)
		return;
	check_strength(c, key, path, psk, psk_len);
	io_free_secret(psk, psk_len);
}

static void check_pem(
	struct check *c, const char *key, const char *path, const struct form *form, const char *text, size_t len)
{
	if (memmem(text, len, "ENCRYPTED", 9))
		check_error(c, key, "%s: is protected by a passphrase; remove it, for nobody can type it at boot", path);
	else if (!memmem(text, len, "-----BEGIN ", 11) || !memmem(text, len, form->pem, strlen(form->pem)))
		check_error(c, key, "%s: has no \"-----BEGIN ... %s\" in it; give PEM", path, form->pem);
}

static void check_content(struct check *c, const char *key, const char *path, const struct form *form, const char *name)
{
	char *text;
	size_t len;

	int r = conf_read_secret(c->m, name, &text, &len);
	if (r == -ENOMEM)
		c->error = r;
	else if (r == -EFBIG)
		check_error(c, key, "%s: is larger than %d octets; is it the right file?", path, SECRET_MAX);
	else if (r)
		check_error(c, key, "%s: cannot be read: %s", path, strerror(-r));
	if (r)
		return;
	if (form->pem)
		check_pem(c, key, path, form, text, len);
	else
		check_psk(c, key, path, text, len);
	io_free_secret(text, len);
}

/* False if owner or mode let others in, with a message. */
static bool check_access(struct check *c, const char *key, const char *path, const struct stat *st, mode_t refused)
{
	unsigned mode = st->st_mode & 07777;

	if (st->st_uid && st->st_uid != geteuid())
		check_error(c, key, "%s: belongs to user %u; chown it to root", path, st->st_uid);
	else if (mode & refused)
		check_error(c, key, "%s: mode %04o lets others in; chmod it to %04o", path, mode, mode & ~refused);
	else
		return true;
	return false;
}

static void check_file(struct check *c, struct key key, const struct form *form, const char *name)
{
	struct stat st;

	if (!name)
		return;
	CLEANUP(cleanup_free) char *path = secret_path(c->m, name);
	if (!path)
		c->error = -ENOMEM;
	else if (stat(path, &st))
		check_error(c, key.text, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		check_error(c, key.text, "%s: is no regular file", path);
	else if (check_access(c, key.text, path, &st, form->refused))
		check_content(c, key.text, path, form, name);
}

static void check_files(struct check *c, size_t carrier, const struct form *form, char *const *names, size_t n)
{
	struct key list = check_key("carriers[%zu].%s", carrier, form->name);

	for (size_t i = 0; i < n; i++) {
		struct key key = check_key("%s[%zu]", list.text, i);
		check_file(c, locate_has(c->where, key.text) ? key : list, form, names[i]);
	}
}

/* Who may write the folder may put in files of his own. */
static void check_folder(struct check *c)
{
	struct stat st;

	CLEANUP(cleanup_free) char *path = secret_path(c->m, "");
	if (!path)
		c->error = -ENOMEM;
	else if (!stat(path, &st))
		check_access(c, NULL, path, &st, 022);
}

void validate_secrets(struct check *c)
{
	check_folder(c);
	for (size_t i = 0; i < c->m->n_carriers; i++) {
		const struct carrier *carrier = &c->m->carriers[i];
		check_files(c, i, &psk_file_form, carrier->psk_files, carrier->n_psk_files);
		check_files(c, i, &certificate_form, carrier->certificates, carrier->n_certificates);
		check_files(c, i, &key_form, carrier->key_files, carrier->n_key_files);
		check_files(c, i, &ca_form, carrier->cas, carrier->n_cas);
		check_files(c, i, &crl_form, carrier->crls, carrier->n_crls);
	}
}
