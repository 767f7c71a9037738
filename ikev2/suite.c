#include "ikev2/suite.h"

#include "lib/buf.h"

#include <string.h>

/*
 * The carriers' contracts name the first row; the others are for carriers that can do better (RFC 8247, RFC 6379, and
 * RFC 9370 for the hybrid ones: a lattice key exchange behind the classic one). Sequence numbers have 32 bits on the
 * wire and in the SA unless a row says "esn".
 */
static const struct suite suites[] = {
	{
		.name = SUITE_DEFAULT,
		.ike = "aes256-sha256-prfsha256-modp2048",
		.esp = "aes256-sha256-modp2048",
	},
	{
		.name = "aes256-sha256-ecp384",
		.ike = "aes256-sha256-prfsha256-ecp384",
		.esp = "aes256-sha256-ecp384",
	},
	{
		.name = "aes256gcm16-prfsha384-ecp384",
		.ike = "aes256gcm16-prfsha384-ecp384",
		.esp = "aes256gcm16-ecp384",
	},
	{
		.name = "aes256-sha256-ecp384-ke1_mlkem768",
		.ike = "aes256-sha256-prfsha256-ecp384-ke1_mlkem768",
		.esp = "aes256-sha256-ecp384-ke1_mlkem768",
	},
	{
		.name = "aes256gcm16-prfsha384-ecp384-ke1_mlkem768",
		.ike = "aes256gcm16-prfsha384-ecp384-ke1_mlkem768",
		.esp = "aes256gcm16-ecp384-ke1_mlkem768",
	},
	{
		.name = "aes256gcm16-prfsha384-ecp384-ke1_mlkem1024",
		.ike = "aes256gcm16-prfsha384-ecp384-ke1_mlkem1024",
		.esp = "aes256gcm16-ecp384-ke1_mlkem1024",
	},
	{
		.name = "aes256-sha256-modp2048-esn",
		.ike = "aes256-sha256-prfsha256-modp2048",
		.esp = "aes256-sha256-modp2048-esn",
	},
	{
		.name = "aes256gcm16-prfsha384-ecp384-esn",
		.ike = "aes256gcm16-prfsha384-ecp384",
		.esp = "aes256gcm16-ecp384-esn",
	},
};

enum { N_SUITES = sizeof(suites) / sizeof(suites[0]) };

const struct suite *suite_find(const char *name)
{
	for (size_t i = 0; i < N_SUITES; i++) {
		if (!strcmp(suites[i].name, name))
			return &suites[i];
	}
	return NULL;
}

const struct suite *suite_at(size_t i)
{
	return i < N_SUITES ? &suites[i] : NULL;
}

void suite_names(struct buf *out)
{
	for (size_t i = 0; i < N_SUITES; i++)
		buf_printf(out, "%s%s", !i ? "" : i + 1 < N_SUITES ? ", " : " or ", suites[i].name);
}
