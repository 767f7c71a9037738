/*
 * One tunnel of a generation: the configuration that charon uses for it, its identities and its key. Complete once it
 * is sealed; generations share the tunnels that they have in common. Of two that differ only in their links or in who
 * initiates, the later one takes over the very peer_cfg_t, and with it the IKE_SA and the CHILD_SAs that stay: its own
 * CHILD configurations move into it when the generation comes into force.
 */
#ifndef CONF_TUNNEL_H_
#define CONF_TUNNEL_H_

#include <daemon.h>

#include "conf_status.h"

struct apn;
struct gateway;
struct link;
struct tunnel;

typedef struct conf_carrier_t conf_carrier_t;
typedef struct conf_tunnel_t conf_tunnel_t;

struct conf_tunnel_t {
	/** owned */
	char *name;
	/** whether the gateway brings it up */
	bool initiate;
	/** suite by the operator's name, static */
	const char *suite;
	/** peer gateway, port 500 */
	host_t *peer;
	identification_t *local_id;
	identification_t *remote_id;
	/** NULL with certificates */
	shared_key_t *psk;
	/** what charon uses */
	peer_cfg_t *cfg;
	conf_status_t *status;
	/** digest of what the IKE_SA depends on, secrets included */
	uint8_t ike_digest[HASH_SIZE_SHA256];
	/** digest of everything: equal digests are equal tunnels */
	uint8_t digest[HASH_SIZE_SHA256];

	/** for conf_keeper alone, under its lock: attempts since it was last complete, earliest time of the next one */
	struct {
		u_int tries;
		time_t last;
		time_t next;
	} retry;

	/** @return another reference to this */
	conf_tunnel_t *(*get_ref)(conf_tunnel_t *this);

	/**
	 * Adds the CHILD_SA of a link; before seal() only.
	 *
	 * @param apn		APN of the link
	 * @param link		link of this tunnel
	 */
	void (*add_link)(conf_tunnel_t *this, const struct apn *apn, const struct link *link);

	/**
	 * Ends the building: computes the digests.
	 *
	 * @return			FALSE without SHA-256
	 */
	bool (*seal)(conf_tunnel_t *this);

	/**
	 * Takes over the configuration and the status of the tunnel in force, if the IKE_SA may stay. Nothing takes effect.
	 *
	 * @param old		tunnel in force of the same name, sealed
	 */
	void (*inherit)(conf_tunnel_t *this, conf_tunnel_t *old);

	/** Moves the CHILD configurations into an inherited configuration: the tunnel comes into force. */
	void (*activate)(conf_tunnel_t *this);

	/** Drops a reference. */
	void (*destroy)(conf_tunnel_t *this);
};

/**
 * Creates a tunnel without links.
 *
 * @param gateway	gateway of the model
 * @param tunnel	tunnel of the model
 * @param carrier	credentials of its carrier
 * @return			tunnel
 */
conf_tunnel_t *conf_tunnel_create(
	const struct gateway *gateway, const struct tunnel *tunnel, const conf_carrier_t *carrier);

#endif
