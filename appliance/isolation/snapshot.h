/*
 * What the kernel holds of all that decides where a packet may go: interfaces, addresses, rules, routes of all tables,
 * the whole nftables ruleset, XFRM policies and SAs, sysctls. A value: it may be read (snapshot_read()) or made by
 * hand.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_SNAPSHOT_H
#define CULVERT_APPLIANCE_ISOLATION_SNAPSHOT_H

#include "appliance/isolation/interfaces.h"
#include "lib/prefix.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sa;

struct snapshot_address {
	int interface; /* index */
	struct prefix prefix; /* the address with its on-link length */
};

struct snapshot_rule {
	int family;
	uint32_t preference;
	uint32_t table; /* 0 with l3mdev, and of one that looks nowhere */
	bool l3mdev;
	uint32_t mark; /* 0: of all packets */
	bool odd; /* has an action, a selector or a mask that is none of the above */
	char in[IFNAMSIZ], out[IFNAMSIZ]; /* interfaces that it names; then it is odd as well */
};

struct snapshot_route {
	uint32_t table;
	struct prefix to;
	uint8_t type; /* RTN_* */
	uint32_t metric;
	int out; /* index of the interface; 0: none. Of several ways out each is a route of its own */
	struct ip via; /* AF_UNSPEC: on link */
	bool by_kernel; /* it came with an address */
	bool odd; /* several ways out, a next hop object, an encapsulation, or a condition (source, TOS) */
};

enum policy_direction { POLICY_IN, POLICY_OUT, POLICY_FWD };

struct snapshot_policy {
	uint32_t if_id;
	enum policy_direction direction;
	struct prefix from, to; /* the selector */
	bool narrow; /* it has a protocol, ports or an interface as well */
	bool blocks;
	bool clear; /* lets pass what is not protected by ESP in tunnel mode */
};

struct snapshot_sysctl {
	const char *name; /* static, a path below /proc/sys */
	int value; /* -1: the kernel has none */
};

enum { SNAPSHOT_SYSCTLS = 8 };

struct snapshot { /* zero-initialise */
	struct interfaces interfaces;
	struct snapshot_address *addresses; /* owned, as all below; in no order */
	size_t n_addresses;
	struct snapshot_rule *rules;
	size_t n_rules;
	struct snapshot_route *routes;
	size_t n_routes;
	struct snapshot_policy *policies;
	size_t n_policies;
	struct sa *sas;
	size_t n_sas;
	char *ruleset; /* all tables as `nft list ruleset` prints them; NULL: could not be read */
	struct snapshot_sysctl sysctls[SNAPSHOT_SYSCTLS];
	size_t n_sysctls;
	char *strange; /* what else stands in a packet's way, one a line: legacy iptables tables, traffic control, XDP; or
					  NULL */
	bool no_ipv6; /* the kernel has none, where it is switched off at boot */
	bool changing; /* the ruleset changed each time while it was read */
};

/* All by netlink, libnftables and /proc; nothing is written. 0 with *ret (snapshot_free() it) or -errno. */
int snapshot_read(struct snapshot *ret);
void snapshot_free(struct snapshot *s); /* empties it; NULL is allowed */

/* Appends a copy. 0 or -ENOMEM. */
int snapshot_add_address(struct snapshot *s, const struct snapshot_address *a);
int snapshot_add_rule(struct snapshot *s, const struct snapshot_rule *r);
int snapshot_add_route(struct snapshot *s, const struct snapshot_route *r);
int snapshot_add_policy(struct snapshot *s, const struct snapshot_policy *p);
int snapshot_add_sa(struct snapshot *s, const struct sa *sa);
/* -1 if it is not there. */
int snapshot_sysctl(const struct snapshot *s, const char *name);
/* "" for no interface. */
const char *snapshot_name(const struct snapshot *s, int index);

#endif
