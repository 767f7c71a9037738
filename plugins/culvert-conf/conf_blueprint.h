/*
 * A tunnel of the model with its links and its carrier's credentials, and digests of them: what says whether a tunnel
 * in force is still the one that is wanted before anything is built. The order in which a file lists APNs and
 * prefixes, the names of files and comments do not show.
 */
#ifndef CONF_BLUEPRINT_H_
#define CONF_BLUEPRINT_H_

#include <library.h>
#include <crypto/hashers/hasher.h>

#include "conf_carrier.h"
#include "conf_proposals.h"

struct apn;
struct buf;
struct gateway;
struct link;
struct tunnel;

typedef struct conf_blueprint_t conf_blueprint_t;
typedef struct conf_blueprint_link_t conf_blueprint_link_t;

struct conf_blueprint_link_t {
	const struct apn *apn;
	const struct link *link;
	/** where its part of what was printed ends */
	size_t end;
	/** as ike_digest below */
	uint8_t digest[HASH_SIZE_SHA256];
};

struct conf_blueprint_t {
	/** these three of the model */
	const struct gateway *gateway;
	const struct tunnel *tunnel;
	/** borrowed */
	conf_carrier_t *carrier;
	conf_proposals_t *proposals;
	/** owned; by name of the APN after conf_blueprint_seal() */
	conf_blueprint_link_t *links;
	size_t n_links;
	/** a link could not be added: sealing fails */
	bool incomplete;
	/** where the IKE_SA's part of what was printed ends */
	size_t ike_end;
	/** set by conf_blueprint_detail(); of what the IKE_SA depends on, credentials apart: if it differs, the IKE_SA must
	 * be made anew */
	uint8_t ike_digest[HASH_SIZE_SHA256];
	/** of everything: equal digests are equal tunnels */
	uint8_t digest[HASH_SIZE_SHA256];
};

void conf_blueprint_add_link(conf_blueprint_t *this, const struct apn *apn, const struct link *link);

/**
 * Ends the building: sorts the links and computes the digest of everything.
 *
 * @param print		receives what is digested, in place of what it holds
 * @return			FALSE without SHA-256 or memory
 */
bool conf_blueprint_seal(conf_blueprint_t *this, hasher_t *hasher, struct buf *print);

/**
 * Computes the other digests of a sealed blueprint: only a tunnel that is to be created needs them.
 *
 * @param print		what sealing it has printed
 * @return			FALSE without SHA-256
 */
bool conf_blueprint_detail(conf_blueprint_t *this, hasher_t *hasher, const struct buf *print);

/** Frees what it owns. */
void conf_blueprint_clear(conf_blueprint_t *this);

#endif
