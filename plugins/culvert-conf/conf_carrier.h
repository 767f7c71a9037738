/*
 * The credentials of one carrier, as objects of libstrongswan: pre-shared keys, or our certificates with their private
 * keys, the CAs of the peers and their CRLs. Read from the secrets of a generation while it is prepared, never
 * afterwards. Immutable and reference counted: generations share what is the same in both.
 */
#ifndef CONF_CARRIER_H_
#define CONF_CARRIER_H_

#include <library.h>
#include <collections/array.h>
#include <credentials/sets/mem_cred.h>
#include <crypto/hashers/hasher.h>

struct carrier;
struct model;

typedef struct conf_carrier_t conf_carrier_t;

struct conf_carrier_t {
	/** owned */
	char *name;
	/** shared_key_t, in the order in which they are tried; empty with certificates */
	array_t *psks;
	/** certificate_t of ours, the preferred first; with pre-shared keys this and what follows is empty */
	array_t *certificates;
	/** private_key_t, one for each of them */
	array_t *keys;
	/** certificate_t */
	array_t *cas;
	/** certificate_t of type CERT_X509_CRL */
	array_t *crls;
	/** a peer's certificate counts only if a valid CRL says that it is not revoked */
	bool strict;
	/** digest of what was read, so that a changed secret shows */
	uint8_t digest[HASH_SIZE_SHA256];
	refcount_t ref;
};

/**
 * Reads the secrets of a carrier, or shares the previous one's objects where they are the same.
 *
 * @param model		model the carrier belongs to
 * @param carrier	carrier
 * @param hasher	for SHA-256
 * @param previous	the same carrier's of another generation to share if nothing has changed, or NULL
 * @param error		receives what is wrong, allocated, if NULL is returned
 * @return			reference to the credentials, or NULL
 */
conf_carrier_t *conf_carrier_load(
	const struct model *model, const struct carrier *carrier, hasher_t *hasher, conf_carrier_t *previous, char **error);

/** @return another reference to this */
conf_carrier_t *conf_carrier_get_ref(conf_carrier_t *this);

/** Adds certificates, private keys and CRLs to a credential set, which takes references. */
void conf_carrier_publish(const conf_carrier_t *this, mem_cred_t *creds);

/**
 * Drops a reference, the last one wipes the keys; NULL is allowed.
 */
void conf_carrier_destroy(conf_carrier_t *this);

#endif
