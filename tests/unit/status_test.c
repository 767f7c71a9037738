/* The status answer: with charon's report, without it, and without any generation. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/drift_log.h"
#include "appliance/daemon/key_age.h"
#include "appliance/daemon/link_choice.h"
#include "appliance/daemon/status.h"
#include "appliance/daemon/survey.h"
#include "appliance/isolation/mtu.h"
#include "conf/conf.h"
#include "conf/ids.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/diag.h"

#include <stdlib.h>
#include <string.h>

static const char conf[] =
	"gateway = { name = \"g\"; outer = { interface = \"eth0\"; address = \"192.0.2.1\"; }; };\n"
	"carriers = ( { name = \"c\"; local_id = \"a\"; psk_file = \"c.psk\";\n"
	"  tunnels = ( { name = \"t1\"; peer = \"192.0.2.11\"; }, { name = \"t2\"; peer = \"192.0.2.12\"; } ); } );\n"
	"apns = ( { name = \"a\"; pool = [ \"10.64.0.0/16\" ]; tunnels = [ \"t1\", \"t2\" ]; cloud = { attach = "
	"\"dedicated\";\n"
	"  interface = \"eth1\"; address = \"10.110.0.4/20\"; prefixes = [ \"10.110.0.0/20\" ]; }; } );\n";

static struct model *load(void)
{
	struct diag_list diags = { 0 };
	struct model *m = NULL;
	struct ids *ids = NULL;

	assert_int_equal(conf_load_text(conf, strlen(conf), "x.conf", &diags, &m), 0);
	assert_int_equal(ids_load("/nonexistent/ids", &ids), 0);
	assert_int_equal(ids_assign(ids, m), 0);
	ids_free(ids);
	diag_free(&diags);
	return m;
}

static bool first_carries(void *userdata, uint32_t if_id)
{
	(void)userdata;
	return if_id == 1;
}

static bool first_is_suspect(void *userdata, uint32_t if_id, struct link_choice_view *ret, struct buf *reason)
{
	(void)userdata;
	*ret = (struct link_choice_view){ .state = if_id == 1 ? "suspect" : "down", .seconds = 3 };
	if (if_id != 1)
		return true;
	*ret = (struct link_choice_view){ .used = true,
		.state = "suspect",
		.seconds = 3,
		.probed = true,
		.sent = 9,
		.answered = 6,
		.late = 1,
		.round_trip = 412 };
	buf_puts(reason, "probe: the last 3 unanswered");
	return true;
}

static bool first_has_a_key(void *userdata, uint32_t if_id, uint64_t *ret)
{
	(void)userdata;
	*ret = 41;
	return if_id == 1;
}

static const struct key_age_record none_ended;

static void assert_status(const struct status *s, const char *expected)
{
	json_t *answer = status_compose(s);
	char *text;

	assert_non_null(answer);
	text = json_dumps(answer, JSON_COMPACT);
	assert_string_equal(text, expected);
	free(text);
	json_decref(answer);
}

static const struct drift_log no_drift;
#define NO_DRIFT "\"drift\":{\"count\":0,\"last\":[],\"foreign_chains\":[]},"

static void says_what_charon_reports(void **state)
{
	static const char *const messages[] = { "interface eth1 is missing" };
	struct link_mtu mtu = { .if_id = 1, .octets = 1326, .path = { 1400, MTU_PATH } };
	struct model *m = load();
	struct survey survey = { 0 };
	struct status s = { .generation = 3,
		.model = m,
		.charon = "up",
		.survey = &survey,
		.carrying = first_carries,
		.view = first_is_suspect,
		.oldest = first_has_a_key,
		.ended = &none_ended,
		.mtus = &(struct link_mtus){ .items = &mtu, .count = 1 },
		.drift = &no_drift,
		.messages = messages,
		.n_messages = 1 };

	(void)state;
	assert_int_equal(survey_parse("tunnel t1 up 42 aes256-sha256-modp2048 - -\n"
								  "tunnel t2 down 7 - 3 no answer\nchild t1 a 1 c1 d1 40\n"
								  "rehearsal t1 passed 30\n"
								  "refusal t2 192.0.2.12 IKE_SA_INIT peer 4 3 \"aes128\", null\taes256\tno, it's \\\n"
								  "refusal - 192.0.2.99 IKE_AUTH gateway 1 0 \taes256\tno",
						 &survey),
		0);
	assert_status(&s,
		"{\"ok\":true,\"gateway\":\"g\",\"generation\":3,\"charon\":\"up\",\"messages\":[\"interface eth1 is "
		"missing\"],\"rollback_of\":null,\"walls\":\"in force\","
		"\"keys_ended\":{\"count\":0,\"age\":null,\"tunnel\":null}," NO_DRIFT
		"\"tunnels\":[{\"name\":\"t1\",\"carrier\":\"c\",\"peer\":\"192.0.2.11\",\"state\":\"up\",\"seconds\":42,"
		"\"suite\":\"aes256-sha256-modp2048\",\"failure\":null,\"failure_age\":null,\"refusal\":null,"
		"\"rehearsal\":{\"result\":\"passed\",\"reason\":null,\"advice\":null,\"age\":30}},"
		"{\"name\":\"t2\",\"carrier\":\"c\",\"peer\":\"192.0.2.12\",\"state\":\"down\",\"seconds\":7,\"suite\":null,"
		"\"failure\":\"no answer\",\"failure_age\":3,"
		"\"refusal\":{\"peer\":\"192.0.2.12\",\"exchange\":\"IKE_SA_INIT\",\"sender\":\"peer\",\"offered\":"
		"\"\\\"aes128\\\", null\",\"allowed\":\"aes256\",\"reason\":\"no, it's \\\\\",\"count\":4,\"age\":3},"
		"\"rehearsal\":{\"result\":\"not yet\",\"reason\":null,\"advice\":null,\"age\":null}}],"
		"\"refused_peers\":[{\"peer\":\"192.0.2.99\",\"exchange\":\"IKE_AUTH\",\"sender\":\"gateway\",\"offered\":null,"
		"\"allowed\":\"aes256\",\"reason\":\"no\",\"count\":1,\"age\":0}],"
		"\"links\":[{\"apn\":\"a\",\"tunnel\":\"t1\",\"if_id\":1,\"interface\":\"culv-x1\",\"vrf\":\"culv-v1001\","
		"\"carrying\":true,\"child\":{\"spi_in\":\"000000c1\",\"spi_out\":\"000000d1\",\"age\":40},"
		"\"oldest_key\":41,\"ceiling\":3480,\"mtu\":{\"inner\":1326,\"outer\":1400,\"from\":\"path\"},\"used\":true,"
		"\"state\":\"suspect\",\"since\":3,"
		"\"reason\":\"probe: the last 3 unanswered\","
		"\"probe\":{\"sent\":9,\"answered\":6,\"late\":1,\"rtt\":412,\"error\":null}},"
		"{\"apn\":\"a\",\"tunnel\":\"t2\",\"if_id\":2,\"interface\":\"culv-x2\",\"vrf\":\"culv-v1001\","
		"\"carrying\":false,\"child\":null,\"oldest_key\":null,\"ceiling\":3480,\"mtu\":null,"
		"\"used\":false,\"state\":\"down\",\"since\":3,\"reason\":null,\"probe\":null}]}");
	survey_free(&survey);
	conf_free(m);
}

static void assert_rehearsal(struct model *m, const char *report, const char *expected)
{
	struct survey survey = { 0 };
	struct status s = { .generation = 1,
		.model = m,
		.charon = report ? "up" : "down",
		.survey = report ? &survey : NULL,
		.carrying = first_carries,
		.view = first_is_suspect,
		.oldest = first_has_a_key,
		.ended = &none_ended,
		.drift = &no_drift };
	json_t *answer;
	char *text;

	if (report)
		assert_int_equal(survey_parse(report, &survey), 0);
	answer = status_compose(&s);
	text =
		json_dumps(json_object_get(json_array_get(json_object_get(answer, "tunnels"), 0), "rehearsal"), JSON_COMPACT);
	assert_string_equal(text, expected);
	free(text);
	json_decref(answer);
	survey_free(&survey);
}

static void tells_what_the_rehearsal_found(void **state)
{
	struct model *m = load();

	(void)state;
	assert_rehearsal(m, "rehearsal t1 child-proposal 7",
		"{\"result\":\"failed\",\"reason\":\"child-proposal\",\"advice\":\"the carrier refused the rekey of the "
		"CHILD_SA: check PFS (group) there\",\"age\":7}");
	assert_rehearsal(
		m, "rehearsal t2 passed 7", "{\"result\":\"not yet\",\"reason\":null,\"advice\":null,\"age\":null}");
	assert_rehearsal(m, NULL, "{\"result\":\"unknown\",\"reason\":null,\"advice\":null,\"age\":null}");
	m->carriers[0].tunnels[0].rehearse = false;
	assert_rehearsal(m, "rehearsal t1 ended 7", "{\"result\":\"off\",\"reason\":null,\"advice\":null,\"age\":null}");
	conf_free(m);
}

static void without_charon_the_rest_is_said(void **state)
{
	struct model *m = load();
	struct status s = { .generation = 1,
		.model = m,
		.charon = "slow",
		.carrying = first_carries,
		.view = first_is_suspect,
		.oldest = first_has_a_key,
		.ended = &none_ended,
		.drift = &no_drift };
	json_t *answer = status_compose(&s);
	const json_t *tunnel = json_array_get(json_object_get(answer, "tunnels"), 0);
	const json_t *link = json_array_get(json_object_get(answer, "links"), 0);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(answer, "charon")), "slow");
	assert_string_equal(json_string_value(json_object_get(tunnel, "state")), "unknown");
	assert_true(json_is_true(json_object_get(link, "carrying")));
	assert_true(json_is_null(json_object_get(link, "child")));
	json_decref(answer);
	conf_free(m);
}

static void a_tunnel_that_charon_has_not_heard_of_is_down(void **state)
{
	struct model *m = load();
	struct survey none = { 0 };
	struct status s = { .generation = 1,
		.model = m,
		.charon = "up",
		.survey = &none,
		.carrying = first_carries,
		.view = first_is_suspect,
		.oldest = first_has_a_key,
		.ended = &none_ended,
		.drift = &no_drift };
	json_t *answer = status_compose(&s);
	const json_t *tunnel = json_array_get(json_object_get(answer, "tunnels"), 1);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(tunnel, "state")), "down");
	json_decref(answer);
	conf_free(m);
}

static void closed_is_an_answer(void **state)
{
	const struct key_age_record two = { .ended = 2, .age = 7 };
	struct status s = { .charon = "down", .carrying = first_carries, .ended = &two, .drift = &no_drift };

	(void)state;
	assert_status(&s,
		"{\"ok\":true,\"gateway\":null,\"generation\":0,\"charon\":\"down\",\"messages\":[],"
		"\"rollback_of\":null,\"walls\":\"closed\",\"keys_ended\":{\"count\":2,\"age\":7,\"tunnel\":null}," NO_DRIFT
		"\"tunnels\":[],\"refused_peers\":[],\"links\":[]}");
	s.walls_left = true;
	assert_status(&s,
		"{\"ok\":true,\"gateway\":null,\"generation\":0,\"charon\":\"down\",\"messages\":[],"
		"\"rollback_of\":null,\"walls\":\"left\",\"keys_ended\":{\"count\":2,\"age\":7,\"tunnel\":null}," NO_DRIFT
		"\"tunnels\":[],\"refused_peers\":[],\"links\":[]}");
}

static void a_rollback_is_told(void **state)
{
	struct model *m = load();
	struct status s = { .generation = 7,
		.model = m,
		.rollback_of = 5,
		.charon = "down",
		.carrying = first_carries,
		.view = first_is_suspect,
		.oldest = first_has_a_key,
		.ended = &none_ended,
		.drift = &no_drift };
	json_t *answer = status_compose(&s);

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(answer, "rollback_of")), 5);
	json_decref(answer);
	conf_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_charon_reports),
		cmocka_unit_test(tells_what_the_rehearsal_found),
		cmocka_unit_test(without_charon_the_rest_is_said),
		cmocka_unit_test(a_tunnel_that_charon_has_not_heard_of_is_down),
		cmocka_unit_test(closed_is_an_answer),
		cmocka_unit_test(a_rollback_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
