#include "appliance/daemon/mtu_turn.h"

#include "appliance/isolation/mtu.h"

bool mtu_turn_due(const struct mtu_turn *t, uint64_t since, uint32_t most, uint64_t now)
{
	return most > 0 && (t->since != since || t->most != most || now >= t->next);
}

void mtu_turn_done(struct mtu_turn *t, uint64_t since, uint32_t most, uint64_t next)
{
	*t = (struct mtu_turn){ .since = since, .most = most, .next = next };
}

uint32_t mtu_turn_least(const struct link_mtu *mtu, bool ipv6)
{
	uint32_t most = mtu->most > 0 ? mtu->most : mtu->octets;
	uint32_t beyond = mtu->path.outer > MTU_TURN_LEAST ? mtu->path.outer - MTU_TURN_LEAST : 0;
	uint32_t least = most > beyond ? most - beyond : 0;

	if (ipv6 && least < MTU_LEAST_IPV6)
		least = MTU_LEAST_IPV6;
	return least < most ? least : most;
}
