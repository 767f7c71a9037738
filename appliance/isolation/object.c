#include "appliance/isolation/object.h"

#include "lib/buf.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <string.h>

static int compare_numbers(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

/* Digits count as numbers, so that culv-x10 comes behind culv-x9. */
static int compare_names(const char *a, const char *b)
{
	enum { STEP = 8 };
	size_t at = 0;

	while (at < OBJECT_NAME - STEP && memcmp(a + at, b + at, STEP) == 0)
		at += STEP;
	for (; a[at] == b[at]; at++)
		if (a[at] == '\0')
			return 0;
	/* What is the same up to the number in which they differ decides nothing. */
	while (at > 0 && a[at - 1] >= '0' && a[at - 1] <= '9')
		at--;
	return strverscmp(a + at, b + at);
}

int object_compare(const struct object *a, const struct object *b)
{
	int c = compare_numbers((uint32_t)a->kind, (uint32_t)b->kind);

	if (c == 0)
		c = compare_numbers(a->table, b->table);
	if (c == 0 && a->kind != OBJECT_ROUTE) /* routes are read by destination */
		c = compare_names(a->name, b->name);
	if (c == 0)
		c = prefix_compare(&a->prefix, &b->prefix);
	if (c == 0)
		c = compare_numbers(a->value, b->value);
	if (c == 0 && a->kind == OBJECT_ROUTE)
		c = compare_names(a->name, b->name);
	if (c == 0)
		c = compare_numbers(a->type, b->type);
	if (c == 0)
		c = ip_compare(&a->via, &b->via);
	return c != 0 ? c : strcmp(a->master, b->master);
}

static const char *family_name(const struct object *o)
{
	return o->prefix.ip.family == AF_INET6 ? "inet6" : "inet";
}

static void print_rule(const struct object *o, struct buf *out)
{
	buf_printf(out, "rule %s pref %u ", family_name(o), o->value);
	if (o->table == 0)
		buf_puts(out, "l3mdev");
	else if (o->table == RT_TABLE_LOCAL)
		buf_puts(out, "lookup local");
	else
		buf_printf(out, "lookup %u", o->table);
}

static void print_strange_rule(const struct object *o, struct buf *out)
{
	static const char *const actions[] = { [FR_ACT_NOP] = "nop",
		[FR_ACT_BLACKHOLE] = "blackhole",
		[FR_ACT_UNREACHABLE] = "unreachable",
		[FR_ACT_PROHIBIT] = "prohibit" };
	bool known = o->type < sizeof(actions) / sizeof(*actions) && actions[o->type];
	bool cut = strlen(o->name) + 1 == sizeof(o->name);

	buf_printf(out, "rule %s pref %u %s%s", family_name(o), o->value, o->name, cut ? "... " : "");
	if (known)
		buf_puts(out, actions[o->type]);
	else if (o->type == FR_ACT_GOTO)
		buf_printf(out, "goto %u", o->table);
	else if (o->type == FR_ACT_TO_TBL && o->table == 0)
		buf_puts(out, "l3mdev");
	else if (o->type == FR_ACT_TO_TBL)
		buf_printf(out, "lookup %u", o->table);
	else
		buf_printf(out, "action %u", o->type);
}

static const char *type_name(uint8_t type)
{
	static const char *const names[] = {
		[RTN_LOCAL] = "local ",
		[RTN_BROADCAST] = "broadcast ",
		[RTN_ANYCAST] = "anycast ",
		[RTN_MULTICAST] = "multicast ",
		[RTN_BLACKHOLE] = "blackhole ",
		[RTN_UNREACHABLE] = "unreachable ",
		[RTN_PROHIBIT] = "prohibit ",
		[RTN_THROW] = "throw ",
	};
	return type < sizeof(names) / sizeof(*names) && names[type] ? names[type] : "";
}

static void print_route(const struct object *o, struct buf *out)
{
	char text[PREFIX_TEXT], via[IP_TEXT];

	buf_printf(out, "route %s%s table %u", type_name(o->type), prefix_print(&o->prefix, text), o->table);
	if (o->via.family != AF_UNSPEC)
		buf_printf(out, " via %s", ip_print(&o->via, via));
	if (o->name[0] != '\0')
		buf_printf(out, " dev %s", o->name);
	buf_printf(out, " metric %u", o->value);
}

void object_print(const struct object *o, struct buf *out)
{
	char text[PREFIX_TEXT];

	switch (o->kind) {
	case OBJECT_RULE:
		print_rule(o, out);
		return;
	case OBJECT_MARK_RULE:
		buf_printf(out, "rule %s fwmark 0x%x lookup %u", family_name(o), o->value, o->table);
		return;
	case OBJECT_STRANGE_RULE:
		print_strange_rule(o, out);
		return;
	case OBJECT_VRF:
		buf_printf(out, "link %s type vrf table %u", o->name, o->table);
		return;
	case OBJECT_XFRM:
		buf_printf(out, "link %s type xfrm dev lo if_id %u", o->name, o->value);
		return;
	case OBJECT_VLAN:
		buf_printf(out, "link %s type vlan link %s id %u", o->name, o->master, o->value);
		return;
	case OBJECT_FOREIGN:
		buf_printf(out, "link %s of another make", o->name);
		return;
	case OBJECT_MTU:
		buf_printf(out, "link %s mtu %u", o->name, o->value);
		return;
	case OBJECT_MASTER:
		buf_printf(out, "link %s master %s", o->name, o->master);
		return;
	case OBJECT_UP:
		buf_printf(out, "link %s up", o->name);
		return;
	case OBJECT_ADDRESS:
		buf_printf(out, "address %s dev %s", prefix_print(&o->prefix, text), o->name);
		return;
	case OBJECT_ROUTE:
		print_route(o, out);
		return;
	case OBJECT_SYSCTL:
		buf_printf(out, "sysctl %s = %u", o->name, o->value);
		return;
	}
}
