/** Addresses of the model as strongSwan's. */
#ifndef CONF_HOST_H_
#define CONF_HOST_H_

#include <networking/host.h>

#include "lib/prefix.h"

/**
 * @param ip		an address of a family
 * @param port		port
 * @return			host of the caller's own
 */
static inline host_t *conf_host(const struct ip *ip, uint16_t port)
{
	chunk_t octets = chunk_create((uint8_t *)ip->octets, ip_bits(ip->family) / 8);

	return host_create_from_chunk(ip->family, octets, port);
}

#endif
