#include "conf/schema.h"

#include "conf/model.h"
#include "conf/value.h"
#include "ikev2/suite.h"

#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))
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
};

/* The default lifetimes as text; checked against ikev2/lifetime.h right here. */
#define REKEY_IKE   2760
#define REKEY_CHILD 2400
_Static_assert(REKEY_IKE == LIFETIME_REKEY_IKE && REKEY_CHILD == LIFETIME_REKEY_CHILD, "the schema's defaults");

static const struct schema_key outer_keys[] = {
	{
		.name = "interface",
		.kind = &value_interface,
		.required = true,
		.offset = offsetof(struct gateway, outer_interface),
		.example = "\"eth0\"",
		.doc = "The machine's interface towards the carriers.",
	},
	{
		.name = "address",
		.kind = &value_address,
		.required = true,
		.offset = offsetof(struct gateway, outer_address),
		.example = "\"192.0.2.1\"",
		.doc = "The machine's own address on it, where IKE and ESP arrive. The machine's network settings give it; "
			   "Culvert only uses it.",
	},
};

static const struct schema_group outer_group = {
	.doc = "The side of the carriers.",
	.keys = outer_keys,
	.n_keys = COUNT(outer_keys),
};

static const struct schema_key gateway_keys[] = {
	{
		.name = "name",
		.kind = &value_name,
		.required = true,
		.offset = offsetof(struct gateway, name),
		.example = "\"gw-fra1\"",
		.doc = "What this gateway is called in status, logs and monitoring.",
	},
	{
		.name = "outer",
		.group = &outer_group,
		.required = true,
		.example = "{ interface = \"eth0\"; address = \"192.0.2.1\"; }",
		.doc = "The side of the carriers.",
	},
};

static const struct schema_group gateway_group = {
	.doc = "This machine.",
	.has_origin = true,
	.keys = gateway_keys,
	.n_keys = COUNT(gateway_keys),
};

static const struct schema_key rekey_keys[] = {
	{
		.name = "ike",
		.kind = &value_lifetime,
		.offset = offsetof(struct tunnel, ike),
		.fallback = SECONDS(REKEY_IKE),
		.example = SECONDS(REKEY_IKE),
		.doc = "Seconds until the keys of the IKE_SA are renewed.",
	},
	{
		.name = "child",
		.kind = &value_lifetime,
		.offset = offsetof(struct tunnel, child),
		.fallback = SECONDS(REKEY_CHILD),
		.example = SECONDS(REKEY_CHILD),
		.doc = "Seconds until the keys of a CHILD_SA (ESP) are renewed.",
	},
};

static const struct schema_group rekey_group = {
	.doc = "When keys are renewed, at the latest. No key is ever used for an hour, whatever stands here.",
	.keys = rekey_keys,
	.n_keys = COUNT(rekey_keys),
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
		.kind = &value_address,
		.required = true,
		.offset = offsetof(struct tunnel, peer),
		.example = "\"192.0.2.11\"",
		.doc = "Address of the carrier's IPsec gateway.",
	},
	{
		.name = "remote_id",
		.kind = &value_identity,
		.offset = offsetof(struct tunnel, remote_id),
		.absent = "the peer's address",
		.example = "\"praha.example.net\"",
		.doc = "The identity that the peer must prove: an address, a domain name or a distinguished name.",
	},
	{
		.name = "suite",
		.kind = &value_suite,
		.offset = offsetof(struct tunnel, suite),
		.fallback = SUITE_DEFAULT,
		.example = "\"" SUITE_DEFAULT "\"",
		.doc = "The algorithms of IKE and ESP. Nothing else is offered or accepted.",
	},
	{
		.name = "initiator",
		.kind = &value_initiator,
		.offset = offsetof(struct tunnel, initiate),
		.fallback = "gateway",
		.example = "\"gateway\"",
		.doc = "Who brings the tunnel up. With `\"carrier\"` the gateway waits to be called.",
	},
	{
		.name = "rekey",
		.group = &rekey_group,
		.example = "{ ike = 2760; child = 2400; }",
		.doc = "When keys are renewed.",
	},
};

static const struct schema_group tunnel_group = {
	.doc = "One IKE_SA to one gateway of the carrier.",
	.size = sizeof(struct tunnel),
	.has_origin = true,
	.keys = tunnel_keys,
	.n_keys = COUNT(tunnel_keys),
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
		.doc = "The identity that this gateway proves to the carrier. With a certificate it must be the certificate's "
			   "subject or one of its subjectAltNames.",
	},
	{
		.name = "psk_file",
		.kind = &value_file,
		.offset = offsetof(struct carrier, psk_file),
		.absent = "certificates are used",
		.example = "\"vodafone-cz.psk\"",
		.doc =
			"File in `secrets/` that holds the pre-shared key: at least 20 octets, 32 or more are better; one newline "
			"at its end is not part of it. Instead of `certificate`, `key_file` and `ca`.",
	},
	{
		.name = "certificate",
		.kind = &value_file,
		.offset = offsetof(struct carrier, certificate),
		.absent = "`psk_file` is used",
		.example = "\"gw.pem\"",
		.doc = "File in `secrets/` with this gateway's certificate (PEM). Needs `key_file` and `ca`.",
	},
	{
		.name = "key_file",
		.kind = &value_file,
		.offset = offsetof(struct carrier, key_file),
		.absent = "`psk_file` is used",
		.example = "\"gw.key\"",
		.doc = "File in `secrets/` with the private key of the certificate (PEM, without a passphrase).",
	},
	{
		.name = "ca",
		.kind = &value_file,
		.offset = offsetof(struct carrier, ca),
		.absent = "`psk_file` is used",
		.example = "\"carrier-ca.pem\"",
		.doc = "File in `secrets/` with the certificate (PEM) of the authority that the peer's certificate must come "
			   "from.",
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
		.doc = "One entry for each gateway of the carrier.",
	},
};

static const struct schema_group carrier_group = {
	.doc = "The company at the far end, and how it and this gateway prove who they are: by pre-shared key or by "
		   "certificate.",
	.size = sizeof(struct carrier),
	.has_origin = true,
	.keys = carrier_keys,
	.n_keys = COUNT(carrier_keys),
};

static const struct schema_key cloud_keys[] = {
	{
		.name = "attach",
		.kind = &value_attach,
		.required = true,
		.offset = offsetof(struct cloud, attach),
		.example = "\"dedicated\"",
		.doc = "`\"dedicated\"`: the interface belongs to this APN alone.",
	},
	{
		.name = "interface",
		.kind = &value_interface,
		.required = true,
		.offset = offsetof(struct cloud, interface),
		.example = "\"eth1\"",
		.doc = "The machine's interface towards the cloud. Culvert takes it over.",
	},
	{
		.name = "address",
		.kind = &value_host_prefix,
		.required = true,
		.offset = offsetof(struct cloud, address),
		.example = "\"10.110.0.4/20\"",
		.doc = "The gateway's own address on it, with the length of the subnet. Culvert sets it.",
	},
	{
		.name = "next_hop",
		.kind = &value_address,
		.offset = offsetof(struct cloud, next_hop),
		.absent = "all `prefixes` lie in the subnet of `address`",
		.example = "\"10.110.0.1\"",
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
		.doc =
			"The cloud side as the carrier's crypto ACL has it. What devices may reach in there is up to `services`.",
	},
};

static const struct schema_group cloud_group = {
	.doc = "The operator's side of an APN.",
	.keys = cloud_keys,
	.n_keys = COUNT(cloud_keys),
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
		.doc = "The same for TCP.",
	},
};

static const struct schema_group service_group = {
	.doc = "A cloud host with ports. In `services` devices may open connections to it; in `downlink` it may open "
		   "connections to devices, on these ports of theirs.",
	.size = sizeof(struct service),
	.has_origin = true,
	.keys = service_keys,
	.n_keys = COUNT(service_keys),
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
		.doc = "The tunnels that carry this APN, the preferred one first.",
	},
	{
		.name = "cloud",
		.group = &cloud_group,
		.required = true,
		.offset = offsetof(struct apn, cloud),
		.example = "{ attach = \"dedicated\"; interface = \"eth1\"; address = \"10.110.0.4/20\"; "
				   "prefixes = [ \"10.110.0.0/20\" ]; }",
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
		.doc = "What may reach devices.",
	},
};

static const struct schema_group apn_group = {
	.doc = "A pool of devices, the cloud side it may reach, and the tunnels between.",
	.size = sizeof(struct apn),
	.has_origin = true,
	.keys = apn_keys,
	.n_keys = COUNT(apn_keys),
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
		.name = "carriers",
		.group = &carrier_group,
		.list = true,
		.offset = offsetof(struct model, carriers),
		.count_offset = offsetof(struct model, n_carriers),
		.max = CARRIERS_MAX,
		.absent = "there are no tunnels",
		.example = "( { name = \"vodafone-cz\"; ... } )",
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
		.absent = "nothing is carried",
		.example = "( { name = \"meters\"; ... } )",
		.doc = "The private networks of devices.",
	},
};

const struct schema_group schema_root = {
	.doc = "The whole file.",
	.keys = root_keys,
	.n_keys = COUNT(root_keys),
};

size_t schema_entry_size(const struct schema_key *key)
{
	return key->group ? key->group->size : key->kind->size;
}
