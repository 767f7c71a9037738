/*
 * The operator's file as a model: complete, checked, frozen. Whoever holds a model treats it as const; pointers inside
 * point into the same model. Words are DESIGN's: carrier, tunnel, APN, link, pool, service.
 */
#ifndef CULVERT_CONF_MODEL_H
#define CULVERT_CONF_MODEL_H

#include "ikev2/lifetime.h"
#include "lib/prefix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct suite;

/* Where a thing stands in the operator's file, for messages. */
struct origin {
	const char *file; /* owned by the model */
	unsigned line;
};

struct tunnel {
	struct origin origin;
	char *name;
	const struct carrier *carrier;
	struct ip peer;
	char *remote_id; /* identity the peer must prove; its address if not given */
	const struct suite *suite; /* static */
	bool initiate; /* the gateway brings the tunnel up; otherwise it waits for the carrier */
	struct lifetime ike;
	struct lifetime child;
};

enum carrier_auth { CARRIER_AUTH_PSK, CARRIER_AUTH_CERTIFICATE };

struct carrier {
	struct origin origin;
	char *name;
	char *local_id;
	enum carrier_auth auth;
	char *psk_file; /* file names below the secrets folder; NULL where auth does not use them */
	char *certificate; /* ours, PEM */
	char *key_file; /* its private key, PEM */
	char *ca; /* the CA that the peer's certificate must chain to, PEM */
	struct tunnel *tunnels;
	size_t n_tunnels;
};

/* One APN on one tunnel: one CHILD_SA, one if_id, one XFRM interface. */
struct link {
	const struct tunnel *tunnel;
	uint32_t if_id; /* 0 until ids_assign() */
};

struct ports { /* inclusive */
	uint16_t first, last;
};

enum service_protocol { SERVICE_UDP, SERVICE_TCP };

/* A cloud host, protocol and ports; in apn.services devices may reach it, in apn.downlink it may reach devices. */
struct service {
	struct origin origin;
	char *name;
	struct ip host;
	struct ports *udp;
	size_t n_udp;
	struct ports *tcp;
	size_t n_tcp;
};

enum cloud_attach { CLOUD_DEDICATED };

struct cloud {
	enum cloud_attach attach;
	char *interface;
	struct prefix address; /* the gateway's own on that interface, with the on-link length; culvertd sets it */
	struct ip next_hop; /* for prefixes that are not on link; AF_UNSPEC: all are */
	struct prefix *prefixes; /* the cloud side that the carrier's selectors name */
	size_t n_prefixes;
};

struct apn {
	struct origin origin;
	char *name;
	struct prefix *pool;
	size_t n_pool;
	struct link *links; /* in order of preference */
	size_t n_links;
	struct cloud cloud;
	struct service *services;
	size_t n_services;
	struct service *downlink;
	size_t n_downlink;
	uint32_t table; /* routing table of its VRF; 0 until ids_assign() */
};

struct gateway {
	struct origin origin;
	char *name;
	char *outer_interface;
	struct ip outer_address;
};

struct model {
	char *dir; /* folder of the file it came from; secrets are in dir/secrets */
	struct gateway gateway;
	struct carrier *carriers;
	size_t n_carriers;
	struct apn *apns;
	size_t n_apns;
};

#endif
