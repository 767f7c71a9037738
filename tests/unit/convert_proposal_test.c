/* Proposals as strongSwan and libreswan spell them, held against the suites. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "conf/convert_proposal.h"
#include "ikev2/suite.h"
#include "lib/buf.h"

#include <stdbool.h>
#include <string.h>

#define DEFAULT SUITE_DEFAULT
#define ECP     "aes256-sha256-ecp384"
#define GCM     "aes256gcm16-prfsha384-ecp384"

static const struct {
	const char *list;
	enum proposal_kind kind;
	const char *suite;
	unsigned place;
	bool pfs;
} rows[] = {
	{ "aes256-sha256-modp2048", PROPOSAL_IKE, DEFAULT, 0, true },
	{ "aes256-sha256-modp2048!", PROPOSAL_IKE, DEFAULT, 0, true },
	{ "AES256-SHA2_256;MODP2048", PROPOSAL_IKE, DEFAULT, 0, true },
	{ "aes_cbc256-sha2-dh14", PROPOSAL_IKE, DEFAULT, 0, true },
	{ "aes256-sha256-prfsha256-modp2048", PROPOSAL_IKE, DEFAULT, 0, true },
	{ "aes256-sha256-prfsha512-modp2048", PROPOSAL_IKE, DEFAULT, PROPOSAL_NONE, false },
	{ "aes128-sha1-modp1024, aes128-aes256-sha1-sha256-modp1024-modp2048", PROPOSAL_IKE, DEFAULT, 1, true },
	{ "aes256-sha256-ecp384", PROPOSAL_IKE, DEFAULT, PROPOSAL_NONE, false },
	{ "aes256-sha256-ecp384", PROPOSAL_IKE, ECP, 0, true },
	{ "aes256-sha256", PROPOSAL_IKE, DEFAULT, PROPOSAL_NONE, false },
	{ "aes256-sha256", PROPOSAL_ESP, DEFAULT, 0, false },
	{ "aes256-sha256-modp2048", PROPOSAL_ESP, DEFAULT, 0, true },
	{ "aes256-sha256-modp1024", PROPOSAL_ESP, DEFAULT, PROPOSAL_NONE, false },
	{ "aes256gcm16-prfsha384-ecp384", PROPOSAL_IKE, GCM, 0, true },
	{ "aes256gcm128-sha384-ecp384", PROPOSAL_IKE, GCM, 0, true },
	{ "aes_gcm256-sha2_384;dh20", PROPOSAL_IKE, GCM, 0, true },
	{ "aes_gcm256-null;dh20", PROPOSAL_ESP, GCM, 0, true },
	{ "aes256gcm16-sha256-ecp384", PROPOSAL_IKE, ECP, PROPOSAL_NONE, false },
	{ "default", PROPOSAL_IKE, DEFAULT, PROPOSAL_NONE, false },
	{ "", PROPOSAL_ESP, DEFAULT, PROPOSAL_NONE, false },
	{ ",,-,!", PROPOSAL_ESP, DEFAULT, PROPOSAL_NONE, false },
};

static void suites_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct proposal_match m = proposal_find(rows[i].list, rows[i].kind, suite_find(rows[i].suite));
		if (m.place != rows[i].place || m.pfs != rows[i].pfs)
			fail_msg("%s: place %u, pfs %d", rows[i].list, m.place, m.pfs);
	}
}

static void assert_leftover(const char *list, const char *one, const char *other, const char *expected)
{
	const struct suite *suites[] = { suite_find(one), other ? suite_find(other) : NULL };
	struct buf out = { 0 };

	proposal_leftover(list, PROPOSAL_IKE, suites, other ? 2 : 1, &out);
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
}

static void what_is_left_out_is_said(void **state)
{
	(void)state;
	assert_leftover("aes256-sha256-modp2048!", DEFAULT, NULL, "");
	assert_leftover("aes128-sha1-modp1024,aes256-sha256-modp2048", DEFAULT, NULL, "aes128-sha1-modp1024");
	assert_leftover("aes256-aes128-sha256-modp2048, default", DEFAULT, NULL, "aes256-aes128-sha256-modp2048, default");
	assert_leftover("aes256-sha256-modp2048-ecp384", DEFAULT, NULL, "aes256-sha256-modp2048-ecp384");
	assert_leftover("aes256-sha256-modp2048-ecp384", DEFAULT, ECP, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(suites_are_found),
		cmocka_unit_test(what_is_left_out_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
