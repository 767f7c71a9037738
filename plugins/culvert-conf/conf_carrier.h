/*
 * The credentials of one carrier, as objects of libstrongswan: the pre-shared key, or our certificate with its private
 * key and the CA of the peers. Read from the secrets of a generation while it is prepared, never afterwards.
 */
#ifndef CONF_CARRIER_H_
#define CONF_CARRIER_H_

#include <library.h>
#include <credentials/certificates/certificate.h>
#include <credentials/keys/private_key.h>
#include <credentials/keys/shared_key.h>

struct carrier;
struct model;

typedef struct conf_carrier_t conf_carrier_t;

struct conf_carrier_t {
	/** set with a pre-shared key, else NULL */
	shared_key_t *psk;
	/** these three set with certificates, else NULL */
	certificate_t *certificate;
	certificate_t *ca;
	private_key_t *key;
	/** digest of what was read, so that a changed secret shows */
	uint8_t digest[HASH_SIZE_SHA256];
};

/**
 * Reads the secrets of a carrier.
 *
 * @param model		model the carrier belongs to
 * @param carrier	carrier
 * @param error		receives what is wrong, allocated, if NULL is returned
 * @return			credentials, or NULL
 */
conf_carrier_t *conf_carrier_load(const struct model *model, const struct carrier *carrier, char **error);

/**
 * Drops the references and wipes the key if these were the last ones; NULL is allowed.
 */
void conf_carrier_destroy(conf_carrier_t *this);

#endif
