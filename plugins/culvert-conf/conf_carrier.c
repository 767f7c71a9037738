/* Two steps: what the secrets say, read and hashed; and, only where that differs from the previous one, its objects. */
#include "conf_carrier.h"
#include "conf_text.h"

#include <errno.h>

#include <credentials/certificates/certificate.h>
#include <credentials/certificates/crl.h>
#include <credentials/certificates/x509.h>
#include <credentials/keys/private_key.h>
#include <credentials/keys/shared_key.h>

#include "conf/conf.h"
#include "conf/model.h"
#include "lib/io.h"

typedef struct kind_t kind_t;
typedef struct file_t file_t;

/** What a file of secrets/ holds */
struct kind_t {
	int (*read)(const struct model *m, const char *name, char **ret, size_t *ret_len);
	credential_type_t type;
	int subtype;
	const char *what;
	/** where the objects go */
	size_t offset;
};

/** A file as it was read */
struct file_t {
	const kind_t *kind;
	/** of the model */
	const char *name;
	char *text;
	size_t len;
};

static const kind_t psk_kind = {
	.read = conf_read_psk,
	.what = "pre-shared key",
	.offset = offsetof(conf_carrier_t, psks),
};
static const kind_t certificate_kind = {
	.read = conf_read_secret,
	.type = CRED_CERTIFICATE,
	.subtype = CERT_X509,
	.what = "certificate in PEM form",
	.offset = offsetof(conf_carrier_t, certificates),
};
static const kind_t key_kind = {
	.read = conf_read_secret,
	.type = CRED_PRIVATE_KEY,
	.subtype = KEY_ANY,
	.what = "private key in PEM form",
	.offset = offsetof(conf_carrier_t, keys),
};
static const kind_t ca_kind = {
	.read = conf_read_secret,
	.type = CRED_CERTIFICATE,
	.subtype = CERT_X509,
	.what = "certificate in PEM form",
	.offset = offsetof(conf_carrier_t, cas),
};
static const kind_t crl_kind = {
	.read = conf_read_secret,
	.type = CRED_CERTIFICATE,
	.subtype = CERT_X509_CRL,
	.what = "certificate revocation list in PEM or DER form",
	.offset = offsetof(conf_carrier_t, crls),
};

static array_t **objects_of(conf_carrier_t *this, const kind_t *kind)
{
	return (array_t **)((char *)this + kind->offset);
}

/** Reads files of one kind into files; what was read before an error stays there. */
static bool read_files(
	const struct model *model, const kind_t *kind, char **names, size_t count, array_t *files, char **error)
{
	file_t file = { .kind = kind };
	size_t i;
	int rc;

	for (i = 0; i < count; i++) {
		file.name = names[i];
		rc = kind->read(model, file.name, &file.text, &file.len);
		if (rc < 0) {
			*error = conf_text("secrets/%s: cannot be read: %s", file.name, strerror(-rc));
			return FALSE;
		}
		array_insert(files, ARRAY_TAIL, &file);
	}
	return TRUE;
}

static bool read_all(const struct model *model, const struct carrier *carrier, array_t *files, char **error)
{
	switch (carrier->auth) {
	case CARRIER_AUTH_PSK:
		return read_files(model, &psk_kind, carrier->psk_files, carrier->n_psk_files, files, error);
	case CARRIER_AUTH_CERTIFICATE:
		return read_files(model, &certificate_kind, carrier->certificates, carrier->n_certificates, files, error) &&
			   read_files(model, &key_kind, carrier->key_files, carrier->n_key_files, files, error) &&
			   read_files(model, &ca_kind, carrier->cas, carrier->n_cas, files, error) &&
			   read_files(model, &crl_kind, carrier->crls, carrier->n_crls, files, error);
	}
	return FALSE;
}

static void free_files(array_t *files)
{
	file_t file;

	while (array_remove(files, ARRAY_TAIL, &file))
		io_free_secret(file.text, file.len);
	array_destroy(files);
}

/** Contents count, file names do not. */
static bool digest_files(const struct carrier *carrier, array_t *files, hasher_t *hasher, uint8_t *digest)
{
	bool ok = hasher->get_hash(hasher, chunk_from_thing(carrier->revocation), NULL);
	enumerator_t *enumerator;
	file_t *file;

	enumerator = array_create_enumerator(files);
	while (ok && enumerator->enumerate(enumerator, &file)) {
		ok = hasher->get_hash(hasher, chunk_from_thing(file->kind->offset), NULL) &&
			 hasher->get_hash(hasher, chunk_from_thing(file->len), NULL) &&
			 hasher->get_hash(hasher, chunk_create((uint8_t *)file->text, file->len), NULL);
	}
	enumerator->destroy(enumerator);
	return ok && hasher->get_hash(hasher, chunk_empty, digest);
}

static void *create_object(file_t *file)
{
	chunk_t text = chunk_create((uint8_t *)file->text, file->len);

	if (file->kind == &psk_kind) {
		/* Adopted, and wiped in the end. */
		file->text = NULL;
		return shared_key_create(SHARED_IKE, text);
	}
	/* DER as well: what is no PEM is taken as it is. */
	return lib->creds->create(lib->creds, file->kind->type, file->kind->subtype, BUILD_BLOB_PEM, text, BUILD_END);
}

static bool is_ca(certificate_t *certificate)
{
	x509_t *x509 = (x509_t *)certificate;

	return certificate->get_type(certificate) == CERT_X509 && (x509->get_flags(x509) & X509_CA);
}

static bool create_objects(conf_carrier_t *this, array_t *files, char **error)
{
	enumerator_t *enumerator;
	bool ok = TRUE;
	file_t *file;
	void *object;

	enumerator = array_create_enumerator(files);
	while (ok && enumerator->enumerate(enumerator, &file)) {
		object = create_object(file);
		if (!object) {
			*error = conf_text("secrets/%s: is no %s", file->name, file->kind->what);
			ok = FALSE;
			break;
		}
		array_insert(*objects_of(this, file->kind), ARRAY_TAIL, object);
		if (file->kind == &ca_kind && !is_ca(object)) {
			*error = conf_text("secrets/%s: is a certificate, but not of a CA", file->name);
			ok = FALSE;
		}
	}
	enumerator->destroy(enumerator);
	return ok;
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

/** Whether each certificate has its key. */
static bool check_keys(const conf_carrier_t *this, const struct carrier *carrier, char **error)
{
	certificate_t *certificate;
	private_key_t *key;
	int i, j, count = array_count(this->keys);

	for (i = 0; i < array_count(this->certificates); i++) {
		array_get(this->certificates, i, &certificate);
		for (j = 0; j < count; j++) {
			array_get(this->keys, j, &key);
			if (key_fits(certificate, key))
				break;
		}
		if (j < count)
			continue;
		if (count == 1)
			*error =
				conf_text("secrets/%s: is not the key of secrets/%s", carrier->key_files[0], carrier->certificates[i]);
		else
			*error = conf_text("secrets/%s: none of the keys is its own", carrier->certificates[i]);
		return FALSE;
	}
	return TRUE;
}

/** Whether a CRL is found and taken when a certificate of this CA is checked: by key identifier and signature. */
static bool is_crl_of(certificate_t *crl, certificate_t *ca)
{
	chunk_t key = ((x509_t *)ca)->get_subjectKeyIdentifier((x509_t *)ca);
	identification_t *id;
	bool found;

	id = identification_create_from_encoding(ID_KEY_ID, key);
	found = key.len && crl->has_issuer(crl, id) && crl->issued_by(crl, ca, NULL);
	id->destroy(id);
	return found;
}

/** Whether each CRL is one of our CAs': another one would be passed over in silence. */
static bool check_crls(const conf_carrier_t *this, const struct carrier *carrier, char **error)
{
	certificate_t *crl, *ca;
	int i, j, count = array_count(this->cas);

	for (i = 0; i < array_count(this->crls); i++) {
		array_get(this->crls, i, &crl);
		for (j = 0; j < count; j++) {
			array_get(this->cas, j, &ca);
			if (is_crl_of(crl, ca))
				break;
		}
		if (j == count) {
			*error = conf_text("secrets/%s: is a revocation list of none of the CAs in ca", carrier->crls[i]);
			return FALSE;
		}
	}
	return TRUE;
}

static conf_carrier_t *create(const struct carrier *carrier, const uint8_t digest[HASH_SIZE_SHA256])
{
	conf_carrier_t *this;

	INIT(this, .name = strdup(carrier->name), .psks = array_create(0, 0), .certificates = array_create(0, 0),
		.keys = array_create(0, 0), .cas = array_create(0, 0), .crls = array_create(0, 0),
		.strict = carrier->revocation == REVOCATION_STRICT, .ref = 1, );
	memcpy(this->digest, digest, sizeof(this->digest));
	return this;
}

static conf_carrier_t *load(
	const struct carrier *carrier, array_t *files, hasher_t *hasher, conf_carrier_t *previous, char **error)
{
	uint8_t digest[HASH_SIZE_SHA256];
	conf_carrier_t *this;

	if (!digest_files(carrier, files, hasher, digest)) {
		*error = conf_text("SHA-256 is not available");
		return NULL;
	}
	if (previous && memeq_const(digest, previous->digest, sizeof(digest)))
		return conf_carrier_get_ref(previous);
	this = create(carrier, digest);
	if (create_objects(this, files, error) && check_keys(this, carrier, error) && check_crls(this, carrier, error))
		return this;
	conf_carrier_destroy(this);
	return NULL;
}

conf_carrier_t *conf_carrier_load(
	const struct model *model, const struct carrier *carrier, hasher_t *hasher, conf_carrier_t *previous, char **error)
{
	array_t *files = array_create(sizeof(file_t), 0);
	conf_carrier_t *this = NULL;

	if (read_all(model, carrier, files, error))
		this = load(carrier, files, hasher, previous, error);
	free_files(files);
	return this;
}

conf_carrier_t *conf_carrier_get_ref(conf_carrier_t *this)
{
	ref_get(&this->ref);
	return this;
}

static void publish_certificates(array_t *certificates, bool trusted, mem_cred_t *creds)
{
	certificate_t *certificate;
	int i;

	for (i = 0; i < array_count(certificates); i++) {
		array_get(certificates, i, &certificate);
		creds->add_cert(creds, trusted, certificate->get_ref(certificate));
	}
}

void conf_carrier_publish(const conf_carrier_t *this, mem_cred_t *creds)
{
	private_key_t *key;
	certificate_t *crl;
	int i;

	publish_certificates(this->certificates, FALSE, creds);
	publish_certificates(this->cas, TRUE, creds);
	for (i = 0; i < array_count(this->keys); i++) {
		array_get(this->keys, i, &key);
		creds->add_key(creds, key->get_ref(key));
	}
	for (i = 0; i < array_count(this->crls); i++) {
		array_get(this->crls, i, &crl);
		creds->add_crl(creds, (crl_t *)crl->get_ref(crl));
	}
}

void conf_carrier_destroy(conf_carrier_t *this)
{
	if (!this || !ref_put(&this->ref))
		return;
	array_destroy_offset(this->psks, offsetof(shared_key_t, destroy));
	array_destroy_offset(this->certificates, offsetof(certificate_t, destroy));
	array_destroy_offset(this->keys, offsetof(private_key_t, destroy));
	array_destroy_offset(this->cas, offsetof(certificate_t, destroy));
	array_destroy_offset(this->crls, offsetof(certificate_t, destroy));
	memwipe(this->digest, sizeof(this->digest));
	free(this->name);
	free(this);
}
