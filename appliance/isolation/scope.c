#include "appliance/isolation/scope.h"

#include "appliance/isolation/changes.h"
#include "appliance/isolation/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int compare_tables(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * NAME of net/ipv4/conf/NAME/..., with its length; NULL for a sysctl of the host. That packets of an interface are not
 * forwarded is the host's: where the host begins to forward, every interface does.
 */
static const char *sysctl_interface(const struct object *o, size_t *ret_len)
{
	const char *sysctl = o->name;
	static const char *const folders[] = { "net/ipv4/conf/", "net/ipv6/conf/" };

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		if (strncmp(sysctl, folders[i], strlen(folders[i])) != 0)
			continue;
		const char *name = sysctl + strlen(folders[i]), *end = strchr(name, '/');
		if (!end || (strcmp(end, "/forwarding") == 0 && !o->value) || strncmp(name, "all/", strlen("all/")) == 0 ||
			strncmp(name, "default/", strlen("default/")) == 0)
			return NULL;
		*ret_len = (size_t)(end - name);
		return name;
	}
	return NULL;
}

bool scope_interface(const struct object *o, char name[static IFNAMSIZ])
{
	size_t len = strlen(o->name);
	const char *at = o->kind == OBJECT_SYSCTL ? sysctl_interface(o, &len) : o->name;

	name[0] = '\0';
	if (!at || len == 0 || len >= IFNAMSIZ || o->kind == OBJECT_STRANGE_RULE) /* a rule only compares with one */
		return false;
	memcpy(name, at, len);
	name[len] = '\0';
	return true;
}

int scope_add_name(struct scope *s, const char *interface)
{
	char(*names)[IFNAMSIZ] = reallocarray(s->names, s->n_names + 1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	s->names = names;
	strncpy(names[s->n_names], interface, sizeof(*names) - 1);
	names[s->n_names++][IFNAMSIZ - 1] = '\0';
	return 0;
}

int scope_add_table(struct scope *s, uint32_t table)
{
	uint32_t *tables = reallocarray(s->tables, s->n_tables + 1, sizeof(*tables));

	if (!tables)
		return -ENOMEM;
	s->tables = tables;
	tables[s->n_tables++] = table;
	return 0;
}

int scope_add(struct scope *s, const struct scope *more)
{
	int r = 0;

	for (size_t i = 0; i < more->n_names && r == 0; i++)
		r = scope_add_name(s, more->names[i]);
	for (size_t i = 0; i < more->n_tables && r == 0; i++)
		r = scope_add_table(s, more->tables[i]);
	return r;
}

static bool has_unsorted(const struct scope *s, size_t first, const char *name)
{
	for (size_t i = first; i < s->n_names; i++)
		if (strcmp(s->names[i], name) == 0)
			return true;
	return false;
}

/* The VRF that the interface is a member of, or the interface itself. */
static const char *vrf_of(const struct plan *known, const char *interface)
{
	const struct object *member = scope_find(known, OBJECT_MASTER, interface);

	return member ? member->master : interface;
}

static int add_members(struct scope *s, const struct plan *known, const char *vrf)
{
	int r = 0;

	for (size_t i = 0; i < known->count && r == 0; i++) {
		const struct object *o = &known->objects[i];
		if (o->kind == OBJECT_MASTER && strcmp(o->master, vrf) == 0)
			r = scope_add_name(s, o->name);
		else if (o->kind == OBJECT_VRF && strcmp(o->name, vrf) == 0)
			r = scope_add_table(s, o->table);
	}
	return r;
}

int scope_add_around(struct scope *s, const struct plan *known, const char *interface)
{
	const char *vrf = vrf_of(known, interface);
	size_t first = s->n_names;
	int r = scope_add_name(s, interface);

	if (r == 0 && vrf != interface)
		r = scope_add_name(s, vrf);
	if (r == 0)
		r = add_members(s, known, vrf);
	for (size_t i = 0; i < known->count && r == 0; i++) {
		const struct object *o = &known->objects[i];
		bool is_over = o->kind == OBJECT_ROUTE && has_unsorted(s, first, o->name);
		if (is_over && (s->n_tables == 0 || s->tables[s->n_tables - 1] != o->table))
			r = scope_add_table(s, o->table);
	}
	return r;
}

void scope_settle(struct scope *s)
{
	size_t kept = 0;

	if (s->n_names > 0)
		qsort(s->names, s->n_names, sizeof(*s->names), compare_names);
	if (s->n_tables > 0)
		qsort(s->tables, s->n_tables, sizeof(*s->tables), compare_tables);
	for (size_t i = 0; i < s->n_names; i++)
		if (i == 0 || strcmp(s->names[kept - 1], s->names[i]) != 0)
			memmove(s->names[kept++], s->names[i], sizeof(*s->names));
	s->n_names = kept;
	kept = 0;
	for (size_t i = 0; i < s->n_tables; i++)
		if (i == 0 || s->tables[kept - 1] != s->tables[i])
			s->tables[kept++] = s->tables[i];
	s->n_tables = kept;
}

static bool is_rule(const struct object *o)
{
	return o->kind == OBJECT_RULE || o->kind == OBJECT_MARK_RULE || o->kind == OBJECT_STRANGE_RULE;
}

int scope_of(const struct changes *c, struct scope *ret)
{
	struct scope s = { 0 };
	int r = 0;

	for (size_t i = 0; i < c->count && r == 0; i++) {
		const struct object *o = &c->items[i].object;
		char name[IFNAMSIZ];
		if (o->table != 0 && !is_rule(o)) /* these are always read */
			r = scope_add_table(&s, o->table);
		if (r == 0 && o->kind != OBJECT_ROUTE && scope_interface(o, name))
			r = scope_add_name(&s, name);
	}
	if (r < 0) {
		scope_free(&s);
		return r;
	}
	scope_settle(&s);
	*ret = s;
	return 0;
}

bool scope_has_name(const struct scope *s, const char *interface)
{
	return s->n_names > 0 && bsearch(interface, s->names, s->n_names, sizeof(*s->names), compare_names);
}

bool scope_has_table(const struct scope *s, uint32_t table)
{
	return s->n_tables > 0 && bsearch(&table, s->tables, s->n_tables, sizeof(*s->tables), compare_tables);
}

bool scope_has(const struct scope *s, const struct object *o)
{
	char name[IFNAMSIZ];

	if (o->kind == OBJECT_ROUTE)
		return scope_has_table(s, o->table);
	/* What is about no interface is the host's, or a rule. */
	if (o->kind == OBJECT_SYSCTL)
		return !scope_interface(o, name) || scope_has_name(s, name);
	return is_rule(o) || scope_has_name(s, o->name);
}

int scope_filter(const struct scope *s, const struct plan *p, struct plan *ret)
{
	struct plan out = { 0 };
	int r = 0;

	for (size_t i = 0; i < p->count && r == 0; i++)
		if (scope_has(s, &p->objects[i]))
			r = plan_add(&out, &p->objects[i]);
	if (r < 0)
		plan_free(&out);
	else
		*ret = out;
	return r;
}

/* Drops what lies in the scope. */
static void drop(const struct scope *s, struct plan *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->count; i++) {
		if (scope_has(s, &p->objects[i]))
			continue;
		if (kept < i)
			p->objects[kept] = p->objects[i];
		kept++;
	}
	p->count = kept;
}

/* Of the first of the sorted objects that does not come before key. */
static size_t place_of(const struct object *objects, size_t count, const struct object *key)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (object_compare(&objects[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int scope_overlay(const struct scope *s, const struct plan *part, struct plan *known)
{
	size_t room = known->count + part->count;

	if (room > known->size) {
		struct object *objects = reallocarray(known->objects, room, sizeof(*objects));
		if (!objects)
			return -ENOMEM;
		known->objects = objects;
		known->size = room;
	}
	if (s)
		drop(s, known);
	/* From the end on, so that what is in its place already stays there. */
	size_t k = known->count, p = part->count;
	known->count = k + p;
	while (p > 0) {
		size_t at = place_of(known->objects, k, &part->objects[p - 1]);
		memmove(&known->objects[at + p], &known->objects[at], (k - at) * sizeof(*known->objects));
		k = at;
		p--;
		known->objects[k + p] = part->objects[p];
	}
	return 0;
}

const struct object *scope_find(const struct plan *p, enum object_kind kind, const char *interface)
{
	struct object key = { .kind = kind };

	strncpy(key.name, interface, sizeof(key.name) - 1);
	size_t at = place_of(p->objects, p->count, &key);
	bool found = at < p->count && p->objects[at].kind == kind && strcmp(p->objects[at].name, interface) == 0;
	return found ? &p->objects[at] : NULL;
}

void scope_free(struct scope *s)
{
	if (!s)
		return;
	free(s->names);
	free(s->tables);
	*s = (struct scope){ 0 };
}
