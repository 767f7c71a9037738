/* XFRM messages as the kernel sends them, cut short at every octet and made of noise; the table of SAs. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/sa.h"
#include "appliance/isolation/sa_table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct message {
	_Alignas(struct nlmsghdr) uint8_t octets[1024];
	size_t len;
};

static void append(struct message *m, const void *data, size_t len)
{
	assert_true(m->len + NLMSG_ALIGN(len) <= sizeof(m->octets));
	memcpy(m->octets + m->len, data, len);
	m->len += NLMSG_ALIGN(len);
}

static struct message message(uint16_t type, const void *header, size_t len)
{
	struct nlmsghdr nlh = { .nlmsg_type = type };
	struct message m = { .len = 0 };

	append(&m, &nlh, sizeof(nlh));
	append(&m, header, len);
	return m;
}

static void attribute(struct message *m, uint16_t type, const void *data, size_t len)
{
	struct nlattr a = { .nla_len = (uint16_t)(sizeof(a) + len), .nla_type = type };

	append(m, &a, sizeof(a));
	append(m, data, len);
}

static int parse(struct message *m, struct sa_event *ret)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)(void *)m->octets;

	nlh->nlmsg_len = (uint32_t)m->len;
	return sa_event_parse(nlh, m->len, ret);
}

static struct xfrm_usersa_info sample_info(void)
{
	struct xfrm_usersa_info info = { .family = AF_INET, .curlft.add_time = 1700000000 };

	info.id.proto = IPPROTO_ESP;
	info.id.spi = htonl(0xc0ffee01);
	info.id.daddr.a4 = htonl(0xc000020b);
	info.saddr.a4 = htonl(0xc0000201);
	return info;
}

static struct message sample_new(uint16_t type, const struct xfrm_usersa_info *info, bool installed, uint32_t if_id)
{
	struct message m = message(type, info, sizeof(*info));
	struct xfrm_algo algorithm = { .alg_name = "cbc(aes)" };

	if (installed)
		attribute(&m, XFRMA_ALG_CRYPT, &algorithm, sizeof(algorithm));
	if (if_id)
		attribute(&m, XFRMA_IF_ID, &if_id, sizeof(if_id));
	return m;
}

static void installed_sas_are_read(void **state)
{
	const uint16_t types[] = { XFRM_MSG_NEWSA, XFRM_MSG_UPDSA };
	struct xfrm_usersa_info info = sample_info();
	char text[IP_TEXT];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct message m = sample_new(types[i], &info, true, 7);
		struct sa_event e = { 0 };
		assert_int_equal(parse(&m, &e), 0);
		assert_int_equal(e.kind, SA_EVENT_NEW);
		assert_int_equal(e.sa.if_id, 7);
		assert_int_equal(e.sa.spi, 0xc0ffee01);
		assert_string_equal(ip_print(&e.sa.daddr, text), "192.0.2.11");
		assert_string_equal(ip_print(&e.sa.saddr, text), "192.0.2.1");
		assert_int_equal(e.sa.made, 1700000000);
	}
}

/* What sizes depend on: cipher, ICV, encapsulation, family. */
static void shapes_are_read(void **state)
{
	struct xfrm_usersa_info info = sample_info(), six = sample_info();
	struct xfrm_algo cbc = { .alg_name = "cbc(aes)", .alg_key_len = 0 };
	struct xfrm_algo_auth sha = { .alg_name = "hmac(sha256)", .alg_trunc_len = 128 };
	struct xfrm_algo_aead gcm = { .alg_name = "rfc4106(gcm(aes))", .alg_icv_len = 128 };
	struct xfrm_encap_tmpl encap = { .encap_sport = htons(4500), .encap_dport = htons(4500) };
	struct sa_event e = { 0 };

	(void)state;
	struct message m = message(XFRM_MSG_NEWSA, &info, sizeof(info));
	attribute(&m, XFRMA_ALG_CRYPT, &cbc, sizeof(cbc));
	attribute(&m, XFRMA_ALG_AUTH_TRUNC, &sha, sizeof(sha));
	attribute(&m, XFRMA_ENCAP, &encap, sizeof(encap));
	assert_int_equal(parse(&m, &e), 0);
	assert_int_equal(e.sa.shape.iv, 16);
	assert_int_equal(e.sa.shape.block, 16);
	assert_int_equal(e.sa.shape.icv, 16);
	assert_true(e.sa.shape.udp);
	assert_false(e.sa.shape.ipv6);
	assert_int_equal(esp_inner_max(&e.sa.shape, 1500), 1422);
	six.family = AF_INET6;
	m = message(XFRM_MSG_NEWSA, &six, sizeof(six));
	attribute(&m, XFRMA_ALG_AEAD, &gcm, sizeof(gcm));
	assert_int_equal(parse(&m, &e), 0);
	assert_int_equal(e.sa.shape.iv, 8);
	assert_int_equal(e.sa.shape.icv, 16);
	assert_false(e.sa.shape.udp);
	assert_true(e.sa.shape.ipv6);
	assert_int_equal(esp_inner_max(&e.sa.shape, 1500), 1426);
}

/* A name that fills its field has no end. */
static void names_without_an_end_are_unknown(void **state)
{
	struct xfrm_usersa_info info = sample_info();
	struct xfrm_algo_aead aead = { .alg_icv_len = 128 };
	struct message m = message(XFRM_MSG_NEWSA, &info, sizeof(info));
	struct sa_event e = { 0 };

	(void)state;
	memset(aead.alg_name, 'x', sizeof(aead.alg_name));
	attribute(&m, XFRMA_ALG_AEAD, &aead, sizeof(aead));
	assert_int_equal(parse(&m, &e), 0);
	assert_int_equal(e.kind, SA_EVENT_NEW);
	assert_int_equal(e.sa.shape.block, 16);
}

static void what_carries_nothing_is_left_out(void **state)
{
	struct xfrm_usersa_info info = sample_info(), acquire = sample_info(), other = sample_info();
	struct sa_event e = { .kind = SA_EVENT_FLUSH };

	(void)state;
	acquire.id.spi = 0;
	other.id.proto = IPPROTO_AH;
	struct message messages[] = { sample_new(XFRM_MSG_NEWSA, &info, false, 7),
		sample_new(XFRM_MSG_NEWSA, &acquire, true, 7), sample_new(XFRM_MSG_NEWSA, &other, true, 7),
		sample_new(XFRM_MSG_NEWPOLICY, &info, true, 7) };
	for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++) {
		assert_int_equal(parse(&messages[i], &e), 0);
		assert_int_equal(e.kind, SA_EVENT_NONE);
	}
}

static void deletions_are_read(void **state)
{
	struct xfrm_usersa_id id = { .spi = htonl(0xc0ffee01), .family = AF_INET6, .proto = IPPROTO_ESP };
	struct message m;
	struct sa_event e = { 0 };
	char text[IP_TEXT];

	(void)state;
	id.daddr.a6[0] = htonl(0x20010db8);
	id.daddr.a6[3] = htonl(11);
	m = message(XFRM_MSG_DELSA, &id, sizeof(id));
	assert_int_equal(parse(&m, &e), 0);
	assert_int_equal(e.kind, SA_EVENT_GONE);
	assert_int_equal(e.sa.spi, 0xc0ffee01);
	assert_string_equal(ip_print(&e.sa.daddr, text), "2001:db8::b");
}

static void only_a_hard_expiry_ends_an_sa(void **state)
{
	struct xfrm_user_expire expire = { .state = sample_info() };
	struct sa_event e = { 0 };

	(void)state;
	struct message m = message(XFRM_MSG_EXPIRE, &expire, sizeof(expire));
	assert_int_equal(parse(&m, &e), 0);
	assert_int_equal(e.kind, SA_EVENT_NONE);
	expire.hard = 1;
	m = message(XFRM_MSG_EXPIRE, &expire, sizeof(expire));
	assert_int_equal(parse(&m, &e), 0);
	assert_int_equal(e.kind, SA_EVENT_GONE);
	assert_int_equal(e.sa.spi, 0xc0ffee01);
}

static void a_flush_is_read(void **state)
{
	struct xfrm_usersa_flush flush = { .proto = 0 };
	struct sa_event e = { 0 };

	(void)state;
	struct message m = message(XFRM_MSG_FLUSHSA, &flush, sizeof(flush));
	assert_int_equal(parse(&m, &e), 0);
	assert_int_equal(e.kind, SA_EVENT_FLUSH);
	flush.proto = IPPROTO_AH;
	m = message(XFRM_MSG_FLUSHSA, &flush, sizeof(flush));
	assert_int_equal(parse(&m, &e), 0);
	assert_int_equal(e.kind, SA_EVENT_NONE);
}

/* Copies len octets to the end of a heap block, so that reading one more is noticed by the sanitizer. */
static int parse_copy(const struct message *m, size_t len, uint32_t claimed, struct sa_event *ret)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	memcpy(copy, m->octets, len);
	if (len >= sizeof(claimed))
		memcpy(copy, &claimed, sizeof(claimed));
	int r = sa_event_parse((const struct nlmsghdr *)(const void *)copy, len, ret);
	free(copy);
	return r;
}

static void lengths_are_not_believed(void **state)
{
	struct xfrm_usersa_info info = sample_info();
	struct message m = sample_new(XFRM_MSG_NEWSA, &info, true, 7);
	const struct sa_event untouched = { .kind = SA_EVENT_FLUSH };

	(void)state;
	for (size_t len = 0; len < NLMSG_HDRLEN + sizeof(info); len++) {
		struct sa_event e = untouched;
		assert_int_equal(parse_copy(&m, len, (uint32_t)len, &e), -EBADMSG);
		assert_memory_equal(&e, &untouched, sizeof(e));
		assert_int_equal(parse_copy(&m, len, (uint32_t)m.len, &e), -EBADMSG);
	}
	for (size_t len = NLMSG_HDRLEN + sizeof(info); len < m.len; len++) {
		struct sa_event e;
		int r = parse_copy(&m, len, (uint32_t)len, &e);
		assert_true(r == 0 || r == -EBADMSG);
		assert_int_equal(parse_copy(&m, len, UINT32_MAX, &e), -EBADMSG);
	}
}

static void an_if_id_of_another_length_is_refused(void **state)
{
	struct xfrm_usersa_info info = sample_info();
	struct message m = sample_new(XFRM_MSG_NEWSA, &info, true, 0);
	struct sa_event e;
	const uint64_t wide = 7;

	(void)state;
	attribute(&m, XFRMA_IF_ID, &wide, 2);
	assert_int_equal(parse(&m, &e), -EBADMSG);
	m = sample_new(XFRM_MSG_NEWSA, &info, true, 0);
	attribute(&m, XFRMA_IF_ID, &wide, sizeof(wide));
	assert_int_equal(parse(&m, &e), -EBADMSG);
}

static void noise_is_survived(void **state)
{
	const uint16_t types[] = { XFRM_MSG_NEWSA, XFRM_MSG_UPDSA, XFRM_MSG_DELSA, XFRM_MSG_EXPIRE, XFRM_MSG_FLUSHSA };
	struct xfrm_usersa_info info = sample_info();

	(void)state;
	srandom(1);
	for (int round = 0; round < 20000; round++) {
		struct message m = sample_new(types[round % 5], &info, true, 7);
		struct sa_event e;
		for (int i = 0; i < 8; i++)
			m.octets[NLMSG_HDRLEN + (size_t)random() % (m.len - NLMSG_HDRLEN)] = (uint8_t)random();
		parse_copy(&m, m.len, (uint32_t)m.len, &e);
	}
}

static struct sa numbered(uint32_t n)
{
	struct sa sa = { .if_id = n / 4 + 1, .spi = n * 2654435761u | 1, .outbound = n & 1 };

	assert_int_equal(ip_parse(n & 1 ? "192.0.2.11" : "192.0.2.1", &sa.daddr), 0);
	return sa;
}

static void the_table_finds_and_lists(void **state)
{
	enum { MANY = 10000 };
	struct sa_table t = { .seed = 5 };
	size_t count;

	(void)state;
	assert_null(sa_table_of(&t, 1, &count));
	assert_int_equal(count, 0);
	for (uint32_t i = 0; i < MANY; i++) {
		struct sa sa = numbered(i);
		assert_int_equal(sa_table_put(&t, &sa), 0);
		assert_int_equal(sa_table_put(&t, &sa), 0);
	}
	assert_int_equal(t.count, MANY);
	assert_int_equal(sa_table_list(&t), 0);
	for (size_t i = 1; i < t.list_count; i++)
		assert_true(sa_compare(&t.list[i - 1], &t.list[i]) < 0);
	const struct sa *sas = sa_table_of(&t, 17, &count);
	assert_int_equal(count, 4);
	assert_false(sas[0].outbound || sas[1].outbound);
	assert_true(sas[2].outbound && sas[3].outbound);
	sa_table_of(&t, 0, &count);
	assert_int_equal(count, 0);
	sa_table_of(&t, UINT32_MAX, &count);
	assert_int_equal(count, 0);
	for (uint32_t i = 0; i < MANY; i += 2) {
		struct sa sa = numbered(i);
		sa_table_remove(&t, sa.spi, &sa.daddr);
		sa_table_remove(&t, sa.spi, &sa.daddr);
	}
	assert_int_equal(t.count, MANY / 2);
	sa_table_clear(&t);
	assert_int_equal(t.count, 0);
	assert_int_equal(sa_table_list(&t), 0);
	assert_int_equal(t.list_count, 0);
	sa_table_free(&t);
	sa_table_free(NULL);
}

/* The same SPI towards two destinations names two SAs. */
static void an_sa_is_named_by_both(void **state)
{
	struct sa_table t = { .seed = 5 };
	struct sa one = numbered(1), other = one;

	(void)state;
	assert_int_equal(ip_parse("192.0.2.12", &other.daddr), 0);
	assert_int_equal(sa_table_put(&t, &one), 0);
	assert_int_equal(sa_table_put(&t, &other), 0);
	assert_int_equal(t.count, 2);
	sa_table_remove(&t, one.spi, &one.daddr);
	assert_int_equal(sa_table_list(&t), 0);
	assert_int_equal(t.list_count, 1);
	assert_true(ip_equal(&t.list[0].daddr, &other.daddr));
	sa_table_free(&t);
}

static void put(struct sa_table *t, uint32_t if_id, uint32_t spi, bool outbound, uint64_t added, const char *peer)
{
	struct sa sa = { .if_id = if_id, .spi = spi, .outbound = outbound, .added = added };

	assert_int_equal(ip_parse("192.0.2.1", outbound ? &sa.saddr : &sa.daddr), 0);
	assert_int_equal(ip_parse(peer, outbound ? &sa.daddr : &sa.saddr), 0);
	assert_int_equal(sa_table_put(t, &sa), 0);
}

static void assert_added(const struct sa_table *t, uint32_t spi, const char *daddr, uint64_t expected)
{
	struct ip ip;

	assert_int_equal(ip_parse(daddr, &ip), 0);
	const struct sa *sa = sa_table_find(t, spi, &ip);
	assert_non_null(sa);
	assert_int_equal(sa->added, expected);
	for (size_t i = 0; i < t->list_count; i++)
		if (t->list[i].spi == spi && ip_equal(&t->list[i].daddr, &ip))
			assert_int_equal(t->list[i].added, expected);
}

static void pair(struct sa_table *t)
{
	assert_int_equal(sa_table_list(t), 0);
	sa_table_pair(t);
}

/* A responder's outbound SA comes late, and its inbound one may go before it. */
static void an_outbound_sa_is_as_old_as_its_inbound_one(void **state)
{
	const char *const peer = "192.0.2.11";
	struct sa_table t = { .seed = 5 };
	struct ip ours;

	(void)state;
	pair(&t);
	put(&t, 1, 1, false, 100, peer);
	put(&t, 1, 2, true, 100, peer);
	pair(&t);
	put(&t, 1, 3, false, 200, peer); /* rekeyed; the old outbound SA is in use until the peer deletes it */
	pair(&t);
	assert_added(&t, 2, peer, 100);
	put(&t, 1, 4, true, 240, peer);
	put(&t, 2, 5, true, 240, peer); /* of another link, which has no other */
	put(&t, 1, 6, true, 241, "192.0.2.12"); /* to another peer */
	pair(&t);
	assert_added(&t, 4, peer, 200);
	assert_added(&t, 5, peer, 240);
	assert_added(&t, 6, "192.0.2.12", 241);
	assert_added(&t, 3, "192.0.2.1", 200);
	assert_int_equal(ip_parse("192.0.2.1", &ours), 0);
	sa_table_remove(&t, 3, &ours);
	put(&t, 1, 7, false, 300, peer);
	pair(&t);
	assert_added(&t, 4, peer, 200);
	put(&t, 2, 8, false, 241, peer); /* in either order, within a second */
	put(&t, 2, 9, true, 240, peer);
	pair(&t);
	assert_added(&t, 9, peer, 240);
	sa_table_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(installed_sas_are_read),
		cmocka_unit_test(shapes_are_read),
		cmocka_unit_test(names_without_an_end_are_unknown),
		cmocka_unit_test(what_carries_nothing_is_left_out),
		cmocka_unit_test(deletions_are_read),
		cmocka_unit_test(only_a_hard_expiry_ends_an_sa),
		cmocka_unit_test(a_flush_is_read),
		cmocka_unit_test(lengths_are_not_believed),
		cmocka_unit_test(an_if_id_of_another_length_is_refused),
		cmocka_unit_test(noise_is_survived),
		cmocka_unit_test(the_table_finds_and_lists),
		cmocka_unit_test(an_sa_is_named_by_both),
		cmocka_unit_test(an_outbound_sa_is_as_old_as_its_inbound_one),
	};
	return cmocka_run_group_tests_name("sa", tests, NULL, NULL);
}
