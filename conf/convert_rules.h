/* What is said of keys that cannot be taken over, by file format and section. */
#ifndef CULVERT_CONF_CONVERT_RULES_H
#define CULVERT_CONF_CONVERT_RULES_H

struct rules;

extern const struct rules rules_swanctl_conn, rules_swanctl_round, rules_swanctl_child;
/* ipsec_end: behind "left" and "right". */
extern const struct rules rules_ipsec_end, rules_ipsec_conn;

/* Said in more than one place. */
#define RULE_POOL "devices get their addresses from the carrier; the gateway neither asks for any nor gives any"
#define RULE_LIFE "Culvert ends keys by a ceiling of its own (rekey.ceiling), below 3600 s; nothing is to be done"
#define RULE_UDP                                                                                                       \
	"is of the gateway as a whole in Culvert: write encapsulation = \"udp\" in gateway.outer, for all tunnels"
#define RULE_CAS    "Culvert takes CAs and CRLs from files: copy them to the secrets folder, name them with ca and crl"
#define RULE_TIME   "%s is no time; Culvert's default is taken"
#define RULE_IKEV1  "it is IKEv1, and Culvert speaks IKEv2 alone; ask the carrier for IKEv2"
#define RULE_PINNED "Culvert does not pin the peer's certificate; it takes what its ca has signed for remote_id"

#endif
