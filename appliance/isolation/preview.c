#include "appliance/isolation/preview.h"

#include "appliance/isolation/netlink.h"
#include "appliance/isolation/nft.h"
#include "appliance/isolation/observe.h"
#include "appliance/isolation/outer.h"
#include "appliance/isolation/plan.h"
#include "appliance/isolation/report.h"
#include "appliance/isolation/scope.h"
#include "appliance/isolation/taken.h"
#include "appliance/isolation/walls.h"
#include "conf/model.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>

static int compare_apns(const void *a, const void *b)
{
	return strcmp((*(const struct apn *const *)a)->name, (*(const struct apn *const *)b)->name);
}

/* 0 is no limit. */
static bool is_lower(unsigned limit, unsigned was)
{
	return limit != 0 && (was == 0 || limit < was);
}

static unsigned timeout_of(const struct apn *a)
{
	return a->udp_timeout ? a->udp_timeout : PLAN_UDP_TIMEOUT;
}

static bool has_lower_limits(const struct apn *a, const struct apn *was)
{
	return is_lower(a->limits.packets, was->limits.packets) ||
		   is_lower(a->limits.connections, was->limits.connections) || timeout_of(a) < timeout_of(was);
}

int preview_limits(const struct model *now, const struct model *next, bool *ret_narrower)
{
	const struct apn **apns CLEANUP(cleanup_free) = calloc(now->n_apns + 1, sizeof(*apns));
	bool narrower = false;

	if (!apns)
		return -ENOMEM;
	for (size_t i = 0; i < now->n_apns; i++)
		apns[i] = &now->apns[i];
	qsort(apns, now->n_apns, sizeof(*apns), compare_apns);
	for (size_t i = 0; i < next->n_apns && !narrower; i++) {
		const struct apn *a = &next->apns[i];
		const struct apn **was = bsearch(&a, apns, now->n_apns, sizeof(*apns), compare_apns);
		narrower = was && has_lower_limits(a, *was);
	}
	*ret_narrower = narrower;
	return 0;
}

static int compare_walls(const struct model *now, const struct model *next, struct preview *p)
{
	struct buf old CLEANUP(buf_free) = { 0 };
	struct buf new CLEANUP(buf_free) = { 0 };
	bool narrower = false;
	int r = nft_render(next, &new);

	p->walls_missing = !walls_stand();
	if (r == 0 && walls_check(buf_text(&new), &p->refusal) < 0 && !p->refusal)
		r = -ENOMEM;
	if (r == 0 && now && !p->walls_missing)
		r = nft_render(now, &old);
	else
		nft_render_closed(&old);
	if (r == 0)
		r = preview_walls(buf_text(&old), buf_text(&new), &p->walls, &narrower);
	if (r == 0 && now && !p->walls_missing && !narrower)
		r = preview_limits(now, next, &narrower);
	p->interrupts = narrower;
	return r;
}

static bool is_link(const char *interface)
{
	return strncmp(interface, PLAN_PREFIX "x", strlen(PLAN_PREFIX "x")) == 0;
}

/* By the same interface, or by another link. */
static bool is_same_way(const struct object *a, const struct object *b)
{
	return strcmp(a->name, b->name) == 0 || (is_link(a->name) && is_link(b->name));
}

/* A route to the same place stays or comes, by whichever link, or one that leads more the same way. */
static bool is_replaced(const struct plan *want, const struct object *route)
{
	for (size_t i = 0; i < want->count; i++) {
		const struct object *o = &want->objects[i];
		if (o->kind == OBJECT_ROUTE && o->type == RTN_UNICAST && o->table == route->table &&
			(prefix_equal(&o->prefix, &route->prefix) ||
				(prefix_covers(&o->prefix, &route->prefix) && is_same_way(o, route))))
			return true;
	}
	return false;
}

/* What goes takes traffic along, apart from routes that have a substitute and from what refuses traffic. */
static bool change_interrupts(const struct plan *want, const struct change *c)
{
	if (c->verb != CHANGE_REMOVE || c->object.kind == OBJECT_RULE || c->object.kind == OBJECT_STRANGE_RULE)
		return false;
	if (c->object.kind != OBJECT_ROUTE)
		return true;
	return c->object.type == RTN_UNICAST && !is_replaced(want, &c->object);
}

static bool interrupts(const struct plan *want, const struct preview *p)
{
	for (size_t i = 0; i < p->changes.count; i++)
		if (change_interrupts(want, &p->changes.items[i]))
			return true;
	return false;
}

/* Those of links that exist follow what is observed of them, whatever is configured. */
static void keep_mtus(const struct plan *have, struct plan *want)
{
	for (size_t i = 0; i < want->count; i++) {
		struct object *o = &want->objects[i];
		const struct object *is = o->kind == OBJECT_MTU ? scope_find(have, OBJECT_MTU, o->name) : NULL;
		if (is)
			o->value = is->value;
	}
}

/* The first thing that isolation_prepare() would refuse. An interface that is missing is only waited for. */
static int check_refusal(
	struct nl_sock *sk, const struct model *now, const struct model *next, const struct plan *want, struct preview *p)
{
	struct report report CLEANUP(report_free) = { 0 };

	outer_check(sk, &next->gateway, &report);
	int r = taken_check(sk, now, want, &report);
	for (size_t i = 0; i < report.count && !p->refusal; i++)
		if (!report.entries[i].pending)
			p->refusal = strdup(report.entries[i].text);
	return r == 0 && report.failed > 0 && !p->refusal ? -ENOMEM : r;
}

static int compare_kernel(const struct model *now, const struct model *next, struct plan *want, struct preview *p)
{
	struct plan have CLEANUP(plan_free) = { 0 };
	struct nl_sock *sk = NULL;
	int r = netlink_open(NETLINK_ROUTE, &sk);

	if (r == 0)
		r = check_refusal(sk, now, next, want, p);
	if (r == 0)
		r = observe(sk, next, want, &have);
	nl_socket_free(sk);
	if (r == 0)
		keep_mtus(&have, want);
	return r < 0 ? r : changes_between(want, &have, &p->changes);
}

int preview(const struct model *now, const struct model *next, const struct carrying *carrying, struct preview *ret)
{
	struct plan want CLEANUP(plan_free) = { 0 };
	struct preview p = { 0 };
	int r = plan_build(next, carrying, &want);

	if (r == 0)
		r = compare_walls(now, next, &p);
	if (r == 0)
		r = compare_kernel(now, next, &want, &p);
	if (r < 0) {
		preview_free(&p);
		return r;
	}
	p.interrupts = p.interrupts || interrupts(&want, &p);
	*ret = p;
	return 0;
}

void preview_free(struct preview *p)
{
	changes_free(&p->changes);
	buf_free(&p->walls);
	free(p->refusal);
	*p = (struct preview){ 0 };
}
