/*
 * What ESP in tunnel mode adds to a packet (RFC 4303 section 2, RFC 3948 section 2.2), and so the largest packet that
 * fits into a path. Pure arithmetic, in octets.
 */
#ifndef CULVERT_IKEV2_ESP_SIZE_H
#define CULVERT_IKEV2_ESP_SIZE_H

#include <stdbool.h>
#include <stdint.h>

/* The parts of an SA that sizes depend on. */
struct esp_shape {
	uint16_t iv; /* sent with every packet */
	uint16_t block; /* the encrypted part is a multiple of this; at least 4 */
	uint16_t icv;
	bool udp; /* inside UDP, for NAT */
	bool ipv6; /* of the outer header */
};

/*
 * By the kernel's name of the cipher ("cbc(aes)", "rfc4106(gcm(aes))") and the octets of its ICV. A cipher that is not
 * in the table counts as one with the largest IV and block: the link is then a little smaller than it could be.
 */
struct esp_shape esp_shape_of(const char *cipher, uint16_t icv);
/* The largest inner packet whose ESP packet has at most outer octets. 0 if none fits. */
uint32_t esp_inner_max(const struct esp_shape *s, uint32_t outer);
/* The size of the outer packet for an inner one, without any padding beyond what the cipher needs. */
uint32_t esp_outer_size(const struct esp_shape *s, uint32_t inner);

#endif
