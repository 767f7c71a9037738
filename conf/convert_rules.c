/*
 * Keys that have no counterpart in culvert.conf: with which values Culvert does the same anyway, and what is to be said
 * and done where it does not.
 */
#include "conf/convert_rules.h"

#include "conf/convert_foreign.h"

#define TABLE(rules) { (rules), sizeof(rules) / sizeof((rules)[0]) }

#define NO_IF_ID "Culvert numbers its XFRM interfaces itself, one for each APN on each tunnel; nothing is to be done"
#define NO_MARK  "Culvert keeps APNs apart by interfaces and VRFs, not by marks; nothing is to be done"
#define NO_COUNT "Culvert renews keys by time alone; nothing is to be done"
#define NO_SCRIPT                                                                                                      \
	"Culvert runs no scripts: it makes routes and walls itself; say in services and downlink what may pass"
#define NO_POLICY "Culvert makes the policies itself; nothing is to be done"
#define NO_PPK    "Culvert has no post-quantum pre-shared keys; agree with the carrier on a tunnel without"
#define OWN_PORT  "Culvert uses UDP ports 500 and 4500 alone; agree with the carrier on these"
#define OWN_WAY   "Culvert does this in its own way, the same for all tunnels; nothing is to be done"
#define NO_V1     "is of IKEv1, which Culvert does not speak"
#define NO_EAP    "Culvert has no EAP or XAuth; agree with the carrier on a pre-shared key or certificates"
#define OWN_ROUTE "Culvert makes routes itself, from pool and cloud; nothing is to be done"
#define NO_PORTS  "selectors have no protocol or port in Culvert, as carriers want it; services say what is let through"
#define NO_RSA    "Culvert has no raw keys; agree with the carrier on certificates"
#define BY_IDS    "Culvert judges the peer by its identity and CA alone; give remote_id and ca"

/* --- swanctl.conf --- */

static const struct rule swanctl_conn[] = {
	{ "aggressive", "no", NO_V1 },
	{ "childless", "never|allow", "Culvert makes the first CHILD_SA with the IKE_SA; agree with the carrier on that" },
	{ "dpd_timeout", "*", NULL },
	{ "dscp", "000000", "IKE packets have no DSCP of their own; nothing is to be done" },
	{ "fragmentation", "yes|accept", "Culvert fragments IKE messages where the peer can; nothing is to be done" },
	{ "if_id_in", NULL, NO_IF_ID },
	{ "if_id_out", NULL, NO_IF_ID },
	{ "keyingtries", "0", "Culvert tries again for ever; nothing is to be done" },
	{ "local_port", "500|0", OWN_PORT },
	{ "mediation", "no", "Culvert has no mediation; the peer must be reachable itself" },
	{ "mobike", "no", "Culvert does not move tunnels to other addresses; give the carrier's addresses as peer" },
	{ "over_time", NULL, RULE_LIFE },
	{ "pools", NULL, RULE_POOL },
	{ "ppk_id", NULL, NO_PPK },
	{ "ppk_required", "no", NO_PPK },
	{ "pull", "*", NULL },
	{ "rand_time", NULL, "Culvert spreads rekeys by an eighth of the rekey time; nothing is to be done" },
	{ "reauth_time", "0|0s", "Culvert renews keys without authenticating anew; nothing is to be done" },
	{ "remote_port", "500", OWN_PORT },
	{ "send_cert", "ifasked|always", "Culvert always sends its certificate; nothing is to be done" },
	{ "send_certreq", "yes", OWN_WAY },
	{ "ocsp", "never", "Culvert does not ask over the network whether a certificate is revoked; give it a crl" },
	{ "unique", "replace", "a new IKE_SA of the same peer replaces the old one in Culvert; nothing is to be done" },
	{ "vips", NULL, RULE_POOL },
};

static const struct rule swanctl_round[] = {
	{ "round", "0|1", "Culvert authenticates once; agree with the carrier on a pre-shared key or a certificate" },
	{ "eap_id", NULL, "Culvert has no EAP" },
	{ "aaa_id", NULL, "Culvert has no EAP" },
	{ "xauth_id", NULL, NO_V1 },
	{ "pubkeys", NULL, "Culvert has no raw public keys; agree with the carrier on certificates" },
	{ "groups", NULL, "Culvert judges the peer by its identity and CA alone; give remote_id and ca" },
	{ "cert_policy", NULL, "Culvert judges the peer by its identity and CA alone; give remote_id and ca" },
	{ "ca_id", NULL, "Culvert judges the peer by its identity and CA alone; give remote_id and ca" },
};

static const struct rule swanctl_child[] = {
	{ "ah_proposals", NULL, "Culvert has ESP alone; agree with the carrier on ESP" },
	{ "close_action", "none|start|trap", OWN_WAY },
	{ "copy_ecn", "yes", "ECN is copied, as the standard has it; nothing is to be done" },
	{ "dpd_action", "*", NULL },
	{ "hostaccess", "no", NO_SCRIPT },
	{ "hw_offload", "no", "Culvert does not use offload to a network card; nothing is to be done" },
	{ "if_id_in", NULL, NO_IF_ID },
	{ "if_id_out", NULL, NO_IF_ID },
	{ "inactivity", "0|0s", "Culvert keeps tunnels up; nothing is to be done" },
	{ "interface", NULL, NO_POLICY },
	{ "ipcomp", "no", "Culvert does not compress; agree with the carrier on that" },
	{ "label", NULL, "Culvert has no security labels; agree with the carrier on a tunnel without" },
	{ "life_bytes", NULL, NO_COUNT },
	{ "life_packets", NULL, NO_COUNT },
	{ "mark_in", NULL, NO_MARK },
	{ "mark_in_sa", "no", NO_MARK },
	{ "mark_out", NULL, NO_MARK },
	{ "mode", "tunnel", NULL }, /* other modes end earlier */
	{ "policies", "yes", NO_POLICY },
	{ "policies_fwd_out", "*", NULL },
	{ "priority", "0", NO_POLICY },
	{ "rand_bytes", NULL, NO_COUNT },
	{ "rand_packets", NULL, NO_COUNT },
	{ "rand_time", NULL, "Culvert spreads rekeys by an eighth of the rekey time; nothing is to be done" },
	{ "rekey_bytes", "0", NO_COUNT },
	{ "rekey_packets", "0", NO_COUNT },
	{ "reqid", "0", OWN_WAY },
	{ "set_mark_in", NULL, NO_MARK },
	{ "set_mark_out", NULL, NO_MARK },
	{ "sha256_96", "no", "Culvert uses the standard's 128 bit of SHA-256; let the carrier do so too" },
	{ "tfc_padding", "0", "Culvert does not pad against traffic analysis; nothing is to be done" },
	{ "updown", NULL, NO_SCRIPT },
	{ "per_cpu_sas", "no", "Culvert has one pair of SAs for each CHILD_SA; nothing is to be done" },
};

/* --- ipsec.conf --- */

/* Behind "left" and "right" as well. */
static const struct rule ipsec_end[] = {
	{ "allowany", "no", "Culvert wants the peer's addresses, or peer = \"any\"" },
	{ "auth2", NULL, NO_EAP },
	{ "ca2", NULL, BY_IDS },
	{ "cert2", NULL, BY_IDS },
	{ "certpolicy", NULL, BY_IDS },
	{ "dns", NULL, RULE_POOL },
	{ "firewall", "no", NO_SCRIPT },
	{ "groups", NULL, BY_IDS },
	{ "groups2", NULL, BY_IDS },
	{ "hostaccess", "no", NO_SCRIPT },
	{ "id2", NULL, BY_IDS },
	{ "ikeport", "500|4500", OWN_PORT },
	{ "nexthop", "%defaultroute|%direct", OWN_ROUTE },
	{ "protoport", NULL, NO_PORTS },
	{ "rsasigkey", "%cert", NO_RSA },
	{ "sendcert", "*", NULL },
	{ "sigkey", NULL, NO_RSA },
	{ "sourceip", NULL,
		"the gateway has no address of its own in the tunnel, but the one of cloud.address; " RULE_POOL },
	{ "updown", "%disabled", NO_SCRIPT },
	{ "vti", NULL, OWN_ROUTE },
};

static const struct rule ipsec_conn[] = {
	{ "aggressive", "no", NO_V1 },
	{ "ah", NULL, "Culvert has ESP alone; agree with the carrier on ESP" },
	{ "closeaction", "none|restart|hold", OWN_WAY },
	{ "compress", "no", "Culvert does not compress; agree with the carrier on that" },
	{ "dpdaction", "clear|hold|restart", "Culvert always watches whether the peer lives; nothing is to be done" },
	{ "dpdtimeout", "*", NULL },
	{ "eap_identity", NULL, NO_EAP },
	{ "esn", "no|either", OWN_WAY },
	{ "fragmentation", "yes|accept", "Culvert fragments IKE messages where the peer can; nothing is to be done" },
	{ "hidetos", NULL, OWN_WAY },
	{ "if_id_in", NULL, NO_MARK },
	{ "if_id_out", NULL, NO_MARK },
	{ "aaa_identity", NULL, NO_EAP },
	{ "ikedscp", NULL, "IKE packets have no DSCP of their own; nothing is to be done" },
	{ "inactivity", NULL, "Culvert keeps tunnels up; nothing is to be done" },
	{ "installpolicy", "yes", OWN_WAY },
	{ "ipsec-interface", "no", NO_MARK },
	{ "keyingtries", "%forever|0", "Culvert tries again for ever; nothing is to be done" },
	{ "lifebytes", NULL, NO_COUNT },
	{ "lifepackets", NULL, NO_COUNT },
	{ "marginbytes", NULL, NO_COUNT },
	{ "marginpackets", NULL, NO_COUNT },
	{ "mark", NULL, NO_MARK },
	{ "mark_in", NULL, NO_MARK },
	{ "mark_out", NULL, NO_MARK },
	{ "mark-in", NULL, NO_MARK },
	{ "mark-out", NULL, NO_MARK },
	{ "me_peerid", NULL, "Culvert has no mediation; the peer must be reachable itself" },
	{ "mediated_by", NULL, "Culvert has no mediation; the peer must be reachable itself" },
	{ "mediation", "no", "Culvert has no mediation; the peer must be reachable itself" },
	{ "metric", NULL, OWN_ROUTE },
	{ "mobike", "no", "Culvert does not move tunnels to other addresses; give the carrier's addresses as peer" },
	{ "modecfgclient", "no", RULE_POOL },
	{ "modecfgpull", "*", NULL },
	{ "modeconfig", "*", NULL },
	{ "mtu", NULL, OWN_ROUTE },
	{ "narrowing", "no", "Culvert's selectors are what both sides have agreed on, never less" },
	{ "pfsgroup", NULL, NO_V1 },
	{ "phase2", "esp", "Culvert has ESP alone; agree with the carrier on ESP" },
	{ "reauth", "no", "Culvert renews keys without authenticating anew; nothing is to be done" },
	{ "rekey", "yes", "Culvert always renews keys itself; nothing is to be done" },
	{ "rekeyfuzz", NULL, "Culvert spreads rekeys by an eighth of the rekey time; nothing is to be done" },
	{ "reqid", NULL, OWN_WAY },
	{ "sha2-truncbug", "no", "Culvert uses the standard's 128 bit of SHA-256; let the carrier do so too" },
	{ "sha256_96", "no", "Culvert uses the standard's 128 bit of SHA-256; let the carrier do so too" },
	{ "tfc", NULL, "Culvert does not pad against traffic analysis; nothing is to be done" },
	{ "type", "tunnel", NULL }, /* other types end earlier */
	{ "vti-interface", NULL, NO_MARK },
	{ "vti-routing", NULL, OWN_ROUTE },
	{ "vti-shared", NULL, NO_MARK },
	{ "xauth", NULL, NO_EAP },
	{ "xauth_identity", NULL, NO_EAP },
};

const struct rules rules_swanctl_conn = TABLE(swanctl_conn);
const struct rules rules_swanctl_round = TABLE(swanctl_round);
const struct rules rules_swanctl_child = TABLE(swanctl_child);
const struct rules rules_ipsec_end = TABLE(ipsec_end);
const struct rules rules_ipsec_conn = TABLE(ipsec_conn);
