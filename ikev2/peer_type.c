#include "ikev2/peer_type.h"

#include "lib/buf.h"

#include <stddef.h>
#include <string.h>

static const struct peer_type types[] = {
	{
		.name = PEER_TYPE_DEFAULT,
		.why = "takes several selectors in one CHILD_SA, as RFC 7296 has it",
	},
	{
		.name = "cisco-policy",
		.each_pair = true,
		.why = "negotiates a CHILD_SA for each line of its crypto ACL",
	},
	{
		.name = "fortinet-policy",
		.each_pair = true,
		.why = "has one pair of selectors in each phase 2",
	},
	{
		.name = "palo-alto",
		.each_pair = true,
		.why = "has one pair of selectors in each proxy ID",
	},
	{
		.name = "libreswan",
		.each_pair = true,
		.why = "has one pair of subnets in each connection",
	},
	{
		.name = "route-based",
		.any = true,
		.why = "routes into the tunnel and negotiates any to any",
	},
};

enum { N_TYPES = sizeof(types) / sizeof(types[0]) };

const struct peer_type *peer_type_find(const char *name)
{
	for (size_t i = 0; i < N_TYPES; i++) {
		if (!strcmp(types[i].name, name))
			return &types[i];
	}
	return NULL;
}

void peer_type_names(struct buf *out)
{
	for (size_t i = 0; i < N_TYPES; i++)
		buf_printf(out, "%s%s", !i ? "" : i + 1 < N_TYPES ? ", " : " or ", types[i].name);
}

const struct peer_type *peer_type_at(unsigned i)
{
	return i < N_TYPES ? &types[i] : NULL;
}
