/* What is known of links' sizes, put into plans and walls. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/carrying.h"
#include "appliance/isolation/mtu.h"
#include "appliance/isolation/nft_delta.h"
#include "appliance/isolation/plan.h"
#include "conf/model.h"
#include "ikev2/esp_size.h"
#include "lib/buf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static char cloud_interface[] = "eth1";

/* One IPv4 APN with two links, one IPv6 APN with one. */
struct sample {
	struct prefix four[1], six[1];
	struct link links[3];
	struct apn apns[2];
	struct model model;
};

static void make_sample(struct sample *s)
{
	*s = (struct sample){ .links = { { .if_id = 2 }, { .if_id = 11 }, { .if_id = 3 } } };
	assert_int_equal(prefix_parse("10.64.0.0/16", s->four), 0);
	assert_int_equal(prefix_parse("fd00:64::/64", s->six), 0);
	s->apns[0] = (struct apn){ .pool = s->four, .n_pool = 1, .links = s->links, .n_links = 2, .table = 1001 };
	s->apns[1] = (struct apn){ .pool = s->six, .n_pool = 1, .links = s->links + 2, .n_links = 1, .table = 1002 };
	s->apns[0].cloud.interface = s->apns[1].cloud.interface = cloud_interface;
	s->model = (struct model){ .apns = s->apns, .n_apns = 2 };
}

static void know(struct link_mtus *list, uint32_t if_id, uint32_t octets)
{
	struct link_mtu mtu = { .if_id = if_id, .octets = octets, .path = { 1500, MTU_INTERFACE } };

	assert_int_equal(mtu_add(list, &mtu), 0);
	mtu_sort(list);
}

static uint32_t planned(const struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->objects[i].kind == OBJECT_MTU && strcmp(p->objects[i].name, name) == 0)
			return p->objects[i].value;
	return 0;
}

static void plans_take_what_is_known(void **state)
{
	const struct carrying none = { 0 };
	struct link_mtus list = { 0 };
	struct plan p = { 0 };
	struct sample s;

	(void)state;
	make_sample(&s);
	know(&list, 11, 1326);
	know(&list, 2, 1438);
	assert_int_equal(plan_build(&s.model, &none, &p), 0);
	mtu_impose(NULL, &p);
	assert_int_equal(planned(&p, "culv-x2"), PLAN_XFRM_MTU);
	mtu_impose(&list, &p);
	assert_int_equal(planned(&p, "culv-x2"), 1438);
	assert_int_equal(planned(&p, "culv-x11"), 1326);
	assert_int_equal(planned(&p, "culv-x3"), PLAN_XFRM_MTU);
	for (size_t i = 1; i < p.count; i++)
		assert_true(object_compare(&p.objects[i - 1], &p.objects[i]) < 0);
	plan_free(&p);
	mtu_free(&list);
}

/* As measurements come and go, in any order. */
static void one_link_at_a_time_is_put(void **state)
{
	struct link_mtus list = { 0 };

	(void)state;
	for (uint32_t if_id = 9; if_id > 0; if_id--)
		assert_int_equal(mtu_put(&list, &(struct link_mtu){ .if_id = if_id, .octets = 1000 + if_id }), 0);
	assert_int_equal(mtu_put(&list, &(struct link_mtu){ .if_id = 4, .octets = 1400 }), 0);
	assert_int_equal(mtu_put(&list, &(struct link_mtu){ .if_id = 6 }), 0);
	assert_int_equal(mtu_put(&list, &(struct link_mtu){ .if_id = 77 }), 0);
	assert_int_equal(list.count, 8);
	assert_null(mtu_find(&list, 6));
	assert_int_equal(mtu_find(&list, 4)->octets, 1400);
	assert_int_equal(mtu_find(&list, 9)->octets, 1009);
	mtu_free(&list);
}

static void segments_leave_room_for_headers(void **state)
{
	struct link_mtus list = { 0 };
	struct buf out = { 0 };
	struct sample s;

	(void)state;
	make_sample(&s);
	know(&list, 2, 1438);
	know(&list, 3, 1426);
	mtu_render(&s.model, &list, &out);
	assert_string_equal(buf_text(&out), "add element inet culvert segment { \"culv-x2\" : 1398 }\n"
										"add element inet culvert segment { \"culv-x11\" : 1360 }\n"
										"add element inet culvert segment { \"culv-x3\" : 1366 }\n");
	buf_free(&out);
	mtu_free(&list);
}

/* While a link is measured anew it takes larger packets, but none of TCP's. */
static void segments_stay_small_while_links_are_measured(void **state)
{
	struct link_mtus list = { 0 };
	struct link_mtu open = { .if_id = 2, .octets = 1438, .tcp = 1300 }, narrow = { .if_id = 2, .octets = 1438 };
	struct buf out = { 0 };
	struct sample s;

	(void)state;
	make_sample(&s);
	assert_false(mtu_equal(&open, &narrow));
	assert_int_equal(mtu_add(&list, &open), 0);
	mtu_render(&s.model, &list, &out);
	assert_non_null(strstr(buf_text(&out), "{ \"culv-x2\" : 1260 }\n"));
	buf_free(&out);
	mtu_free(&list);
}

/* The walls change by that element alone, in one transaction. */
static void a_change_is_one_element(void **state)
{
	struct link_mtus list = { 0 };
	struct buf before = { 0 }, after = { 0 }, delta = { 0 };
	struct sample s;

	(void)state;
	make_sample(&s);
	know(&list, 2, 1438);
	mtu_render(&s.model, &list, &before);
	list.items[0].octets = 1326;
	mtu_render(&s.model, &list, &after);
	assert_int_equal(nft_delta(buf_text(&before), buf_text(&after), &delta), 0);
	assert_string_equal(buf_text(&delta), "delete element inet culvert segment { \"culv-x2\" }\n"
										  "add element inet culvert segment { \"culv-x2\" : 1286 }\n");
	buf_free(&before);
	buf_free(&after);
	buf_free(&delta);
	mtu_free(&list);
}

static void what_the_kernel_would_refuse_is_never_asked(void **state)
{
	struct esp_shape s = esp_shape_of("cbc(aes)", 16);
	struct mtu_path narrow = { 100, MTU_PATH }, usual = { 1400, MTU_PATH }, wide = { 100000, MTU_INTERFACE };

	(void)state;
	assert_int_equal(mtu_of(&s, &usual, false), 1326);
	assert_int_equal(mtu_of(&s, &usual, true), 1326);
	assert_int_equal(mtu_of(&s, &narrow, false), MTU_LEAST_IPV4);
	assert_int_equal(mtu_of(&s, &narrow, true), MTU_LEAST_IPV6);
	assert_int_equal(mtu_of(&s, &wide, false), 65535);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans_take_what_is_known),
		cmocka_unit_test(one_link_at_a_time_is_put),
		cmocka_unit_test(segments_leave_room_for_headers),
		cmocka_unit_test(segments_stay_small_while_links_are_measured),
		cmocka_unit_test(a_change_is_one_element),
		cmocka_unit_test(what_the_kernel_would_refuse_is_never_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
