/*
 * The order of changes is one table of ranks. Two rules beside it: what an addition replaces by itself (an MTU, a
 * master, a sysctl) is not removed as well, and what a deleted interface takes with it is not removed one by one.
 */
#include "appliance/isolation/changes.h"

#include "appliance/isolation/plan.h"
#include "appliance/isolation/scope.h"
#include "lib/buf.h"
#include "lib/grow.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Ranks of all changes, in the order in which they are made. */
enum rank {
	RANK_REMOVE_MISMADE, /* an interface that has a name we need */
	RANK_REMOVE_ADDRESS, /* before others are added: a primary address takes its secondaries along */
	RANK_REMOVE_STRANGE_RULE, /* it may lead packets past all that comes behind it */
	RANK_ADD_RULE, /* before the local table's rule at 0 goes, or the host would be deaf in between */
	RANK_ADD_VRF,
	RANK_ADD_XFRM,
	RANK_ADD_VLAN,
	RANK_ADD_MTU,
	RANK_ADD_DEVICE_SYSCTL, /* before the refusals: some make the kernel walk through all tables of routes */
	RANK_ADD_REFUSAL, /* before there are members that are up */
	RANK_ADD_KEEPING, /* of addresses, before an interface becomes a member */
	RANK_ADD_MASTER,
	RANK_ADD_UP,
	RANK_ADD_VLAN_UP, /* which cannot be while the interface below is down */
	RANK_ADD_ADDRESS,
	RANK_ADD_ROUTE,
	RANK_REMOVE_ROUTE, /* after additions: a pool that moves to another link is never without a route */
	RANK_REMOVE_UP,
	RANK_REMOVE_MASTER,
	RANK_REMOVE_LINK,
	RANK_REMOVE_VRF,
	RANK_REMOVE_REFUSAL,
	RANK_REMOVE_RULE,
	RANK_ADD_SYSCTL, /* forwarding */
	RANK_ADD_EXCEPTION, /* of an interface, which that has set */
	RANK_NEVER,
};

static const struct {
	enum rank add, remove;
} ranks[] = {
	[OBJECT_RULE] = { RANK_ADD_RULE, RANK_REMOVE_RULE },
	[OBJECT_MARK_RULE] = { RANK_ADD_RULE, RANK_REMOVE_RULE },
	[OBJECT_STRANGE_RULE] = { RANK_NEVER, RANK_REMOVE_STRANGE_RULE },
	[OBJECT_VRF] = { RANK_ADD_VRF, RANK_REMOVE_VRF },
	[OBJECT_XFRM] = { RANK_ADD_XFRM, RANK_REMOVE_LINK },
	[OBJECT_VLAN] = { RANK_ADD_VLAN, RANK_REMOVE_LINK },
	[OBJECT_FOREIGN] = { RANK_NEVER, RANK_REMOVE_LINK },
	[OBJECT_MTU] = { RANK_ADD_MTU, RANK_NEVER },
	[OBJECT_MASTER] = { RANK_ADD_MASTER, RANK_REMOVE_MASTER },
	[OBJECT_UP] = { RANK_ADD_UP, RANK_REMOVE_UP },
	[OBJECT_ADDRESS] = { RANK_ADD_ADDRESS, RANK_REMOVE_ADDRESS },
	[OBJECT_ROUTE] = { RANK_ADD_ROUTE, RANK_REMOVE_ROUTE },
	[OBJECT_SYSCTL] = { RANK_ADD_SYSCTL, RANK_NEVER },
};

/* A change on its way into the list. */
struct ranked {
	enum rank rank;
	struct change change;
};

static bool is_link(const struct object *o)
{
	return o->kind == OBJECT_VRF || o->kind == OBJECT_XFRM || o->kind == OBJECT_VLAN || o->kind == OBJECT_FOREIGN;
}

static bool is_refusal(const struct object *o)
{
	return o->kind == OBJECT_ROUTE && o->type != RTN_UNICAST;
}

static bool is_device_sysctl(const struct object *o)
{
	return o->kind == OBJECT_SYSCTL && strstr(o->name, "/" PLAN_PREFIX);
}

/* Whether packets of an interface are forwarded. */
static bool is_exception(const struct object *o)
{
	static const char folder[] = "net/ipv4/conf/";

	return o->kind == OBJECT_SYSCTL && strncmp(o->name, folder, strlen(folder)) == 0 && strstr(o->name, "/forwarding");
}

/* A VLAN of ours, or a setting of one. */
static bool is_about_vlan(const struct object *o)
{
	return strstr(o->name, PLAN_PREFIX "c") != NULL;
}

static bool has_named(const struct plan *p, enum object_kind kind, const char *name)
{
	return scope_find(p, kind, name) != NULL;
}

/* Every interface that is wanted is wanted up. */
static bool wants_interface(const struct plan *want, const char *name)
{
	return has_named(want, OBJECT_UP, name);
}

static enum rank rank_addition(const struct object *o)
{
	if (is_refusal(o))
		return RANK_ADD_REFUSAL;
	if (is_device_sysctl(o))
		return RANK_ADD_DEVICE_SYSCTL;
	if (o->kind == OBJECT_SYSCTL && strstr(o->name, "/keep_addr_on_down"))
		return RANK_ADD_KEEPING;
	if (is_exception(o))
		return RANK_ADD_EXCEPTION;
	if (o->kind == OBJECT_UP && is_about_vlan(o))
		return RANK_ADD_VLAN_UP;
	return ranks[o->kind].add;
}

static enum rank rank_removal(const struct plan *want, const struct object *o)
{
	if (is_refusal(o))
		return RANK_REMOVE_REFUSAL;
	if (is_link(o) && wants_interface(want, o->name))
		return RANK_REMOVE_MISMADE;
	bool belongs = o->kind == OBJECT_MASTER || o->kind == OBJECT_UP || o->kind == OBJECT_ADDRESS;
	if (belongs && plan_is_ours(o->name) && !wants_interface(want, o->name))
		return RANK_NEVER; /* goes with its interface */
	if (o->kind == OBJECT_MASTER && has_named(want, OBJECT_MASTER, o->name))
		return RANK_NEVER; /* is replaced */
	return ranks[o->kind].remove;
}

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return object_compare(&x->change.object, &y->change.object);
}

struct difference { /* zero-initialise */
	struct ranked *items; /* owned */
	size_t count;
	size_t size;
};

static int add_ranked(struct difference *d, enum rank rank, enum change_verb verb, const struct object *o)
{
	struct ranked *items = grow(d->items, d->count, &d->size, sizeof(*items));
	if (!items)
		return -ENOMEM;
	d->items = items;
	d->items[d->count++] = (struct ranked){ rank, { verb, *o } };
	return 0;
}

/* The plain difference with its ranks, unsorted. */
static int find_difference(const struct plan *want, const struct plan *have, struct difference *d)
{
	size_t w = 0, h = 0;
	int r = 0;

	while (r == 0 && (w < want->count || h < have->count)) {
		int c = w == want->count ? 1 : h == have->count ? -1 : object_compare(&want->objects[w], &have->objects[h]);
		if (c < 0) {
			const struct object *o = &want->objects[w++];
			r = add_ranked(d, rank_addition(o), CHANGE_ADD, o);
		} else if (c > 0) {
			const struct object *o = &have->objects[h++];
			r = add_ranked(d, rank_removal(want, o), CHANGE_REMOVE, o);
		} else {
			w++;
			h++;
		}
	}
	return r;
}

static bool begins_forwarding(const struct difference *d)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->items[i].change.verb == CHANGE_ADD && strcmp(d->items[i].change.object.name, "net/ipv4/ip_forward") == 0)
			return true;
	return false;
}

/* Where the host begins to forward, the kernel sets that for every interface: exceptions are made again. */
static int renew_exceptions(const struct plan *want, const struct plan *have, struct difference *d)
{
	int r = 0;

	if (!begins_forwarding(d))
		return 0;
	for (size_t i = 0; i < want->count && r == 0; i++)
		if (is_exception(&want->objects[i]) && !want->objects[i].value && plan_has(have, &want->objects[i]))
			r = add_ranked(d, RANK_ADD_EXCEPTION, CHANGE_ADD, &want->objects[i]);
	return r;
}

/* True for what a new link needs before charon uses it. */
static bool is_new_link(const struct plan *have, const struct ranked *r)
{
	const struct object *o = &r->change.object;

	if (r->change.verb != CHANGE_ADD)
		return false;
	if (is_refusal(o))
		return true;
	/* The VLAN may still be another APN's. */
	if (is_about_vlan(o))
		return false;
	if (is_device_sysctl(o))
		return !has_named(have, OBJECT_SYSCTL, o->name);
	return plan_is_ours(o->name) && o->kind != OBJECT_ROUTE && !wants_interface(have, o->name);
}

static int collect(const struct plan *want, const struct plan *have,
	bool (*keep)(const struct plan *, const struct ranked *), struct changes *ret)
{
	struct difference all = { 0 };
	int r = find_difference(want, have, &all);
	if (r == 0)
		r = renew_exceptions(want, have, &all);
	struct change *items = r == 0 ? reallocarray(NULL, all.count + 1, sizeof(*items)) : NULL;
	size_t kept = 0;

	if (!items) {
		free(all.items);
		return -ENOMEM;
	}
	if (all.count > 0)
		qsort(all.items, all.count, sizeof(*all.items), compare_ranked);
	for (size_t i = 0; i < all.count && all.items[i].rank != RANK_NEVER; i++)
		if (keep(have, &all.items[i]))
			items[kept++] = all.items[i].change;
	free(all.items);
	*ret = (struct changes){ .items = items, .count = kept };
	return 0;
}

static bool keep_all(const struct plan *have, const struct ranked *r)
{
	(void)have;
	(void)r;
	return true;
}

int changes_between(const struct plan *want, const struct plan *have, struct changes *ret)
{
	return collect(want, have, keep_all, ret);
}

int changes_new_links(const struct plan *want, const struct plan *have, struct changes *ret)
{
	return collect(want, have, is_new_link, ret);
}

static bool disturbs(const struct change *c, const struct plan *have, bool adds_routes)
{
	const struct object *o = &c->object;
	char name[IFNAMSIZ];

	if (o->kind == OBJECT_MARK_RULE)
		return false;
	if (c->verb == CHANGE_REMOVE)
		return o->kind != OBJECT_ROUTE || adds_routes;
	if (o->kind != OBJECT_MASTER && o->kind != OBJECT_MTU && o->kind != OBJECT_SYSCTL)
		return false;
	return scope_interface(o, name) && has_named(have, OBJECT_UP, name);
}

bool changes_disturb(const struct changes *c, const struct plan *have)
{
	bool adds_routes = false, result = false;

	for (size_t i = 0; i < c->count; i++)
		adds_routes = adds_routes || (c->items[i].verb == CHANGE_ADD && c->items[i].object.kind == OBJECT_ROUTE);
	for (size_t i = 0; i < c->count && !result; i++)
		result = disturbs(&c->items[i], have, adds_routes);
	return result;
}

void changes_print(const struct changes *c, struct buf *out)
{
	for (size_t i = 0; i < c->count; i++) {
		buf_puts(out, c->items[i].verb == CHANGE_ADD ? "+ " : "- ");
		object_print(&c->items[i].object, out);
		buf_puts(out, "\n");
	}
}

void changes_free(struct changes *c)
{
	if (!c)
		return;
	free(c->items);
	*c = (struct changes){ 0 };
}
