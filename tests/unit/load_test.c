/* From text to model: what each value becomes, what is taken in several forms, and files that are no files. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "conf/conf.h"
#include "conf/model.h"
#include "ikev2/peer_type.h"
#include "ikev2/suite.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define GATEWAY "gateway = { name = \"g\"; outer = { interface = \"eth0\"; address = \"192.0.2.1\"; }; };\n"
#define CLOUD(interface)                                                                                               \
	"cloud = { attach = \"dedicated\"; interface = \"" interface "\"; address = \"10.110.0.4/20\"; prefixes = [ "      \
	"\"10.110.0.0/20\" ]; };"

/* The model of a text that must load; the caller frees it. */
static struct model *loaded(const char *text)
{
	struct diag_list diags = { 0 };
	struct model *m = NULL;
	struct buf out = { 0 };

	int r = conf_load_text(text, strlen(text), "dir/x.conf", &diags, &m);
	diag_print(&diags, &out);
	if (r)
		fail_msg("%s", buf_text(&out));
	buf_free(&out);
	diag_free(&diags);
	return m;
}

/* What is said of a text that must not load. */
static void assert_refused(const char *text, size_t len, const char *expected)
{
	struct diag_list diags = { 0 };
	struct model untouched, *m = &untouched;
	struct buf out = { 0 };

	assert_int_equal(conf_load_text(text, len, "x.conf", &diags, &m), -EINVAL);
	assert_ptr_equal(m, &untouched);
	assert_true(diags.errors > 0);
	diag_print(&diags, &out);
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
	diag_free(&diags);
}

/* The shipped example: no error, no warning, and each value where it belongs. */
static void example_loads(void **state)
{
	struct diag_list diags = { 0 };
	struct model *m = NULL;
	char *text, address[PREFIX_TEXT];
	size_t len;

	(void)state;
	assert_int_equal(io_read_file("conf/culvert.conf.example", CONF_FILE_MAX, &text, &len), 0);
	assert_int_equal(conf_load_text(text, len, "/etc/culvert/culvert.conf", &diags, &m), 0);
	free(text);
	for (size_t i = 0; i < diags.count; i++)
		assert_int_equal(diags.items[i].severity, DIAG_NOTE);
	diag_free(&diags);

	assert_string_equal(m->dir, "/etc/culvert");
	assert_string_equal(m->gateway.name, "gw-fra1");
	assert_string_equal(m->gateway.outer.interface, "eth0");
	assert_string_equal(ip_print(&m->gateway.outer.address.ip, address), "192.0.2.1");
	assert_int_equal(m->n_carriers, 1);
	const struct carrier *carrier = &m->carriers[0];
	assert_string_equal(carrier->name, "vodafone-cz");
	assert_int_equal(carrier->auth, CARRIER_AUTH_PSK);
	assert_string_equal(carrier->psk_files[0], "vodafone-cz.psk");
	assert_int_equal(carrier->n_certificates, 0);
	const struct tunnel *tunnel = &carrier->tunnels[0];
	assert_ptr_equal(tunnel->carrier, carrier);
	assert_string_equal(tunnel->remote_id, "praha.example.net");
	assert_string_equal(tunnel->suites[0]->name, SUITE_DEFAULT);
	assert_true(tunnel->initiate);
	assert_true(tunnel->rehearse);
	assert_int_equal(tunnel->ike.rekey, LIFETIME_REKEY_IKE);
	assert_int_equal(tunnel->child.rekey, LIFETIME_REKEY_CHILD);

	const struct apn *apn = &m->apns[0];
	assert_int_equal(apn->n_links, 1);
	assert_ptr_equal(apn->links[0].tunnel, tunnel);
	assert_int_equal(apn->links[0].if_id, 0);
	assert_string_equal(prefix_print(&apn->pool[0], address), "10.64.0.0/16");
	assert_string_equal(prefix_print(&apn->cloud.address, address), "10.110.0.4/20");
	assert_int_equal(apn->cloud.next_hop.family, AF_UNSPEC);
	assert_int_equal(apn->services[0].udp[0].first, 5684);
	assert_int_equal(apn->services[0].udp[0].last, 5684);
	assert_int_equal(apn->services[0].n_tcp, 0);
	assert_string_equal(apn->downlink[0].name, "firmware");
	assert_string_equal(apn->origin.file, "/etc/culvert/culvert.conf");
	conf_free(m);
}

static void defaults_are_filled_in(void **state)
{
	struct model *m = loaded(GATEWAY
		"carriers = ( { name = \"c\"; local_id = \"a\"; certificate = \"c.pem\"; key_file = \"c.key\"; "
		"ca = \"ca.pem\";\n"
		" tunnels = ( { name = \"t\"; peer = \"192.0.2.11\"; rekey = { child = 600; }; },\n"
		"             { name = \"u\"; peer = \"192.0.2.12\"; initiator = \"carrier\"; rehearse = false; } ); } );\n");
	const struct carrier *c = &m->carriers[0];

	(void)state;
	assert_string_equal(m->dir, "dir");
	assert_int_equal(c->auth, CARRIER_AUTH_CERTIFICATE);
	assert_string_equal(c->tunnels[0].remote_id, "192.0.2.11");
	assert_true(c->tunnels[0].initiate);
	assert_int_equal(c->tunnels[0].ike.rekey, LIFETIME_REKEY_IKE);
	assert_int_equal(c->tunnels[0].child.rekey, 600);
	assert_false(c->tunnels[1].initiate);
	assert_false(c->tunnels[1].rehearse);
	assert_int_equal(c->tunnels[1].child.rekey, LIFETIME_REKEY_CHILD);
	assert_int_equal(c->tunnels[1].origin.line, 4);
	assert_int_equal(m->n_apns, 0);
	conf_free(m);
}

/* apns may stand before carriers, lists in ( ) or [ ], ports as numbers and ranges. */
static void forms_of_the_same(void **state)
{
	struct model *m =
		loaded("apns : ( { name = \"a\"; pool = ( \"10.64.0.0/16\", \"10.65.0.1\" ); tunnels = ( \"t\" );\n" CLOUD(
			"eth1") "services = ( { name = \"s\"; host = \"10.110.0.5\"; tcp = ( 80, \"8000-8010\", 0x1bb ); udp = [ "
					"\"1-65535\" ]; } ); } );\n"
					"carriers = ( { name = \"c\"; local_id = \"a\"; psk_file = \"k\"; tunnels = ( { name = \"t\"; peer "
					"= \"192.0.2.11\" } ) } )\n" GATEWAY);
	const struct service *s = &m->apns[0].services[0];

	(void)state;
	assert_ptr_equal(m->apns[0].links[0].tunnel, &m->carriers[0].tunnels[0]);
	assert_int_equal(m->apns[0].pool[1].len, 32);
	assert_int_equal(s->n_tcp, 3);
	assert_int_equal(s->tcp[1].first, 8000);
	assert_int_equal(s->tcp[1].last, 8010);
	assert_int_equal(s->tcp[2].first, 443);
	assert_int_equal(s->udp[0].last, 65535);
	conf_free(m);
}

/* Two customers with the same addresses: own tunnels, own interfaces. */
static void same_pool_twice(void **state)
{
	struct model *m =
		loaded(GATEWAY "carriers = ( { name = \"c\"; local_id = \"a\"; psk_file = \"k\"; tunnels = (\n"
					   "  { name = \"t\"; peer = \"192.0.2.11\"; }, { name = \"u\"; peer = \"192.0.2.11\"; remote_id = "
					   "\"u.example.net\"; } ); } );\n"
					   "apns = ( { name = \"a\"; pool = [ \"10.64.0.0/16\" ]; tunnels = [ \"t\" ]; " CLOUD(
						   "eth1") " },\n"
								   "         { name = \"b\"; pool = [ \"10.64.0.0/16\" ]; tunnels = [ \"u\" ]; " CLOUD(
									   "eth2") " } );\n");

	(void)state;
	assert_int_equal(m->n_apns, 2);
	conf_free(m);
}

static void ipv6_throughout(void **state)
{
	struct model *m =
		loaded("gateway = { name = \"g\"; outer = { interface = \"eth0\"; address = \"2001:db8::1\"; }; };\n"
			   "carriers = ( { name = \"c\"; local_id = \"a\"; psk_file = \"k\"; tunnels = ( { name = \"t\"; peer = "
			   "\"2001:db8::11\"; } ); } );\n"
			   "apns = ( { name = \"a\"; pool = [ \"2001:db8:64::/48\" ]; tunnels = [ \"t\" ];\n"
			   "  cloud = { attach = \"dedicated\"; interface = \"eth1\"; address = \"2001:db8:110::4/64\"; next_hop = "
			   "\"2001:db8:110::1\";\n"
			   "    prefixes = [ \"2001:db8:110::/48\" ]; };\n"
			   "  services = ( { name = \"s\"; host = \"2001:db8:110:5::5\"; udp = [ 5684 ]; } ); } );\n");

	(void)state;
	assert_string_equal(m->carriers[0].tunnels[0].remote_id, "2001:db8::11");
	assert_int_equal(m->apns[0].cloud.next_hop.family, AF_INET6);
	conf_free(m);
}

/* A link of an APN on a tunnel to a peer of that type, with what the APN says itself. */
static struct model *loaded_with_type(const char *type, const char *selectors)
{
	struct buf text = { 0 };

	buf_printf(&text,
		GATEWAY "carriers = ( { name = \"c\"; local_id = \"a\"; psk_file = \"k\"; tunnels = ( { name = \"t\"; peer = "
				"\"192.0.2.11\"; peer_type = \"%s\"; } ); } );\n"
				"apns = ( { name = \"a\"; pool = [ \"10.64.0.0/16\", \"10.66.0.0/16\" ]; tunnels = [ \"t\" ]; "
				"%s\n" CLOUD("eth1") " } );\n",
		type, selectors);
	struct model *m = loaded(buf_text(&text));
	buf_free(&text);
	return m;
}

/* What a type of peer needs is set, for each type, unless the APN says otherwise. */
static void types_of_peers_set_what_they_need(void **state)
{
	static const char own[] =
		"selectors = { cloud = \"10.110.0.0/20\"; devices = \"10.64.0.0/14\"; children = \"%s\"; };";
	const struct peer_type *type;
	char text[sizeof(own) + 16];

	(void)state;
	for (unsigned i = 0; (type = peer_type_at(i)); i++) {
		struct model *m = loaded_with_type(type->name, "");
		const struct link *l = &m->apns[0].links[0];
		assert_int_equal(l->each_pair, type->each_pair);
		assert_int_equal(l->n_local, 1);
		assert_int_equal(l->local[0].len, type->any ? 0 : 20);
		assert_int_equal(l->n_remote, type->any ? 1 : 2);
		assert_int_equal(l->remote[0].len, type->any ? 0 : 16);
		conf_free(m);

		snprintf(text, sizeof(text), own, type->each_pair ? "one" : "each-pair");
		m = loaded_with_type(type->name, text);
		l = &m->apns[0].links[0];
		assert_int_equal(l->each_pair, !type->each_pair);
		assert_int_equal(l->local[0].len, 20);
		assert_int_equal(l->remote[0].len, 14);
		conf_free(m);
	}
	assert_true(peer_type_find("cisco-policy")->each_pair && peer_type_find("fortinet-policy")->each_pair &&
				peer_type_find("palo-alto")->each_pair && peer_type_find("libreswan")->each_pair);
	assert_true(peer_type_find("route-based")->any && !peer_type_find("route-based")->each_pair);
}

static void octets_that_are_no_text(void **state)
{
	(void)state;
	assert_refused("a = 1;\nb\0 = 2;\n", 15, "x.conf:2: has a NUL in it; this is no text file\n");
	assert_refused("# caf\xe9\n", 7, "x.conf:1: is not UTF-8 from here; save the file as UTF-8\n");
	assert_refused("\xef\xbb\xbf" GATEWAY, strlen("\xef\xbb\xbf" GATEWAY),
		"x.conf:1: begins with a byte order mark; save the file as UTF-8 without one\n");
}

static void size_is_bounded(void **state)
{
	char *text = malloc(CONF_FILE_MAX + 1);

	(void)state;
	assert_non_null(text);
	memset(text, ' ', CONF_FILE_MAX + 1);
	memcpy(text, GATEWAY, strlen(GATEWAY));
	assert_refused(text, CONF_FILE_MAX + 1, "x.conf: is larger than 16777216 octets; is it the right file?\n");

	struct diag_list diags = { 0 };
	struct model *m = NULL;
	assert_int_equal(conf_load_text(text, CONF_FILE_MAX, "x.conf", &diags, &m), 0);
	diag_free(&diags);
	conf_free(m);
	free(text);
}

/* A hundred thousand brackets end as a message, not as a stack that runs out. */
static void nesting_is_bounded(void **state)
{
	static const char *const openings[] = { "(", "{ a = ", "[", "( { a = (" };

	(void)state;
	for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++) {
		struct diag_list diags = { 0 };
		struct buf text = { 0 };
		struct model *m = NULL;
		buf_puts(&text, "a = ");
		for (unsigned k = 0; k < 100000; k++)
			buf_puts(&text, openings[i]);
		assert_int_equal(conf_load_text(buf_text(&text), text.len, "x.conf", &diags, &m), -EINVAL);
		assert_true(diags.errors > 0);
		buf_free(&text);
		diag_free(&diags);
	}
}

/* Thousands of errors: a bounded list, and no time that grows with their square. */
static void errors_are_bounded(void **state)
{
	struct diag_list diags = { 0 };
	struct buf text = { 0 };
	struct model *m = NULL;

	(void)state;
	buf_puts(&text, GATEWAY "apns = (");
	for (unsigned i = 0; i < 5000; i++)
		buf_printf(
			&text, "%s{ name = \"%u\"; tunnels = [ \"x\" ]; pool = [ \"10.0.0.1/8\" ]; }", i ? ",\n" : "", i % 7);
	buf_puts(&text, ");\n");
	assert_int_equal(conf_load_text(buf_text(&text), text.len, "x.conf", &diags, &m), -EINVAL);
	assert_int_equal(diags.count, DIAG_MAX);
	assert_true(diags.errors >= 19000);
	buf_free(&text);
	diag_free(&diags);
}

/* What is so short that a file holds it, and so much that its canonical text is no file any more, is refused at once.
 */
static void canonical_text_is_bounded(void **state)
{
	struct buf text = { 0 };

	(void)state;
	buf_puts(&text, GATEWAY "carriers = (");
	for (unsigned c = 0; c < 10; c++) {
		buf_printf(&text, "%s{ name = \"c%u\"; local_id = \"a\"; psk_file = \"k\"; tunnels = (", c ? ",\n" : "", c);
		for (unsigned t = 0; t < 6000; t++)
			buf_printf(
				&text, "%s{name=\"t%u\";peer=\"20.%u.%u.%u\"}", t ? "," : "", c * 6000 + t, c, t / 250, t % 250 + 1);
		buf_puts(&text, "); }");
	}
	buf_puts(&text, ");\n");
	struct diag_list diags = { 0 };
	struct buf said = { 0 };
	struct model *m = NULL;
	assert_int_equal(conf_load_text(buf_text(&text), text.len, "x.conf", &diags, &m), -EINVAL);
	diag_print(&diags, &said);
	assert_non_null(strstr(buf_text(&said), "x.conf:2: carriers: the file is too much for one gateway: more than "
											"16777216 octets, or 2000000 keys and values, once every default is "
											"written out; give some of the carriers and APNs to another gateway\n"));
	buf_free(&said);
	diag_free(&diags);
	buf_free(&text);
}

static void assert_unreadable(const char *path, const char *expected)
{
	struct diag_list diags = { 0 };
	struct buf out = { 0 };
	struct model *m = NULL;

	assert_int_equal(conf_load(path, &diags, &m), -EINVAL);
	diag_print(&diags, &out);
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
	diag_free(&diags);
}

static void what_is_no_file(void **state)
{
	(void)state;
	assert_unreadable("tests/none.conf", "tests/none.conf: is not there; make it from "
										 "/usr/share/doc/culvert/culvert.conf.example, or name another file\n");
	assert_unreadable("tests", "tests: is a folder; name the file in it\n");
	assert_unreadable("/dev/null", "/dev/null: is no regular file; name a text file\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(example_loads),
		cmocka_unit_test(defaults_are_filled_in),
		cmocka_unit_test(forms_of_the_same),
		cmocka_unit_test(same_pool_twice),
		cmocka_unit_test(ipv6_throughout),
		cmocka_unit_test(types_of_peers_set_what_they_need),
		cmocka_unit_test(octets_that_are_no_text),
		cmocka_unit_test(size_is_bounded),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(errors_are_bounded),
		cmocka_unit_test(canonical_text_is_bounded),
		cmocka_unit_test(what_is_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
