/* charon's report, read; and the SAs that it makes stale. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/stale.h"
#include "appliance/daemon/survey.h"
#include "appliance/isolation/sa.h"

#include <errno.h>
#include <string.h>

static const char report[] =
	"tunnel vf-praha up 42 aes256-sha256-modp2048 - -\n"
	"tunnel vf-brno down 7 - 3 no answer from 192.0.2.12\n"
	"child vf-praha meters 2 c0000001 deadbeef 10\n"
	"child vf-praha meters 2 c0000002 deadbee0 3\n"
	"child vf-praha cars 1 c0000003 00000009 0\n"
	"rehearsal vf-praha passed 60\n"
	"rehearsal vf-brno child-proposal 3600\n"
	"refusal vf-praha 192.0.2.11 CREATE_CHILD_SA gateway 1 9 \taes256-sha256-ecp384\tours is weak\n"
	"refusal vf-brno 192.0.2.12 IKE_SA_INIT peer 7 2 aes128-sha1-modp1024, "
	"aes128-sha1-modp1536\taes256-sha256-modp2048\tno proposal in common: - and so on\n"
	"refusal - 192.0.2.99 IKE_SA_INIT peer 1 0 null\taes256-sha256-modp2048\tno\n"
	"refusal - 2001:db8::1 IKE_AUTH peer 2 5 null\taes256-sha256-modp2048\tno\n";

static void assert_both_sides(const struct survey *s)
{
	const struct survey_refusal *f = survey_refusal(s, "vf-brno");

	assert_string_equal(f->peer, "192.0.2.12");
	assert_string_equal(f->exchange, "IKE_SA_INIT");
	assert_false(f->ours);
	assert_string_equal(f->offered, "aes128-sha1-modp1024, aes128-sha1-modp1536");
	assert_string_equal(f->allowed, "aes256-sha256-modp2048");
	assert_string_equal(f->reason, "no proposal in common: - and so on");
	assert_int_equal(f->count, 7);
	assert_int_equal(f->age, 2);
	f = survey_refusal(s, "vf-praha");
	assert_true(f->ours);
	assert_string_equal(f->offered, "");
	assert_null(survey_refusal(s, "vf"));
	assert_null(survey_refusal(s, "-"));
	assert_int_equal(s->n_refusals, 2);
	assert_int_equal(s->n_refused_peers, 2);
	assert_string_equal(s->refused_peers[0].peer, "192.0.2.99");
	assert_string_equal(s->refused_peers[1].peer, "2001:db8::1");
	assert_null(s->refused_peers[1].tunnel);
}

static void reads_what_is_said(void **state)
{
	struct survey s = { 0 };

	(void)state;
	assert_int_equal(survey_parse(report, &s), 0);
	assert_int_equal(s.n_tunnels, 2);
	assert_int_equal(s.n_children, 3);
	assert_string_equal(survey_tunnel(&s, "vf-praha")->suite, "aes256-sha256-modp2048");
	assert_null(survey_tunnel(&s, "vf-praha")->failure);
	assert_null(survey_tunnel(&s, "vf-brno")->suite);
	assert_string_equal(survey_tunnel(&s, "vf-brno")->failure, "no answer from 192.0.2.12");
	assert_int_equal(survey_tunnel(&s, "vf-brno")->failure_age, 3);
	assert_null(survey_tunnel(&s, "vf"));
	assert_int_equal(survey_child(&s, 2)->spi_in, 0xc0000002);
	assert_null(survey_child(&s, 3));
	assert_int_equal(survey_rehearsal(&s, "vf-praha")->result, REHEARSAL_PASSED);
	assert_int_equal(survey_rehearsal(&s, "vf-brno")->result, REHEARSAL_CHILD_PROPOSAL);
	assert_int_equal(survey_rehearsal(&s, "vf-brno")->age, 3600);
	assert_null(survey_rehearsal(&s, "vf"));
	assert_both_sides(&s);
	assert_true(survey_lists(&s, 2, 0xdeadbeef));
	assert_false(survey_lists(&s, 1, 0xdeadbeef));
	survey_free(&s);
}

static void nothing_is_a_report_too(void **state)
{
	struct survey s = { 0 };

	(void)state;
	assert_int_equal(survey_parse("", &s), 0);
	assert_null(survey_tunnel(&s, "t"));
	assert_null(survey_rehearsal(&s, "t"));
	assert_null(survey_refusal(&s, "t"));
	assert_null(survey_child(&s, 1));
	survey_free(&s);
}

static void refuses_what_is_none(void **state)
{
	static const char *const bad[] = {
		"tunnel",
		"tunnel t",
		"tunnel t up",
		"tunnel t up 1 - -",
		"tunnel t up -1 - - -",
		"tunnel t up 1x - - -",
		"tunnel t up 99999999999999999999 - - -",
		"tunnel t down 1 - soon it failed",
		"tunnel  up 1 - - -",
		"child t a 1 2 3",
		"child t a 1 2 3 4 5",
		"child t a 4294967296 2 3 4",
		"child t a 1 0xg 3 4",
		"child t a 1 123456789 3 4",
		"children t a 1 2 3 4",
		"rehearsal t",
		"rehearsal t passed",
		"rehearsal t perhaps 3",
		"rehearsal t passed -3",
		"rehearsal t passed 3 4",
		"refusal",
		"refusal t 192.0.2.1 IKE_AUTH peer 1 2",
		"refusal t 192.0.2.1 IKE_AUTH peer 1 2 a\tb",
		"refusal t 192.0.2.1 IKE_AUTH peer 1 2 a\tb\tc\td",
		"refusal t 192.0.2.1 IKE_AUTH carrier 1 2 a\tb\tc",
		"refusal t 192.0.2.1 IKE_AUTH peer -1 2 a\tb\tc",
		"refusal t 192.0.2.1 IKE_AUTH peer 1 now a\tb\tc",
		"refusal t  IKE_AUTH peer 1 2 a\tb\tc",
		"ok",
	};
	struct survey s = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(survey_parse(bad[i], &s), -EPROTO);
	assert_null(s.text);
}

struct gone {
	uint32_t spis[8];
	size_t n;
};

static void note_gone(void *userdata, const struct sa *sa)
{
	struct gone *g = userdata;

	g->spis[g->n++] = sa->spi;
}

/* Of if_id 1: a pair that a charon before left. Of if_id 2: one that is being installed as we look. if_id 0: not ours.
 */
static const struct sa kernel[] = {
	{ .if_id = 0, .spi = 0x10 },
	{ .if_id = 1, .spi = 0x11 },
	{ .if_id = 1, .spi = 0x12, .outbound = true },
	{ .if_id = 2, .spi = 0x21 },
};

static void resolve(struct stale *s, size_t n, const char *text, struct gone *g)
{
	struct survey survey = { 0 };

	assert_int_equal(survey_parse(text, &survey), 0);
	stale_resolve(s, kernel, n, &survey, note_gone, g);
	survey_free(&survey);
}

static void stale_go_when_replaced(void **state)
{
	struct survey empty = { 0 };
	struct stale s = { 0 };
	struct gone g = { 0 };

	(void)state;
	assert_int_equal(stale_collect(kernel, 4, &empty, &s), 0);
	assert_int_equal(s.count, 3);
	/* Nothing replaces them: they stay. What charon lists after all was never stale. */
	resolve(&s, 4, "child t a 2 00000021 00000022 1", &g);
	assert_int_equal(s.count, 2);
	/* Just replaced: the peer may still send on them. */
	resolve(&s, 4, "child t a 1 00000031 00000032 4", &g);
	assert_int_equal(g.n, 0);
	resolve(&s, 4, "child t a 1 00000031 00000032 5", &g);
	assert_int_equal(g.n, 2);
	assert_int_equal(g.spis[0], 0x11);
	assert_int_equal(g.spis[1], 0x12);
	assert_int_equal(s.count, 0);
	stale_free(&s);
}

static void stale_that_the_kernel_ended_are_forgotten(void **state)
{
	struct survey empty = { 0 };
	struct stale s = { 0 };
	struct gone g = { 0 };

	(void)state;
	assert_int_equal(stale_collect(kernel, 3, &empty, &s), 0);
	resolve(&s, 2, "", &g);
	assert_int_equal(s.count, 1);
	resolve(&s, 0, "", &g);
	assert_int_equal(s.count, 0);
	assert_int_equal(g.n, 0);
	stale_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_is_said),
		cmocka_unit_test(nothing_is_a_report_too),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(stale_go_when_replaced),
		cmocka_unit_test(stale_that_the_kernel_ended_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
