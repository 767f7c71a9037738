/* Certificates, keys and revocation lists of a carrier, made here, in a folder that is the current one. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "conf/conf.h"
#include "conf/x509.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DAY = 24 * 3600 };

static char folder[64];
static EVP_PKEY *ca_key, *own_key, *other_key;

static int enter_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/culvert-certificates-XXXXXX");
	return mkdtemp(folder) && !chdir(folder) && !mkdir("secrets", 0700) ? 0 : -1;
}

static int leave_folder(void **state)
{
	(void)state;
	return chdir("/") || io_remove_tree(folder) ? -1 : 0;
}

static int make_keys(void **state)
{
	(void)state;
	ca_key = EVP_EC_gen("P-256");
	own_key = EVP_EC_gen("P-256");
	other_key = EVP_EC_gen("P-256");
	return ca_key && own_key && other_key ? 0 : -1;
}

static int free_keys(void **state)
{
	(void)state;
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(own_key);
	EVP_PKEY_free(other_key);
	return 0;
}

/* --- making --- */

struct spec {
	const char *file, *name; /* name: its CN */
	const char *san; /* NULL: none */
	EVP_PKEY *key;
	const char *issuer; /* CN; NULL: itself */
	EVP_PKEY *issuer_key;
	const EVP_MD *digest; /* NULL: SHA-256 */
	bool ca;
	long from, until; /* days from now; both 0: a year */
};

static void set_name(X509_NAME *name, const char *cn)
{
	const unsigned char *text = (const unsigned char *)cn;

	assert_int_equal(X509_NAME_add_entry_by_txt(name, "C", MBSTRING_UTF8, (const unsigned char *)"CZ", -1, -1, 0), 1);
	assert_int_equal(
		X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"Exa Ltd", -1, -1, 0), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0), 1);
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(e);
	assert_int_equal(X509_add_ext(certificate, e, -1), 1);
	X509_EXTENSION_free(e);
}

static void write_certificate(const struct spec *s)
{
	X509 *x = X509_new();
	char path[64];

	assert_non_null(x);
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), s->from * DAY - 60);
	X509_gmtime_adj(X509_getm_notAfter(x), (s->from || s->until ? s->until : 365) * DAY + 60);
	set_name(X509_get_subject_name(x), s->name);
	X509_NAME *issuer = X509_NAME_new();
	set_name(issuer, s->issuer ? s->issuer : s->name);
	X509_set_issuer_name(x, issuer);
	X509_NAME_free(issuer);
	X509_set_pubkey(x, s->key);
	if (s->ca)
		add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
	if (s->san)
		add_extension(x, NID_subject_alt_name, s->san);
	assert_true(X509_sign(x, s->issuer_key ? s->issuer_key : s->key, s->digest ? s->digest : EVP_sha256()) > 0);
	snprintf(path, sizeof(path), "secrets/%s", s->file);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, x), 1);
	fclose(f);
	assert_int_equal(chmod(path, 0600), 0);
	X509_free(x);
}

static void write_key(const char *path, EVP_PKEY *key)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
	assert_int_equal(chmod(path, 0600), 0);
}

/* next: days until the next one. */
static void write_crl(const char *path, const char *issuer, EVP_PKEY *key, long next, bool der)
{
	X509_CRL *crl = X509_CRL_new();
	X509_NAME *name = X509_NAME_new();
	ASN1_TIME *time = ASN1_TIME_new();

	assert_true(crl && name && time);
	set_name(name, issuer);
	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, name);
	X509_CRL_set1_lastUpdate(crl, X509_gmtime_adj(time, -30L * DAY));
	X509_CRL_set1_nextUpdate(crl, X509_gmtime_adj(time, next * DAY + 60));
	assert_true(X509_CRL_sign(crl, key, EVP_sha256()) > 0);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(der ? i2d_X509_CRL_fp(f, crl) : PEM_write_X509_CRL(f, crl), 1);
	fclose(f);
	assert_int_equal(chmod(path, 0600), 0);
	ASN1_TIME_free(time);
	X509_NAME_free(name);
	X509_CRL_free(crl);
}

static void write_good_ca(void)
{
	write_certificate(&(struct spec){ .file = "ca.pem", .name = "Root", .key = ca_key, .ca = true });
}

static struct spec good(void)
{
	return (struct spec){ .file = "c.pem",
		.name = "gw",
		.san = "DNS:gw.example.net,IP:192.0.2.1,IP:2001:db8::1,email:gw@example.net",
		.key = own_key,
		.issuer = "Root",
		.issuer_key = ca_key };
}

static void write_good(void)
{
	struct spec own = good();

	write_good_ca();
	write_certificate(&own);
	write_key("secrets/c.key", own_key);
}

/* --- loading --- */

static void write_conf(const char *local_id, const char *files)
{
	struct buf text = { 0 };

	buf_printf(&text,
		"gateway = { name = \"g\"; outer = { interface = \"eth0\"; address = \"192.0.2.1\"; }; };\n"
		"carriers = ( { name = \"c\"; local_id = \"%s\"; %s\n"
		"  tunnels = ( { name = \"t\"; peer = \"192.0.2.11\"; } ); } );\n"
		"apns = ( { name = \"a\"; pool = [ \"10.64.0.0/16\" ]; tunnels = [ \"t\" ]; cloud = { attach = \"dedicated\";\n"
		"  interface = \"eth1\"; address = \"10.110.0.4/20\"; prefixes = [ \"10.110.0.0/20\" ]; }; } );\n",
		local_id, files);
	assert_int_equal(io_write_file("x.conf", buf_text(&text), text.len, 0600), 0);
	buf_free(&text);
}

#define FILES "certificate = \"c.pem\"; key_file = \"c.key\"; ca = \"ca.pem\";"

/* Loads x.conf; messages must be one line that has part in it, or none at all if part is NULL. */
static void assert_load(int r, const char *part)
{
	struct diag_list diags = { 0 };
	struct buf out = { 0 };
	struct model *m = NULL;

	int got = conf_load("x.conf", &diags, &m);
	diag_print(&diags, &out);
	if (part ? !strstr(buf_text(&out), part) || diags.count != 1 : diags.count)
		fail_msg("wanted \"%s\", got:\n%s", part ? part : "", buf_text(&out));
	assert_int_equal(got, r);
	conf_free(m);
	buf_free(&out);
	diag_free(&diags);
}

static void good_ones(void **state)
{
	static const char *const ids[] = { "192.0.2.1", "2001:DB8::1", "GW.example.net", "@gw.example.net",
		"gw@example.net", "C=CZ, O=Exa Ltd, CN=gw", "/c=cz/o=exa ltd/cn=GW" };

	(void)state;
	write_good();
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		write_conf(ids[i], FILES);
		assert_load(0, NULL);
	}
}

static void wrong_identity(void **state)
{
	static const char *const ids[] = { "192.0.2.2", "gw2.example.net", "gw", "@192.0.2.1", "C=CZ, CN=gw",
		"gw@example.com" };
	struct spec own = good();

	(void)state;
	write_good();
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		write_conf(ids[i], FILES);
		assert_load(-EINVAL, "but \"/C=CZ/O=Exa Ltd/CN=gw\", \"gw.example.net\", \"192.0.2.1\", \"2001:db8::1\", "
							 "\"gw@example.net\"; use one of these as local_id, or another certificate\n");
	}
	own.san = NULL;
	write_certificate(&own);
	write_conf("gw", FILES);
	assert_load(-EINVAL, "x.conf:2: carriers[0].certificate: ./secrets/c.pem: does not have the identity local_id "
						 "(\"gw\"), but \"/C=CZ/O=Exa Ltd/CN=gw\"; use");
}

static void keys(void **state)
{
	struct spec second = good();

	(void)state;
	write_good();
	write_conf("192.0.2.1", FILES);
	write_key("secrets/c.key", other_key);
	struct diag_list diags = { 0 };
	struct model *m = NULL;
	struct buf out = { 0 };
	assert_int_equal(conf_load("x.conf", &diags, &m), -EINVAL);
	diag_print(&diags, &out);
	assert_string_equal(buf_text(&out),
		"x.conf:2: carriers[0].certificate: ./secrets/c.pem: none of key_file is its key; name the private key that it "
		"was "
		"issued for\n"
		"x.conf:2: carriers[0].key_file: ./secrets/c.key: is not the key of a file in certificate; name that "
		"certificate's key\n");
	buf_free(&out);
	diag_free(&diags);

	/* Several, in any order. */
	second.file = "d.pem";
	second.key = other_key;
	write_certificate(&second);
	write_key("secrets/d.key", own_key);
	write_conf(
		"192.0.2.1", "certificate = [ \"c.pem\", \"d.pem\" ]; key_file = [ \"c.key\", \"d.key\" ]; ca = \"ca.pem\";");
	assert_load(0, NULL);
}

/* What the clock says never refuses a file: the whole gateway would stay closed over one certificate. */
static void times(void **state)
{
	struct spec own = good();

	(void)state;
	write_good();
	write_conf("192.0.2.1", FILES);
	own.from = -10;
	own.until = -1;
	write_certificate(&own);
	assert_load(0, "x.conf:2: warning: carriers[0].certificate: ./secrets/c.pem: has expired on ");
	own.from = 2;
	own.until = 100;
	write_certificate(&own);
	assert_load(0, "x.conf:2: warning: carriers[0].certificate: ./secrets/c.pem: is valid from ");
	own.from = -1;
	own.until = 29;
	write_certificate(&own);
	assert_load(0, "in 29 days; have it renewed\n");
	own.until = 31;
	write_certificate(&own);
	assert_load(0, NULL);
	write_certificate(
		&(struct spec){ .file = "ca.pem", .name = "Root", .key = ca_key, .ca = true, .from = -10, .until = -2 });
	assert_load(0, "x.conf:2: warning: carriers[0].ca: ./secrets/ca.pem: has expired on ");
}

static void authorities(void **state)
{
	(void)state;
	write_good();
	write_conf("192.0.2.1", FILES);
	write_certificate(&(struct spec){ .file = "ca.pem", .name = "Root", .key = ca_key });
	assert_load(-EINVAL, "x.conf:2: carriers[0].ca: ./secrets/ca.pem: is no certificate of a CA; name that of the "
						 "authority that issues the peer's\n");
}

static void weak_ones(void **state)
{
	struct spec own = good();
	EVP_PKEY *rsa = EVP_RSA_gen(1024), *ec = EVP_EC_gen("P-224");

	(void)state;
	write_good();
	write_conf("192.0.2.1", FILES);
	own.key = rsa;
	write_certificate(&own);
	write_key("secrets/c.key", rsa);
	assert_load(-EINVAL, "has an RSA key of less than 2048 bits; use 3072, or an EC key of 256\n");
	own.key = ec;
	write_certificate(&own);
	write_key("secrets/c.key", ec);
	assert_load(-EINVAL, "has an EC key of less than 256 bits; use one of 256 or 384\n");
	own = good();
	own.digest = EVP_sha1();
	write_certificate(&own);
	write_key("secrets/c.key", own_key);
	assert_load(0, "warning: carriers[0].certificate: ./secrets/c.pem: is signed with SHA-1, which peers refuse");
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
}

static void revocation_lists(void **state)
{
	static const char relaxed[] = FILES " crl = \"a.crl\";",
					  strict[] = FILES " crl = \"a.crl\"; revocation = \"strict\";";

	(void)state;
	write_good();
	for (int der = 0; der <= 1; der++) {
		write_conf("192.0.2.1", strict);
		write_crl("secrets/a.crl", "Root", ca_key, 1, der);
		assert_load(0, NULL);
		write_crl("secrets/a.crl", "Root", ca_key, -1, der);
		assert_load(0, "so that revocation = \"strict\" refuses every peer; fetch the CA's newest list\n");
		write_conf("192.0.2.1", relaxed);
		assert_load(0, "x.conf:2: warning: carriers[0].crl: ./secrets/a.crl: was to be replaced on ");
		write_crl("secrets/a.crl", "Root", other_key, 1, der);
		assert_load(-EINVAL, "./secrets/a.crl: is not signed by a CA in ca; name a list of one of these\n");
		write_crl("secrets/a.crl", "Other", ca_key, 1, der);
		assert_load(-EINVAL, "./secrets/a.crl: is not signed by a CA in ca; name a list of one of these\n");
	}
	/* There is no CA that it could be of: one message is enough. */
	assert_int_equal(io_write_file("secrets/c.psk", "0123456789abcdef0123456789ABCDEF", 32, 0600), 0);
	write_conf("192.0.2.1", "psk_file = \"c.psk\"; crl = \"a.crl\";");
	assert_load(-EINVAL, "x.conf:2: carriers[0].crl: means nothing with psk_file");
	write_conf("192.0.2.1", relaxed);
	assert_int_equal(io_write_file("secrets/a.crl", "", 0, 0600), 0);
	assert_load(-EINVAL, "./secrets/a.crl: is no revocation list that can be read; give one in PEM or DER form\n");
}

/* Every cut of each file, and every file with one octet changed: refused or not, it is survived. */
static void broken_ones(void **state)
{
	static const char *const paths[] = { "secrets/c.pem", "secrets/c.key", "secrets/a.crl" };

	(void)state;
	write_good();
	write_crl("secrets/a.crl", "Root", ca_key, 1, true);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char *text;
		size_t len;
		assert_int_equal(io_read_file(paths[i], 65536, &text, &len), 0);
		for (size_t at = 0; at < 2 * len; at++) {
			size_t shorter = at < len ? at : len;
			struct x509_st *certificate = NULL;
			struct evp_pkey_st *key = NULL;
			struct X509_crl_st *crl = NULL;
			struct buf names = { 0 };
			char *copy = malloc(shorter + 1); /* so that a read behind its end shows */
			memcpy(copy, text, shorter);
			if (at >= len)
				copy[at - len] ^= 0x11;
			if (!x509_read_certificate(copy, shorter, &certificate)) {
				bool refused;
				x509_print_identities(certificate, &names);
				x509_weakness(certificate, &refused);
				x509_is_ca(certificate);
			}
			x509_read_key(copy, shorter, &key);
			x509_read_crl(copy, shorter, &crl);
			x509_free_certificate(certificate);
			x509_free_key(key);
			x509_free_crl(crl);
			buf_free(&names);
			free(copy);
		}
		io_free_secret(text, len);
	}
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, enter_folder, leave_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(good_ones),
		IN_FOLDER(wrong_identity),
		IN_FOLDER(keys),
		IN_FOLDER(times),
		IN_FOLDER(authorities),
		IN_FOLDER(weak_ones),
		IN_FOLDER(revocation_lists),
		IN_FOLDER(broken_ones),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
