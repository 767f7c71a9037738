#include "appliance/isolation/drift.h"

#include "appliance/isolation/plan.h"
#include "appliance/isolation/scope.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

#include <stdio.h>
#include <string.h>

static struct drift *append(struct drifts *d)
{
	if (d->count == DRIFT_MAX) {
		d->dropped++;
		return NULL;
	}
	d->items[d->count] = (struct drift){ 0 };
	return &d->items[d->count++];
}

/* The interface itself, of whatever make. */
static bool is_interface(const struct object *o)
{
	return o->kind == OBJECT_VRF || o->kind == OBJECT_XFRM || o->kind == OBJECT_VLAN || o->kind == OBJECT_FOREIGN;
}

static bool is_there(const struct plan *p, const char *interface)
{
	static const enum object_kind kinds[] = { OBJECT_XFRM, OBJECT_VLAN, OBJECT_FOREIGN, OBJECT_UP };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (scope_find(p, kinds[i], interface))
			return true;
	/* The VRFs come by their tables. */
	for (size_t i = 0; i < p->count; i++)
		if (p->objects[i].kind == OBJECT_VRF && strcmp(p->objects[i].name, interface) == 0)
			return true;
	return false;
}

/* Has one value at a time, so that what was there is replaced. */
static bool has_one_value(const struct object *o)
{
	return o->kind == OBJECT_MTU || o->kind == OBJECT_MASTER || o->kind == OBJECT_SYSCTL;
}

/* It went with its interface, which is said already. */
static bool is_consequence(
	const struct plan *left, const struct plan *have, const struct scope *scope, const struct object *o)
{
	char name[IFNAMSIZ];

	if (is_interface(o) || o->kind == OBJECT_UP)
		return o->kind == OBJECT_UP && plan_is_ours(o->name) && !is_there(have, o->name);
	if (o->kind == OBJECT_ROUTE)
		return o->name[0] != '\0' && (!scope || scope_has_name(scope, o->name)) && is_there(left, o->name) &&
			   !scope_find(have, OBJECT_UP, o->name);
	return scope_interface(o, name) && is_there(left, name) && !is_there(have, name);
}

static void add_gone(struct drifts *d, const struct plan *left, const struct plan *have, const struct scope *scope,
	const struct object *o)
{
	struct buf text CLEANUP(buf_free) = { 0 };

	if (is_consequence(left, have, scope, o) || (has_one_value(o) && scope_find(have, o->kind, o->name)))
		return;
	struct drift *drift = append(d);
	if (!drift)
		return;
	object_print(o, &text);
	drift->object = *o;
	snprintf(drift->what, sizeof(drift->what), "%.200s is gone", buf_text(&text));
}

static void add_new(struct drifts *d, const struct plan *left, const struct object *o)
{
	struct buf text CLEANUP(buf_free) = { 0 }, before CLEANUP(buf_free) = { 0 };
	const struct object *old = has_one_value(o) ? scope_find(left, o->kind, o->name) : NULL;
	struct drift *drift = append(d);

	if (!drift)
		return;
	object_print(o, &text);
	drift->object = *o;
	drift->appeared = true;
	if (!old) {
		/* What a rule behind ours is in the way of is said by the table that it names. */
		bool ahead = o->kind == OBJECT_STRANGE_RULE && o->value <= PLAN_RULE_L3MDEV;
		snprintf(drift->what, sizeof(drift->what), "%.160s was added%s", buf_text(&text),
			ahead ? "; one of your own may have a preference above 1000" : "");
		return;
	}
	if (old->kind == OBJECT_MASTER)
		buf_puts(&before, old->master);
	else
		buf_printf(&before, "%u", old->value);
	snprintf(drift->what, sizeof(drift->what), "%.180s instead of %.16s", buf_text(&text), buf_text(&before));
}

void drifts_find(const struct plan *left, const struct plan *want, const struct plan *have, const struct scope *scope,
	struct drifts *d)
{
	size_t l = 0, h = 0;

	while (l < left->count || h < have->count) {
		const struct object *old = l < left->count ? &left->objects[l] : NULL;
		if (old && scope && !scope_has(scope, old)) {
			l++;
			continue;
		}
		int c = !old ? 1 : h == have->count ? -1 : object_compare(old, &have->objects[h]);
		if (c < 0 && plan_has(want, old))
			add_gone(d, left, have, scope, old);
		else if (c > 0 && !plan_has(want, &have->objects[h]))
			add_new(d, left, &have->objects[h]);
		l += c <= 0;
		h += c >= 0;
	}
}

void drifts_add_strange(struct drifts *d, const struct plan *have)
{
	static const struct plan nothing;

	for (size_t i = 0; i < have->count; i++)
		if (have->objects[i].kind == OBJECT_STRANGE_RULE)
			add_new(d, &nothing, &have->objects[i]);
}

void drifts_add_walls(struct drifts *d, const char *by, bool repaired, const char *what)
{
	struct drift *drift = append(d);

	if (!drift)
		return;
	drift->walls = true;
	drift->repaired = repaired;
	snprintf(drift->what, sizeof(drift->what), "%s", what);
	snprintf(drift->by, sizeof(drift->by), "%s", by);
}

void drifts_add_later(struct drifts *d, const char *what)
{
	size_t before = d->count;

	drifts_add_walls(d, "", false, what);
	if (d->count > before)
		d->items[before].later = true;
}

void drifts_settle(struct drifts *d, const struct plan *want, const struct plan *have)
{
	for (size_t i = 0; i < d->count; i++) {
		struct drift *drift = &d->items[i];
		if (!drift->walls)
			drift->repaired = plan_has(want, &drift->object) == plan_has(have, &drift->object);
	}
}

void drifts_cut(struct drifts *d, size_t count)
{
	d->count = count;
	d->dropped = 0;
}
