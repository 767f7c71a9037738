/* Tunnels and the APNs on them: each tunnel is used, its APNs can be told apart, and their selectors take what they
 * carry. */
#include "conf/validate.h"

#include "conf/model.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { PAIRS_MOST = 64 }; /* CHILD_SAs of one link */

/* That an APN is on a tunnel. */
struct use {
	const struct tunnel *tunnel;
	const struct link *link_of;
	size_t apn, link; /* indexes */
	bool reported;
};

static int compare_uses(const void *a, const void *b)
{
	const struct use *x = a, *y = b;

	if (x->tunnel != y->tunnel)
		return (uintptr_t)x->tunnel < (uintptr_t)y->tunnel ? -1 : 1;
	return x->apn < y->apn ? -1 : x->apn > y->apn;
}

/* --- APNs that a tunnel cannot tell apart --- */

/* One prefix of the devices' side of a use. */
struct side {
	const struct prefix *prefix;
	struct use *use;
};

static int compare_sides(const void *a, const void *b)
{
	const struct side *x = a, *y = b;
	int order = prefix_compare(x->prefix, y->prefix);

	return order ? order : x->use->apn < y->use->apn ? -1 : x->use->apn > y->use->apn;
}

static bool any_overlap(const struct prefix *a, size_t n_a, const struct prefix *b, size_t n_b)
{
	for (size_t i = 0; i < n_a; i++) {
		for (size_t k = 0; k < n_b; k++) {
			if (overlap(&a[i], &b[k]))
				return true;
		}
	}
	return false;
}

static bool is_any(const struct link *l)
{
	return l->n_local && l->n_remote && is_set(&l->local[0].ip) && !l->local[0].len && is_set(&l->remote[0].ip) &&
		   !l->remote[0].len;
}

static void report_pair(struct check *c, struct use *x, struct use *y)
{
	const struct use *earlier = x->apn < y->apn ? x : y;
	struct use *later = earlier == x ? y : x;
	const struct apn *apn = &c->m->apns[earlier->apn];
	struct key key = check_key("apns[%zu].tunnels[%zu]", later->apn, later->link);
	const char *name = apn->name ? apn->name : "";

	if (later->reported)
		return;
	later->reported = true;
	if (is_any(earlier->link_of) || is_any(later->link_of))
		check_error(c, key.text,
			"on \"%s\" this APN cannot be told from apns[%zu] (\"%s\"): selectors are any to any, which is room for "
			"one "
			"APN; write selectors for both, or use another tunnel",
			later->tunnel->name, earlier->apn, name);
	else
		check_error(c, key.text,
			"on \"%s\" this APN cannot be told from apns[%zu] (\"%s\"): selectors of both overlap on the devices' and "
			"on "
			"the cloud side; use separate ones, or another tunnel",
			later->tunnel->name, earlier->apn, name);
}

/* A packet that fits both APNs' selectors would belong to either. The devices' sides of the two overlap. */
static void compare_pair(struct check *c, const struct side *x, const struct side *y)
{
	const struct link *a = x->use->link_of, *b = y->use->link_of;

	if (x->use->apn != y->use->apn && any_overlap(a->local, a->n_local, b->local, b->n_local))
		report_pair(c, x->use, y->use);
}

/* sides are sorted: those that contain the one at hand are on the stack, and no others overlap it. */
static void sweep(struct check *c, const struct side *sides, size_t n, const struct side **stack)
{
	size_t depth = 0;

	for (size_t i = 0; i < n; i++) {
		while (depth && !prefix_overlaps(stack[depth - 1]->prefix, sides[i].prefix))
			depth--;
		for (size_t k = 0; k < depth && !sides[i].use->reported; k++)
			compare_pair(c, stack[k], &sides[i]);
		stack[depth++] = &sides[i];
	}
}

/* uses[0] to [n - 1] are of one tunnel. */
static void check_tunnel(struct check *c, struct use *uses, size_t n)
{
	size_t room = 1, filled = 0;

	if (n < 2)
		return;
	for (size_t i = 0; i < n; i++)
		room += uses[i].link_of->n_remote;
	struct side *sides = calloc(room, sizeof(*sides));
	const struct side **stack = calloc(room, sizeof(const struct side *));
	if (!sides || !stack)
		c->error = -ENOMEM;
	for (size_t i = 0; i < n && !c->error; i++) {
		for (size_t k = 0; k < uses[i].link_of->n_remote; k++) {
			if (is_set(&uses[i].link_of->remote[k].ip))
				sides[filled++] = (struct side){ &uses[i].link_of->remote[k], &uses[i] };
		}
	}
	if (!c->error) {
		qsort(sides, filled, sizeof(*sides), compare_sides);
		sweep(c, sides, filled, stack);
	}
	free(sides);
	free((void *)stack);
}

static size_t collect(const struct model *m, struct use *uses)
{
	size_t n = 0;

	for (size_t a = 0; a < m->n_apns; a++) {
		for (size_t l = 0; l < m->apns[a].n_links; l++) {
			const struct link *link = &m->apns[a].links[l];
			if (link->tunnel)
				uses[n++] = (struct use){ link->tunnel, link, a, l, false };
		}
	}
	return n;
}

/* --- tunnels without an APN --- */

static int compare_to_tunnel(const void *key, const void *entry)
{
	const struct tunnel *tunnel = key, *used = ((const struct use *)entry)->tunnel;

	return (uintptr_t)tunnel < (uintptr_t)used ? -1 : tunnel != used;
}

/* True if each APN has a list of tunnels, and each name in it is one; a wrong one may have meant any. */
static bool all_known(const struct model *m, size_t n_uses)
{
	size_t n = 0;

	for (size_t a = 0; a < m->n_apns; a++) {
		if (!m->apns[a].n_links)
			return false;
		n += m->apns[a].n_links;
	}
	return m->n_apns && n == n_uses;
}

static void find_unused(struct check *c, const struct use *uses, size_t n)
{
	for (size_t i = 0; i < c->m->n_carriers; i++) {
		for (size_t t = 0; t < c->m->carriers[i].n_tunnels; t++) {
			const struct tunnel *tunnel = &c->m->carriers[i].tunnels[t];
			if (tunnel->name && !bsearch(tunnel, uses, n, sizeof(*uses), compare_to_tunnel))
				check_warning(c, check_key("carriers[%zu].tunnels[%zu]", i, t).text,
					"no APN uses \"%s\"; it will carry nothing", tunnel->name);
		}
	}
}

/* --- what an APN's selectors take --- */

static void check_family(struct check *c, size_t a, const char *side, const struct selector *list, size_t n)
{
	const struct apn *apn = &c->m->apns[a];
	int family = apn->n_pool ? apn->pool[0].ip.family : AF_UNSPEC;
	char x[PREFIX_TEXT], y[PREFIX_TEXT];

	for (size_t i = 0; i < n; i++) {
		struct key at = check_key("%s[%zu]", check_key("apns[%zu].selectors.%s", a, side).text, i);
		if (list[i].any && n > 1)
			check_error(c, at.text, "\"any\" contains all others; keep it alone, or remove it");
		if (is_set(&list[i].prefix.ip) && family != AF_UNSPEC && list[i].prefix.ip.family != family)
			check_error(
				c, at.text, "%s is of another family than pool[0]; an APN has one", prefix_print(&list[i].prefix, x));
		for (size_t k = 0; k < i; k++) {
			if (overlap(&list[i].prefix, &list[k].prefix))
				check_error(c, at.text, "%s overlaps %s before it; keep the wider one",
					prefix_print(&list[i].prefix, x), prefix_print(&list[k].prefix, y));
		}
	}
}

/* Links of one APN have the same selectors where they are written; any one of them will do. */
static const struct link *written_link(const struct apn *apn)
{
	return apn->n_links ? &apn->links[0] : NULL;
}

static void check_devices(struct check *c, size_t a)
{
	const struct apn *apn = &c->m->apns[a];
	const struct link *l = written_link(apn);
	char text[PREFIX_TEXT];

	for (size_t i = 0; apn->selectors.n_devices && l && i < apn->n_pool; i++) {
		if (!is_covered(&apn->pool[i], l->remote, l->n_remote))
			check_error(c, check_key("apns[%zu].pool[%zu]", a, i).text,
				"%s is not wholly inside selectors.devices, so that the carrier drops what some devices send; widen "
				"selectors.devices, or narrow the pool",
				prefix_print(&apn->pool[i], text));
	}
}

static void check_hosts(
	struct check *c, size_t a, const struct link *l, const char *list, const struct service *services, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct prefix host = { .ip = services[i].host, .len = ip_bits(services[i].host.family) };
		if (!is_covered(&host, l->local, l->n_local))
			check_error(c, check_key("apns[%zu].%s[%zu].host", a, list, i).text,
				"is outside selectors.cloud, so that the carrier drops what devices send to it; widen selectors.cloud");
	}
}

static void check_cloud(struct check *c, size_t a)
{
	const struct apn *apn = &c->m->apns[a];
	const struct link *l = written_link(apn);
	char text[PREFIX_TEXT];

	if (!apn->selectors.n_cloud || !l)
		return;
	for (size_t i = 0; i < apn->cloud.n_prefixes; i++) {
		if (!is_covered(&apn->cloud.prefixes[i], l->local, l->n_local))
			check_warning(c, check_key("apns[%zu].cloud.prefixes[%zu]", a, i).text,
				"%s is not wholly inside selectors.cloud; devices reach only what is",
				prefix_print(&apn->cloud.prefixes[i], text));
	}
	check_hosts(c, a, l, "services", apn->services, apn->n_services);
	check_hosts(c, a, l, "downlink", apn->downlink, apn->n_downlink);
}

static void check_pairs(struct check *c, size_t a)
{
	const struct apn *apn = &c->m->apns[a];

	for (size_t i = 0; i < apn->n_links; i++) {
		const struct link *l = &apn->links[i];
		if (l->tunnel && l->each_pair && l->n_local * l->n_remote > PAIRS_MOST)
			check_error(c, check_key("apns[%zu].tunnels[%zu]", a, i).text,
				"%zu by %zu selectors need %zu CHILD_SAs on \"%s\"; use at most %d, by wider selectors or by "
				"children = \"one\"",
				l->n_local, l->n_remote, l->n_local * l->n_remote, l->tunnel->name, PAIRS_MOST);
	}
}

static void check_selectors(struct check *c, size_t a)
{
	const struct selectors *s = &c->m->apns[a].selectors;

	check_family(c, a, "cloud", s->cloud, s->n_cloud);
	check_family(c, a, "devices", s->devices, s->n_devices);
	check_devices(c, a);
	check_cloud(c, a);
	check_pairs(c, a);
}

void validate_selectors(struct check *c)
{
	size_t room = 1;

	for (size_t a = 0; a < c->m->n_apns; a++) {
		room += c->m->apns[a].n_links;
		check_selectors(c, a);
	}
	struct use *uses = calloc(room, sizeof(*uses));
	if (!uses) {
		c->error = -ENOMEM;
		return;
	}
	size_t n = collect(c->m, uses);
	qsort(uses, n, sizeof(*uses), compare_uses);
	for (size_t first = 0, i = 1; i <= n; i++) {
		if (i < n && uses[i].tunnel == uses[first].tunnel)
			continue;
		check_tunnel(c, uses + first, i - first);
		first = i;
	}
	if (all_known(c->m, n))
		find_unused(c, uses, n);
	free(uses);
}
