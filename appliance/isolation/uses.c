#include "appliance/isolation/uses.h"

#include "conf/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct interface_use {
	const char *name;
	unsigned bits;
};

static int compare_uses(const void *a, const void *b)
{
	const struct interface_use *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static unsigned use_of_cloud(const struct cloud *c)
{
	switch (c->attach) {
	case CLOUD_DEDICATED:
		return USE_WHOLE;
	case CLOUD_VLAN:
		return USE_HELD_UP;
	case CLOUD_SHARED:
		return c->shared && c->shared->address.ip.family == AF_UNSPEC ? USE_WHOLE | USE_SETTINGS : USE_WHOLE;
	}
	return 0;
}

static void unite(struct uses *u)
{
	size_t kept = 0;

	if (u->count == 0)
		return;
	qsort(u->items, u->count, sizeof(*u->items), compare_uses);
	for (size_t i = 1; i < u->count; i++) {
		if (strcmp(u->items[kept].name, u->items[i].name) == 0)
			u->items[kept].bits |= u->items[i].bits;
		else
			u->items[++kept] = u->items[i];
	}
	u->count = kept + 1;
}

int uses_collect(const struct model *m, struct uses *ret)
{
	struct uses u = { .items = calloc(m->n_apns + 2, sizeof(*u.items)) };

	if (!u.items)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_apns; i++)
		u.items[u.count++] = (struct interface_use){ m->apns[i].cloud.interface, use_of_cloud(&m->apns[i].cloud) };
	if (m->management.interface)
		u.items[u.count++] = (struct interface_use){ m->management.interface, USE_MANAGEMENT };
	unite(&u);
	*ret = u;
	return 0;
}

unsigned uses_of(const struct uses *u, const char *interface)
{
	struct interface_use key = { .name = interface };
	const struct interface_use *found =
		u->count > 0 ? bsearch(&key, u->items, u->count, sizeof(key), compare_uses) : NULL;

	return found ? found->bits : 0;
}

void uses_free(struct uses *u)
{
	if (!u)
		return;
	free(u->items);
	*u = (struct uses){ 0 };
}
