#include "conf/derive.h"

#include "conf/model.h"
#include "ikev2/peer_type.h"
#include "lib/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* --- tunnels --- */

static int derive_remote_id(struct arena *memory, struct tunnel *t)
{
	char text[IP_TEXT];

	if (t->remote_id || !t->n_peers)
		return 0;
	switch (t->peers[0].kind) {
	case PEER_UNSET:
	case PEER_ANY:
		return 0;
	case PEER_ADDRESS:
		t->remote_id = arena_text(memory, ip_print(&t->peers[0].address, text));
		break;
	case PEER_NAME:
		t->remote_id = arena_text(memory, t->peers[0].name);
		break;
	}
	return t->remote_id ? 0 : -ENOMEM;
}

static int derive_carrier(struct arena *memory, struct carrier *c)
{
	c->auth = c->n_psk_files ? CARRIER_AUTH_PSK : CARRIER_AUTH_CERTIFICATE;
	for (size_t i = 0; i < c->n_tunnels; i++) {
		struct tunnel *t = &c->tunnels[i];
		t->carrier = c;
		t->ike = lifetime_for(t->ike.rekey, t->ceiling);
		t->child = lifetime_for(t->child.rekey, t->ceiling);
		if (derive_remote_id(memory, t))
			return -ENOMEM;
	}
	return 0;
}

/* --- selectors --- */

static struct prefix any_of(const struct apn *a)
{
	struct prefix any = { .ip.family = a->n_pool ? a->pool[0].ip.family : AF_INET };

	return any;
}

/* The prefixes of one side: the operator's selectors, any, or what the APN has there. */
static int derive_side(struct arena *memory, const struct apn *a, const struct selector *written, size_t n_written,
	bool any, const struct prefix *own, size_t n_own, struct prefix **ret, size_t *ret_n)
{
	size_t n = n_written ? n_written : any ? 1 : n_own;
	struct prefix *side = arena_zeroed(memory, n * sizeof(*side));

	if (!side)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (n_written)
			side[i] = written[i].any ? any_of(a) : written[i].prefix;
		else
			side[i] = any ? any_of(a) : own[i];
	}
	*ret = side;
	*ret_n = n;
	return 0;
}

static int derive_link(struct arena *memory, const struct apn *a, struct link *l)
{
	const struct peer_type *type = l->tunnel ? l->tunnel->peer_type : NULL;
	const struct selectors *s = &a->selectors;
	bool any = type && type->any;

	l->each_pair = s->children == CHILDREN_BY_PEER ? type && type->each_pair : s->children == CHILDREN_EACH_PAIR;
	int r = derive_side(
		memory, a, s->cloud, s->n_cloud, any, a->cloud.prefixes, a->cloud.n_prefixes, &l->local, &l->n_local);
	return r ? r : derive_side(memory, a, s->devices, s->n_devices, any, a->pool, a->n_pool, &l->remote, &l->n_remote);
}

/* --- shared interfaces --- */

static bool is_shared(const struct apn *a)
{
	return a->cloud.attach == CLOUD_SHARED && a->cloud.interface;
}

static int compare_shared(const void *a, const void *b)
{
	return strcmp(((const struct shared *)a)->interface, ((const struct shared *)b)->interface);
}

/* Each interface once, the address from the first APN that has one. list is sorted. */
static size_t unite(struct shared *list, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (kept && !strcmp(list[kept - 1].interface, list[i].interface)) {
			if (list[kept - 1].address.ip.family == AF_UNSPEC)
				list[kept - 1].address = list[i].address;
		} else {
			list[kept++] = list[i];
		}
	}
	return kept;
}

static int derive_shared(struct model *m)
{
	struct shared *list = calloc(m->n_apns + 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_apns; i++) {
		const struct cloud *cloud = &m->apns[i].cloud;
		if (is_shared(&m->apns[i]))
			list[n++] = (struct shared){ .interface = cloud->interface, .address = cloud->address };
	}
	qsort(list, n, sizeof(*list), compare_shared);
	m->shared = list;
	m->n_shared = unite(list, n);
	for (size_t i = 0; i < m->n_apns; i++) {
		struct shared key = { .interface = m->apns[i].cloud.interface };
		if (is_shared(&m->apns[i]))
			m->apns[i].cloud.shared = bsearch(&key, list, m->n_shared, sizeof(*list), compare_shared);
	}
	return 0;
}

int derive_model(struct model *m)
{
	for (size_t i = 0; i < m->n_carriers; i++) {
		if (derive_carrier(m->memory, &m->carriers[i]))
			return -ENOMEM;
	}
	for (size_t i = 0; i < m->n_apns; i++) {
		for (size_t k = 0; k < m->apns[i].n_links; k++) {
			if (derive_link(m->memory, &m->apns[i], &m->apns[i].links[k]))
				return -ENOMEM;
		}
	}
	return derive_shared(m);
}
