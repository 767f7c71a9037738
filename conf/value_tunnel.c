/* What tunnels and links are made of: suites, types of peers, ports, references. */
#include "conf/value.h"

#include "conf/model.h"
#include "ikev2/peer_type.h"
#include "ikev2/suite.h"
#include "lib/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SUGGEST_MAX = 256 }; /* tunnels that a reference to none of them is compared with */

static int parse_suite(const struct value_source *source, void *ret, struct buf *why)
{
	const struct suite *suite = suite_find(source->text);

	if (!suite) {
		value_quote(why, source->text);
		buf_puts(why, " is no suite of Culvert's; use ");
		suite_names(why);
		return -EINVAL;
	}
	*(const struct suite **)ret = suite;
	return 0;
}

static bool print_suite(const void *value, struct buf *out)
{
	const struct suite *suite = *(const struct suite *const *)value;

	if (suite)
		value_print_word(out, suite->name);
	return suite;
}

static int parse_peer_type(const struct value_source *source, void *ret, struct buf *why)
{
	const struct peer_type *type = peer_type_find(source->text);

	if (!type) {
		value_quote(why, source->text);
		buf_puts(why, " is no type of peer; use ");
		peer_type_names(why);
		return -EINVAL;
	}
	*(const struct peer_type **)ret = type;
	return 0;
}

static bool print_peer_type(const void *value, struct buf *out)
{
	const struct peer_type *type = *(const struct peer_type *const *)value;

	if (type)
		value_print_word(out, type->name);
	return type;
}

/* Digits at *at, which moves behind them; 0 if there are none or the number is no port. */
static uint16_t take_port(const char **at)
{
	unsigned port = 0;

	for (; **at >= '0' && **at <= '9'; (*at)++) {
		port = port * 10 + (unsigned)(**at - '0');
		if (port > UINT16_MAX)
			return 0;
	}
	return (uint16_t)port;
}

static int parse_range(const char *text, struct ports *ret)
{
	struct ports ports;

	ports.first = take_port(&text);
	if (!ports.first || *text++ != '-')
		return -EINVAL;
	ports.last = take_port(&text);
	if (*text || ports.last < ports.first)
		return -EINVAL;
	*ret = ports;
	return 0;
}

static int parse_ports(const struct value_source *source, void *ret, struct buf *why)
{
	if (source->form == VALUE_TEXT) {
		if (parse_range(source->text, ret))
			return value_refuse(why, source->text,
				"is no range of ports; write \"8000-8010\", or a single port as a number without quotes");
		return 0;
	}
	if (source->number < 1 || source->number > UINT16_MAX) {
		buf_printf(why, "%lld is no port; use 1 to 65535", source->number);
		return -EINVAL;
	}
	uint16_t port = (uint16_t)source->number;
	*(struct ports *)ret = (struct ports){ port, port };
	return 0;
}

static bool print_ports(const void *value, struct buf *out)
{
	const struct ports *p = value;

	if (!p->first)
		return false;
	buf_printf(out, p->first == p->last ? "%u" : "\"%u-%u\"", p->first, p->last);
	return true;
}

static int compare_tunnels(const void *a, const void *b)
{
	return strcmp((*(const struct tunnel *const *)a)->name, (*(const struct tunnel *const *)b)->name);
}

int tunnel_index_build(const struct model *m, struct tunnel_index *ret)
{
	struct tunnel_index index = { 0 };
	size_t n = 1;

	for (size_t c = 0; c < m->n_carriers; c++)
		n += m->carriers[c].n_tunnels;
	index.sorted = calloc(n, sizeof(struct tunnel *));
	if (!index.sorted)
		return -ENOMEM;
	for (size_t c = 0; c < m->n_carriers; c++) {
		const struct carrier *carrier = &m->carriers[c];
		for (size_t t = 0; t < carrier->n_tunnels; t++) {
			if (carrier->tunnels[t].name)
				index.sorted[index.count++] = &carrier->tunnels[t];
		}
	}
	qsort(index.sorted, index.count, sizeof(struct tunnel *), compare_tunnels);
	*ret = index;
	return 0;
}

static int compare_to_name(const void *name, const void *entry)
{
	return strcmp(name, (*(const struct tunnel *const *)entry)->name);
}

static int parse_link(const struct value_source *source, void *ret, struct buf *why)
{
	const struct tunnel_index *tunnels = source->tunnels;
	const char *names[SUGGEST_MAX] = { 0 };

	const struct tunnel **found = NULL;
	if (tunnels->count)
		found = bsearch(source->text, tunnels->sorted, tunnels->count, sizeof(struct tunnel *), compare_to_name);
	if (found) {
		((struct link *)ret)->tunnel = *found;
		return 0;
	}
	size_t n = tunnels->count < SUGGEST_MAX ? tunnels->count : SUGGEST_MAX;
	for (size_t i = 0; i < n; i++)
		names[i] = tunnels->sorted[i]->name;
	const char *nearest = value_nearest(source->text, names, n);
	value_quote(why, source->text);
	if (nearest)
		buf_printf(why, " is no tunnel; did you mean \"%s\"?", nearest);
	else
		buf_puts(why, " is no tunnel; name one from carriers[].tunnels");
	return -EINVAL;
}

static bool print_link(const void *value, struct buf *out)
{
	const struct link *link = value;

	if (link->tunnel)
		value_print_word(out, link->tunnel->name);
	return link->tunnel;
}

const struct value_kind value_suite = {
	.form = "suite",
	.size = sizeof(const struct suite *),
	.forms = VALUE_TEXT,
	.parse = parse_suite,
	.print = print_suite,
};
const struct value_kind value_peer_type = {
	.form = "type of peer",
	.size = sizeof(const struct peer_type *),
	.forms = VALUE_TEXT,
	.parse = parse_peer_type,
	.print = print_peer_type,
};
const struct value_kind value_ports = {
	.form = "port or range",
	.size = sizeof(struct ports),
	.forms = VALUE_TEXT | VALUE_NUMBER,
	.parse = parse_ports,
	.print = print_ports,
};
const struct value_kind value_link = {
	.form = "tunnel's name",
	.size = sizeof(struct link),
	.forms = VALUE_TEXT,
	.parse = parse_link,
	.print = print_link,
};
