/* Any octets as a certificate, a private key, a revocation list and a pre-shared key; and the first text as an
 * identity. */
#include "conf/psk.h"
#include "conf/x509.h"
#include "ikev2/identity.h"
#include "lib/buf.h"
#include "lib/io.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(struct x509_st *certificate, struct X509_crl_st *crl)
{
	struct buf names = { 0 };
	time_t from, until;
	bool refused;

	x509_print_identities(certificate, &names);
	x509_has_identity(certificate, "CN=gw");
	x509_has_identity(certificate, "192.0.2.1");
	x509_weakness(certificate, &refused);
	x509_is_ca(certificate);
	x509_validity(certificate, &from, &until);
	if (crl)
		x509_is_crl_of(crl, certificate);
	buf_free(&names);
}

static void decode_key(const char *text, size_t len)
{
	size_t key_len;
	char *key;

	if (psk_decode(text, len, &key, &key_len))
		return;
	if (key_len > len || key[key_len])
		abort();
	io_free_secret(key, key_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct x509_st *certificate = NULL;
	struct evp_pkey_st *key = NULL;
	struct X509_crl_st *crl = NULL;
	time_t next;

	x509_read_crl(text, size, &crl);
	if (!x509_read_certificate(text, size, &certificate))
		look_at(certificate, crl);
	if (!x509_read_key(text, size, &key) && certificate)
		x509_fits(certificate, key);
	if (crl)
		x509_next_update(crl, &next);
	decode_key(text, size);
	char *copy = strndup(text, size);
	if (copy)
		free(identity_canonical(copy));
	free(copy);
	x509_free_certificate(certificate);
	x509_free_key(key);
	x509_free_crl(crl);
	return 0;
}
