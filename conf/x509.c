/* Failure policy: what libcrypto does not take is refused in one sentence; its queue of errors is left empty. */
#include "conf/x509.h"

#include "ikev2/identity.h"
#include "lib/buf.h"
#include "lib/prefix.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum {
	RSA_BITS = 2048,
	EC_BITS = 256,
};

/* --- reading --- */

/* Nobody can type one, and libcrypto must not ask. */
static int no_passphrase(char *to, int size, int writing, void *userdata)
{
	(void)to, (void)size, (void)writing, (void)userdata;
	return -1;
}

/* NULL also if text is longer than libcrypto can count. */
static BIO *open_text(const char *text, size_t len)
{
	return len <= INT_MAX ? BIO_new_mem_buf(text, (int)len) : NULL;
}

/* charon reads the first block of PEM and no other. */
static size_t count_blocks(const char *text, size_t len)
{
	static const char begin[] = "-----BEGIN ";
	const char *end = text + len;
	size_t n = 0;

	while ((text = memmem(text, (size_t)(end - text), begin, strlen(begin)))) {
		text += strlen(begin);
		n++;
	}
	return n;
}

const char *x509_read_certificate(const char *text, size_t len, struct x509_st **ret)
{
	size_t blocks = count_blocks(text, len);
	BIO *bio = blocks == 1 ? open_text(text, len) : NULL;

	if (!blocks)
		return "has no \"-----BEGIN CERTIFICATE-----\" in it; give PEM";
	if (blocks > 1)
		return "has more than one PEM block in it, of which only the first would count; leave one certificate";
	X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;
	BIO_free(bio);
	/* The key is taken apart only when it is asked for: one of an unknown kind makes the certificate useless. */
	if (certificate && !X509_get0_pubkey(certificate)) {
		X509_free(certificate);
		certificate = NULL;
	}
	ERR_clear_error();
	if (!certificate)
		return "is no certificate that can be read; give one in PEM form";
	*ret = certificate;
	return NULL;
}

const char *x509_read_key(const char *text, size_t len, struct evp_pkey_st **ret)
{
	size_t blocks = count_blocks(text, len);
	BIO *bio = blocks == 1 ? open_text(text, len) : NULL;

	if (!blocks)
		return "has no \"-----BEGIN PRIVATE KEY-----\" in it; give PEM";
	if (blocks > 1)
		return "has more than one PEM block in it, of which only the first would count; leave the private key alone";
	if (memmem(text, len, "ENCRYPTED", 9)) {
		BIO_free(bio);
		return "is protected by a passphrase; remove it, for nobody can type it at boot";
	}
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	BIO_free(bio);
	ERR_clear_error();
	if (!key)
		return "is no private key that can be read; give one in PEM form";
	*ret = key;
	return NULL;
}

const char *x509_read_crl(const char *text, size_t len, struct X509_crl_st **ret)
{
	size_t blocks = count_blocks(text, len);
	BIO *bio = blocks <= 1 ? open_text(text, len) : NULL;
	X509_CRL *crl = NULL;

	if (blocks > 1)
		return "has more than one PEM block in it, of which only the first would count; give each list a file";
	if (bio)
		crl = blocks ? PEM_read_bio_X509_CRL(bio, NULL, no_passphrase, NULL) : d2i_X509_CRL_bio(bio, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (!crl)
		return "is no revocation list that can be read; give one in PEM or DER form";
	*ret = crl;
	return NULL;
}

void x509_free_certificate(struct x509_st *certificate)
{
	X509_free(certificate);
}

void x509_free_key(struct evp_pkey_st *key)
{
	EVP_PKEY_free(key);
}

void x509_free_crl(struct X509_crl_st *crl)
{
	X509_CRL_free(crl);
}

/* --- identities --- */

/* Octets of a text that is not ours; NUL in it would end it early, so it counts as none. */
static bool is_text(const ASN1_STRING *s)
{
	int len = ASN1_STRING_length(s);

	return len > 0 && !memchr(ASN1_STRING_get0_data(s), '\0', (size_t)len);
}

static void add_entry(struct buf *canonical, struct buf *shown, const X509_NAME_ENTRY *entry)
{
	const ASN1_OBJECT *object = X509_NAME_ENTRY_get_object(entry);
	const ASN1_STRING *data = X509_NAME_ENTRY_get_data(entry);
	unsigned char *value = NULL;
	char type[80];

	const char *name = OBJ_nid2sn(OBJ_obj2nid(object));
	if (OBJ_obj2nid(object) == NID_undef && OBJ_obj2txt(type, sizeof(type), object, 1) > 0)
		name = type;
	int len = ASN1_STRING_to_UTF8(&value, data);
	if (len < 0 || memchr(value, '\0', (size_t)len)) {
		identity_add_rdn(canonical, name, strlen(name), "\n", 1); /* like nothing that anybody can write */
	} else {
		identity_add_rdn(canonical, name, strlen(name), (const char *)value, (size_t)len);
		buf_printf(shown, "/%s=%.*s", name, len, (const char *)value);
	}
	OPENSSL_free(value);
}

/* The subject as identity_canonical() spells it, and for people. */
static void print_subject(const struct x509_st *certificate, struct buf *canonical, struct buf *shown)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);

	for (int i = 0; i < X509_NAME_entry_count(subject); i++)
		add_entry(canonical, shown, X509_NAME_get_entry(subject, i));
}

static bool get_address(const ASN1_STRING *octets, struct ip *ret)
{
	int len = ASN1_STRING_length(octets);

	if (len != 4 && len != 16)
		return false;
	*ret = (struct ip){ .family = len == 4 ? AF_INET : AF_INET6 };
	memcpy(ret->octets, ASN1_STRING_get0_data(octets), (size_t)len);
	return true;
}

/* A subjectAltName as text; false if it is of a kind that no identity has. */
static bool print_name(const GENERAL_NAME *name, struct buf *out)
{
	int kind;
	const ASN1_STRING *s = GENERAL_NAME_get0_value(name, &kind);
	char text[IP_TEXT];
	struct ip ip;

	if (kind == GEN_IPADD && get_address(s, &ip)) {
		buf_puts(out, ip_print(&ip, text));
		return true;
	}
	if ((kind != GEN_DNS && kind != GEN_EMAIL) || !is_text(s))
		return false;
	/* An "@" in a domain name and a domain name without one: neither may pass as the other. */
	buf_puts(out, kind == GEN_DNS ? "@" : "@@");
	buf_add(out, ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
	return true;
}

/* Calls use for each subjectAltName as an identity's text, until that returns true. */
static bool for_names(const struct x509_st *certificate, bool (*use)(const char *name, void *userdata), void *userdata)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; !found && i < sk_GENERAL_NAME_num(names); i++) {
		struct buf text = { 0 };
		if (print_name(sk_GENERAL_NAME_value(names, i), &text))
			found = use(buf_text(&text), userdata);
		buf_free(&text);
	}
	GENERAL_NAMES_free(names);
	ERR_clear_error();
	return found;
}

static bool is_wanted(const char *name, void *wanted)
{
	char *canonical = identity_canonical(name);
	bool same = canonical && !strcmp(canonical, wanted);

	free(canonical);
	return same;
}

bool x509_has_identity(const struct x509_st *certificate, const char *identity)
{
	struct buf subject = { 0 }, shown = { 0 };
	char *wanted = identity_canonical(identity);
	bool found;

	switch (identity_kind(identity)) {
	case IDENTITY_DN:
		print_subject(certificate, &subject, &shown);
		found = wanted && !strcmp(buf_text(&subject), wanted);
		break;
	case IDENTITY_KEY_ID: /* a fingerprint perhaps; charon knows */
		found = true;
		break;
	default:
		found = wanted && for_names(certificate, is_wanted, wanted);
		break;
	}
	buf_free(&subject);
	buf_free(&shown);
	free(wanted);
	return found;
}

static bool add_name(const char *name, void *out)
{
	/* Marks of the kind are not for people. */
	buf_printf(out, "%s\"%s\"", ((struct buf *)out)->len ? ", " : "", name + strspn(name, "@"));
	return false;
}

void x509_print_identities(const struct x509_st *certificate, struct buf *out)
{
	struct buf canonical = { 0 }, shown = { 0 };

	print_subject(certificate, &canonical, &shown);
	if (shown.len)
		buf_printf(out, "\"%s\"", buf_text(&shown));
	for_names(certificate, add_name, out);
	buf_free(&canonical);
	buf_free(&shown);
}

/* --- what else a certificate says --- */

bool x509_fits(const struct x509_st *certificate, const struct evp_pkey_st *key)
{
	bool fits = EVP_PKEY_eq(X509_get0_pubkey(certificate), key) == 1;

	ERR_clear_error();
	return fits;
}

bool x509_is_ca(struct x509_st *certificate)
{
	/* 1: by basicConstraints; what else libcrypto takes for a CA charon does not. */
	bool ca = X509_check_ca(certificate) == 1;

	ERR_clear_error();
	return ca;
}

static int get_time(const ASN1_TIME *time, time_t *ret)
{
	struct tm tm = { 0 };

	if (!time || !ASN1_TIME_to_tm(time, &tm)) {
		ERR_clear_error();
		return -EINVAL;
	}
	*ret = timegm(&tm);
	return 0;
}

int x509_validity(const struct x509_st *certificate, time_t *ret_from, time_t *ret_until)
{
	time_t from, until;

	if (get_time(X509_get0_notBefore(certificate), &from) || get_time(X509_get0_notAfter(certificate), &until))
		return -EINVAL;
	*ret_from = from;
	*ret_until = until;
	return 0;
}

static const char *weakness_of_key(const EVP_PKEY *key)
{
	int bits = EVP_PKEY_get_bits(key);

	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
		return bits < RSA_BITS ? "has an RSA key of less than 2048 bits; use 3072, or an EC key of 256" : NULL;
	case EVP_PKEY_EC:
		return bits < EC_BITS ? "has an EC key of less than 256 bits; use one of 256 or 384" : NULL;
	case EVP_PKEY_ED25519:
	case EVP_PKEY_ED448:
		return NULL;
	default: /* libcrypto's kinds, not ours */
		return "has a key that IKE cannot use; use one of RSA, EC, Ed25519 or Ed448";
	}
}

const char *x509_weakness(struct x509_st *certificate, bool *ret_refused)
{
	const char *weak = weakness_of_key(X509_get0_pubkey(certificate));
	int digest = NID_undef;

	*ret_refused = weak;
	if (weak)
		return weak;
	bool own = X509_get_extension_flags(certificate) & EXFLAG_SS;
	if (!own && !X509_get_signature_info(certificate, &digest, NULL, NULL, NULL))
		digest = NID_undef;
	ERR_clear_error();
	*ret_refused = digest == NID_md5 || digest == NID_md4 || digest == NID_md2;
	if (*ret_refused)
		return "is signed with MD5, which anybody can forge; have it issued anew with SHA-256";
	return digest == NID_sha1 ? "is signed with SHA-1, which peers refuse; have it issued anew with SHA-256" : NULL;
}

/* --- revocation lists --- */

bool x509_is_crl_of(struct X509_crl_st *crl, struct x509_st *ca)
{
	bool same = !X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(ca)) &&
				X509_CRL_verify(crl, X509_get0_pubkey(ca)) == 1;

	ERR_clear_error();
	return same;
}

int x509_next_update(const struct X509_crl_st *crl, time_t *ret)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);

	return next ? get_time(next, ret) : -ENOENT;
}
