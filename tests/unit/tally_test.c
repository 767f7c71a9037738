/* What nft lists, as it says it, cut short and wrong; and the answer that is made of it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/counters.h"
#include "appliance/isolation/tally.h"
#include "conf/conf.h"
#include "conf/model.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char listed[] =
	"{\"nftables\":[{\"metainfo\":{\"version\":\"1.1.3\"}},"
	"{\"counter\":{\"family\":\"inet\",\"name\":\"spoofed\",\"table\":\"culvert\",\"packets\":7,\"bytes\":700}},"
	"{\"counter\":{\"family\":\"inet\",\"name\":\"hairpin\",\"table\":\"culvert\",\"packets\":0,\"bytes\":0}},"
	"{\"set\":{\"name\":\"refused_spoofed\",\"type\":\"ifname\",\"elem\":[{\"elem\":{\"val\":\"culv-x1\","
	"\"counter\":{\"packets\":3,\"bytes\":300}}},{\"elem\":{\"val\":\"culv-x2\",\"counter\":{\"packets\":4,\"bytes\":"
	"400}}}]}},"
	"{\"set\":{\"name\":\"service4_range\",\"elem\":[{\"elem\":{\"val\":{\"concat\":[\"culv-x1\",\"10.110.0.5\","
	"\"udp\","
	"{\"range\":[5684,5685]}]},\"counter\":{\"packets\":10,\"bytes\":1000}}},{\"elem\":{\"val\":{\"concat\":[\"culv-"
	"x2\","
	"\"10.110.0.5\",\"udp\",{\"range\":[5684,5685]}]},\"counter\":{\"packets\":5,\"bytes\":50}}}]}},"
	"{\"set\":{\"name\":\"downlink4\",\"elem\":[{\"elem\":{\"val\":{\"concat\":[\"culv-x1\",\"10.110.0.5\",\"udp\","
	"5683]},"
	"\"counter\":{\"packets\":1,\"bytes\":10}}}]}},"
	"{\"set\":{\"name\":\"path\",\"elem\":[{\"concat\":[\"culv-x1\",\"eth1\"]}]}},{\"set\":{\"name\":\"service6\"}}]}";

static void what_nft_lists_is_read(void **state)
{
	struct tally t = { 0 };
	struct tally_row key = { .kind = TALLY_REFUSED, .link = "culv-x2", .reason = "spoofed" };

	(void)state;
	assert_int_equal(tally_parse(listed, &t), 0);
	assert_int_equal(t.count, 7);
	tally_sort(&t);
	assert_non_null(tally_find(&t, &key));
	assert_int_equal(tally_find(&t, &key)->octets, 400);
	key.kind = TALLY_SERVICE;
	assert_null(tally_find(&t, &key));
	key = (struct tally_row){ .kind = TALLY_SERVICE, .link = "culv-x1" };
	key.endpoint = (struct endpoint){ .protocol = SERVICE_UDP, .ports = { 5684, 5685 } };
	assert_int_equal(ip_parse("10.110.0.5", &key.endpoint.host), 0);
	assert_int_equal(tally_find(&t, &key)->packets, 10);
	tally_free(&t);
}

static void what_is_cut_short_is_refused(void **state)
{
	(void)state;
	for (size_t len = 0; len < sizeof(listed) - 1; len++) {
		struct tally t = { 0 };
		char *text = strndup(listed, len);

		assert_int_equal(tally_parse(text, &t), -EBADMSG);
		tally_free(&t);
		free(text);
	}
}

static void what_is_wrong_is_refused(void **state)
{
	static const char *const wrong[] = {
		"{\"nftables\":3}",
		"{\"nftables\":[{\"counter\":{\"name\":\"x\",\"packets\":\"1\",\"bytes\":1}}]}",
		"{\"nftables\":[{\"counter\":{\"packets\":1,\"bytes\":1}}]}",
		"{\"nftables\":[{\"counter\":{\"name\":\"a_name_that_is_far_too_long_for_a_reason\",\"packets\":1,\"bytes\":1}}"
		"]}",
		"{\"nftables\":[{\"set\":{}}]}",
		"{\"nftables\":[{\"set\":{\"name\":\"refused_x\",\"elem\":[{\"elem\":{\"val\":\"a\"}}]}}]}",
		"{\"nftables\":[{\"set\":{\"name\":\"refused_x\",\"elem\":[{\"elem\":{\"val\":\"sixteen_letters_\",\"counter\":"
		"{\"packets\":1,\"bytes\":1}}}]}}]}",
		"{\"nftables\":[{\"set\":{\"name\":\"service4\",\"elem\":[{\"elem\":{\"val\":{\"concat\":[\"a\",\"b\",\"udp\","
		"1]}}}]}}]}",
		"{\"nftables\":[{\"set\":{\"name\":\"service4\",\"elem\":[{\"elem\":{\"val\":{\"concat\":[\"a\",\"1.1.1.1\","
		"\"udp\",65536]},"
		"\"counter\":{\"packets\":1,\"bytes\":1}}}]}}]}",
		"{\"nftables\":[{\"set\":{\"name\":\"service4\",\"elem\":[{\"elem\":{\"val\":{\"concat\":[\"a\",\"1.1.1.1\","
		"\"sctp\",1]},"
		"\"counter\":{\"packets\":1,\"bytes\":1}}}]}}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct tally t = { 0 };

		assert_int_equal(tally_parse(wrong[i], &t), -EBADMSG);
		tally_free(&t);
	}
}

/* An APN "meters" with links 1 and 2, and one "pumps" without any. */
struct sample {
	char ingest[8], backup[8], firmware[10], meters[8], pumps[8];
	struct ports udp[2];
	struct service services[2], downlink;
	struct link links[2];
	struct apn apns[2];
	struct model model;
};

static void make_sample(struct sample *s)
{
	*s = (struct sample){
		.udp = { { 5684, 5685 }, { 5685, 5685 } },
		.links = { { .if_id = 1 }, { .if_id = 2 } },
		.ingest = "ingest",
		.backup = "backup",
		.firmware = "firmware",
		.meters = "meters",
		.pumps = "pumps",
	};
	s->services[0] = (struct service){ .name = s->ingest, .udp = &s->udp[0], .n_udp = 1 };
	s->services[1] = (struct service){ .name = s->backup, .udp = &s->udp[1], .n_udp = 1 };
	s->downlink = (struct service){ .name = s->firmware, .udp = &s->udp[0], .n_udp = 1 };
	ip_parse("10.110.0.5", &s->services[0].host);
	s->services[1].host = s->downlink.host = s->services[0].host;
	s->apns[0] = (struct apn){ .name = s->meters,
		.links = s->links,
		.n_links = 2,
		.services = s->services,
		.n_services = 2,
		.downlink = &s->downlink,
		.n_downlink = 1 };
	s->apns[1] = (struct apn){ .name = s->pumps };
	s->model = (struct model){ .apns = s->apns, .n_apns = 2 };
}

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void links_of_an_apn_are_added_up(void **state)
{
	struct tally t = { 0 };
	struct sample s;
	const json_t *apn, *service;
	json_t *answer;

	(void)state;
	make_sample(&s);
	assert_int_equal(tally_parse(listed, &t), 0);
	tally_sort(&t);
	answer = counters_compose(&s.model, 3, NULL, &t);
	assert_non_null(answer);
	assert_int_equal(json_array_size(json_object_get(answer, "apns")), 2);
	apn = json_array_get(json_object_get(answer, "apns"), 0);
	service = json_array_get(json_object_get(apn, "services"), 0);
	/* Ranges that overlap are one in the walls, and one row. */
	assert_int_equal(json_array_size(json_object_get(service, "names")), 2);
	assert_int_equal(number(service, "packets"), 15);
	assert_int_equal(number(service, "octets"), 1050);
	assert_int_equal(number(service, "last_port"), 5685);
	assert_int_equal(number(json_object_get(json_object_get(apn, "refused"), "spoofed"), "packets"), 7);
	assert_null(json_object_get(json_object_get(apn, "refused"), "hairpin"));
	/* What the walls do not count yet is 0. */
	assert_int_equal(number(json_array_get(json_object_get(apn, "downlink"), 0), "packets"), 0);
	apn = json_array_get(json_object_get(answer, "apns"), 1);
	assert_int_equal(json_object_size(json_object_get(apn, "refused")), 0);
	json_decref(answer);
	answer = counters_compose(&s.model, 3, "pumps", &t);
	assert_int_equal(json_array_size(json_object_get(answer, "apns")), 1);
	json_decref(answer);
	tally_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nft_lists_is_read),
		cmocka_unit_test(what_is_cut_short_is_refused),
		cmocka_unit_test(what_is_wrong_is_refused),
		cmocka_unit_test(links_of_an_apn_are_added_up),
	};
	return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}
