#include "conf/schema.h"

#include "conf/model.h"
#include "conf/value.h"
#include "ikev2/peer_type.h"
#include "ikev2/suite.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
/* The same, of the keys of a group; more than readers have room for do not compile. */
#define COUNT_KEYS(a)                                                                                                  \
	(COUNT(a) + 0 * sizeof(struct {                                                                                    \
		_Static_assert(COUNT(a) <= SCHEMA_KEYS_MAX, "too many keys in one group");                                     \
		int unused;                                                                                                    \
	}))
#define TEXT_OF(n) #n
#define SECONDS(n) TEXT_OF(n)

enum {
	CARRIERS_MAX = 10000,
	TUNNELS_MAX = 10000, /* of one carrier */
	APNS_MAX = 10000,
	PREFIXES_MAX = 16,
	LINKS_MAX = 16,
	SERVICES_MAX = 64, /* of one APN, in one direction */
	PORTS_MAX = 64, /* of one service and protocol */
	PEERS_MAX = 8, /* of one tunnel */
	SUITES_MAX = 8,
	SECRETS_MAX = 8, /* of one kind, of one carrier */
	ADDRESSES_MAX = 16,
};

/* Where carriers' limits on packets are known, they lie far below. */
#define NUMBER_MOST 1000000000

/* The default lifetimes as text; checked against ikev2/lifetime.h right here. */
#define REKEY_IKE   2760
#define REKEY_CHILD 2400
_Static_assert(REKEY_IKE == LIFETIME_REKEY_IKE && REKEY_CHILD == LIFETIME_REKEY_CHILD, "the schema's defaults");

static const struct schema_key outer_keys[] = {
	{
		.name = "interface",
		.kind = &value_interface,
		.required = true,
		.offset = offsetof(struct gateway, outer.interface),
		.example = "\"eth0\"",
		.note = "towards the carriers",
		.doc = "The machine's interface towards the carriers.",
	},
	{
		.name = "address",
		.kind = &value_outer_address,
		.required = true,
		.offset = offsetof(struct gateway, outer.address),
		.example = "\"192.0.2.1\"",
		.note = "the machine's own, as its network settings give it; or \"dhcp\"",
		.doc = "The machine's own address on it, where IKE and ESP arrive. The machine's network settings give it; "
			   "Culvert only uses it. `\"dhcp\"`: the IPv4 address that the machine's DHCP client got; the walls then "
			   "let DHCP pass.",
	},
	{
		.name = "public_address",
		.kind = &value_address,
		.offset = offsetof(struct gateway, outer.public_address),
		.absent = "there is no NAT in front",
		.example = "\"203.0.113.5\"",
		.note = "the one that carriers know, where a 1:1 NAT stands in front",
		.doc = "The address that carriers know, where a 1:1 NAT (such as that of a public cloud) stands in front of "
			   "`address`.",
	},
	{
		.name = "encapsulation",
		.kind = &value_encapsulation,
		.offset = offsetof(struct gateway, outer.encapsulate),
		.fallback = "auto",
		.example = "\"udp\"",
		.note = "ESP always in UDP, for paths that drop ESP",
		.doc = "`\"auto\"`: ESP stands in UDP where IKE finds a NAT. `\"udp\"`: always, for paths that drop ESP.",
	},
	{
		.name = "resolvers",
		.kind = &value_address,
		.list = true,
		.single = true,
		.offset = offsetof(struct gateway, outer.resolvers),
		.count_offset = offsetof(struct gateway, outer.n_resolvers),
		.min = 1,
		.max = ADDRESSES_MAX,
		.absent = "no DNS by the outer interface",
		.example = "[ \"192.0.2.53\" ]",
		.note = "DNS servers by this interface, for peers given by name",
		.doc = "DNS servers that the machine may ask by this interface, for peers given by name. The machine's own "
			   "settings must name them as well.",
	},
};

static const struct schema_group outer_group = {
	.doc = "The side of the carriers.",
	.keys = outer_keys,
	.n_keys = COUNT_KEYS(outer_keys),
};

static const struct schema_key gateway_keys[] = {
	{
		.name = "name",
		.kind = &value_name,
		.required = true,
		.offset = offsetof(struct gateway, name),
		.example = "\"gw-fra1\"",
		.note = "in status, logs and monitoring",
		.doc = "What this gateway is called in status, logs and monitoring.",
	},
	{
		.name = "outer",
		.group = &outer_group,
		.required = true,
		.example = "{ interface = \"eth0\"; address = \"192.0.2.1\"; }",
		.note = "Where the carriers' packets arrive. Nothing but IKE, ESP and ICMP passes: administer the machine by "
				"another interface.",
		.doc = "The side of the carriers.",
	},
};

static const struct schema_key management_keys[] = {
	{
		.name = "interface",
		.kind = &value_interface,
		.required = true,
		.offset = offsetof(struct management, interface),
		.example = "\"eth2\"",
		.doc = "The machine's interface towards its administrators.",
	},
	{
		.name = "address",
		.kind = &value_host_prefix,
		.required = true,
		.offset = offsetof(struct management, address),
		.example = "\"10.9.0.5/24\"",
		.note = "the machine's own; Culvert sets it",
		.doc = "The machine's own address on it, with the length of the subnet. Culvert sets it if it is not there.",
	},
	{
		.name = "allow",
		.kind = &value_network,
		.list = true,
		.single = true,
		.required = true,
		.offset = offsetof(struct management, allow),
		.count_offset = offsetof(struct management, n_allow),
		.min = 1,
		.max = PREFIXES_MAX,
		.example = "[ \"10.9.0.0/24\" ]",
		.note = "who may open connections to the machine",
		.doc = "Who may open connections to the machine by this interface. Nothing is forwarded to or from it.",
	},
};

static const struct schema_group management_group = {
	.doc = "The side of the administrators: shell, SNMP and the status page.",
	.has_origin = true,
	.keys = management_keys,
	.n_keys = COUNT_KEYS(management_keys),
};

static const struct schema_group gateway_group = {
	.doc = "This machine.",
	.has_origin = true,
	.keys = gateway_keys,
	.n_keys = COUNT_KEYS(gateway_keys),
};

static const struct schema_key rekey_keys[] = {
	{
		.name = "ike",
		.kind = &value_seconds,
		.offset = offsetof(struct tunnel, ike.rekey),
		.least = LIFETIME_REKEY_MIN,
		.most = LIFETIME_LIMIT,
		.fallback = SECONDS(REKEY_IKE),
		.example = SECONDS(REKEY_IKE),
		.doc = "Seconds until the keys of the IKE_SA are renewed. Up to an eighth earlier, so that many tunnels "
			   "spread, and "
			   "the first time much earlier where many rose together.",
	},
	{
		.name = "child",
		.kind = &value_seconds,
		.offset = offsetof(struct tunnel, child.rekey),
		.least = LIFETIME_REKEY_MIN,
		.most = LIFETIME_LIMIT,
		.fallback = SECONDS(REKEY_CHILD),
		.example = SECONDS(REKEY_CHILD),
		.doc = "Seconds until the keys of a CHILD_SA (ESP) are renewed.",
	},
	{
		.name = "ceiling",
		.kind = &value_seconds,
		.offset = offsetof(struct tunnel, ceiling),
		.least = LIFETIME_REKEY_MIN,
		.most = LIFETIME_LIMIT - 1,
		.absent = "3480, or twice the rekey time and 120 if that is less",
		.example = "3480",
		.note = "seconds until a key that could not be renewed is ended: 3480",
		.doc = "Seconds after which a key that could not be renewed is ended. A rekey and the retransmissions of its "
			   "request must fit before it.",
	},
};

static const struct schema_group rekey_group = {
	.doc = "When keys are renewed, at the latest. No key is ever used for an hour, whatever stands here.",
	.keys = rekey_keys,
	.n_keys = COUNT_KEYS(rekey_keys),
};

static const struct schema_key retransmission_keys[] = {
	{
		.name = "timeout",
		.kind = &value_real,
		.offset = offsetof(struct tunnel, retransmission.timeout),
		.least = 1,
		.most = 600,
		.fallback = "2.0",
		.example = "2.0",
		.note = "seconds before the first repetition",
		.doc = "Seconds before the first retransmission.",
	},
	{
		.name = "base",
		.kind = &value_real,
		.offset = offsetof(struct tunnel, retransmission.base),
		.least = 10,
		.most = 40,
		.fallback = "1.6",
		.example = "1.6",
		.note = "how much longer each wait is than the one before",
		.doc = "By how much each wait is longer than the one before.",
	},
	{
		.name = "tries",
		.kind = &value_number,
		.offset = offsetof(struct tunnel, retransmission.tries),
		.least = 1,
		.most = 20,
		.fallback = "5",
		.example = "5",
		.note = "repetitions",
		.doc = "Retransmissions before the peer is taken as dead.",
	},
};

static const struct schema_group retransmission_group = {
	.doc = "How long an IKE request without an answer is repeated: with the defaults 52.6 seconds. Applies once the "
		   "peer is known; until then, and to its own first packets, the defaults do.",
	.keys = retransmission_keys,
	.n_keys = COUNT_KEYS(retransmission_keys),
};

static const struct schema_key tunnel_keys[] = {
	{
		.name = "name",
		.kind = &value_name,
		.required = true,
		.offset = offsetof(struct tunnel, name),
		.example = "\"vf-praha\"",
		.doc = "Unique among all tunnels of all carriers.",
	},
	{
		.name = "peer",
		.kind = &value_peer,
		.list = true,
		.single = true,
		.required = true,
		.offset = offsetof(struct tunnel, peers),
		.count_offset = offsetof(struct tunnel, n_peers),
		.min = 1,
		.max = PEERS_MAX,
		.example = "\"192.0.2.11\"",
		.note = "or several in [ ], or a domain name, or \"any\"",
		.doc =
			"The carrier's IPsec gateway: its address; several addresses in `[ ]`, which are tried in turn; a domain "
			"name, which is looked up at each attempt; or `\"any\"`: it calls from an address that is not known.",
	},
	{
		.name = "peer_type",
		.kind = &value_peer_type,
		.offset = offsetof(struct tunnel, peer_type),
		.fallback = PEER_TYPE_DEFAULT,
		.example = "\"cisco-policy\"",
		.note = "what the peer is, and thus needs: see culvert.conf(5)",
		.doc =
			"What the peer is, and with it what it needs: see the table of types. `culvert check` says what it sets.",
	},
	{
		.name = "remote_id",
		.kind = &value_identity,
		.offset = offsetof(struct tunnel, remote_id),
		.absent = "the peer's address or name",
		.example = "\"praha.example.net\"",
		.shown = true,
		.note = "who the peer must prove to be; its address if left out",
		.doc = "The identity that the peer must prove: an address, a domain name or a distinguished name.",
	},
	{
		.name = "suite",
		.kind = &value_suite,
		.list = true,
		.single = true,
		.offset = offsetof(struct tunnel, suites),
		.count_offset = offsetof(struct tunnel, n_suites),
		.min = 1,
		.max = SUITES_MAX,
		.fallback = SUITE_DEFAULT,
		.example = "\"" SUITE_DEFAULT "\"",
		.shown = true,
		.note = "nothing else is offered or accepted",
		.doc = "The algorithms of IKE and ESP; several in `[ ]`, the preferred one first. Nothing else is offered or "
			   "accepted.",
	},
	{
		.name = "initiator",
		.kind = &value_initiator,
		.offset = offsetof(struct tunnel, initiate),
		.fallback = "gateway",
		.example = "\"gateway\"",
		.shown = true,
		.note = "or \"carrier\": wait to be called",
		.doc = "Who brings the tunnel up. With `\"carrier\"` the gateway waits to be called.",
	},
	{
		.name = "rekey",
		.group = &rekey_group,
		.example = "{ ike = 2760; child = 2400; }",
		.shown = true,
		.inlined = true,
		.note = "Seconds until keys are renewed. No key ever gets an hour old.",
		.doc = "When keys are renewed.",
	},
	{
		.name = "dpd",
		.kind = &value_seconds,
		.offset = offsetof(struct tunnel, dpd),
		.least = 1,
		.most = 600,
		.fallback = "10",
		.example = "10",
		.note = "seconds of silence until the peer is asked whether it lives",
		.doc = "Seconds of silence after which the peer is asked whether it lives (dead peer detection).",
	},
	{
		.name = "retransmission",
		.group = &retransmission_group,
		.example = "{ timeout = 2.0; base = 1.6; tries = 5; }",
		.note = "How long a request without an answer is repeated: so for 52.6 seconds.",
		.doc = "How long requests are repeated.",
	},
	{
		.name = "replay_window",
		.kind = &value_number,
		.offset = offsetof(struct tunnel, replay_window),
		.least = 32,
		.most = 4096,
		.fallback = "1024",
		.example = "1024",
		.note = "how many ESP packets may overtake one that still counts",
		.doc = "How many ESP packets may overtake one that then still counts.",
	},
	{
		.name = "df",
		.kind = &value_df,
		.offset = offsetof(struct tunnel, df),
		.fallback = "copy",
		.example = "\"copy\"",
		.note = "or \"clear\": never set, for paths that swallow ICMP errors",
		.doc = "The don't-fragment bit of ESP packets: as in the packet inside, or `\"clear\"`, for paths that swallow "
			   "ICMP errors.",
	},
	{
		.name = "dscp",
		.kind = &value_dscp,
		.offset = offsetof(struct tunnel, dscp),
		.fallback = "out",
		.example = "\"out\"",
		.note = "copied from the inside to ESP; or \"in\", \"both\", \"none\"",
		.doc = "Whether the DSCP is copied: `\"out\"` from the packet inside to the ESP packet, `\"in\"` from the ESP "
			   "packet to the one inside, `\"both\"`, or `\"none\"`.",
	},
	{
		.name = "rehearse",
		.kind = &value_switch,
		.offset = offsetof(struct tunnel, rehearse),
		.fallback = "true",
		.example = "true",
		.note = "or false: a mismatch of PFS shows at the first rekey only",
		.doc =
			"Whether the keys are renewed once, first the CHILD_SAs' and then the IKE_SA's, soon after the tunnel came "
			"up with what was negotiated for the first time: if the carrier refuses, because its PFS differs, that "
			"shows on "
			"the first day. Never while another tunnel of the same APNs is down.",
	},
};

static const struct schema_group tunnel_group = {
	.doc = "One IKE_SA to one gateway of the carrier.",
	.size = sizeof(struct tunnel),
	.has_origin = true,
	.keys = tunnel_keys,
	.n_keys = COUNT_KEYS(tunnel_keys),
};

static const struct schema_key carrier_keys[] = {
	{
		.name = "name",
		.kind = &value_name,
		.required = true,
		.offset = offsetof(struct carrier, name),
		.example = "\"vodafone-cz\"",
		.doc = "Unique among the carriers.",
	},
	{
		.name = "local_id",
		.kind = &value_identity,
		.required = true,
		.offset = offsetof(struct carrier, local_id),
		.example = "\"192.0.2.1\"",
		.note = "who this gateway says it is, as agreed with the carrier",
		.doc = "The identity that this gateway proves to the carrier. With a certificate it must be the certificate's "
			   "subject or one of its subjectAltNames.",
	},
	{
		.name = "psk_file",
		.kind = &value_file,
		.list = true,
		.single = true,
		.offset = offsetof(struct carrier, psk_files),
		.count_offset = offsetof(struct carrier, n_psk_files),
		.min = 1,
		.max = SECRETS_MAX,
		.absent = "certificates are used",
		.example = "\"vodafone-cz.psk\"",
		.shown = true,
		.note = "The pre-shared key stands alone in secrets/vodafone-cz.psk beside this file, mode 0600. To make one:\n"
				"  culvert secret new vodafone-cz.psk\n"
				"While a key is being changed, the old file and the new one stand in [ ].",
		.doc =
			"File in `secrets/` that holds the pre-shared key: at least 20 octets, 32 or more are better; one newline "
			"at its end is not part of it; `0x` before hexadecimal digits or `0s` before base64 gives octets. Several "
			"in `[ ]` are all accepted, and the gateway uses the one that the peer used last, the first one to begin "
			"with: so a key is changed without an outage. Instead of `certificate`, `key_file` and `ca`.",
	},
	{
		.name = "certificate",
		.kind = &value_file,
		.list = true,
		.single = true,
		.offset = offsetof(struct carrier, certificates),
		.count_offset = offsetof(struct carrier, n_certificates),
		.min = 1,
		.max = SECRETS_MAX,
		.absent = "`psk_file` is used",
		.example = "\"gw.pem\"",
		.note = "or by certificate, without psk_file: PEM files beside it",
		.doc = "File in `secrets/` with this gateway's certificate (PEM). Needs `key_file` and `ca`. Several in `[ ]`: "
			   "the one that the peer asks for by its CA, else the first.",
	},
	{
		.name = "key_file",
		.kind = &value_file,
		.list = true,
		.single = true,
		.offset = offsetof(struct carrier, key_files),
		.count_offset = offsetof(struct carrier, n_key_files),
		.min = 1,
		.max = SECRETS_MAX,
		.absent = "`psk_file` is used",
		.example = "\"gw.key\"",
		.note = "its private key",
		.doc = "File in `secrets/` with the private key of the certificate (PEM, without a passphrase); one for each "
			   "certificate, in any order.",
	},
	{
		.name = "ca",
		.kind = &value_file,
		.list = true,
		.single = true,
		.offset = offsetof(struct carrier, cas),
		.count_offset = offsetof(struct carrier, n_cas),
		.min = 1,
		.max = SECRETS_MAX,
		.absent = "`psk_file` is used",
		.example = "\"carrier-ca.pem\"",
		.note = "who the peer's certificate must come from",
		.doc = "File in `secrets/` with the certificate (PEM) of the authority that the peer's certificate must come "
			   "from; several in `[ ]` while the carrier changes from one to the next.",
	},
	{
		.name = "crl",
		.kind = &value_file,
		.list = true,
		.single = true,
		.offset = offsetof(struct carrier, crls),
		.count_offset = offsetof(struct carrier, n_crls),
		.min = 1,
		.max = SECRETS_MAX,
		.absent = "no certificate is known to be revoked",
		.example = "\"carrier.crl\"",
		.note = "which certificates no longer count",
		.doc = "File in `secrets/` with a certificate revocation list of a CA (PEM or DER). Lists are read at a "
			   "reload; none is fetched over the network.",
	},
	{
		.name = "revocation",
		.kind = &value_revocation,
		.offset = offsetof(struct carrier, revocation),
		.fallback = "relaxed",
		.example = "\"strict\"",
		.note = "the peer counts only if a valid CRL says so",
		.doc = "`\"relaxed\"`: the peer's certificate counts unless a list says that it is revoked. `\"strict\"`: only "
			   "if a valid list says that it is not.",
	},
	{
		.name = "tunnels",
		.group = &tunnel_group,
		.list = true,
		.required = true,
		.offset = offsetof(struct carrier, tunnels),
		.count_offset = offsetof(struct carrier, n_tunnels),
		.min = 1,
		.max = TUNNELS_MAX,
		.example = "( { name = \"vf-praha\"; peer = \"192.0.2.11\"; } )",
		.note = "One entry for each IPsec gateway of the carrier.",
		.doc = "One entry for each gateway of the carrier.",
	},
};

static const struct schema_group carrier_group = {
	.doc = "The company at the far end, and how it and this gateway prove who they are: by pre-shared key or by "
		   "certificate.",
	.size = sizeof(struct carrier),
	.has_origin = true,
	.keys = carrier_keys,
	.n_keys = COUNT_KEYS(carrier_keys),
};

static const struct schema_key cloud_keys[] = {
	{
		.name = "attach",
		.kind = &value_attach,
		.required = true,
		.offset = offsetof(struct cloud, attach),
		.example = "\"dedicated\"",
		.note = "this APN's alone; or \"vlan\"; or \"shared\" by several APNs",
		.doc = "`\"dedicated\"`: the interface belongs to this APN alone. `\"vlan\"`: a VLAN of it does. `\"shared\"`: "
			   "several APNs use it, as the one private interface that a public cloud gives.",
	},
	{
		.name = "interface",
		.kind = &value_interface,
		.required = true,
		.offset = offsetof(struct cloud, interface),
		.example = "\"eth1\"",
		.note = "towards the cloud",
		.doc = "The machine's interface towards the cloud. Culvert takes it over (of a VLAN's only the VLAN).",
	},
	{
		.name = "vlan",
		.kind = &value_number,
		.offset = offsetof(struct cloud, vlan),
		.least = 1,
		.most = 4094,
		.absent = "frames are not tagged",
		.example = "110",
		.note = "its number, with attach = \"vlan\"",
		.doc = "The VLAN's number, with `attach = \"vlan\"`.",
	},
	{
		.name = "address",
		.kind = &value_host_prefix,
		.offset = offsetof(struct cloud, address),
		.absent = "with `\"shared\"` the machine's network settings give it; otherwise required",
		.example = "\"10.110.0.4/20\"",
		.shown = true,
		.note = "the gateway's own; Culvert sets it",
		.doc = "The gateway's own address on it, with the length of the subnet. Culvert sets it. APNs that share an "
			   "interface write the same.",
	},
	{
		.name = "next_hop",
		.kind = &value_address,
		.offset = offsetof(struct cloud, next_hop),
		.absent = "all `prefixes` lie in the subnet of `address`",
		.example = "\"10.110.0.1\"",
		.note = "for prefixes beyond a router",
		.doc = "The router to those `prefixes` that do not lie in the subnet of `address`.",
	},
	{
		.name = "prefixes",
		.kind = &value_network,
		.list = true,
		.required = true,
		.offset = offsetof(struct cloud, prefixes),
		.count_offset = offsetof(struct cloud, n_prefixes),
		.min = 1,
		.max = PREFIXES_MAX,
		.example = "[ \"10.110.0.0/20\" ]",
		.note = "as in the carrier's crypto ACL",
		.doc =
			"The cloud side as the carrier's crypto ACL has it. What devices may reach in there is up to `services`.",
	},
	{
		.name = "presented_as",
		.kind = &value_network,
		.list = true,
		.single = true,
		.offset = offsetof(struct cloud, presented_as),
		.count_offset = offsetof(struct cloud, n_presented_as),
		.min = 1,
		.max = PREFIXES_MAX,
		.absent = "the cloud sees devices by their own addresses",
		.example = "[ \"10.200.0.0/16\" ]",
		.note = "with \"shared\": what the cloud sees instead of pool",
		.doc = "With `\"shared\"`: the prefix that the cloud sees instead of each `pool`, of the same length and in "
			   "the same order; address by address. Needed where two APNs on one interface have overlapping pools.",
	},
};

static const struct schema_group cloud_group = {
	.doc = "The operator's side of an APN.",
	.keys = cloud_keys,
	.n_keys = COUNT_KEYS(cloud_keys),
};

static const struct schema_key selectors_keys[] = {
	{
		.name = "cloud",
		.kind = &value_selector,
		.list = true,
		.single = true,
		.offset = offsetof(struct apn, selectors.cloud),
		.count_offset = offsetof(struct apn, selectors.n_cloud),
		.min = 1,
		.max = PREFIXES_MAX,
		.absent = "`cloud.prefixes`, or any with a peer that is route-based",
		.example = "[ \"10.110.0.0/16\" ]",
		.doc = "The cloud side.",
	},
	{
		.name = "devices",
		.kind = &value_selector,
		.list = true,
		.single = true,
		.offset = offsetof(struct apn, selectors.devices),
		.count_offset = offsetof(struct apn, selectors.n_devices),
		.min = 1,
		.max = PREFIXES_MAX,
		.absent = "`pool`, or any with a peer that is route-based",
		.example = "[ \"10.64.0.0/14\" ]",
		.doc = "The devices' side.",
	},
	{
		.name = "children",
		.kind = &value_children,
		.offset = offsetof(struct apn, selectors.children),
		.fallback = "by-peer",
		.example = "\"each-pair\"",
		.note = "\"one\" CHILD_SA, \"each-pair\" of selectors, or \"by-peer\": as the peer_type has it",
		.doc = "`\"one\"` CHILD_SA with all selectors, `\"each-pair\"`: one for each pair of them, or as the tunnel's "
			   "`peer_type` has it.",
	},
};

static const struct schema_group selectors_group = {
	.doc = "What the carrier's crypto ACL says of this APN, where it is not simply `cloud.prefixes` and `pool`. "
		   "Selectors may be wider: what is let through is up to `pool`, `services` and `downlink`.",
	.keys = selectors_keys,
	.n_keys = COUNT_KEYS(selectors_keys),
};

static const struct schema_key ping_responder_keys[] = {
	{
		.name = "address",
		.kind = &value_address,
		.required = true,
		.offset = offsetof(struct apn, ping_responder.address),
		.example = "\"10.110.0.4\"",
		.doc = "The address that is asked, inside the cloud side of the selectors: the gateway's own `cloud.address`, "
			   "or one that no host has.",
	},
	{
		.name = "from",
		.kind = &value_network,
		.list = true,
		.single = true,
		.required = true,
		.offset = offsetof(struct apn, ping_responder.from),
		.count_offset = offsetof(struct apn, ping_responder.n_from),
		.min = 1,
		.max = PREFIXES_MAX,
		.example = "[ \"10.64.0.1\" ]",
		.note = "who may ask",
		.doc = "Who may ask, inside the devices' side of the selectors.",
	},
};

static const struct schema_group ping_responder_group = {
	.doc = "The gateway answers pings of the carrier's monitor through the tunnel.",
	.keys = ping_responder_keys,
	.n_keys = COUNT_KEYS(ping_responder_keys),
};

static const struct schema_key limits_keys[] = {
	{
		.name = "connections",
		.kind = &value_number,
		.offset = offsetof(struct apn, limits.connections),
		.least = 1,
		.most = NUMBER_MOST,
		.absent = "no limit",
		.example = "20000",
		.note = "flows at a time",
		.doc = "Flows of this APN at a time; what would begin another one is dropped.",
	},
	{
		.name = "packets",
		.kind = &value_number,
		.offset = offsetof(struct apn, limits.packets),
		.least = 1,
		.most = NUMBER_MOST,
		.absent = "no limit",
		.example = "5000",
		.note = "a second, from devices",
		.doc = "Packets a second from devices of this APN; what is more is dropped.",
	},
};

static const struct schema_group limits_group = {
	.doc = "What one APN may take of the gateway.",
	.keys = limits_keys,
	.n_keys = COUNT_KEYS(limits_keys),
};

static const struct schema_key probe_keys[] = {
	{
		.name = "source",
		.kind = &value_address,
		.required = true,
		.offset = offsetof(struct apn, probe.source),
		.example = "\"10.110.0.4\"",
		.note = "the gateway's address that asks",
		.doc = "The gateway's address that asks, inside the cloud side of the selectors.",
	},
	{
		.name = "target",
		.kind = &value_address,
		.required = true,
		.offset = offsetof(struct apn, probe.target),
		.example = "\"10.64.0.1\"",
		.note = "something behind the tunnel that always answers",
		.doc = "Who is asked, inside the devices' side of the selectors: something that always answers.",
	},
	{
		.name = "protocol",
		.kind = &value_probe_protocol,
		.offset = offsetof(struct apn, probe.protocol),
		.fallback = "icmp",
		.example = "\"icmp\"",
		.note = "\"icmp\", \"udp\" or \"tcp\"",
		.doc = "How it is asked.",
	},
	{
		.name = "port",
		.kind = &value_number,
		.offset = offsetof(struct apn, probe.port),
		.least = 1,
		.most = UINT16_MAX,
		.absent = "none, for `\"icmp\"`",
		.example = "7",
		.note = "with \"udp\" and \"tcp\"",
		.doc = "The port, for `\"udp\"` and `\"tcp\"`.",
	},
	{
		.name = "interval",
		.kind = &value_seconds,
		.offset = offsetof(struct apn, probe.interval),
		.least = 1,
		.most = 3600,
		.fallback = "1",
		.example = "1",
		.note = "seconds",
		.doc = "Seconds between two probes on a link. While an answer is overdue by half of `patience` the next probe "
			   "does not wait for its turn.",
	},
	{
		.name = "patience",
		.kind = &value_seconds,
		.offset = offsetof(struct apn, probe.patience),
		.least = 1,
		.most = 60,
		.fallback = "1",
		.example = "1",
		.note = "seconds that an answer may take",
		.doc =
			"Seconds that an answer may take. A link with two unanswered probes in succession is put behind those that "
			"work; more for a device that sleeps.",
	},
	{
		.name = "measure",
		.kind = &value_switch,
		.offset = offsetof(struct apn, probe.measure),
		.fallback = "false",
		.example = "true",
		.note = "or false: the MTU is what SAs, interfaces and routers say",
		.doc = "Whether the target is asked with large packets too, when a link begins to carry and about every hour, "
			   "for ways that lose what is too big without an ICMP error: the link's MTU becomes what is answered. For "
			   "`\"icmp\"` alone, and for a target that answers whatever reaches it: one that drops large pings, or "
			   "reaches less than the devices do, makes the link smaller than it need be, if never below what 1280 "
			   "octets outside leave.",
	},
};

static const struct schema_group probe_group = {
	.doc = "Whether the way through each link works in both directions, tried all the time.",
	.keys = probe_keys,
	.n_keys = COUNT_KEYS(probe_keys),
};

static const struct schema_key service_keys[] = {
	{
		.name = "name",
		.kind = &value_name,
		.required = true,
		.offset = offsetof(struct service, name),
		.example = "\"ingest\"",
		.doc = "Unique in its list.",
	},
	{
		.name = "host",
		.kind = &value_address,
		.required = true,
		.offset = offsetof(struct service, host),
		.example = "\"10.110.0.5\"",
		.note = "inside cloud.prefixes",
		.doc = "The cloud host, inside `cloud.prefixes`.",
	},
	{
		.name = "udp",
		.kind = &value_ports,
		.list = true,
		.offset = offsetof(struct service, udp),
		.count_offset = offsetof(struct service, n_udp),
		.min = 1,
		.max = PORTS_MAX,
		.absent = "no UDP",
		.example = "[ 5684 ]",
		.note = "ports, or ranges such as \"8000-8010\"",
		.doc = "Destination ports. A range is text, `\"8000-8010\"`; numbers and ranges together stand in `( )`.",
	},
	{
		.name = "tcp",
		.kind = &value_ports,
		.list = true,
		.offset = offsetof(struct service, tcp),
		.count_offset = offsetof(struct service, n_tcp),
		.min = 1,
		.max = PORTS_MAX,
		.absent = "no TCP",
		.example = "[ \"8000-8010\" ]",
		.note = "the same for TCP",
		.doc = "The same for TCP.",
	},
};

static const struct schema_group service_group = {
	.doc = "A cloud host with ports. In `services` devices may open connections to it; in `downlink` it may open "
		   "connections to devices, on these ports of theirs.",
	.size = sizeof(struct service),
	.has_origin = true,
	.keys = service_keys,
	.n_keys = COUNT_KEYS(service_keys),
};

static const struct schema_key apn_keys[] = {
	{
		.name = "name",
		.kind = &value_name,
		.required = true,
		.offset = offsetof(struct apn, name),
		.example = "\"meters\"",
		.doc = "Unique among the APNs.",
	},
	{
		.name = "pool",
		.kind = &value_network,
		.list = true,
		.required = true,
		.offset = offsetof(struct apn, pool),
		.count_offset = offsetof(struct apn, n_pool),
		.min = 1,
		.max = PREFIXES_MAX,
		.example = "[ \"10.64.0.0/16\" ]",
		.note = "the devices' addresses, given by the carrier",
		.doc = "The addresses that the carrier gives to devices. Two APNs may have the same pool on different tunnels.",
	},
	{
		.name = "tunnels",
		.kind = &value_link,
		.list = true,
		.required = true,
		.offset = offsetof(struct apn, links),
		.count_offset = offsetof(struct apn, n_links),
		.min = 1,
		.max = LINKS_MAX,
		.example = "[ \"vf-praha\" ]",
		.note = "the preferred one first",
		.doc = "The tunnels that carry this APN, the preferred one first.",
	},
	{
		.name = "selectors",
		.group = &selectors_group,
		.absent = "`cloud.prefixes` and `pool`, or what each tunnel's `peer_type` needs",
		.example = "{ cloud = \"any\"; devices = \"any\"; }",
		.note = "What the carrier's crypto ACL says, where it is not simply cloud.prefixes and pool.",
		.doc = "What the carrier's crypto ACL says.",
	},
	{
		.name = "cloud",
		.group = &cloud_group,
		.required = true,
		.offset = offsetof(struct apn, cloud),
		.example = "{ attach = \"dedicated\"; interface = \"eth1\"; address = \"10.110.0.4/20\"; "
				   "prefixes = [ \"10.110.0.0/20\" ]; }",
		.note = "Your side. Culvert takes the interface over.",
		.doc = "The operator's side.",
	},
	{
		.name = "services",
		.group = &service_group,
		.list = true,
		.offset = offsetof(struct apn, services),
		.count_offset = offsetof(struct apn, n_services),
		.max = SERVICES_MAX,
		.absent = "devices reach nothing",
		.example = "( { name = \"ingest\"; host = \"10.110.0.5\"; udp = [ 5684 ]; } )",
		.shown = true,
		.inlined = true,
		.note = "What devices may reach. Everything else is dropped: other ports, other hosts, the Internet, other "
				"devices.",
		.doc = "What devices may reach.",
	},
	{
		.name = "downlink",
		.group = &service_group,
		.list = true,
		.offset = offsetof(struct apn, downlink),
		.count_offset = offsetof(struct apn, n_downlink),
		.max = SERVICES_MAX,
		.absent = "nothing reaches devices by itself",
		.example = "( { name = \"firmware\"; host = \"10.110.0.5\"; udp = [ 5683 ]; } )",
		.shown = true,
		.inlined = true,
		.note = "What may reach devices by itself. Answers need no entry.",
		.doc = "What may reach devices.",
	},
	{
		.name = "icmp",
		.kind = &value_icmp,
		.offset = offsetof(struct apn, icmp),
		.fallback = "errors",
		.example = "\"echo\"",
		.note = "ping as well, between devices and the hosts of services",
		.doc = "`\"errors\"`: ICMP errors that belong to a flow pass. `\"echo\"`: devices and the hosts of their "
			   "`services` and `downlink` may ping each other as well.",
	},
	{
		.name = "ping_responder",
		.group = &ping_responder_group,
		.absent = "the gateway answers no ping from a tunnel",
		.example = "{ address = \"10.110.0.4\"; from = \"10.64.0.1\"; }",
		.note = "The gateway answers pings of the carrier's monitor through the tunnel.",
		.doc = "For the carrier's monitor.",
	},
	{
		.name = "limits",
		.group = &limits_group,
		.absent = "no limits",
		.example = "{ connections = 20000; packets = 5000; }",
		.note = "What this APN may take of the gateway.",
		.doc = "What this APN may take of the gateway.",
	},
	{
		.name = "udp_timeout",
		.kind = &value_seconds,
		.offset = offsetof(struct apn, udp_timeout),
		.least = 30,
		.most = 86400,
		.fallback = "300",
		.example = "300",
		.note = "seconds that a UDP flow is remembered",
		.doc = "Seconds that a UDP flow is remembered for its answers. Devices that sleep may answer late.",
	},
	{
		.name = "probe",
		.group = &probe_group,
		.absent = "links are not probed",
		.example = "{ source = \"10.110.0.4\"; target = \"10.64.0.1\"; }",
		.note = "Whether the way through each link works in both directions, tried all the time.",
		.doc = "Whether links work.",
	},
	{
		.name = "hold_down",
		.kind = &value_seconds,
		.offset = offsetof(struct apn, hold_down),
		.least = 1,
		.most = 3600,
		.fallback = "30",
		.example = "30",
		.note = "seconds that a link which failed must do well before it is preferred again",
		.doc = "Seconds that a link which failed must do well before it is preferred again; twice as long after each "
			   "relapse, up to sixteen times.",
	},
};

static const struct schema_group apn_group = {
	.doc = "A pool of devices, the cloud side it may reach, and the tunnels between.",
	.size = sizeof(struct apn),
	.has_origin = true,
	.keys = apn_keys,
	.n_keys = COUNT_KEYS(apn_keys),
};

static const struct schema_key root_keys[] = {
	{
		.name = "gateway",
		.group = &gateway_group,
		.required = true,
		.offset = offsetof(struct model, gateway),
		.example = "{ name = \"gw-fra1\"; outer = { interface = \"eth0\"; address = \"192.0.2.1\"; }; }",
		.doc = "This machine.",
	},
	{
		.name = "management",
		.group = &management_group,
		.offset = offsetof(struct model, management),
		.absent = "the machine is administered by other interfaces, which Culvert leaves alone",
		.example = "{ interface = \"eth2\"; address = \"10.9.0.5/24\"; allow = [ \"10.9.0.0/24\" ]; }",
		.note = "Where the machine is administered: shell, SNMP, status page.",
		.doc = "The side of the administrators.",
	},
	{
		.name = "carriers",
		.group = &carrier_group,
		.list = true,
		.offset = offsetof(struct model, carriers),
		.count_offset = offsetof(struct model, n_carriers),
		.max = CARRIERS_MAX,
		.absent = "there are no tunnels",
		.example = "( { name = \"vodafone-cz\"; ... } )",
		.shown = true,
		.note = "The companies at the far end, and the tunnels to their IPsec gateways.",
		.doc = "The companies at the far end, and the tunnels to them.",
	},
	{
		/* Behind carriers: its references need their tunnels. */
		.name = "apns",
		.group = &apn_group,
		.list = true,
		.offset = offsetof(struct model, apns),
		.count_offset = offsetof(struct model, n_apns),
		.max = APNS_MAX,
		.absent = "an error: the file may have been cut short; `apns = ( );` where nothing is to be carried",
		.example = "( { name = \"meters\"; ... } )",
		.shown = true,
		.note = "The private networks of devices: who they are, what they may reach, and by which tunnels.",
		.doc = "The private networks of devices.",
	},
};

const struct schema_group schema_root = {
	.doc = "The whole file.",
	.keys = root_keys,
	.n_keys = COUNT_KEYS(root_keys),
};

size_t schema_entry_size(const struct schema_key *key)
{
	return key->group ? key->group->size : key->kind->size;
}
