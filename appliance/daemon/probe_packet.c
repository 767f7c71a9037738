#include "appliance/daemon/probe_packet.h"

#include "conf/model.h"

#include <endian.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <string.h>
#include <sys/socket.h>

enum { HEADER = 8 }; /* of an echo: type, code, checksum, identifier, sequence */

struct __attribute__((packed)) content {
	uint64_t cookie;
	uint32_t number; /* network order */
};

_Static_assert(HEADER + sizeof(struct content) == PROBE_PACKET, "a probe has another size than is said");

size_t probe_packet_write(const struct probe *p, uint64_t cookie, uint32_t number, uint8_t packet[static PROBE_PACKET])
{
	const struct content content = { .cookie = cookie, .number = htobe32(number) };
	size_t at = 0;

	if (p->protocol == PROBE_ICMP) {
		/* The kernel sets checksum and identifier. */
		const uint8_t header[HEADER] = {
			p->target.family == AF_INET6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO,
			[6] = (uint8_t)(number >> 8),
			[7] = (uint8_t)number,
		};
		memcpy(packet, header, HEADER);
		at = HEADER;
	}
	memcpy(packet + at, &content, sizeof(content));
	return at + sizeof(content);
}

bool probe_packet_read(const struct probe *p, uint64_t cookie, const uint8_t *packet, size_t len, uint32_t *ret_number)
{
	bool icmp = p->protocol == PROBE_ICMP;
	size_t at = icmp ? HEADER : 0;
	struct content content = { 0 };

	if (len >= at + sizeof(content))
		memcpy(&content, packet + at, sizeof(content));
	bool ours = len >= at + sizeof(content) && content.cookie == cookie && content.number;
	if (icmp && (!ours || packet[0] != (p->target.family == AF_INET6 ? ICMPV6_ECHO_REPLY : ICMP_ECHOREPLY)))
		return false;
	*ret_number = ours ? be32toh(content.number) : 0;
	return true;
}
