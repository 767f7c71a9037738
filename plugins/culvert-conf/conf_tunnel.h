/*
 * One tunnel of a generation: the configuration that charon uses for it, its identities and its keys. Generations share
 * the tunnels that they have in common.
 *
 * Of two that differ only in their links, in their credentials or in who initiates, the later one has the very
 * ike_cfg_t of the earlier one. That is what tells that an IKE_SA belongs to a tunnel, whichever of the peer
 * configurations it was made from: it may stay, and its CHILD_SAs follow the later configuration.
 */
#ifndef CONF_TUNNEL_H_
#define CONF_TUNNEL_H_

#include <daemon.h>

#include "conf_blueprint.h"
#include "conf_status.h"
#include "ikev2/lifetime.h"

struct suite;

typedef struct conf_link_t conf_link_t;
typedef struct conf_tunnel_t conf_tunnel_t;

/** One APN on the tunnel */
struct conf_link_t {
	/** owned */
	char *apn;
	/** of what its CHILD_SAs depend on */
	uint8_t digest[HASH_SIZE_SHA256];
};

struct conf_tunnel_t {
	/** owned */
	char *name;
	/** whether the gateway brings it up */
	bool initiate;
	/** whether its rekeys are tried soon after it came up */
	bool rehearse;
	/** suites by the operator's names, the preferred first; static ones, the array owned */
	const struct suite **suites;
	u_int n_suites;
	/** their names, for messages; owned */
	char *suite_names;
	/** how long the keys of its IKE_SA and of its CHILD_SAs are used */
	struct lifetime ike;
	struct lifetime child;
	/** our address (port 500), NULL: as the kernel chooses */
	host_t *local;
	/** peer's addresses (port 500) in the order in which they are tried; none with a name or with "any" */
	host_t **peers;
	u_int n_peers;
	/** peer's domain name, NULL if it is not given by name; owned */
	char *peer_name;
	identification_t *local_id;
	identification_t *remote_id;
	/** a reference */
	conf_carrier_t *carrier;
	/** what charon uses for new IKE_SAs */
	peer_cfg_t *cfg;
	conf_status_t *status;
	/** by name of the APN; owned */
	conf_link_t *links;
	u_int n_links;
	/** as in conf_blueprint_t */
	uint8_t ike_digest[HASH_SIZE_SHA256];
	uint8_t digest[HASH_SIZE_SHA256];

	/** how often the peer refused our key since the tunnel was last complete; atomic */
	u_int refusals;

	/** for conf_keeper alone, under its lock */
	struct {
		/** attempts since it was last complete, monotonic seconds of the last and earliest time of the next one */
		u_int tries;
		time_t last;
		time_t next;
		/** a look-up of peer_name is on its way; what it found, for one attempt */
		bool resolving;
		host_t *resolved;
		/** monotonic seconds since when it has more SAs than it should, 0: it has not */
		time_t strayed;
		/** monotonic seconds when it came into force */
		time_t activated;
	} retry;

	/** @return another reference to this */
	conf_tunnel_t *(*get_ref)(conf_tunnel_t *this);

	/** @return whether IKE_SAs of that configuration belong to this tunnel */
	bool (*owns)(conf_tunnel_t *this, peer_cfg_t *cfg);

	/**
	 * The pre-shared key number i, counted from the one that is used first: that which the peer proved last. Any
	 * thread.
	 *
	 * @return			the key (the carrier's reference), NULL behind the last one
	 */
	shared_key_t *(*get_psk)(conf_tunnel_t *this, u_int i);

	/** Makes a key the one that is used first. Any thread. */
	void (*prefer_psk)(conf_tunnel_t *this, shared_key_t *psk);

	/** Goes on to the next key: the peer refused the one that is used first. Counts it. Any thread. */
	void (*next_psk)(conf_tunnel_t *this);

	/**
	 * The tunnel comes into force.
	 *
	 * @param old		tunnel that was in force by that name, or NULL
	 */
	void (*activate)(conf_tunnel_t *this, conf_tunnel_t *old);

	/** Drops a reference. */
	void (*destroy)(conf_tunnel_t *this);
};

/**
 * Creates a tunnel. Nothing takes effect.
 *
 * @param blueprint		sealed blueprint
 * @param old			tunnel in force of that name, or NULL
 * @return				tunnel
 */
conf_tunnel_t *conf_tunnel_create(const conf_blueprint_t *blueprint, conf_tunnel_t *old);

#endif
