/* What a probe by ICMP or UDP carries: a cookie that only the sender knows, and its number. Pure. */
#ifndef CULVERT_DAEMON_PROBE_PACKET_H
#define CULVERT_DAEMON_PROBE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct probe;

enum { PROBE_PACKET = 20 }; /* octets at most */

/* As a ping socket or a UDP socket sends it. Its length in octets. */
size_t probe_packet_write(const struct probe *p, uint64_t cookie, uint32_t number, uint8_t packet[static PROBE_PACKET]);
/*
 * Whether what such a socket received is an answer. *ret_number is the probe that it answers, 0: a service's own words,
 * which do not say (UDP).
 */
bool probe_packet_read(const struct probe *p, uint64_t cookie, const uint8_t *packet, size_t len, uint32_t *ret_number);

#endif
