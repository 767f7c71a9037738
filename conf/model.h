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

struct arena;
struct peer_type;
struct suite;
struct vault;

/* Where a thing stands in the operator's file, for messages. */
struct origin {
	const char *file; /* owned by the model */
	unsigned line;
};

/* --- tunnels --- */

enum peer_kind { PEER_UNSET, PEER_ADDRESS, PEER_NAME, PEER_ANY };

struct peer {
	enum peer_kind kind;
	struct ip address; /* PEER_ADDRESS */
	char *name; /* PEER_NAME: a domain name, looked up at each attempt */
};

enum df { DF_COPY, DF_CLEAR }; /* of the outer IPv4 header: as inside, or never set */
enum dscp { DSCP_NONE, DSCP_OUT, DSCP_IN, DSCP_BOTH }; /* what is copied: out is from inside to the ESP packet */

struct tunnel {
	struct origin origin;
	char *name;
	const struct carrier *carrier;
	const struct peer_type *peer_type; /* static */
	struct peer *peers; /* addresses in the order they are tried, or one name, or PEER_ANY alone */
	size_t n_peers;
	char *remote_id; /* identity the peer must prove; its address or name if not given */
	const struct suite **suites; /* static ones, the preferred first */
	size_t n_suites;
	bool initiate; /* the gateway brings the tunnel up; otherwise it waits for the carrier */
	unsigned dpd; /* seconds of silence after which the peer is asked whether it lives */
	struct retransmission retransmission;
	struct lifetime ike;
	struct lifetime child;
	unsigned ceiling; /* seconds; 0: the one that fits each rekey time */
	unsigned replay_window; /* packets */
	enum df df;
	enum dscp dscp;
	bool rehearse; /* both kinds of rekey are tried once soon after the tunnel came up */
	uint32_t index; /* its row in SNMP tables; 0 until ids_assign() */
};

enum carrier_auth { CARRIER_AUTH_PSK, CARRIER_AUTH_CERTIFICATE };
/* A peer's certificate counts: unless a CRL says that it is revoked; only if a valid CRL says that it is not. */
enum revocation { REVOCATION_RELAXED, REVOCATION_STRICT };

struct carrier {
	struct origin origin;
	char *name;
	char *local_id;
	enum carrier_auth auth;
	/* File names below the secrets folder, none where auth does not use them. */
	char **psk_files; /* all are accepted, the first is used first */
	size_t n_psk_files;
	char **certificates; /* ours, PEM; each has its key among key_files */
	size_t n_certificates;
	char **key_files; /* private keys, PEM */
	size_t n_key_files;
	char **cas; /* the CAs that the peer's certificate may chain to, PEM */
	size_t n_cas;
	char **crls; /* of these CAs, PEM or DER */
	size_t n_crls;
	enum revocation revocation;
	struct tunnel *tunnels;
	size_t n_tunnels;
};

/* --- APNs --- */

/* One APN on one tunnel: one CHILD_SA (or one for each pair of selectors), one if_id, one XFRM interface. */
struct link {
	const struct tunnel *tunnel;
	struct prefix *local; /* the cloud side of the selectors; owned */
	size_t n_local;
	struct prefix *remote; /* the devices' side */
	size_t n_remote;
	bool each_pair; /* a CHILD_SA for each local with each remote */
	uint32_t if_id; /* its row in SNMP tables as well; 0 until ids_assign() */
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

enum cloud_attach { CLOUD_DEDICATED, CLOUD_VLAN, CLOUD_SHARED };

/* A cloud interface that several APNs share, in a VRF of its own. */
struct shared {
	const char *interface; /* the first such APN's */
	struct prefix address; /* the gateway's own; AF_UNSPEC: as the machine's network settings give it */
	uint32_t table; /* routing table of its VRF; 0 until ids_assign() */
};

struct cloud {
	enum cloud_attach attach;
	char *interface; /* with CLOUD_VLAN the one that carries the tagged frames */
	unsigned vlan; /* 1 to 4094; 0: none */
	struct prefix address; /* the gateway's own, with the on-link length; culvertd sets it. Shared: may be AF_UNSPEC */
	struct ip next_hop; /* for prefixes that are not on link; AF_UNSPEC: all are */
	struct prefix *prefixes; /* the cloud side */
	size_t n_prefixes;
	struct prefix *presented_as; /* what the cloud sees instead of each pool, in the pools' order; shared only */
	size_t n_presented_as;
	const struct shared *shared; /* NULL: not shared */
};

struct selector {
	bool any; /* 0.0.0.0/0 or ::/0 */
	struct prefix prefix;
};

enum children { CHILDREN_BY_PEER, CHILDREN_ONE, CHILDREN_EACH_PAIR };

/* What the carrier's crypto ACL says, where it is not simply cloud.prefixes and pool. */
struct selectors {
	struct selector *cloud;
	size_t n_cloud; /* 0: cloud.prefixes, or any with a peer that is route-based */
	struct selector *devices;
	size_t n_devices; /* 0: pool, or any */
	enum children children;
};

enum icmp_policy { ICMP_ERRORS, ICMP_ECHO }; /* ECHO: devices and the hosts of their services may ping each other */

struct ping_responder {
	struct ip address; /* answered for by the gateway; AF_UNSPEC: no responder */
	struct prefix *from; /* who may ask */
	size_t n_from;
};

struct limits { /* 0: none */
	unsigned connections; /* flows at a time */
	unsigned packets; /* a second, from devices */
};

enum probe_protocol { PROBE_ICMP, PROBE_UDP, PROBE_TCP };

struct probe {
	struct ip source; /* the gateway's, inside the selectors */
	struct ip target; /* a device or the carrier's own; AF_UNSPEC: not probed */
	enum probe_protocol protocol;
	unsigned port; /* 0 with ICMP */
	unsigned interval; /* seconds */
	unsigned patience; /* seconds that an answer may take */
	bool measure; /* large packets are sent as well, to find what the way takes */
};

struct apn {
	struct origin origin;
	char *name;
	struct prefix *pool;
	size_t n_pool;
	struct link *links; /* in order of preference */
	size_t n_links;
	struct selectors selectors;
	struct cloud cloud;
	struct service *services;
	size_t n_services;
	struct service *downlink;
	size_t n_downlink;
	enum icmp_policy icmp;
	struct ping_responder ping_responder;
	struct limits limits;
	unsigned udp_timeout; /* seconds that a UDP flow is remembered */
	struct probe probe;
	unsigned hold_down; /* seconds that a link which failed must do well before it is preferred again */
	uint32_t table; /* routing table of its VRF, its row in SNMP tables as well; 0 until ids_assign() */
};

/* --- the machine --- */

struct outer_address {
	bool dhcp; /* what the machine's DHCP client was given; ip is then AF_UNSPEC */
	struct ip ip;
};

struct outer {
	char *interface;
	struct outer_address address;
	struct ip public_address; /* in front of a 1:1 NAT; AF_UNSPEC: no NAT */
	bool encapsulate; /* ESP in UDP even where no NAT is found */
	struct ip *resolvers; /* DNS servers that are reached outside */
	size_t n_resolvers;
};

struct gateway {
	struct origin origin;
	char *name;
	struct outer outer;
};

struct management {
	struct origin origin;
	char *interface; /* NULL: none */
	struct prefix address;
	struct prefix *allow; /* who may speak to the gateway there */
	size_t n_allow;
};

struct model {
	struct arena *memory; /* what all lies in that was read or derived, but for dir, shared, files and secrets */
	char *dir; /* folder of the file it came from; secrets are in dir/secrets */
	struct gateway gateway;
	struct management management;
	struct carrier *carriers;
	size_t n_carriers;
	struct apn *apns;
	size_t n_apns;
	struct shared *shared; /* by interface name */
	size_t n_shared;
	char **files; /* the names that origins point to: the file and what it includes */
	size_t n_files;
	struct vault *secrets; /* what dir/secrets held when the model was loaded; NULL: that was not read */
	struct stamps *stamps; /* of the files that this was read from; NULL: of none */
};

#endif
