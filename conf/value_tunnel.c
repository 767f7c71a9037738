/* What tunnels and links are made of: suites, choices, lifetimes, ports, references. */
#include "conf/value.h"

#include "conf/model.h"
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
		buf_printf(out, "\"%s\"", suite->name);
	return suite;
}

/* The place of text among n words. 0 with *ret, or -EINVAL. */
static int choose(const char *text, const char *const *words, size_t n, size_t *ret, struct buf *why)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(text, words[i])) {
			*ret = i;
			return 0;
		}
	}
	value_quote(why, text);
	buf_puts(why, " is no choice here; use ");
	for (size_t i = 0; i < n; i++)
		buf_printf(why, "%s\"%s\"", !i ? "" : i + 1 < n ? ", " : " or ", words[i]);
	return -EINVAL;
}

static const char *const initiators[] = { "carrier", "gateway" }; /* by tunnel.initiate */

static int parse_initiator(const struct value_source *source, void *ret, struct buf *why)
{
	size_t at;

	if (choose(source->text, initiators, 2, &at, why))
		return -EINVAL;
	*(bool *)ret = at;
	return 0;
}

static bool print_initiator(const void *value, struct buf *out)
{
	buf_printf(out, "\"%s\"", initiators[*(const bool *)value]);
	return true;
}

static const char *const attachments[] = { [CLOUD_DEDICATED] = "dedicated" };

static int parse_attach(const struct value_source *source, void *ret, struct buf *why)
{
	size_t at;

	if (choose(source->text, attachments, sizeof(attachments) / sizeof(attachments[0]), &at, why))
		return -EINVAL;
	*(enum cloud_attach *)ret = (enum cloud_attach)at;
	return 0;
}

static bool print_attach(const void *value, struct buf *out)
{
	buf_printf(out, "\"%s\"", attachments[*(const enum cloud_attach *)value]);
	return true;
}

static int parse_lifetime(const struct value_source *source, void *ret, struct buf *why)
{
	unsigned margin = (unsigned)retransmission_total(&retransmission_default) + 1, most = LIFETIME_CEILING - margin;

	/* Within what lifetime_for() can take; too little and too much are then lifetime_check()'s to say. */
	long long rekey = source->number < 0 ? 0 : source->number > LIFETIME_LIMIT ? LIFETIME_LIMIT : source->number;
	struct lifetime l = lifetime_for((unsigned)rekey);
	const char *broken = lifetime_check(&l, &retransmission_default);
	if (broken) {
		buf_printf(why, "%lld s: %s; use %d to %u", source->number, broken, LIFETIME_REKEY_MIN, most);
		return -EINVAL;
	}
	*(struct lifetime *)ret = l;
	return 0;
}

static bool print_lifetime(const void *value, struct buf *out)
{
	const struct lifetime *l = value;

	if (l->rekey)
		buf_printf(out, "%u", l->rekey);
	return l->rekey;
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
	if (source->text) {
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
		buf_printf(out, "\"%s\"", link->tunnel->name);
	return link->tunnel;
}

const struct value_kind value_suite = {
	.form = "suite",
	.size = sizeof(const struct suite *),
	.text = true,
	.parse = parse_suite,
	.print = print_suite,
};
const struct value_kind value_initiator = {
	.form = "`\"gateway\"` or `\"carrier\"`",
	.size = sizeof(bool),
	.text = true,
	.parse = parse_initiator,
	.print = print_initiator,
};
const struct value_kind value_attach = {
	.form = "`\"dedicated\"`",
	.size = sizeof(enum cloud_attach),
	.text = true,
	.parse = parse_attach,
	.print = print_attach,
};
const struct value_kind value_lifetime = {
	.form = "seconds",
	.size = sizeof(struct lifetime),
	.number = true,
	.parse = parse_lifetime,
	.print = print_lifetime,
};
const struct value_kind value_ports = {
	.form = "port or range",
	.size = sizeof(struct ports),
	.text = true,
	.number = true,
	.parse = parse_ports,
	.print = print_ports,
};
const struct value_kind value_link = {
	.form = "tunnel's name",
	.size = sizeof(struct link),
	.text = true,
	.parse = parse_link,
	.print = print_link,
};
