/* Tunnels and the APNs on them: each tunnel is used, and its APNs can be told apart by their selectors. */
#include "conf/validate.h"

#include "conf/model.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

/* That an APN is on a tunnel. */
struct use {
	const struct tunnel *tunnel;
	size_t apn, link; /* indexes */
};

static int compare_uses(const void *a, const void *b)
{
	const struct use *x = a, *y = b;

	if (x->tunnel != y->tunnel)
		return (uintptr_t)x->tunnel < (uintptr_t)y->tunnel ? -1 : 1;
	return x->apn < y->apn ? -1 : x->apn > y->apn;
}

static bool any_overlap(const struct prefix *a, size_t n_a, const struct prefix *b, size_t n_b)
{
	for (size_t i = 0; i < n_a; i++) {
		for (size_t k = 0; k < n_b; k++) {
			if (a[i].ip.family != AF_UNSPEC && prefix_overlaps(&a[i], &b[k]))
				return true;
		}
	}
	return false;
}

/* A packet that fits both APNs' selectors would belong to either. */
static bool indistinguishable(const struct apn *a, const struct apn *b)
{
	return any_overlap(a->pool, a->n_pool, b->pool, b->n_pool) &&
		   any_overlap(a->cloud.prefixes, a->cloud.n_prefixes, b->cloud.prefixes, b->cloud.n_prefixes);
}

/* uses[0] to [n - 1] are of one tunnel. */
static void check_shared(struct check *c, const struct use *uses, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		for (size_t k = 0; k < i; k++) {
			const struct apn *earlier = &c->m->apns[uses[k].apn];
			if (uses[k].apn == uses[i].apn || !indistinguishable(earlier, &c->m->apns[uses[i].apn]))
				continue;
			check_error(c, check_key("apns[%zu].tunnels[%zu]", uses[i].apn, uses[i].link).text,
				"on \"%s\" this APN cannot be told from apns[%zu] (\"%s\"): pools and cloud prefixes of both overlap; "
				"use separate ones, or another tunnel",
				uses[i].tunnel->name, uses[k].apn, earlier->name ? earlier->name : "");
			break; /* one message an APN is enough */
		}
	}
}

static size_t collect(const struct model *m, struct use *uses)
{
	size_t n = 0;

	for (size_t a = 0; a < m->n_apns; a++) {
		for (size_t l = 0; l < m->apns[a].n_links; l++) {
			if (m->apns[a].links[l].tunnel)
				uses[n++] = (struct use){ m->apns[a].links[l].tunnel, a, l };
		}
	}
	return n;
}

static int compare_to_tunnel(const void *key, const void *entry)
{
	const struct tunnel *tunnel = key, *used = ((const struct use *)entry)->tunnel;

	return (uintptr_t)tunnel < (uintptr_t)used ? -1 : tunnel != used;
}

/* True if each name in the APNs' lists of tunnels is one; a wrong one may have meant any. */
static bool all_known(const struct model *m, size_t n_uses)
{
	size_t n = 0;

	for (size_t a = 0; a < m->n_apns; a++)
		n += m->apns[a].n_links;
	return n == n_uses;
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

void validate_selectors(struct check *c)
{
	size_t room = 1;

	for (size_t a = 0; a < c->m->n_apns; a++)
		room += c->m->apns[a].n_links;
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
		check_shared(c, uses + first, i - first);
		first = i;
	}
	if (all_known(c->m, n))
		find_unused(c, uses, n);
	free(uses);
}
