/* A rule of routing as `ip rule` shows it: what it says, and whose it is by that. */
#ifndef CULVERT_APPLIANCE_ISOLATION_RULE_H
#define CULVERT_APPLIANCE_ISOLATION_RULE_H

#include "appliance/isolation/object.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct nl_msg;
struct nl_sock;

struct rule {
	int family;
	uint32_t preference;
	uint8_t action; /* FR_ACT_* */
	uint32_t table; /* of a lookup, 0 with l3mdev; of a jump, the preference that it goes to */
	bool l3mdev;
	uint32_t mark; /* compared as a whole; 0: none */
	bool conditional; /* has any condition or option beside that, also one that is not known here */
	char iif[IFNAMSIZ], oif[IFNAMSIZ];
	char text[OBJECT_NAME]; /* its conditions in the words of ip(8), as far as they fit */
};

/* Of a message RTM_NEWRULE. 0 or -EBADMSG. */
int rule_parse(struct nl_msg *msg, struct rule *ret);
/* As a plan has it: OBJECT_RULE and OBJECT_MARK_RULE only if it is exactly of a form that we make. */
void rule_object(const struct rule *r, struct object *ret);
/* Removes the first rule that is that OBJECT_STRANGE_RULE, with all its conditions. 0, -ENOENT if there is none. */
int rule_remove(struct nl_sock *sk, const struct object *strange);

#endif
