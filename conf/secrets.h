/* What the files in secrets/ are, each read once, however many carriers name it. */
#ifndef CULVERT_CONF_SECRETS_H
#define CULVERT_CONF_SECRETS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct check;
struct evp_pkey_st;
struct model;
struct x509_st;
struct X509_crl_st;

enum secret_kind { SECRET_PSK, SECRET_CERTIFICATE, SECRET_KEY, SECRET_CA, SECRET_CRL };

struct secret {
	const char *name; /* the model's */
	enum secret_kind kind;
	char *path; /* owned, for messages */
	char *octets; /* owned: what was read of a folder; NULL: nothing */
	size_t len;
	char *wrong; /* owned; NULL: nothing */
	bool refused; /* wrong is an error, otherwise a warning */
	struct x509_st *certificate; /* owned, as are the others; of its kind, NULL if it cannot be read */
	struct evp_pkey_st *key;
	struct X509_crl_st *crl;
};

struct secrets {
	struct secret *list; /* sorted */
	size_t n;
	time_t now;
};

/* The entry of a file that the model names. Never NULL, except for the name NULL. */
const struct secret *secrets_find(const struct secrets *s, enum secret_kind kind, const char *name);
/* The key of the i-th file in a carrier's list, or of the list if it stands without brackets. */
struct key secrets_key(const struct check *c, size_t carrier, enum secret_kind kind, size_t i);
/* Whether the certificates, keys and lists of one carrier fit each other and the time. */
void validate_certificates(struct check *c, const struct secrets *s, size_t carrier);

#endif
