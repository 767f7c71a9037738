/* Canonical texts compared by the names in them; the texts are made by the real printer. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/outline.h"
#include "appliance/daemon/outline_part.h"
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
enum { ENTRIES = 12 };

static unsigned roll(unsigned seed, unsigned i)
{
	return (seed * 2654435761U + i * 40503U) * 2246822519U >> 16;
}

/* A text of up to that many carriers and APNs; entry number changed of one of the lists is another one than without. */
static char *any_text(unsigned seed, bool in_apns, unsigned changed)
{
	struct buf carriers = { 0 }, apns = { 0 }, text = { 0 };

	for (unsigned i = 0; i < ENTRIES; i++) {
		unsigned one = roll(seed, i + (!in_apns && i == changed ? 500 : 0)) % 8;
		unsigned other = roll(seed, 100 + i + (in_apns && i == changed ? 500 : 0)) % 4;
		buf_printf(&carriers, "%s{ name = \"c%u\"; local_id = \"%s\"; psk_file = \"c.psk\"; tunnels = ( ",
			carriers.len ? ", " : "", i, one == 1 ? "other" : "a");
		for (unsigned k = 0; k < 1 + i % 3 + (one == 2); k++)
			buf_printf(&carriers, "%s{ name = \"t%u-%u\"; peer = \"192.0.%u.%u\"; dpd = %u; }", k ? ", " : "", i, k, k,
				i + 1, one == 3 ? 20U : 10U);
		buf_puts(&carriers, " ); }");
		if (other == 0)
			continue;
		buf_printf(&apns,
			"%s{ name = \"a%u\"; pool = [ \"10.%u.0.0/%u\" ]; tunnels = [ \"t%u-0\" ]; cloud = { attach = "
			"\"dedicated\"; "
			"interface = \"eth%u\"; address = \"10.1%02u.0.4/20\"; prefixes = [ \"10.1%02u.0.0/20\" ]; }; }",
			apns.len ? ", " : "", i, 20 + i, other == 1 ? 24U : 16U, i, 20 + i, 20 + i, 20 + i);
	}
	buf_printf(&text, GATEWAY("g") "carriers = ( %s );\napns = ( %s );\n", buf_text(&carriers), buf_text(&apns));
	buf_free(&carriers);
	buf_free(&apns);
	char *conf = buf_steal(&text), *out = canonical(conf);
	free(conf);
	return out;
}

/* A canonical text with one octet or line, or a few lines, changed, gone or doubled: no text that loads, perhaps. */
static char *edited(const char *text, unsigned *dice)
{
	struct buf out = { 0 };
	size_t len = strlen(text);

	*dice = *dice * 1103515245 + 12345;
	size_t from = (*dice >> 8) % len;
	while (from && text[from - 1] != '\n')
		from--;
	size_t to = from;
	for (unsigned lines = 1 + (*dice >> 4) % 30; lines && to < len; lines--)
		to += strcspn(text + to, "\n") + 1;
	buf_add(&out, text, from);
	if (*dice % 3 == 1)
		buf_add(&out, text + from, to - from);
	if (*dice % 3 == 2)
		buf_puts(&out, "\t\tother = 1;\n");
	if (*dice % 3)
		buf_add(&out, text + from, to - from);
	buf_puts(&out, text + to);
	return buf_steal(&out);
}

static void assert_same_either_way(const char *old, const char *next, bool names_are_unique)
{
	char other[] = "no-such.psk", *none[] = { other, NULL };
	struct outline_difference part = { 0 }, whole = { 0 };

	assert_int_equal(outline_compare(old, next, NULL, &part), 0);
	assert_int_equal(outline_compare(old, next, none, &whole), 0);
	if (names_are_unique) {
		assert_memory_equal(&part.tunnels, &whole.tunnels, sizeof(part.tunnels));
		assert_memory_equal(&part.apns, &whole.apns, sizeof(part.apns));
		assert_int_equal(part.gateway, whole.gateway);
		assert_int_equal(part.n_changes, whole.n_changes);
		for (size_t i = 0; i < part.n_changes; i++) {
			assert_int_equal(part.changes[i].kind, whole.changes[i].kind);
			assert_int_equal(part.changes[i].verb, whole.changes[i].verb);
			assert_string_equal(part.changes[i].name, whole.changes[i].name);
		}
	}
	outline_free(&part);
	outline_free(&whole);
}

/* What is said of the part in which texts differ is what is said of the whole: a secret that nobody names makes the
 * whole be read. */
static void the_part_that_differs_is_enough(void **state)
{
	unsigned narrow = 0;

	(void)state;
	for (unsigned seed = 1; seed < 300; seed++) {
		struct outline_part part;
		unsigned dice = seed;
		char *old = any_text(seed, false, ENTRIES), *next = any_text(seed, seed % 2, seed % ENTRIES);
		char *far = any_text(seed + 1, false, ENTRIES), *odd = edited(next, &dice);
		narrow += outline_narrow(old, next, &part);
		assert_same_either_way(old, next, true);
		assert_same_either_way(next, far, true);
		assert_same_either_way(next, odd, false);
		free(old);
		free(next);
		free(far);
		free(odd);
	}
	assert_true(narrow > 100);
}

/* One entry of many becomes another, comes or goes. */
static void one_entry_of_many(void **state)
{
	static const struct {
		const char *carriers, *apns;
	} edits[] = {
		{ CARRIER("c", "c.psk", ONE ", " TWO) ", " CARRIER("d", "d.psk", TUNNEL("t3", "14", "")),
			APN("a", "20", "t1") ", " APN("b", "21", "t3") },
		{ CARRIER("c", "c.psk", ONE) ", " CARRIER("d", "d.psk", THREE),
			APN("a", "20", "t1") ", " APN("b", "21", "t3") },
		{ CARRIER("d", "d.psk", THREE) ", " CARRIER("c", "c.psk", ONE ", " TWO),
			APN("a", "20", "t1") ", " APN("b", "21", "t3") },
		{ CARRIER("c", "c.psk", ONE ", " TWO) ", " CARRIER("d", "d.psk", THREE), APN("b", "21", "t3") },
		{ CARRIER("c", "c.psk", ONE ", " TWO) ", " CARRIER("d", "d.psk", THREE),
			APN("a", "22", "t1") ", " APN("b", "21", "t3") },
		{ CARRIER("c", "c.psk", ONE ", " TWO) ", " CARRIER("d", "d.psk", THREE),
			APN("a", "20", "t1") ", " APN("x", "19", "t2") ", " APN("b", "21", "t3") },
		{ CARRIER("c", "c.psk", TUNNEL("t0", "10", "") ", " ONE ", " TWO) ", " CARRIER("d", "d.psk", THREE),
			APN("a", "20", "t1") ", " APN("b", "21", "t3") },
		{ CARRIER("c", "c.psk", ONE ", " TWO) ", " CARRIER("d", "d.psk", THREE),
			APN("b", "21", "t3") ", " APN("a", "20", "t1") },
	};
	struct outline_part part;
	char *was = canonical(base);

	(void)state;
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		struct buf conf = { 0 };
		buf_printf(&conf, GATEWAY("g") "carriers = ( %s );\napns = ( %s );\n", edits[i].carriers, edits[i].apns);
		char *is = canonical(buf_text(&conf));
		assert_true(outline_narrow(was, is, &part));
		assert_same_either_way(was, is, true);
		assert_same_either_way(is, was, true);
		free(is);
		buf_free(&conf);
	}
	free(was);
}

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
		cmocka_unit_test(the_part_that_differs_is_enough),
		cmocka_unit_test(one_entry_of_many),
		cmocka_unit_test(odd_texts_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
