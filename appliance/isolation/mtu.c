#include "appliance/isolation/mtu.h"

#include "appliance/isolation/plan.h"
#include "conf/model.h"
#include "ikev2/esp_size.h"
#include "lib/buf.h"
#include "lib/grow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	OCTETS_MAX = 65535, /* of an IP packet */
	HEADERS_IPV4 = 20 + 20, /* IP and TCP, without options: these are the sender's to count (RFC 6691) */
	HEADERS_IPV6 = 40 + 20,
};

uint32_t mtu_of(const struct esp_shape *shape, const struct mtu_path *path, bool inner_ipv6)
{
	uint32_t least = inner_ipv6 ? MTU_LEAST_IPV6 : MTU_LEAST_IPV4;
	uint32_t octets = esp_inner_max(shape, path->outer);

	if (octets > OCTETS_MAX)
		return OCTETS_MAX;
	return octets < least ? least : octets;
}

int mtu_add(struct link_mtus *list, const struct link_mtu *mtu)
{
	struct link_mtu *items = grow(list->items, list->count, &list->size, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	list->items[list->count++] = *mtu;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct link_mtu *x = a, *y = b;

	return (x->if_id > y->if_id) - (x->if_id < y->if_id);
}

void mtu_sort(struct link_mtus *list)
{
	if (list->count > 0)
		qsort(list->items, list->count, sizeof(*list->items), compare);
}

const struct link_mtu *mtu_find(const struct link_mtus *list, uint32_t if_id)
{
	const struct link_mtu key = { .if_id = if_id };

	if (!list || list->count == 0)
		return NULL;
	return bsearch(&key, list->items, list->count, sizeof(key), compare);
}

int mtu_put(struct link_mtus *list, const struct link_mtu *mtu)
{
	size_t at = 0;

	while (at < list->count && list->items[at].if_id < mtu->if_id)
		at++;
	bool there = at < list->count && list->items[at].if_id == mtu->if_id;
	if (mtu->octets == 0) {
		list->count -= there;
		if (there)
			memmove(list->items + at, list->items + at + 1, (list->count - at) * sizeof(*list->items));
		return 0;
	}
	if (there) {
		list->items[at] = *mtu;
		return 0;
	}
	int r = mtu_add(list, mtu);
	mtu_sort(list);
	return r;
}

bool mtu_equal(const struct link_mtu *a, const struct link_mtu *b)
{
	return a->octets == b->octets && a->path.outer == b->path.outer && a->path.source == b->path.source &&
		   a->tcp == b->tcp;
}

void mtu_free(struct link_mtus *list)
{
	free(list->items);
	*list = (struct link_mtus){ 0 };
}

/* The if_id of an XFRM interface of ours; 0 of any other. */
static uint32_t if_id_of(const char *name)
{
	static const char prefix[] = PLAN_PREFIX "x";

	if (strncmp(name, prefix, strlen(prefix)) != 0)
		return 0;
	return (uint32_t)strtoul(name + strlen(prefix), NULL, 10);
}

/* The order of a plan stays: an interface has one MTU. */
void mtu_impose(const struct link_mtus *list, struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		struct object *o = &plan->objects[i];
		const struct link_mtu *mtu = o->kind == OBJECT_MTU ? mtu_find(list, if_id_of(o->name)) : NULL;
		if (mtu)
			o->value = mtu->octets;
	}
}

static uint32_t segment_of(const struct apn *a, uint32_t mtu)
{
	uint32_t headers = a->n_pool > 0 && a->pool[0].ip.family == AF_INET6 ? HEADERS_IPV6 : HEADERS_IPV4;

	return mtu > headers ? mtu - headers : 1;
}

static uint32_t packets_of_tcp(const struct link_mtu *mtu)
{
	if (!mtu)
		return PLAN_XFRM_MTU;
	return mtu->tcp > 0 ? mtu->tcp : mtu->octets;
}

void mtu_render(const struct model *m, const struct link_mtus *list, struct buf *out)
{
	char name[IFNAMSIZ];

	for (size_t i = 0; i < m->n_apns; i++)
		for (size_t k = 0; k < m->apns[i].n_links; k++) {
			uint32_t if_id = m->apns[i].links[k].if_id;
			const struct link_mtu *mtu = mtu_find(list, if_id);
			buf_printf(out, "add element inet culvert segment { \"%s\" : %u }\n", plan_xfrm_name(if_id, name),
				segment_of(&m->apns[i], packets_of_tcp(mtu)));
		}
}

const char *mtu_source_name(enum mtu_source source)
{
	switch (source) {
	case MTU_INTERFACE:
		return "interface";
	case MTU_PATH:
		return "path";
	case MTU_MEASURED:
		return "measured";
	case MTU_ASSUMED:
		return "assumed";
	}
	return "assumed";
}
