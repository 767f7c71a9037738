#include "conf_carrier.h"
#include "conf_text.h"

#include <credentials/certificates/x509.h>

#include "conf/conf.h"
#include "conf/model.h"
#include "lib/io.h"

/**
 * Reads a file of secrets/ and adds its name and content to the digest. The caller io_free_secret()s *text.
 */
static bool read_secret(const struct model *model, hasher_t *hasher, const char *file, chunk_t *text, char **error)
{
	char *content;
	size_t len;
	int rc;

	rc = conf_read_secret(model, file, &content, &len);
	if (rc < 0) {
		*error = conf_text("secrets/%s: cannot be read: %s", file, strerror(-rc));
		return FALSE;
	}
	*text = chunk_create((uint8_t *)content, len);
	if (hasher->get_hash(hasher, chunk_from_thing(len), NULL) && hasher->get_hash(hasher, *text, NULL))
		return TRUE;
	io_free_secret(content, len);
	*error = conf_text("secrets/%s: cannot be hashed", file);
	return FALSE;
}

/**
 * Reads a file of secrets/ as an object of libstrongswan, NULL with *error if it is none.
 */
static void *read_object(const struct model *model, hasher_t *hasher, const char *file, credential_type_t type,
	int subtype, const char *what, char **error)
{
	chunk_t text;
	void *object;

	if (!read_secret(model, hasher, file, &text, error))
		return NULL;
	object = lib->creds->create(lib->creds, type, subtype, BUILD_BLOB_PEM, text, BUILD_END);
	io_free_secret((char *)text.ptr, text.len);
	if (!object)
		*error = conf_text("secrets/%s: is no %s in PEM form", file, what);
	return object;
}

static bool key_fits(certificate_t *certificate, private_key_t *key)
{
	public_key_t *public;
	chunk_t print;
	bool fits;

	public = certificate->get_public_key(certificate);
	if (!public)
		return FALSE;
	fits = public->get_fingerprint(public, KEYID_PUBKEY_SHA1, &print) && key->has_fingerprint(key, print);
	public->destroy(public);
	return fits;
}

static bool is_ca(certificate_t *certificate)
{
	x509_t *x509 = (x509_t *)certificate;

	return certificate->get_type(certificate) == CERT_X509 && (x509->get_flags(x509) & X509_CA);
}

static bool load_psk(
	conf_carrier_t *this, const struct model *model, const struct carrier *carrier, hasher_t *hasher, char **error)
{
	chunk_t text;

	if (!read_secret(model, hasher, carrier->psk_files[0], &text, error))
		return FALSE;
	/* Adopts the text and wipes it in the end. */
	this->psk = shared_key_create(SHARED_IKE, text);
	return TRUE;
}

static bool load_certificates(
	conf_carrier_t *this, const struct model *model, const struct carrier *carrier, hasher_t *hasher, char **error)
{
	this->certificate =
		read_object(model, hasher, carrier->certificates[0], CRED_CERTIFICATE, CERT_X509, "certificate", error);
	if (!this->certificate)
		return FALSE;
	this->ca = read_object(model, hasher, carrier->cas[0], CRED_CERTIFICATE, CERT_X509, "certificate", error);
	if (!this->ca)
		return FALSE;
	this->key = read_object(model, hasher, carrier->key_files[0], CRED_PRIVATE_KEY, KEY_ANY, "private key", error);
	if (!this->key)
		return FALSE;
	if (!is_ca(this->ca)) {
		*error = conf_text("secrets/%s: is a certificate, but not of a CA", carrier->cas[0]);
		return FALSE;
	}
	if (!key_fits(this->certificate, this->key)) {
		*error = conf_text("secrets/%s: is not the key of secrets/%s", carrier->key_files[0], carrier->certificates[0]);
		return FALSE;
	}
	return TRUE;
}

static bool load(
	conf_carrier_t *this, const struct model *model, const struct carrier *carrier, hasher_t *hasher, char **error)
{
	switch (carrier->auth) {
	case CARRIER_AUTH_PSK:
		return load_psk(this, model, carrier, hasher, error);
	case CARRIER_AUTH_CERTIFICATE:
		return load_certificates(this, model, carrier, hasher, error);
	}
	return FALSE;
}

conf_carrier_t *conf_carrier_load(const struct model *model, const struct carrier *carrier, char **error)
{
	conf_carrier_t *this;
	hasher_t *hasher;

	hasher = lib->crypto->create_hasher(lib->crypto, HASH_SHA256);
	if (!hasher) {
		*error = conf_text("SHA-256 is not available");
		return NULL;
	}
	INIT(this, .psk = NULL);
	if (!load(this, model, carrier, hasher, error) || !hasher->get_hash(hasher, chunk_empty, this->digest)) {
		conf_carrier_destroy(this);
		this = NULL;
	}
	hasher->destroy(hasher);
	return this;
}

void conf_carrier_destroy(conf_carrier_t *this)
{
	if (!this)
		return;
	DESTROY_IF(this->psk);
	DESTROY_IF(this->certificate);
	DESTROY_IF(this->ca);
	DESTROY_IF(this->key);
	memwipe(this->digest, sizeof(this->digest));
	free(this);
}
