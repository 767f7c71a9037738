/* Canonical texts compared by the names in them; the texts are made by the real printer. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/outline.h"
#include "conf/conf.h"
#include "lib/buf.h"
#include "lib/diag.h"

#include <stdlib.h>
#include <string.h>

#define GATEWAY(name)                                                                                                  \
	"gateway = { name = \"" name "\"; outer = { interface = \"eth0\"; address = \"192.0.2.1\"; }; };\n"
#define TUNNEL(name, last, more) "{ name = \"" name "\"; peer = \"192.0.2." last "\"; " more "}"
#define CARRIER(name, psk, tunnels)                                                                                    \
	"{ name = \"" name "\"; local_id = \"a\"; psk_file = \"" psk "\"; tunnels = ( " tunnels " ); }"
#define APN(name, number, tunnel)                                                                                      \
	"{ name = \"" name "\"; pool = [ \"10." number ".0.0/16\" ]; tunnels = [ \"" tunnel                                \
	"\" ]; cloud = { attach = \"dedicated\"; interface = \"eth" number "\"; address = \"10.1" number                   \
	".0.4/20\"; prefixes = [ \"10.1" number ".0.0/20\" ]; }; }"
#define CONF(gateway, carriers, apns) gateway "carriers = ( " carriers " );\napns = ( " apns " );\n"

#define ONE   TUNNEL("t1", "11", "")
#define TWO   TUNNEL("t2", "12", "")
#define THREE TUNNEL("t3", "13", "")
static const char base[] = CONF(GATEWAY("g"), CARRIER("c", "c.psk", ONE ", " TWO) ", " CARRIER("d", "d.psk", THREE),
	APN("a", "20", "t1") ", " APN("b", "21", "t3"));

static char *canonical(const char *conf)
{
	struct diag_list diags = { 0 };
	struct model *m = NULL;
	struct buf text = { 0 };

	assert_int_equal(conf_load_text(conf, strlen(conf), "x.conf", &diags, &m), 0);
	conf_print(m, &text);
	conf_free(m);
	diag_free(&diags);
	return buf_steal(&text);
}

static void assert_changes(const char *old, const char *next, char *const *secrets, const char *expected)
{
	static const char *const verbs[] = { "+", "~", "-" };
	char *was = *old ? canonical(old) : strdup("");
	char *is = canonical(next);
	struct outline_difference d = { 0 };
	struct buf text = { 0 };

	assert_int_equal(outline_compare(was, is, secrets, &d), 0);
	for (size_t i = 0; i < d.n_changes; i++)
		buf_printf(&text, "%s%s ", verbs[d.changes[i].verb], d.changes[i].name);
	buf_printf(&text, "%u/%u%s", d.tunnels.kept, d.apns.kept, d.gateway ? " gateway" : "");
	assert_string_equal(buf_text(&text), expected);
	buf_free(&text);
	outline_free(&d);
	free(was);
	free(is);
}

static void nothing_but_order(void **state)
{
	(void)state;
	assert_changes(base, base, NULL, "3/2");
	assert_changes(base,
		CONF(GATEWAY("g"), CARRIER("d", "d.psk", THREE) ", " CARRIER("other", "c.psk", TWO ", " ONE),
			APN("b", "21", "t3") ", " APN("a", "20", "t1")),
		NULL, "3/2");
}

static void from_nothing(void **state)
{
	(void)state;
	assert_changes("", base, NULL, "+t1 +t2 +t3 +a +b 0/0 gateway");
}

static void one_tunnel_added_changed_removed(void **state)
{
	(void)state;
	assert_changes(base,
		CONF(GATEWAY("g"),
			CARRIER("c", "c.psk",
				TUNNEL("t1", "11", "initiator = \"carrier\"; ") ", " TUNNEL("t4", "14", "")) ", " CARRIER("d", "d.psk",
				THREE),
			APN("a", "20", "t1") ", " APN("b", "22", "t3")),
		NULL, "~t1 -t2 +t4 ~b 1/1");
}

static void a_carrier_is_a_part_of_its_tunnels(void **state)
{
	static char name[] = "c.psk";
	char *secrets[] = { name, NULL };

	(void)state;
	assert_changes(base,
		CONF(GATEWAY("g"), CARRIER("c", "e.psk", ONE ", " TWO) ", " CARRIER("d", "d.psk", THREE),
			APN("a", "20", "t1") ", " APN("b", "21", "t3")),
		NULL, "~t1 ~t2 1/2");
	assert_changes(base, base, secrets, "~t1 ~t2 1/2");
}

static void the_gateway_is_for_itself(void **state)
{
	(void)state;
	assert_changes(base,
		CONF(GATEWAY("h"), CARRIER("c", "c.psk", ONE ", " TWO) ", " CARRIER("d", "d.psk", THREE),
			APN("a", "20", "t1") ", " APN("b", "21", "t3")),
		NULL, "3/2 gateway");
}

/* What an older culvertd has frozen need not look as expected; it must not do harm. */
static void odd_texts_do_no_harm(void **state)
{
	static const char *const texts[] = { "", "\n", "carriers = (\n", "carriers = (\n\t{\n\t\ttunnels = (\n\t\t\t{\n",
		"apns = (\n\t}\n\t}\n", "}\n)\n", "carriers = (\n\t\ttunnels = (\n\t\t\t}\n\t\t\t}\n\t}\n);\n",
		"apns = (\n\tx" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
			struct outline_difference d = { 0 };

			assert_int_equal(outline_compare(texts[i], texts[k], NULL, &d), 0);
			outline_free(&d);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_but_order),
		cmocka_unit_test(from_nothing),
		cmocka_unit_test(one_tunnel_added_changed_removed),
		cmocka_unit_test(a_carrier_is_a_part_of_its_tunnels),
		cmocka_unit_test(the_gateway_is_for_itself),
		cmocka_unit_test(odd_texts_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
