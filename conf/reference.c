/* The page of reference, by walking the schema: what the loader takes is what the page says. */
#include "conf/conf.h"

#include "conf/page.h"
#include "conf/schema.h"
#include "conf/source.h"
#include "conf/value.h"
#include "ikev2/peer_type.h"
#include "ikev2/suite.h"
#include "lib/buf.h"

#include <stdio.h>

enum { PATH_SIZE = 128 };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Numbers that the texts below name. */
_Static_assert(SOURCE_DEPTH_MAX == 10 && CONF_FILE_MAX == 16 * 1024 * 1024, "the page of reference says otherwise");

/* --- what no table says --- */

static const char *const introduction[] = {
	"`/etc/culvert/culvert.conf` is written by the operator. `culvert check` tells what is wrong with it, and "
	"`culvert reload` puts it into force, whole or not at all. A commented file to begin with is "
	"`/usr/share/doc/culvert/culvert.conf.example`. A key that is not listed here is an error.",
};

static const char *const syntax[] = {
	"The syntax is libconfig's: `key = value;`, groups in `{ }`, lists in `( )` or, with entries of one kind, in `[ "
	"]`. "
	"Text stands in `\"quotes\"` and ends on its line; two texts beside each other are one; `\\\"` and `\\\\` are a "
	"quote "
	"and a backslash in it. Comments go from `#` or `//` to the end of the line, or from `/*` to `*/`. The file is "
	"UTF-8, and a comment on its last line ends with the line: one that breaks off is taken for the end of a file that "
	"was cut short.",
	"Numbers are decimal, or hexadecimal behind `0x`. A zero in front is refused: `0443` would be read as octal.",
};

static const char *const files[] = {
	"`@include \"carriers/vodafone-cz.conf\"`, alone on its line, puts the text of another file in its place: at the "
	"top, "
	"or inside a group or a list. The path is seen from the folder of the file that includes, or it is absolute. An "
	"included file may include others, 10 deep, and closes all brackets that it opens. All files together have at most "
	"16 MiB. Messages name the file and the line in it. The folder `secrets` is always the one beside the main file. "
	"Keep them all below `/etc/culvert`: the daemon sees nothing in `/home` and `/tmp`.",
};

static const char *const kind_heads[] = { "kind of value", "what is accepted" };
static const char *const kinds[][2] = {
	{ "name", "1 to 32 small letters, digits and `-`, with a letter or digit first" },
	{ "file name", "a file in the folder `secrets` beside the configuration: up to 64 letters, digits, `.`, `_`, `-`" },
	{ "interface",
		"a network interface's name, up to 15 characters; one that the machine does not have yet is waited for, "
		"with a warning" },
	{ "identity", "an address, a domain name, a mail address or a distinguished name; no patterns" },
	{ "address", "an IPv4 or IPv6 unicast address without a length" },
	{ "address/length", "an address and the length of its subnet" },
	{ "network/length", "a prefix with no bits set behind its length; without a length, one address" },
	{ "domain name", "two labels or more, such as `ipsec.example.net`" },
	{ "seconds", "a number" },
	{ "port or range", "1 to 65535, or `\"first-last\"`; numbers and ranges together stand in `( )`" },
	{ "suite", "one of the suites below" },
	{ "type of peer", "one of the types of peers below" },
	{ "tunnel's name", "one of those in carriers[].tunnels[]" },
};

static const char *const secret_heads[] = { "file", "mode", "what is in it" };
static const char *const secrets[][3] = {
	{ "`psk_file`", "`0600`",
		"One line: the key itself; or `0x` and hexadecimal digits, or `0s` and base64, for octets. A newline at the "
		"end "
		"is not part of it. At least 20 octets, 32 or more are better." },
	{ "`key_file`", "`0600`", "A private key, PEM, without a passphrase." },
	{ "`certificate`, `ca`", "`0644`", "A certificate, PEM." },
	{ "`crl`", "`0644`", "A certificate revocation list, PEM or DER." },
};
static const char secrets_text[] = "Secrets stand in files of their own in `/etc/culvert/secrets`, which belong to "
								   "root and which nobody else can write, "
								   "or, of keys, read. No secret is ever printed.";

static const char *const type_heads[] = { "type of peer", "selectors", "CHILD_SAs", "because such a peer" };
static const char *const suite_heads[] = { "suite", "IKE_SA", "CHILD_SAs" };

static const char *const key_heads[] = { "key", "value", "if absent", "meaning" };

/* --- the page --- */

struct page {
	const struct page_style *style;
	struct buf *out;
};

static void add_paragraphs(const struct page *p, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p->style->paragraph(texts[i], p->out);
}

static void add_kind(const struct schema_key *key, struct buf *out)
{
	if (key->list && !key->single)
		buf_puts(out, "list of ");
	buf_puts(out, key->group ? (key->list ? "groups" : "group") : key->kind->form);
	if (key->list && key->single)
		buf_printf(out, ", or list of up to %zu", key->max);
	else if (key->list && key->min)
		buf_printf(out, ", %zu to %zu", key->min, key->max);
	else if (key->list)
		buf_printf(out, ", up to %zu", key->max);
	else if (key->kind == &value_real)
		buf_printf(out, ", %g to %g", (double)key->least / 10, (double)key->most / 10);
	else if (key->least < key->most)
		buf_printf(out, ", %lld to %lld", key->least, key->most);
}

static void add_key(const struct page *p, const struct schema_key *key)
{
	struct buf name = { 0 }, kind = { 0 }, absent = { 0 };

	buf_printf(&name, "`%s`", key->name);
	add_kind(key, &kind);
	if (key->required)
		buf_puts(&absent, "an error");
	else if (key->fallback)
		buf_printf(&absent, "`%s`", key->fallback);
	else
		buf_puts(&absent, key->absent ? key->absent : "each key's own default");
	const char *const cells[] = { buf_text(&name), buf_text(&kind), buf_text(&absent), key->doc };
	p->style->row(key_heads, cells, COUNT(cells), p->out);
	buf_free(&name);
	buf_free(&kind);
	buf_free(&absent);
}

static void add_group(const struct page *p, const struct schema_group *group, const char *path)
{
	p->style->part(*path ? path : "The file", p->out);
	p->style->paragraph(group->doc, p->out);
	p->style->table(key_heads, COUNT(key_heads), p->out);
	for (size_t i = 0; i < group->n_keys; i++)
		add_key(p, &group->keys[i]);
	for (size_t i = 0; i < group->n_keys; i++) {
		const struct schema_key *key = &group->keys[i];
		char below[PATH_SIZE];
		if (!key->group)
			continue;
		snprintf(below, sizeof(below), "%s%s%s%s", path, *path ? "." : "", key->name, key->list ? "[]" : "");
		add_group(p, key->group, below);
	}
}

static void add_suites(const struct page *p)
{
	const struct suite *suite;

	p->style->section("Suites", p->out);
	p->style->paragraph(
		"Complete sets of algorithms. The default is `" SUITE_DEFAULT "`. Every CHILD_SA that is made or renewed after "
		"the first one has a key exchange of its own. `ke1_` names a second key exchange, one that quantum computers "
		"do not break. Sequence numbers of ESP have 32 bits unless a suite says `esn`. There is no other suite: what "
		"is weaker than these cannot be written.",
		p->out);
	p->style->table(suite_heads, COUNT(suite_heads), p->out);
	for (size_t i = 0; (suite = suite_at(i)); i++) {
		struct buf name = { 0 };
		buf_printf(&name, "`%s`", suite->name);
		const char *const cells[] = { buf_text(&name), suite->ike, suite->esp };
		p->style->row(suite_heads, cells, COUNT(cells), p->out);
		buf_free(&name);
	}
}

static void add_types(const struct page *p)
{
	const struct peer_type *type;

	p->style->section("Types of peers", p->out);
	p->style->paragraph("What `peer_type` sets, unless the APN's `selectors` say otherwise.", p->out);
	p->style->table(type_heads, COUNT(type_heads), p->out);
	for (unsigned i = 0; (type = peer_type_at(i)); i++) {
		struct buf name = { 0 };
		buf_printf(&name, "`%s`", type->name);
		const char *const cells[] = { buf_text(&name), type->any ? "any to any" : "`cloud.prefixes` and `pool`",
			type->each_pair ? "one for each pair of selectors" : "one", type->why };
		p->style->row(type_heads, cells, COUNT(cells), p->out);
		buf_free(&name);
	}
}

static void print_page(const struct page_style *style, struct buf *out)
{
	const struct page p = { style, out };

	style->begin("culvert.conf", "what a Culvert gateway is to be", out);
	add_paragraphs(&p, introduction, COUNT(introduction));
	style->section("Syntax", out);
	add_paragraphs(&p, syntax, COUNT(syntax));
	style->table(kind_heads, COUNT(kind_heads), out);
	for (size_t i = 0; i < COUNT(kinds); i++)
		style->row(kind_heads, kinds[i], COUNT(kinds[i]), out);
	style->section("Several files", out);
	add_paragraphs(&p, files, COUNT(files));
	style->section("Keys", out);
	add_group(&p, &schema_root, "");
	add_types(&p);
	add_suites(&p);
	style->section("Secrets", out);
	style->paragraph(secrets_text, out);
	style->table(secret_heads, COUNT(secret_heads), out);
	for (size_t i = 0; i < COUNT(secrets); i++)
		style->row(secret_heads, secrets[i], COUNT(secrets[i]), out);
}

void conf_print_reference(struct buf *out)
{
	print_page(&page_markdown, out);
}

void conf_print_manual(struct buf *out)
{
	print_page(&page_manual, out);
	page_manual.section("See also", out);
	page_manual.paragraph("culvert(1), culvertd(8)", out);
}
