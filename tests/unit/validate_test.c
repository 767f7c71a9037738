/* What the cross checks must let pass, each beside one that they refuse in tests/invalid/; and what they only say. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "conf/conf.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/diag.h"

#include <string.h>

/* Loads text, and what it prints; both must say exactly expected. */
static void assert_passes(const char *text, const char *expected)
{
	struct buf canonical = { 0 };

	for (int round = 0; round < 2; round++) {
		struct diag_list diags = { 0 };
		struct buf out = { 0 };
		struct model *m = NULL;
		const char *from = round ? buf_text(&canonical) : text;
		int r = conf_load_text(from, strlen(from), "x.conf", &diags, &m);
		diag_print(&diags, &out);
		/* Lines are others in canonical text. */
		if (r || (round ? !!diags.count != !!*expected : strcmp(buf_text(&out), expected) != 0))
			fail_msg("round %d, wanted:\n%sgot:\n%s", round, expected, buf_text(&out));
		if (!round)
			conf_print(m, &canonical);
		conf_free(m);
		buf_free(&out);
		diag_free(&diags);
	}
	buf_free(&canonical);
}

#define GATEWAY "gateway = { name = \"g\"; outer = { interface = \"eth0\"; address = \"192.0.2.1\"; }; };\n"
#define CARRIER(tunnels)                                                                                               \
	"carriers = ( { name = \"c\"; local_id = \"a\"; psk_file = \"c.psk\"; tunnels = ( " tunnels " ); } );\n"
#define TUNNEL "{ name = \"t\"; peer = \"192.0.2.11\"; }"
#define APN(name, pool, tunnel, cloud, rest)                                                                           \
	"{ name = \"" name "\"; pool = [ " pool " ]; tunnels = [ " tunnel " ]; cloud = { " cloud " }; " rest " }"
#define CLOUD                                                                                                          \
	"attach = \"dedicated\"; interface = \"eth1\"; address = \"10.110.0.4/20\"; prefixes = [ \"10.110.0.0/20\" ];"
#define SHARED(prefix) "attach = \"shared\"; interface = \"eth1\"; prefixes = [ \"" prefix "\" ];"
#define APNS(list)     "apns = ( " list " );\n"
#define ONE            APNS(APN("m", "\"10.64.0.0/16\"", "\"t\"", CLOUD, ""))

static void outer_sides(void **state)
{
	(void)state;
	assert_passes(
		"gateway = { name = \"g\"; outer = { interface = \"eth0\"; address = \"dhcp\"; public_address = "
		"\"203.0.113.5\"; encapsulation = \"udp\"; resolvers = [ \"192.0.2.53\", \"192.0.2.54\" ]; }; };\n" CARRIER(
			"{ name = \"t\"; peer = \"ipsec.example.net\"; }") ONE,
		"");
	assert_passes("gateway = { name = \"g\"; outer = { interface = \"eth0\"; address = \"2001:db8::1\"; resolvers = "
				  "\"2001:db8::53\"; }; };\n" CARRIER("{ name = \"t\"; peer = [ \"2001:db8::b\", \"2001:db8::c\" ]; }")
					  ONE,
		"");
}

static void management(void **state)
{
	(void)state;
	/* A name may also be asked for by management. */
	assert_passes(GATEWAY
		"management = { interface = \"eth9\"; address = \"10.9.0.5/24\"; allow = [ \"10.9.0.0/24\", "
		"\"198.51.100.7\", \"10.70.1.0/24\" ]; };\n" CARRIER("{ name = \"t\"; peer = \"ipsec.example.net\"; }") ONE,
		"");
}

static void peers(void **state)
{
	(void)state;
	assert_passes(
		GATEWAY CARRIER("{ name = \"t\"; peer = \"any\"; initiator = \"carrier\"; remote_id = \"x.example.net\"; }, "
						"{ name = \"u\"; peer = \"any\"; initiator = \"carrier\"; remote_id = \"y.example.net\"; }, "
						"{ name = \"v\"; peer = [ \"192.0.2.11\", \"192.0.2.12\" ]; remote_id = \"CN=x, C=CZ\"; }, "
						"{ name = \"w\"; peer = \"192.0.2.11\"; remote_id = \"C=CZ, CN=x\"; }")
			APNS(APN("m", "\"10.64.0.0/16\"", "\"t\", \"u\", \"v\", \"w\"", CLOUD, "")),
		"");
}

static void times(void **state)
{
	(void)state;
	assert_passes(
		GATEWAY CARRIER("{ name = \"t\"; peer = \"192.0.2.11\"; rekey = { ike = 30; child = 40; ceiling = 100; }; "
						"retransmission = { timeout = 2; base = 1.0; tries = 5; }; dpd = 5; }, "
						"{ name = \"u\"; peer = \"192.0.2.12\"; rekey = { ike = 3298; child = 3298; ceiling = 3599; "
						"}; retransmission = { timeout = 60; base = 1; tries = 4; }; }")
			APNS(APN("m", "\"10.64.0.0/16\"", "\"t\", \"u\"", CLOUD, "")),
		"");
}

static void credentials(void **state)
{
	(void)state;
	assert_passes(GATEWAY
		"carriers = ( { name = \"c\"; local_id = \"a\"; certificate = [ \"a.pem\", \"b.pem\" ]; key_file = [ "
		"\"a.key\", \"b.key\" ]; ca = [ \"x.pem\", \"y.pem\" ]; crl = \"x.crl\"; revocation = \"strict\"; "
		"tunnels = ( " TUNNEL " ); } );\n" ONE,
		"");
	assert_passes(GATEWAY
		"carriers = ( { name = \"c\"; local_id = \"a\"; psk_file = [ \"a.psk\", \"b.psk\" ]; tunnels = "
		"( " TUNNEL " ); } );\n" ONE,
		"");
}

#define VLAN(number)                                                                                                   \
	"attach = \"vlan\"; interface = \"eth1\"; vlan = " number "; address = \"10.110.0.4/20\"; prefixes = [ "           \
	"\"10.110.0.0/20\" ];"

static void attachments(void **state)
{
	(void)state;
	/* The same pools and clouds behind VLANs of one interface. */
	assert_passes(GATEWAY CARRIER(TUNNEL ", { name = \"u\"; peer = \"192.0.2.12\"; }") APNS(APN("m", "\"10.64.0.0/16\"",
					  "\"t\"", VLAN("110"), "") ", " APN("n", "\"10.64.0.0/16\"", "\"u\"", VLAN("111"), "")),
		"");
	/* On one shared interface: separate pools, the same pool under another name, one address for all, other prefixes.
	 */
	assert_passes(
		GATEWAY CARRIER(TUNNEL ", { name = \"u\"; peer = \"192.0.2.12\"; }") APNS(APN("m", "\"10.64.0.0/16\"", "\"t\"",
			SHARED("10.110.0.0/20"), "") ", " APN("n", "\"10.64.0.0/16\", \"10.66.0.0/24\"", "\"u\"",
			SHARED("10.130.0.0/20") " address = \"10.110.0.4/20\"; next_hop = \"10.110.0.1\"; presented_as = [ "
									"\"10.200.0.0/16\", \"10.201.0.0/24\" ];",
			"") ", " APN("o", "\"10.65.0.0/16\"", "\"u\"", SHARED("10.110.0.0/20") " address = \"10.110.0.4/20\";",
			"")),
		"");
	/* Two families on it. */
	assert_passes(GATEWAY CARRIER(TUNNEL) APNS(APN("m", "\"10.64.0.0/16\"", "\"t\"",
					  SHARED("10.110.0.0/20") " address = \"10.110.0.4/20\";", "") ", " APN("n", "\"2001:db8:64::/64\"",
					  "\"t\"", SHARED("2001:db8:110::/64") " next_hop = \"2001:db8:f::1\";", "")),
		"");
}

#define ROUTED "{ name = \"t\"; peer = \"192.0.2.11\"; peer_type = \"route-based\"; }"
#define NOTE                                                                                                           \
	"x.conf:2: note: carriers[0].tunnels[0].peer_type: \"route-based\" routes into the tunnel and negotiates any to "  \
	"any: sets selectors any to any where an APN does not say otherwise\n"

static void selectors(void **state)
{
	(void)state;
	/* Alone on a tunnel that is route-based; two with selectors of their own; halves that are as good as the whole. */
	assert_passes(GATEWAY CARRIER(ROUTED) ONE, NOTE);
	assert_passes(
		GATEWAY CARRIER(ROUTED) APNS(APN("m", "\"10.64.0.0/16\"", "\"t\"", SHARED("10.110.0.0/20"),
			"selectors = { cloud = \"any\"; devices = [ \"10.64.128.0/17\", \"10.64.0.0/17\" ]; };") ", " APN("n",
			"\"10.65.0.0/16\"", "\"t\"", SHARED("10.110.0.0/20"), "selectors = { devices = \"10.65.0.0/16\"; };")),
		NOTE);
	/* The same pool on one tunnel: the cloud side tells them apart. */
	assert_passes(GATEWAY CARRIER(TUNNEL)
					  APNS(APN("m", "\"10.64.0.0/16\"", "\"t\"", CLOUD, "") ", " APN("n", "\"10.64.0.0/16\"", "\"t\"",
						  "attach = \"dedicated\"; interface = \"eth2\"; address = \"10.120.0.4/20\"; prefixes = [ "
						  "\"10.120.0.0/20\" ];",
						  "")),
		"");
}

static void asking(void **state)
{
	(void)state;
	assert_passes(GATEWAY CARRIER(TUNNEL) APNS(APN("m", "\"10.64.0.0/16\"", "\"t\"", CLOUD,
					  "selectors = { devices = [ \"10.64.0.0/16\", \"10.99.0.0/24\" ]; };\n"
					  "ping_responder = { address = \"10.110.0.4\"; from = [ \"10.64.0.1\", \"10.99.0.7\" ]; };\n"
					  "probe = { source = \"10.110.0.4\"; target = \"10.99.0.7\"; protocol = \"udp\"; port = 7; };")),
		"");
}

/* What the types of many tunnels set fills no list. */
static void notes_are_few(void **state)
{
	struct diag_list diags = { 0 };
	struct model *m = NULL;
	struct buf text = { 0 };

	(void)state;
	buf_puts(&text, GATEWAY "carriers = ( { name = \"c\"; local_id = \"a\"; psk_file = \"c.psk\"; tunnels = (");
	for (unsigned i = 1; i <= 100; i++)
		buf_printf(&text, "%s{ name = \"t%u\"; peer = \"198.51.100.%u\"; peer_type = \"cisco-policy\"; }",
			i > 1 ? ", " : "", i, i);
	buf_puts(&text, "); } );\n");
	assert_int_equal(conf_load_text(buf_text(&text), text.len, "x.conf", &diags, &m), 0);
	size_t notes = 0;
	for (size_t i = 0; i < diags.count; i++)
		notes += diags.items[i].severity == DIAG_NOTE;
	assert_int_equal(notes, 21);
	assert_string_equal(
		diags.items[diags.count - 1].text, "what the peer_type of 80 further tunnels sets is not repeated");
	conf_free(m);
	diag_free(&diags);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outer_sides),
		cmocka_unit_test(management),
		cmocka_unit_test(peers),
		cmocka_unit_test(times),
		cmocka_unit_test(credentials),
		cmocka_unit_test(attachments),
		cmocka_unit_test(selectors),
		cmocka_unit_test(asking),
		cmocka_unit_test(notes_are_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
