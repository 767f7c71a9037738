/* The reference page, by walking the schema: what the loader takes is what the page says. */
#include "conf/conf.h"

#include "conf/schema.h"
#include "conf/value.h"
#include "ikev2/suite.h"
#include "lib/buf.h"

#include <stdio.h>

enum { PATH_SIZE = 128 };

static const char intro[] =
	"# culvert.conf\n"
	"\n"
	"`/etc/culvert/culvert.conf` says what the gateway is to be; `culvert check` tells what is wrong with it, and\n"
	"`culvert reload` puts it into force, whole or not at all. A commented file to begin with is\n"
	"`culvert.conf.example`. This page is made from the table that the loader itself uses.\n"
	"\n"
	"The syntax is libconfig's: `key = value;`, groups in `{ }`, lists in `( )` or, with entries of one type, in\n"
	"`[ ]`, text in `\"quotes\"`, comments from `#` to the end of the line. Everything stands in one file: `@include` "
	"is\n"
	"refused. A key that is not listed here is an error.\n"
	"\n"
	"| kind of value | what is accepted |\n"
	"|---|---|\n"
	"| name | 1 to 32 small letters, digits and `-`, with a letter or digit first |\n"
	"| file name | a file in the folder `secrets` beside the configuration; letters, digits, `.`, `_`, `-` |\n"
	"| interface | a network interface's name, up to 15 characters |\n"
	"| identity | an address, a domain name, a mail address or a distinguished name; no patterns |\n"
	"| address | an IPv4 or IPv6 unicast address without a length |\n"
	"| address/length | an address and the length of its subnet |\n"
	"| network/length | a prefix with no bits set behind its length; without a length, one address |\n"
	"| seconds | a number; a rekey must leave time for retransmissions before the key's end at 3480 s |\n"
	"| port or range | 1 to 65535, or `\"first-last\"` |\n";

static void print_kind(const struct schema_key *key, struct buf *out)
{
	if (key->list)
		buf_puts(out, "list of ");
	buf_puts(out, key->group ? (key->list ? "groups" : "group") : key->kind->form);
	if (key->list && key->min)
		buf_printf(out, ", %zu to %zu", key->min, key->max);
	else if (key->list)
		buf_printf(out, ", up to %zu", key->max);
}

static void print_row(const struct schema_key *key, struct buf *out)
{
	buf_printf(out, "| `%s` | ", key->name);
	print_kind(key, out);
	buf_puts(out, " | ");
	if (key->required)
		buf_puts(out, "required");
	else if (key->fallback)
		buf_printf(out, "`%s`", key->fallback);
	else
		buf_puts(out, key->absent ? key->absent : "each key's own default");
	buf_printf(out, " | %s |\n", key->doc);
}

static void print_group(const struct schema_group *group, const char *path, struct buf *out)
{
	buf_printf(out, "\n## %s\n\n%s\n\n", *path ? path : "The file", group->doc);
	buf_puts(out, "| key | value | if absent | meaning |\n|---|---|---|---|\n");
	for (size_t i = 0; i < group->n_keys; i++)
		print_row(&group->keys[i], out);
	for (size_t i = 0; i < group->n_keys; i++) {
		const struct schema_key *key = &group->keys[i];
		char below[PATH_SIZE];
		if (!key->group)
			continue;
		snprintf(below, sizeof(below), "%s%s%s%s", path, *path ? "." : "", key->name, key->list ? "[]" : "");
		print_group(key->group, below, out);
	}
}

void conf_print_reference(struct buf *out)
{
	buf_puts(out, intro);
	buf_puts(out, "| suite | ");
	suite_names(out);
	buf_puts(out, " |\n");
	print_group(&schema_root, "", out);
}
