/* Values that are one of a few words, plain numbers, true and false. */
#include "conf/value.h"

#include "conf/model.h"
#include "lib/buf.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- words --- */

/* The place of text among the words. 0 with *ret, or -EINVAL. */
static int choose(const struct value_kind *kind, const char *text, unsigned *ret, struct buf *why)
{
	for (size_t i = 0; i < kind->n_choices; i++) {
		if (!strcmp(text, kind->choices[i])) {
			*ret = (unsigned)i;
			return 0;
		}
	}
	value_quote(why, text);
	buf_puts(why, " is no choice here; use ");
	for (size_t i = 0; i < kind->n_choices; i++)
		buf_printf(why, "%s\"%s\"", !i ? "" : i + 1 < kind->n_choices ? ", " : " or ", kind->choices[i]);
	return -EINVAL;
}

int value_parse(const struct value_kind *kind, const struct value_source *source, void *ret, struct buf *why)
{
	unsigned at;

	if (!kind->choices)
		return kind->parse(source, ret, why);
	if (choose(kind, source->text, &at, why))
		return -EINVAL;
	if (kind->size == sizeof(bool))
		*(bool *)ret = at;
	else
		*(unsigned *)ret = at;
	return 0;
}

bool value_print(const struct value_kind *kind, const void *value, struct buf *out)
{
	if (!kind->choices)
		return kind->print(value, out);
	unsigned at = kind->size == sizeof(bool) ? *(const bool *)value : *(const unsigned *)value;
	buf_printf(out, "\"%s\"", kind->choices[at]);
	return true;
}

#define CHOICE(type, words)                                                                                            \
	.size = sizeof(type), .forms = VALUE_TEXT, .choices = (words), .n_choices = sizeof(words) / sizeof((words)[0])

static const char *const initiators[] = { "carrier", "gateway" };
static const char *const encapsulations[] = { "auto", "udp" };
static const char *const dfs[] = { [DF_COPY] = "copy", [DF_CLEAR] = "clear" };
static const char *const dscps[] = { [DSCP_NONE] = "none", [DSCP_OUT] = "out", [DSCP_IN] = "in", [DSCP_BOTH] = "both" };
static const char *const revocations[] = { [REVOCATION_RELAXED] = "relaxed", [REVOCATION_STRICT] = "strict" };
static const char *const attachments[] = {
	[CLOUD_DEDICATED] = "dedicated", [CLOUD_VLAN] = "vlan", [CLOUD_SHARED] = "shared"
};
static const char *const childrens[] = {
	[CHILDREN_BY_PEER] = "by-peer", [CHILDREN_ONE] = "one", [CHILDREN_EACH_PAIR] = "each-pair"
};
static const char *const icmps[] = { [ICMP_ERRORS] = "errors", [ICMP_ECHO] = "echo" };
static const char *const protocols[] = { [PROBE_ICMP] = "icmp", [PROBE_UDP] = "udp", [PROBE_TCP] = "tcp" };

const struct value_kind value_initiator = { .form = "`\"gateway\"` or `\"carrier\"`", CHOICE(bool, initiators) };
const struct value_kind value_encapsulation = { .form = "`\"auto\"` or `\"udp\"`", CHOICE(bool, encapsulations) };
const struct value_kind value_df = { .form = "`\"copy\"` or `\"clear\"`", CHOICE(enum df, dfs) };
const struct value_kind value_dscp = { .form = "`\"out\"`, `\"in\"`, `\"both\"` or `\"none\"`",
	CHOICE(enum dscp, dscps) };
const struct value_kind value_revocation = { .form = "`\"relaxed\"` or `\"strict\"`",
	CHOICE(enum revocation, revocations) };
const struct value_kind value_attach = { .form = "`\"dedicated\"`, `\"vlan\"` or `\"shared\"`",
	CHOICE(enum cloud_attach, attachments) };
const struct value_kind value_children = { .form = "`\"by-peer\"`, `\"one\"` or `\"each-pair\"`",
	CHOICE(enum children, childrens) };
const struct value_kind value_icmp = { .form = "`\"errors\"` or `\"echo\"`", CHOICE(enum icmp_policy, icmps) };
const struct value_kind value_probe_protocol = { .form = "`\"icmp\"`, `\"udp\"` or `\"tcp\"`",
	CHOICE(enum probe_protocol, protocols) };

/* --- numbers --- */

static int parse_number(const struct value_source *source, void *ret, struct buf *why)
{
	if (source->number < source->least || source->number > source->most) {
		buf_printf(why, "%lld is out of range; use %lld to %lld", source->number, source->least, source->most);
		return -EINVAL;
	}
	*(unsigned *)ret = (unsigned)source->number;
	return 0;
}

static bool print_number(const void *value, struct buf *out)
{
	unsigned number = *(const unsigned *)value;

	if (number)
		buf_printf(out, "%u", number);
	return number;
}

/* In steps of a thousandth: what is printed is then what was read. */
static int parse_real(const struct value_source *source, void *ret, struct buf *why)
{
	double real = source->form == VALUE_REAL ? source->real : (double)source->number;

	double least = (double)source->least / 10, most = (double)source->most / 10;

	if (!(real >= least && real <= most)) {
		buf_printf(why, "%g is out of range; use %g to %g", real, least, most);
		return -EINVAL;
	}
	*(double *)ret = round(real * 1000) / 1000;
	return 0;
}

static bool print_real(const void *value, struct buf *out)
{
	double real = *(const double *)value;
	char text[32];

	if (real <= 0)
		return false;
	size_t len = (size_t)snprintf(text, sizeof(text), "%.3f", real);
	while (len > 2 && text[len - 1] == '0' && text[len - 2] != '.')
		text[--len] = '\0';
	buf_puts(out, text);
	return true;
}

const struct value_kind value_number = {
	.form = "number",
	.size = sizeof(unsigned),
	.forms = VALUE_NUMBER,
	.parse = parse_number,
	.print = print_number,
};
const struct value_kind value_seconds = {
	.form = "seconds",
	.size = sizeof(unsigned),
	.forms = VALUE_NUMBER,
	.parse = parse_number,
	.print = print_number,
};
const struct value_kind value_real = {
	.form = "number, may have a fraction",
	.size = sizeof(double),
	.forms = VALUE_NUMBER | VALUE_REAL,
	.parse = parse_real,
	.print = print_real,
};

/* --- true and false --- */

static int parse_switch(const struct value_source *source, void *ret, struct buf *why)
{
	(void)why;
	*(bool *)ret = source->number;
	return 0;
}

/* What is on is so by default: only what is switched off needs a line. */
static bool print_switch(const void *value, struct buf *out)
{
	bool on = *(const bool *)value;

	if (!on)
		buf_puts(out, "false");
	return !on;
}

const struct value_kind value_switch = {
	.form = "`true` or `false`",
	.size = sizeof(bool),
	.forms = VALUE_BOOL,
	.parse = parse_switch,
	.print = print_switch,
};
