/* What the rules look like is in the goldens; here: what must not get into them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/endpoint.h"
#include "appliance/isolation/nft.h"
#include "conf/ids.h"
#include "conf/model.h"
#include "lib/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char apn_name[] = "a", outer[] = "eth0", cloud_interface[] = "eth1";

struct sample {
	struct prefix pool[4];
	struct link link;
	struct apn apn;
	struct model model;
};

static void make_sample(struct sample *s)
{
	const char *const pool[] = { "10.64.1.0/24", "10.64.0.0/16", "10.64.0.0/16", "10.80.0.0/24" };

	*s = (struct sample){ .link.if_id = 1 };
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(prefix_parse(pool[i], &s->pool[i]), 0);
	s->apn = (struct apn){ .name = apn_name, .pool = s->pool, .n_pool = 4, .links = &s->link, .n_links = 1 };
	s->apn.table = IDS_TABLE_FIRST;
	s->apn.cloud.interface = cloud_interface;
	s->model = (struct model){ .apns = &s->apn, .n_apns = 1 };
	s->model.gateway.outer.interface = outer;
}

static int render(const struct sample *s)
{
	struct buf out = { 0 };
	int r = nft_render(&s->model, &out);

	buf_free(&out);
	return r;
}

static void names_that_nft_reads_otherwise_are_refused(void **state)
{
	char bad[][24] = { "", "eth*", "eth0\" }", "e\\*", "et h", "$x", "a/b", "an-interface-too-long" };
	struct sample s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		make_sample(&s);
		s.model.gateway.outer.interface = bad[i];
		assert_int_equal(render(&s), -EINVAL);
		make_sample(&s);
		s.apn.cloud.interface = bad[i];
		assert_int_equal(render(&s), -EINVAL);
	}
	make_sample(&s);
	assert_int_equal(render(&s), 0);
}

static void zones_end_at_sixteen_bits(void **state)
{
	struct sample s;

	(void)state;
	make_sample(&s);
	s.apn.table = IDS_TABLE_FIRST - 1;
	assert_int_equal(render(&s), -ERANGE);
	s.apn.table = IDS_TABLE_FIRST - 1 + UINT16_MAX;
	assert_int_equal(render(&s), 0);
	s.apn.table++;
	assert_int_equal(render(&s), -ERANGE);
}

static void closed_is_the_same_without_elements(void **state)
{
	struct buf closed = { 0 }, open = { 0 };
	struct sample s;

	(void)state;
	make_sample(&s);
	nft_render_closed(&closed);
	assert_int_equal(nft_render(&s.model, &open), 0);
	assert_true(open.len > closed.len);
	assert_memory_equal(open.text, closed.text, closed.len);
	assert_null(strstr(buf_text(&closed), "add element"));
	assert_non_null(strstr(buf_text(&closed), "hook forward priority filter; policy drop;"));
	buf_free(&closed);
	buf_free(&open);
}

/* Every set with elements has to be emptied first, or what was taken out of the configuration would stay open. */
static void in_place_empties_every_set(void **state)
{
	struct buf text = { 0 };
	struct sample s;
	size_t n = 0;

	(void)state;
	make_sample(&s);
	assert_int_equal(nft_render_in_place(&s.model, &text), 0);
	for (const char *at = buf_text(&text); (at = strpbrk(at, "\n")); at++) {
		char kind[4], name[32], flush[64];
		if (at[1] != '\t' || sscanf(at, "\n\t%3s %31s {", kind, name) != 2 ||
			(strcmp(kind, "set") && strcmp(kind, "map")))
			continue;
		/* What packets have filled goes on counting. */
		if (!strncmp(name, "refused_", strlen("refused_")))
			continue;
		snprintf(flush, sizeof(flush), "flush %s inet culvert %s\n", kind, name);
		assert_non_null(strstr(buf_text(&text), flush));
		n++;
	}
	assert_int_equal(n, 44);
	buf_free(&text);
}

static void pools_do_not_overlap(void **state)
{
	struct buf out = { 0 };
	struct sample s;
	size_t found = 0;

	(void)state;
	make_sample(&s);
	assert_int_equal(nft_render(&s.model, &out), 0);
	for (const char *at = buf_text(&out); (at = strstr(at, "add element inet culvert pool4")); at++)
		found++;
	assert_int_equal(found, 2);
	assert_null(strstr(buf_text(&out), "10.64.1.0/24"));
	buf_free(&out);
}

/* Static peers are listed; one peer whose address is not known opens the gateway's family, and that alone. */
static void peers_are_let_in(void **state)
{
	struct peer addresses[2] = { { .kind = PEER_ADDRESS }, { .kind = PEER_ADDRESS } }, unknown = { .kind = PEER_ANY };
	struct tunnel tunnels[2] = { { .peers = addresses, .n_peers = 2 }, { .peers = &unknown, .n_peers = 1 } };
	struct carrier carrier = { .tunnels = tunnels, .n_tunnels = 1 };
	struct buf listed = { 0 }, open = { 0 };
	struct sample s;

	(void)state;
	make_sample(&s);
	s.model.carriers = &carrier;
	s.model.n_carriers = 1;
	assert_int_equal(ip_parse("192.0.2.11", &addresses[0].address), 0);
	assert_int_equal(ip_parse("2001:db8::11", &addresses[1].address), 0);
	assert_int_equal(nft_render(&s.model, &listed), 0);
	assert_non_null(strstr(buf_text(&listed), "add element inet culvert peer4 { 192.0.2.11 }\n"));
	assert_non_null(strstr(buf_text(&listed), "add element inet culvert peer6 { 2001:db8::11 }\n"));
	assert_null(strstr(buf_text(&listed), "add element inet culvert anyone"));
	carrier.n_tunnels = 2;
	assert_int_equal(ip_parse("192.0.2.1", &s.model.gateway.outer.address.ip), 0);
	assert_int_equal(nft_render(&s.model, &open), 0);
	assert_non_null(strstr(buf_text(&open), "add element inet culvert anyone { ipv4 }\n"));
	assert_null(strstr(buf_text(&open), "anyone { ipv6 }"));
	assert_non_null(strstr(buf_text(&open), "add element inet culvert peer4 { 192.0.2.11 }\n"));
	buf_free(&listed);
	buf_free(&open);
}

static void ports_are_merged(void **state)
{
	struct ports first[] = { { 10, 20 }, { 65535, 65535 } }, second[] = { { 15, 30 }, { 31, 31 }, { 33, 33 } };
	struct service services[2] = { { .udp = first, .n_udp = 2, .tcp = first, .n_tcp = 1 },
		{ .udp = second, .n_udp = 3 } };
	const struct ports expected[] = { { 10, 30 }, { 31, 31 }, { 33, 33 }, { 65535, 65535 }, { 10, 20 } };
	struct endpoints e = { 0 };

	(void)state;
	assert_int_equal(ip_parse("10.0.0.1", &services[0].host), 0);
	services[1].host = services[0].host;
	assert_int_equal(endpoints_collect(services, 2, &e), 0);
	assert_int_equal(e.count, 5);
	for (size_t i = 0; i < e.count; i++) {
		assert_int_equal(e.items[i].ports.first, expected[i].first);
		assert_int_equal(e.items[i].ports.last, expected[i].last);
	}
	assert_int_equal(e.items[4].protocol, SERVICE_TCP);
	endpoints_free(&e);
	assert_int_equal(endpoints_collect(NULL, 0, &e), 0);
	assert_int_equal(e.count, 0);
	endpoints_free(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_nft_reads_otherwise_are_refused),
		cmocka_unit_test(zones_end_at_sixteen_bits),
		cmocka_unit_test(closed_is_the_same_without_elements),
		cmocka_unit_test(in_place_empties_every_set),
		cmocka_unit_test(pools_do_not_overlap),
		cmocka_unit_test(peers_are_let_in),
		cmocka_unit_test(ports_are_merged),
	};
	return cmocka_run_group_tests_name("nft", tests, NULL, NULL);
}
