/*
 * Children of one tunnel with the same devices are one APN: its crypto ACL has several lines. The same APN on another
 * tunnel is a second way to it, as a host without VRFs cannot have the same selectors for anybody else; children with
 * an if_id or a mark of their own can, and stay apart.
 */
#include "conf/convert_apn.h"

#include "conf/convert_conn.h"
#include "conf/convert_name.h"
#include "conf/convert_foreign.h"

#include <string.h>

static bool has_prefix(const struct side *side, const struct prefix *p)
{
	for (size_t i = 0; i < side->n; i++) {
		if (prefix_equal(&side->prefixes[i], p))
			return true;
	}
	return false;
}

/* The same known prefixes; nobody knows what lies behind any. */
static bool same_side(const struct side *a, const struct side *b)
{
	if (a->any || b->any || !a->n || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (!has_prefix(b, &a->prefixes[i]))
			return false;
	}
	return true;
}

static void add_cloud(struct foreign *s, struct apn_piece *a, const struct child *child)
{
	struct side *cloud = a->cloud;

	cloud->any |= child->cloud.any;
	for (size_t i = 0; i < child->cloud.n && !cloud->any; i++) {
		const struct prefix *p = &child->cloud.prefixes[i];
		if (has_prefix(cloud, p))
			continue;
		if (cloud->n == CONN_PREFIXES_MAX)
			foreign_note(
				s, child->line, child->path, "only the first %d prefixes of the APN are taken", CONN_PREFIXES_MAX);
		else
			cloud->prefixes[cloud->n++] = *p;
	}
	if (cloud->any)
		cloud->n = 0;
}

static bool is_pair(const struct child *child)
{
	return child->pairs || (child->cloud.n <= 1 && child->devices.n <= 1);
}

static struct apn_piece *new_piece(struct foreign *s, const struct conn *c, const struct child *child)
{
	struct apn_piece *a = foreign_alloc(s, sizeof(*a));
	struct carried *carried = foreign_alloc(s, sizeof(*carried));
	struct side *cloud = foreign_alloc(s, sizeof(*cloud)), *devices = foreign_alloc(s, sizeof(*devices));

	if (!a || !carried || !cloud || !devices)
		return NULL;
	*cloud = child->cloud;
	*devices = child->devices;
	carried->conn = c;
	*a = (struct apn_piece){ .name = child->name,
		.child = child,
		.cloud = cloud,
		.devices = devices,
		.n_children = 1,
		.pairs = is_pair(child),
		.carried = carried };
	return a;
}

/* The APNs of one connection. */
static struct apn_piece *pieces_of(struct foreign *s, const struct conn *c)
{
	struct apn_piece *first = NULL, **last = &first;

	for (const struct child *child = c->children; child && !s->error; child = child->next) {
		struct apn_piece *a = first;
		while (a && (a->child->apart || child->apart || !same_side(a->devices, &child->devices)))
			a = a->next;
		if (a) {
			add_cloud(s, a, child);
			a->n_children++;
			a->pairs &= is_pair(child);
			continue;
		}
		a = new_piece(s, c, child);
		if (!a)
			break;
		*last = a;
		last = &a->next;
	}
	return first;
}

/* Adds the connection of a to the same APN among all, if it is there. */
static bool join(struct apn_piece *all, struct apn_piece *a)
{
	for (struct apn_piece *i = all; i; i = i->next) {
		if (i->child->apart || a->child->apart || !same_side(i->devices, a->devices) || !same_side(i->cloud, a->cloud))
			continue;
		struct carried **last = &i->carried;
		while (*last)
			last = &(*last)->next;
		*last = a->carried;
		return true;
	}
	return false;
}

struct apn_piece *apn_pieces(struct foreign *s, const struct conns *all)
{
	struct apn_piece *first = NULL, **last = &first, *a, *next;
	struct names names = { 0 };

	for (const struct conn *c = all->first; c && !s->error; c = c->next) {
		for (a = pieces_of(s, c); a; a = next) {
			next = a->next;
			a->next = NULL;
			if (join(first, a))
				continue;
			*last = a;
			last = &a->next;
		}
	}
	for (a = first; a && !s->error; a = a->next)
		a->name = names_take(s, &names, a->child->name);
	names_free(&names);
	return s->error ? NULL : first;
}
