#include "ikev2/esp_size.h"

#include <stddef.h>
#include <string.h>

enum {
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	UDP_HEADER = 8,
	ESP_HEADER = 8, /* SPI and sequence number; of an extended one only the low half is sent (RFC 4303 section 2.2.1) */
	ESP_TRAILER = 2, /* pad length and next header, encrypted with the packet */
	ALIGNMENT = 4, /* of the encrypted part, also where the cipher needs none (RFC 4303 section 2.4) */
};

static const struct {
	const char *name;
	uint16_t iv, block;
} ciphers[] = {
	{ "cbc(aes)", 16, 16 }, /* RFC 3602 */
	{ "rfc4106(gcm(aes))", 8, ALIGNMENT },
	{ "rfc4309(ccm(aes))", 8, ALIGNMENT },
	{ "rfc4543(gcm(aes))", 8, ALIGNMENT },
	{ "rfc7539esp(chacha20,poly1305)", 8, ALIGNMENT },
	{ "rfc3686(ctr(aes))", 8, ALIGNMENT },
	{ "cbc(camellia)", 16, 16 }, /* RFC 4312 */
	{ "cbc(des3_ede)", 8, 8 }, /* RFC 2451 */
	{ "ecb(cipher_null)", 0, ALIGNMENT }, /* RFC 2410 */
	{ "cipher_null", 0, ALIGNMENT },
};

struct esp_shape esp_shape_of(const char *cipher, uint16_t icv)
{
	struct esp_shape s = { .iv = 16, .block = 16, .icv = icv };

	for (size_t i = 0; i < sizeof(ciphers) / sizeof(*ciphers); i++) {
		if (strcmp(ciphers[i].name, cipher) != 0)
			continue;
		s.iv = ciphers[i].iv;
		s.block = ciphers[i].block;
	}
	return s;
}

/* Everything around the encrypted part. */
static uint32_t around(const struct esp_shape *s)
{
	uint32_t outside = (s->ipv6 ? IPV6_HEADER : IPV4_HEADER) + (s->udp ? UDP_HEADER : 0u);

	return outside + ESP_HEADER + s->iv + s->icv;
}

uint32_t esp_inner_max(const struct esp_shape *s, uint32_t outer)
{
	if (outer < around(s))
		return 0;
	uint32_t encrypted = outer - around(s);
	encrypted -= encrypted % s->block;
	return encrypted > ESP_TRAILER ? encrypted - ESP_TRAILER : 0;
}

uint32_t esp_outer_size(const struct esp_shape *s, uint32_t inner)
{
	uint32_t encrypted = inner + ESP_TRAILER;
	uint32_t beyond = encrypted % s->block;

	return around(s) + encrypted + (beyond > 0 ? s->block - beyond : 0);
}
