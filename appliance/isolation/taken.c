#include "appliance/isolation/taken.h"

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

static void report_taken(const struct interface *i, const char *parent, const struct plan *want, struct report *report)
{
	for (size_t n = 0; n < want->count; n++) {
		struct buf text CLEANUP(buf_free) = { 0 };
		if (!has_what(i, parent, &want->objects[n]))
			continue;
		object_print(&want->objects[n], &text);
		report_failure(report, "%s: interface %s has that already", buf_text(&text), i->name);
	}
}

int taken_check(struct nl_sock *sk, const struct plan *want, struct report *report)
{
	struct interfaces all CLEANUP(interfaces_free) = { 0 };
	int r = interfaces_read(sk, &all);

	/* What has one of our names is made anew, if need be. */
	for (size_t k = 0; k < all.count && r == 0; k++) {
		const struct interface *i = &all.items[k], *below = interfaces_find(&all, i->parent);
		if (!plan_is_ours(i->name))
			report_taken(i, below ? below->name : "", want, report);
	}
	return r;
}
