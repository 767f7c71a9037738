#include "appliance/isolation/taken.h"

#include "appliance/isolation/carrying.h"
#include "appliance/isolation/interfaces.h"
#include "appliance/isolation/plan.h"
#include "appliance/isolation/report.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

#include <string.h>

/* parent: the name of the interface that i stands on, or "". */
static bool has_what(const struct interface *i, const char *parent, const struct object *o)
{
	if (i->kind == INTERFACE_XFRM)
		return o->kind == OBJECT_XFRM && o->value == i->number;
	return i->kind == INTERFACE_VLAN && o->kind == OBJECT_VLAN && o->value == i->number &&
		   strcmp(o->master, parent) == 0;
}

static bool is_wanted(const struct plan *p, const struct object *o)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct object *other = &p->objects[i];
		if (other->kind == o->kind && other->value == o->value && strcmp(other->master, o->master) == 0)
			return true;
	}
	return false;
}

static int report_taken(
	const struct interface *i, const struct object *o, const struct model *now, struct report *report)
{
	static const struct carrying none;
	struct plan had CLEANUP(plan_free) = { 0 };
	struct buf text CLEANUP(buf_free) = { 0 };
	int r = now ? plan_build(now, &none, &had) : 0;

	if (r < 0 || is_wanted(&had, o))
		return r;
	object_print(o, &text);
	report_failure(report, "%s: interface %s has that already", buf_text(&text), i->name);
	return 0;
}

int taken_check(struct nl_sock *sk, const struct model *now, const struct plan *want, struct report *report)
{
	struct interfaces all CLEANUP(interfaces_free) = { 0 };
	int r = interfaces_read(sk, &all);

	for (size_t k = 0; k < all.count && r == 0; k++) {
		const struct interface *i = &all.items[k], *below = interfaces_find(&all, i->parent);
		if (plan_is_ours(i->name)) /* made anew, if need be */
			continue;
		for (size_t n = 0; n < want->count && r == 0; n++)
			if (has_what(i, below ? below->name : "", &want->objects[n]))
				r = report_taken(i, &want->objects[n], now, report);
	}
	return r;
}
