/*
 * A generation as charon needs it: its tunnels, found by name, by the peer's address and by the peer's identity, and
 * the certificates and private keys. Immutable and reference counted: whoever enumerates holds a reference until the
 * enumerator is destroyed. Loading touches nothing that is in force.
 */
#ifndef CONF_GENERATION_H_
#define CONF_GENERATION_H_

#include <credentials/sets/mem_cred.h>

#include "conf_tunnel.h"

typedef struct conf_generation_t conf_generation_t;

struct conf_generation_t {

	/** @return its number, 0 for the empty one */
	u_int (*get_number)(conf_generation_t *this);

	/** @return number of tunnels */
	u_int (*get_count)(conf_generation_t *this);

	/**
	 * @param name		name of a tunnel
	 * @return			the tunnel (the generation's reference), or NULL
	 */
	conf_tunnel_t *(*get_tunnel)(conf_generation_t *this, const char *name);

	/** @return enumerator over all tunnels (conf_tunnel_t*), in no order */
	enumerator_t *(*create_tunnel_enumerator)(conf_generation_t *this);

	/**
	 * @param name		name of a carrier
	 * @return			its credentials (the generation's reference), or NULL
	 */
	conf_carrier_t *(*get_carrier)(conf_generation_t *this, const char *name);

	/**
	 * @param peer		address, the port is ignored
	 * @return			enumerator over the tunnels to that address (conf_tunnel_t*)
	 */
	enumerator_t *(*create_peer_enumerator)(conf_generation_t *this, host_t *peer);

	/**
	 * Tunnels whose peers call from addresses that are not known: by name, or any. An IKE_SA_INIT chooses by suites
	 * alone, so of those with the same suites there is only one here: peers choose what has to be gone through.
	 *
	 * @return			enumerator over them (conf_tunnel_t*)
	 */
	enumerator_t *(*create_unknown_enumerator)(conf_generation_t *this);

	/** @return the one tunnel whose peer's address is not known, NULL if there are several or none */
	conf_tunnel_t *(*get_only_unknown)(conf_generation_t *this);

	/**
	 * @param id		identity, without wildcards
	 * @return			enumerator over the tunnels whose peer must prove that identity (conf_tunnel_t*)
	 */
	enumerator_t *(*create_id_enumerator)(conf_generation_t *this, identification_t *id);

	/** @return certificates and private keys */
	credential_set_t *(*get_credentials)(conf_generation_t *this);

	/** @return another reference to this */
	conf_generation_t *(*get_ref)(conf_generation_t *this);

	/** Drops a reference; the last one wipes the secrets. */
	void (*destroy)(conf_generation_t *this);
};

/**
 * Creates the generation without tunnels.
 */
conf_generation_t *conf_generation_create_empty(void);

/**
 * Loads gen/NUMBER of the run folder.
 *
 * @param run		run folder, usually /run/culvert
 * @param number	number of the generation
 * @param previous	generation to share the unchanged tunnels with
 * @param error		receives what is wrong, one line, allocated, if NULL is returned
 * @return			generation, or NULL
 */
conf_generation_t *conf_generation_load(const char *run, u_int number, conf_generation_t *previous, char **error);

/**
 * Number of the generation in force, which gen/current points to.
 *
 * @param run		run folder
 * @return			number, 0 if there is none
 */
u_int conf_generation_current(const char *run);

#endif
