/*
 * Interfaces that several parts name: who may share one, and what must differ among those who do. Sorted and swept, so
 * that ten thousand APNs on one interface cost little more than ten thousand of their own.
 */
#include "conf/validate.h"

#include "conf/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- who uses an interface --- */

struct user {
	const char *interface;
	const struct cloud *cloud;
	size_t apn;
	struct key key;
};

static int compare_users(const void *a, const void *b)
{
	const struct user *x = a, *y = b;
	int order = strcmp(x->interface, y->interface);

	return order ? order : x->apn < y->apn ? -1 : x->apn > y->apn;
}

static void check_machine(struct check *c, const struct user *u)
{
	const char *outer = c->m->gateway.outer.interface, *management = c->m->management.interface;
	const char *whose = NULL;

	if (outer && !strcmp(u->interface, outer))
		whose = "gateway.outer.interface";
	else if (management && !strcmp(u->interface, management))
		whose = "management.interface";
	if (!whose)
		return;
	if (u->cloud->attach == CLOUD_VLAN)
		check_error(
			c, u->key.text, "\"%s\" is %s, whose VLANs cannot be attached; use another interface", u->interface, whose);
	else
		check_error(c, u->key.text, "\"%s\" is %s; the cloud side needs one of its own", u->interface, whose);
}

static void report_taken(struct check *c, const struct user *first, const struct user *u)
{
	check_error(c, u->key.text, "the interface \"%s\" is taken by %s (%s); choose another", u->interface,
		first->key.text, check_place(c, u->key.text, first->key.text).text);
}

/* Shared ones write the same address, if they write any. */
static void check_same_address(struct check *c, const struct user *first, const struct user *u)
{
	struct key of_first = check_key("apns[%zu].cloud.address", first->apn);
	struct key key = check_key("apns[%zu].cloud.address", u->apn);
	char text[PREFIX_TEXT];

	if (is_set(&u->cloud->address.ip) && is_set(&first->cloud->address.ip) &&
		!prefix_equal(&u->cloud->address, &first->cloud->address))
		check_error(c, key.text, "differs from %s (%s, %s) on the same interface; write the same, or leave it out",
			of_first.text, prefix_print(&first->cloud->address, text), check_place(c, key.text, of_first.text).text);
}

static int compare_vlans(const void *a, const void *b)
{
	const struct user *x = a, *y = b;

	if (x->cloud->vlan != y->cloud->vlan)
		return x->cloud->vlan < y->cloud->vlan ? -1 : 1;
	return x->apn < y->apn ? -1 : x->apn > y->apn;
}

static void report_vlan(struct check *c, const struct user *first, const struct user *u)
{
	struct key key = check_key("apns[%zu].cloud.vlan", u->apn), taken = check_key("apns[%zu].cloud.vlan", first->apn);

	check_error(c, key.text, "VLAN %u of \"%s\" is taken by %s (%s); choose another", u->cloud->vlan, u->interface,
		taken.text, check_place(c, key.text, taken.text).text);
}

/* All of one interface; sorts them anew. */
static void check_vlans(struct check *c, struct user *users, size_t n)
{
	qsort(users, n, sizeof(*users), compare_vlans);
	for (size_t first = 0, i = 1; i < n; i++) {
		if (users[i].cloud->vlan != users[first].cloud->vlan)
			first = i;
		else if (users[i].cloud->vlan)
			report_vlan(c, &users[first], &users[i]);
	}
}

/* All users of one interface, in the order of the file. */
static void check_users(struct check *c, struct user *users, size_t n)
{
	enum cloud_attach attach = users[0].cloud->attach;
	const struct user *addressed = NULL;
	bool mixed = false;

	for (size_t i = 0; i < n; i++) {
		const struct user *u = &users[i];
		check_machine(c, u);
		if (i && (u->cloud->attach != attach || attach == CLOUD_DEDICATED)) {
			report_taken(c, &users[0], u);
			mixed = true;
		} else if (attach == CLOUD_SHARED && addressed) {
			check_same_address(c, addressed, u);
		} else if (is_set(&u->cloud->address.ip)) {
			addressed = u;
		}
	}
	if (attach == CLOUD_VLAN && !mixed)
		check_vlans(c, users, n);
}

/* An attachment that could not be read is not judged. */
static bool is_known(const struct check *c, size_t a)
{
	struct key key = check_key("apns[%zu].cloud.attach", a);

	return c->m->apns[a].cloud.interface && check_has(c, key.text) && !check_wrong(c, key.text);
}

void validate_interfaces(struct check *c)
{
	struct user *users = calloc(c->m->n_apns + 1, sizeof(*users));
	size_t n = 0;

	if (!users) {
		c->error = -ENOMEM;
		return;
	}
	for (size_t a = 0; a < c->m->n_apns; a++) {
		const struct cloud *cloud = &c->m->apns[a].cloud;
		if (is_known(c, a))
			users[n++] = (struct user){ cloud->interface, cloud, a, check_key("apns[%zu].cloud.interface", a) };
	}
	qsort(users, n, sizeof(*users), compare_users);
	for (size_t first = 0, i = 1; i <= n && n; i++) {
		if (i < n && !strcmp(users[i].interface, users[first].interface))
			continue;
		check_users(c, users + first, i - first);
		first = i;
	}
	free(users);
}

/* --- addresses on a shared interface --- */

/* What is routed there: to devices, as the cloud sees them, or to the cloud. */
struct range {
	const struct shared *shared;
	const struct prefix *prefix;
	size_t apn, index;
	enum { TO_CLOUD, TO_POOL, TO_PRESENTED } to;
};

static int compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	int order = strcmp(x->shared->interface, y->shared->interface);

	if (!order)
		order = prefix_compare(x->prefix, y->prefix);
	if (!order)
		order = x->apn < y->apn ? -1 : x->apn > y->apn;
	return order ? order : x->index < y->index ? -1 : x->index > y->index;
}

static struct key range_key(const struct range *r)
{
	static const char *const keys[] = {
		[TO_CLOUD] = "cloud.prefixes",
		[TO_POOL] = "pool",
		[TO_PRESENTED] = "cloud.presented_as",
	};

	return check_key("apns[%zu].%s[%zu]", r->apn, keys[r->to], r->index);
}

static void report_range(struct check *c, const struct range *at, const struct range *other)
{
	struct key key = range_key(at), with = range_key(other);
	char x[PREFIX_TEXT], y[PREFIX_TEXT];

	check_error(c, key.text, "%s overlaps %s (%s, %s) on the shared interface \"%s\"; %s", prefix_print(at->prefix, x),
		with.text, prefix_print(other->prefix, y), check_place(c, key.text, with.text).text, at->shared->interface,
		at->to == TO_POOL ? "give one of the APNs cloud.presented_as, a prefix that the cloud sees instead of its pool"
						  : "choose a prefix that nothing else has there");
}

/* The later APN's is to blame, and never the cloud's own addresses. */
static void compare_pair(struct check *c, const struct range *x, const struct range *y)
{
	bool swap = y->to == TO_CLOUD || (x->to != TO_CLOUD && x->apn > y->apn);
	const struct range *at = swap ? x : y, *other = swap ? y : x;

	/* An APN's own pools have their own messages. */
	if (overlap(x->prefix, y->prefix) && (x->apn != y->apn || at->to == TO_PRESENTED))
		report_range(c, at, other);
}

static bool same_interface(const struct range *a, const struct range *b)
{
	return a && !strcmp(a->shared->interface, b->shared->interface);
}

/* Widest prefixes come first: each is compared with the last one of each side that reaches farther than all before. */
static void sweep(struct check *c, const struct range *list, size_t n)
{
	const struct range *cloud = NULL, *devices = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct range *r = &list[i], **own = r->to == TO_CLOUD ? &cloud : &devices;
		cloud = same_interface(cloud, r) ? cloud : NULL;
		devices = same_interface(devices, r) ? devices : NULL;
		if (r->to != TO_CLOUD && cloud)
			compare_pair(c, cloud, r);
		if (devices)
			compare_pair(c, devices, r);
		if (!*own || !prefix_overlaps((*own)->prefix, r->prefix))
			*own = r;
	}
}

static size_t add_ranges(const struct apn *apn, size_t a, struct range *to)
{
	const struct cloud *cloud = &apn->cloud;
	bool presented = cloud->n_presented_as;
	const struct prefix *devices = presented ? cloud->presented_as : apn->pool;
	size_t n_devices = presented ? cloud->n_presented_as : apn->n_pool, n = 0;

	for (size_t i = 0; i < cloud->n_prefixes; i++) {
		if (is_set(&cloud->prefixes[i].ip))
			to[n++] = (struct range){ cloud->shared, &cloud->prefixes[i], a, i, TO_CLOUD };
	}
	for (size_t i = 0; i < n_devices; i++) {
		if (is_set(&devices[i].ip))
			to[n++] = (struct range){ cloud->shared, &devices[i], a, i, presented ? TO_PRESENTED : TO_POOL };
	}
	return n;
}

static void check_subnet(struct check *c, const struct range *r)
{
	struct prefix subnet = prefix_network(&r->shared->address);
	const struct apn *apn = &c->m->apns[r->apn];
	char x[PREFIX_TEXT], y[PREFIX_TEXT];

	/* Where the APN has the address itself, its pool has its own message. */
	if (r->to == TO_CLOUD || !overlap(&subnet, r->prefix) || (r->to == TO_POOL && is_set(&apn->cloud.address.ip)))
		return;
	check_error(c, range_key(r).text,
		"%s overlaps the subnet of \"%s\" (%s); devices and cloud need separate addresses", prefix_print(r->prefix, x),
		r->shared->interface, prefix_print(&subnet, y));
}

void validate_shared(struct check *c)
{
	size_t room = 1, n = 0;

	for (size_t a = 0; a < c->m->n_apns; a++)
		room += c->m->apns[a].n_pool + c->m->apns[a].cloud.n_prefixes + c->m->apns[a].cloud.n_presented_as;
	struct range *list = calloc(room, sizeof(*list));
	if (!list) {
		c->error = -ENOMEM;
		return;
	}
	for (size_t a = 0; a < c->m->n_apns; a++) {
		if (c->m->apns[a].cloud.shared)
			n += add_ranges(&c->m->apns[a], a, list + n);
	}
	qsort(list, n, sizeof(*list), compare_ranges);
	sweep(c, list, n);
	for (size_t i = 0; i < n; i++)
		check_subnet(c, &list[i]);
	free(list);
}
