/* What is printed loads again and prints the same; order and comments of the operator's file do not show. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "conf/canonical.h"
#include "conf/conf.h"
#include "conf/derive.h"
#include "conf/locate.h"
#include "conf/model.h"
#include "conf/read.h"
#include "conf/schema.h"
#include "conf/source.h"
#include "conf/tree.h"
#include "conf/value.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A text with nearly every key, none with its default, in canonical form: one that fits together. */
static const char full[] = "gateway = {\n"
						   "\tname = \"g\";\n"
						   "\touter = {\n"
						   "\t\tinterface = \"eth0\";\n"
						   "\t\taddress = \"192.0.2.1\";\n"
						   "\t\tpublic_address = \"203.0.113.5\";\n"
						   "\t\tencapsulation = \"udp\";\n"
						   "\t\tresolvers = \"192.0.2.53\";\n"
						   "\t};\n"
						   "};\n"
						   "management = {\n"
						   "\tinterface = \"eth2\";\n"
						   "\taddress = \"10.9.0.5/24\";\n"
						   "\tallow = [ \"10.9.0.0/24\", \"10.8.0.0/24\" ];\n"
						   "};\n"
						   "carriers = (\n"
						   "\t{\n"
						   "\t\tname = \"c\";\n"
						   "\t\tlocal_id = \"C=CZ, O=Caf\xc3\xa9 \\\"Praha\\\", CN=back\\\\slash\";\n"
						   "\t\tcertificate = \"c.pem\";\n"
						   "\t\tkey_file = \"c.key\";\n"
						   "\t\tca = [ \"ca.pem\", \"next-ca.pem\" ];\n"
						   "\t\tcrl = \"ca.crl\";\n"
						   "\t\trevocation = \"strict\";\n"
						   "\t\ttunnels = (\n"
						   "\t\t\t{\n"
						   "\t\t\t\tname = \"t\";\n"
						   "\t\t\t\tpeer = [ \"192.0.2.11\", \"192.0.2.12\" ];\n"
						   "\t\t\t\tpeer_type = \"cisco-policy\";\n"
						   "\t\t\t\tremote_id = \"t.example.net\";\n"
						   "\t\t\t\tsuite = [ \"aes256gcm16-prfsha384-ecp384\", \"aes256-sha256-modp2048\" ];\n"
						   "\t\t\t\tinitiator = \"carrier\";\n"
						   "\t\t\t\trekey = {\n"
						   "\t\t\t\t\tike = 900;\n"
						   "\t\t\t\t\tchild = 600;\n"
						   "\t\t\t\t\tceiling = 3000;\n"
						   "\t\t\t\t};\n"
						   "\t\t\t\tdpd = 30;\n"
						   "\t\t\t\tretransmission = {\n"
						   "\t\t\t\t\ttimeout = 3.0;\n"
						   "\t\t\t\t\tbase = 1.125;\n"
						   "\t\t\t\t\ttries = 4;\n"
						   "\t\t\t\t};\n"
						   "\t\t\t\treplay_window = 64;\n"
						   "\t\t\t\tdf = \"clear\";\n"
						   "\t\t\t\tdscp = \"none\";\n"
						   "\t\t\t\trehearse = false;\n"
						   "\t\t\t}\n"
						   "\t\t);\n"
						   "\t}\n"
						   ");\n"
						   "apns = (\n"
						   "\t{\n"
						   "\t\tname = \"a\";\n"
						   "\t\tpool = [ \"10.64.0.0/16\", \"10.66.0.0/16\" ];\n"
						   "\t\ttunnels = [ \"t\" ];\n"
						   "\t\tselectors = {\n"
						   "\t\t\tcloud = [ \"10.110.0.0/20\", \"10.112.0.0/20\" ];\n"
						   "\t\t\tdevices = \"10.64.0.0/14\";\n"
						   "\t\t\tchildren = \"one\";\n"
						   "\t\t};\n"
						   "\t\tcloud = {\n"
						   "\t\t\tattach = \"dedicated\";\n"
						   "\t\t\tinterface = \"eth1\";\n"
						   "\t\t\taddress = \"10.110.0.4/20\";\n"
						   "\t\t\tnext_hop = \"10.110.0.1\";\n"
						   "\t\t\tprefixes = [ \"10.110.0.0/20\", \"10.112.0.0/20\" ];\n"
						   "\t\t};\n"
						   "\t\tservices = (\n"
						   "\t\t\t{\n"
						   "\t\t\t\tname = \"s\";\n"
						   "\t\t\t\thost = \"10.112.0.5\";\n"
						   "\t\t\t\tudp = ( 5684, \"8000-8010\" );\n"
						   "\t\t\t\ttcp = ( 443 );\n"
						   "\t\t\t}\n"
						   "\t\t);\n"
						   "\t\tdownlink = (\n"
						   "\t\t\t{\n"
						   "\t\t\t\tname = \"s\";\n"
						   "\t\t\t\thost = \"10.110.0.5\";\n"
						   "\t\t\t\tudp = ( 5684 );\n"
						   "\t\t\t}\n"
						   "\t\t);\n"
						   "\t\ticmp = \"echo\";\n"
						   "\t\tping_responder = {\n"
						   "\t\t\taddress = \"10.110.0.4\";\n"
						   "\t\t\tfrom = \"10.64.0.1/32\";\n"
						   "\t\t};\n"
						   "\t\tlimits = {\n"
						   "\t\t\tconnections = 20000;\n"
						   "\t\t\tpackets = 5000;\n"
						   "\t\t};\n"
						   "\t\tudp_timeout = 600;\n"
						   "\t\tprobe = {\n"
						   "\t\t\tsource = \"10.110.0.4\";\n"
						   "\t\t\ttarget = \"10.64.0.1\";\n"
						   "\t\t\tprotocol = \"tcp\";\n"
						   "\t\t\tport = 7;\n"
						   "\t\t\tinterval = 10;\n"
						   "\t\t\tpatience = 20;\n"
						   "\t\t\tmeasure = false;\n"
						   "\t\t};\n"
						   "\t\thold_down = 60;\n"
						   "\t}\n"
						   ");\n";

/* text loaded and printed; the caller frees it. */
static char *printed(const char *text)
{
	struct diag_list diags = { 0 };
	struct buf out = { 0 };
	struct model *m = NULL;

	if (conf_load_text(text, strlen(text), "x.conf", &diags, &m)) {
		diag_print(&diags, &out);
		fail_msg("%s", buf_text(&out));
	}
	conf_print(m, &out);
	conf_free(m);
	diag_free(&diags);
	return buf_steal(&out);
}

static void canonical_stays(void **state)
{
	char *once = printed(full);

	(void)state;
	assert_string_equal(once, full);
	free(once);
}

static void example_becomes_canonical(void **state)
{
	char *text;
	size_t len;

	(void)state;
	assert_int_equal(io_read_file("conf/culvert.conf.example", CONF_FILE_MAX, &text, &len), 0);
	char *once = printed(text), *twice = printed(once);
	assert_string_equal(once, twice);
	assert_null(strchr(once, '#'));
	assert_non_null(strstr(once, "\t\t\t\t\tchild = 2400;\n"));
	free(text);
	free(once);
	free(twice);
}

static void order_of_keys_does_not_show(void **state)
{
	char *a =
		printed("gateway = { name = \"g\"; outer = { interface = \"eth0\"; address = \"192.0.2.1\"; }; }; apns = ();");
	char *b =
		printed("# x\ngateway : { outer : { address = \"192.0.2.1\", interface = \"eth0\" } /* y */ name = \"g\" }\n");

	(void)state;
	assert_string_equal(a, b);
	free(a);
	free(b);
}

/* --- any values that can be read, fitting together or not --- */

/* What values of a kind look like when they are printed. */
static const struct {
	const struct value_kind *kind;
	const char *texts[5];
} samples[] = {
	{ &value_switch, { "false" } }, /* true is not printed */
	{ &value_name, { "\"a\"", "\"vf-praha\"", "\"0-9\"", "\"abcdefghijklmnopqrstuvwxyz012345\"" } },
	{ &value_file, { "\"k.psk\"", "\"_\"", "\"A..b\"" } },
	{ &value_interface, { "\"eth0\"", "\"eth1.110\"", "\"enP1p0s31f6np0_\"" } },
	{ &value_identity, { "\"192.0.2.1\"", "\"a\"", "\"C=CZ, O=Caf\xc3\xa9 \\\"x\\\", CN=\\\\\"",
						   "\"@include // # 010 /\"", "\"2001:db8::1\"" } },
	{ &value_address, { "\"192.0.2.1\"", "\"2001:db8::1\"", "\"10.0.0.1\"" } },
	{ &value_host_prefix, { "\"10.9.0.5/24\"", "\"2001:db8::5/64\"", "\"10.0.0.1/31\"" } },
	{ &value_network, { "\"10.64.0.0/16\"", "\"10.0.0.1/32\"", "\"2001:db8::/32\"" } },
	{ &value_outer_address, { "\"dhcp\"", "\"192.0.2.1\"", "\"2001:db8::1\"" } },
	{ &value_selector, { "\"any\"", "\"10.64.0.0/14\"" } },
	{ &value_peer, { "\"any\"", "\"192.0.2.11\"", "\"ipsec.example.net\"", "\"2001:db8::11\"" } },
	{ &value_suite, { "\"aes256-sha256-modp2048\"", "\"aes256-sha256-ecp384\"", "\"aes256gcm16-prfsha384-ecp384\"" } },
	{ &value_peer_type, { "\"policy-based\"", "\"cisco-policy\"", "\"route-based\"" } },
	{ &value_ports, { "1", "65535", "\"1-65535\"", "\"8000-8010\"" } },
};

struct dice {
	uint32_t state;
	unsigned tunnels; /* written so far */
};

static unsigned roll(struct dice *d, unsigned sides)
{
	d->state = d->state * 1664525 + 1013904223;
	return (d->state >> 8) % sides;
}

static void write_number(struct dice *d, const struct schema_key *key, struct buf *out)
{
	long long span = key->most - key->least, at = roll(d, 3) ? span * roll(d, 1000) / 1000 : span * roll(d, 2);

	at += key->least;
	if (key->kind != &value_real)
		buf_printf(out, "%lld", at);
	else
		buf_printf(out, "%lld.%lld%s", at / 10, at % 10, at < key->most && roll(d, 2) ? "25" : "");
}

static void write_value(struct dice *d, const struct schema_key *key, struct buf *out)
{
	if (key->kind->choices) {
		buf_printf(out, "\"%s\"", key->kind->choices[roll(d, (unsigned)key->kind->n_choices)]);
		return;
	}
	if (key->kind == &value_link) {
		buf_printf(out, "\"t%u\"", roll(d, d->tunnels ? d->tunnels : 1));
		return;
	}
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		unsigned n = 0;
		while (n < 5 && samples[i].texts[n])
			n++;
		if (samples[i].kind == key->kind) {
			buf_puts(out, samples[i].texts[roll(d, n)]);
			return;
		}
	}
	write_number(d, key, out);
}

static void write_group(struct dice *d, const struct schema_group *group, unsigned depth, struct buf *out);

static void write_tabs(unsigned depth, struct buf *out)
{
	while (depth--)
		buf_puts(out, "\t");
}

static void write_braces(struct dice *d, const struct schema_group *group, unsigned depth, struct buf *out)
{
	buf_puts(out, "{\n");
	write_group(d, group, depth + 1, out);
	write_tabs(depth, out);
	buf_puts(out, "}");
}

static void write_list(struct dice *d, const struct schema_key *key, unsigned depth, struct buf *out)
{
	bool mixed = !key->group && key->kind == &value_ports;
	unsigned n = 1 + roll(d, key->max < 4 ? (unsigned)key->max : 4);
	bool bare = key->single && n == 1;

	buf_puts(out, key->group ? "(\n" : bare ? "" : mixed ? "( " : "[ ");
	for (unsigned i = 0; i < n; i++) {
		if (key->group) {
			write_tabs(depth + 1, out);
			write_braces(d, key->group, depth + 1, out);
		} else {
			write_value(d, key, out);
		}
		buf_puts(out, i + 1 < n ? "," : "");
		buf_puts(out, key->group ? "\n" : i + 1 < n ? " " : "");
	}
	if (key->group)
		write_tabs(depth, out);
	buf_puts(out, key->group ? ")" : bare ? "" : mixed ? " )" : " ]");
}

/* A key that has no default and may be left out is, at times; so is a group of such keys. */
static bool is_left_out(struct dice *d, const struct schema_key *key)
{
	return !key->required && !key->fallback && key->absent && strcmp(key->name, "remote_id") != 0 && !roll(d, 3);
}

/* An optional group that only has defaults is not printed. */
static bool says_something(const struct schema_group *group, const char *text)
{
	bool says = false;

	for (size_t i = 0; i < group->n_keys && !says; i++) {
		const struct schema_key *key = &group->keys[i];
		struct buf any = { 0 }, fallback = { 0 };
		buf_printf(&any, "\t%s = ", key->name);
		buf_printf(&fallback, "\t%s = \"%s\";", key->name, key->fallback ? key->fallback : "");
		says = strstr(text, buf_text(&any)) && !strstr(text, buf_text(&fallback));
		buf_free(&any);
		buf_free(&fallback);
	}
	return says;
}

static void write_optional_group(struct dice *d, const struct schema_key *key, unsigned depth, struct buf *out)
{
	struct buf text = { 0 };

	write_braces(d, key->group, depth, &text);
	if (says_something(key->group, buf_text(&text))) {
		write_tabs(depth, out);
		buf_printf(out, "%s = %s;\n", key->name, buf_text(&text));
	}
	buf_free(&text);
}

static void write_group(struct dice *d, const struct schema_group *group, unsigned depth, struct buf *out)
{
	bool tunnel = group->n_keys > 1 && strcmp(group->keys[1].name, "peer") == 0;

	for (size_t i = 0; i < group->n_keys; i++) {
		const struct schema_key *key = &group->keys[i];
		if (is_left_out(d, key))
			continue;
		if (key->group && !key->list && key->absent) {
			write_optional_group(d, key, depth, out);
			continue;
		}
		write_tabs(depth, out);
		buf_printf(out, "%s = ", key->name);
		if (tunnel && i == 0)
			buf_printf(out, "\"t%u\"", d->tunnels++);
		else if (key->list)
			write_list(d, key, depth, out);
		else if (key->group)
			write_braces(d, key->group, depth, out);
		else
			write_value(d, key, out);
		buf_puts(out, ";\n");
	}
}

static void print_services(const struct service *services, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s %u\n", services[i].name, services[i].origin.line);
}

/* What a model was read as, and where it stands. The model is freed. */
static char *told(struct model *m)
{
	struct buf out = { 0 };

	assert_int_equal(derive_model(m), 0);
	conf_print(m, &out);
	buf_printf(&out, "%u %u\n", m->gateway.origin.line, m->management.origin.line);
	for (size_t i = 0; i < m->n_carriers; i++) {
		buf_printf(&out, "%s %u\n", m->carriers[i].name, m->carriers[i].origin.line);
		for (size_t k = 0; k < m->carriers[i].n_tunnels; k++)
			buf_printf(&out, "%s %u\n", m->carriers[i].tunnels[k].name, m->carriers[i].tunnels[k].origin.line);
	}
	for (size_t i = 0; i < m->n_apns; i++) {
		buf_printf(&out, "%s %u\n", m->apns[i].name, m->apns[i].origin.line);
		print_services(m->apns[i].services, m->apns[i].n_services, &out);
		print_services(m->apns[i].downlink, m->apns[i].n_downlink, &out);
	}
	arena_free(m->memory);
	free(m->shared);
	return buf_steal(&out);
}

/* A text read as the operator's file is, without looking whether it fits together; NULL with *ret_why if it cannot be.
 */
static char *told_by_loader(const char *text, char **ret_why)
{
	struct diag_list diags = { 0 };
	struct source source = { 0 };
	struct model m = { 0 };
	struct buf why = { 0 };
	char *out = NULL;
	struct tree_error error;
	struct tree *tree = NULL;

	if (!source_build("x.conf", text, strlen(text), NULL, NULL, &diags, &source) &&
		!tree_parse(buf_text(&source.text), source.text.len, &tree, &error)) {
		struct locator where = { &source, tree_root(tree) };
		assert_int_equal(read_model(&where, &diags, &m), 0);
		if (diags.count)
			arena_free(m.memory);
		else
			out = told(&m);
	}
	diag_print(&diags, &why);
	*ret_why = buf_steal(&why);
	tree_free(tree);
	source_free(&source);
	diag_free(&diags);
	return out;
}

/* The same for canonical text; NULL if it is none. */
static char *told_by_canonical(const char *text)
{
	char name[] = "x.conf", *files[] = { name };
	struct model m = { .files = files, .n_files = 1 };

	int r = canonical_read(text, strlen(text), &m);
	if (!r)
		return told(&m);
	assert_int_equal(r, -EINVAL);
	arena_free(m.memory);
	return NULL;
}

/* A text with at least one tunnel; "" if the dice have none. */
static char *any_text(struct dice *d)
{
	struct buf text = { 0 };

	write_group(d, &schema_root, 0, &text);
	if (!d->tunnels)
		buf_cut(&text, 0);
	return buf_steal(&text);
}

static void any_model_prints_as_it_was_written(void **state)
{
	unsigned models = 0;

	(void)state;
	for (uint32_t seed = 0; seed < 300; seed++) {
		struct dice d = { .state = seed * 2654435761U };
		char *text = any_text(&d), *why = NULL;
		if (*text) {
			char *one = told_by_loader(text, &why), *other = told_by_canonical(text);
			if (!one || !other)
				fail_msg("%s\n%s", why, text);
			assert_memory_equal(one, text, strlen(text));
			assert_string_equal(one, other);
			models++;
			free(one);
			free(other);
		}
		free(why);
		free(text);
	}
	assert_true(models > 100);
}

/* An octet, or a whole line, gone, doubled or put in the place of another. */
static void damage(struct dice *d, char *text)
{
	static const char octets[] = "\t\n \"\\01aA.,;=(){}[]-/#_\x80";
	size_t len = strlen(text), at = roll(d, (unsigned)len);

	switch (roll(d, 4)) {
	case 0:
		text[at] = octets[roll(d, sizeof(octets) - 1)];
		break;
	case 1:
		memmove(text + at, text + at + 1, len - at);
		break;
	case 2:
		text[at] = text[roll(d, (unsigned)len)];
		break;
	default: {
		char *line = text + at, *end = strchr(line, '\n');
		if (end)
			memmove(line, end, strlen(end) + 1);
	}
	}
}

/* The two ways never take the same text for different things, and what is read as canonical is never refused. */
static void damaged_text_is_never_read_otherwise(void **state)
{
	unsigned taken = 0, refused = 0;

	(void)state;
	for (uint32_t seed = 0; seed < 3000; seed++) {
		struct dice d = { .state = seed * 2246822519U };
		char *text = any_text(&d), *why = NULL;
		if (*text) {
			damage(&d, text);
			char *other = told_by_canonical(text), *one = other ? told_by_loader(text, &why) : NULL;
			if (other && !one)
				fail_msg("%s\n%s", why, text);
			if (other)
				assert_string_equal(one, other);
			taken += other != NULL;
			refused += !other;
			free(one);
			free(other);
		}
		free(why);
		free(text);
	}
	assert_true(taken > 50 && refused > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonical_stays),
		cmocka_unit_test(example_becomes_canonical),
		cmocka_unit_test(order_of_keys_does_not_show),
		cmocka_unit_test(any_model_prints_as_it_was_written),
		cmocka_unit_test(damaged_text_is_never_read_otherwise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
