#include "appliance/isolation/verify_observed.h"

#include "appliance/isolation/sa.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int compare_numbers(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int compare_routes(const void *a, const void *b)
{
	const struct snapshot_route *x = a, *y = b;
	int c = compare_numbers(x->table, y->table);

	if (c == 0)
		c = x->to.ip.family - y->to.ip.family;
	if (c == 0)
		c = y->to.len - x->to.len;
	if (c == 0)
		c = ip_compare(&x->to.ip, &y->to.ip);
	return c != 0 ? c : compare_numbers(x->metric, y->metric);
}

static int compare_rules(const void *a, const void *b)
{
	return compare_numbers(
		((const struct snapshot_rule *)a)->preference, ((const struct snapshot_rule *)b)->preference);
}

static int compare_policies(const void *a, const void *b)
{
	return compare_numbers(((const struct snapshot_policy *)a)->if_id, ((const struct snapshot_policy *)b)->if_id);
}

/* A sorted copy; the caller frees it. NULL when memory is short. */
static void *sorted(const void *items, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	char *copy = calloc(n + 1, size);

	if (copy && n > 0) {
		memcpy(copy, items, n * size);
		qsort(copy, n, size, compare);
	}
	return copy;
}

int verify_observed_open(const struct snapshot *s, struct verify_observed *ret)
{
	ret->s = s;
	ret->interfaces.items = calloc(s->interfaces.count + 1, sizeof(*ret->interfaces.items));
	ret->routes = sorted(s->routes, s->n_routes, sizeof(*s->routes), compare_routes);
	ret->rules = sorted(s->rules, s->n_rules, sizeof(*s->rules), compare_rules);
	ret->policies = sorted(s->policies, s->n_policies, sizeof(*s->policies), compare_policies);
	if (!ret->interfaces.items || !ret->routes || !ret->rules || !ret->policies)
		return -ENOMEM;
	if (s->interfaces.count > 0)
		memcpy(ret->interfaces.items, s->interfaces.items, s->interfaces.count * sizeof(*ret->interfaces.items));
	ret->interfaces.count = s->interfaces.count;
	return ruleset_parse(s->ruleset ? s->ruleset : "", &ret->ruleset);
}

void verify_observed_free(struct verify_observed *o)
{
	interfaces_free(&o->interfaces);
	free(o->routes);
	free(o->rules);
	free(o->policies);
	free(o->pieces);
	ruleset_free(&o->ruleset);
	paths_free(&o->paths);
	facts_free(&o->facts);
}

bool verify_has_sas(const void *userdata, uint32_t if_id)
{
	const struct verify_observed *o = userdata;
	bool in = false, out = false;

	for (size_t i = 0; i < o->s->n_sas; i++) {
		const struct sa *sa = &o->s->sas[i];
		if (sa->if_id != if_id)
			continue;
		in = in || !sa->outbound;
		out = out || sa->outbound;
	}
	return in && out;
}

const struct snapshot_policy *verify_policies(const struct verify_observed *o, uint32_t if_id, size_t *ret_n)
{
	size_t low = 0, high = o->s->n_policies, end;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (o->policies[middle].if_id < if_id)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < o->s->n_policies && o->policies[end].if_id == if_id; end++)
		;
	*ret_n = end - low;
	return &o->policies[low];
}

uint32_t verify_domain(const struct verify_observed *o, const struct interface *i)
{
	const struct interface *vrf = i->kind == INTERFACE_VRF ? i : interfaces_find(&o->interfaces, i->master);

	return vrf && vrf->kind == INTERFACE_VRF ? vrf->number : 0;
}

/* The first route of a table and family. */
static size_t first_route(const struct verify_observed *o, uint32_t table, int family)
{
	struct snapshot_route key = { .table = table, .to = { .ip.family = family, .len = UINT8_MAX } };
	size_t low = 0, high = o->s->n_routes;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (compare_routes(&o->routes[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int add_piece(struct verify_observed *o, size_t *n, const struct span *piece)
{
	if (*n == o->n_pieces) {
		size_t size = o->n_pieces ? 2 * o->n_pieces : 64;
		struct span *pieces = reallocarray(o->pieces, size, sizeof(*pieces));
		if (!pieces)
			return -ENOMEM;
		o->pieces = pieces;
		o->n_pieces = size;
	}
	o->pieces[(*n)++] = *piece;
	return 0;
}

/* Takes what a route has for its own off the pieces. */
static int take_off(struct verify_observed *o, size_t *n, const struct span *taken)
{
	for (size_t i = 0; i < *n;) {
		struct span rest[2];
		if (!span_overlaps(&o->pieces[i], taken)) {
			i++;
			continue;
		}
		unsigned left = span_without(&o->pieces[i], taken, rest);
		if (left == 0) {
			o->pieces[i] = o->pieces[--*n];
			continue;
		}
		o->pieces[i++] = rest[0];
		if (left == 2 && add_piece(o, n, &rest[1]) < 0)
			return -ENOMEM;
	}
	return 0;
}

static void tell(struct verify_observed *o, const struct snapshot_route *r, size_t n, verify_route_fn f, void *userdata)
{
	struct span to = span_of(&r->to), met;
	const struct interface *out = interfaces_find(&o->interfaces, r->out);

	if (r->type != RTN_UNICAST && r->type != RTN_LOCAL)
		return;
	for (size_t i = 0; i < n; i++)
		if (span_meet(&o->pieces[i], &to, &met) && (r->type == RTN_LOCAL || out))
			f(userdata, &met, r->type == RTN_LOCAL ? NULL : out);
}

/* Longer prefixes first; of equal ones all metrics, as the better one may go at any time. */
static int walk_table(
	struct verify_observed *o, uint32_t table, int family, size_t *n, verify_route_fn f, void *userdata)
{
	size_t i = first_route(o, table, family);

	while (*n > 0 && i < o->s->n_routes && o->routes[i].table == table && o->routes[i].to.ip.family == family) {
		const struct snapshot_route *r = &o->routes[i];
		struct span taken = span_of(&r->to);
		for (; i < o->s->n_routes && o->routes[i].table == table && prefix_equal(&o->routes[i].to, &r->to); i++)
			tell(o, &o->routes[i], *n, f, userdata);
		if (r->type != RTN_THROW && take_off(o, n, &taken) < 0)
			return -ENOMEM;
	}
	return 0;
}

int verify_route(
	struct verify_observed *o, uint32_t domain, uint32_t mark, const struct span *to, verify_route_fn f, void *userdata)
{
	int family = to->first.family, r = 0;
	size_t n = 0;

	if (add_piece(o, &n, to) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < o->s->n_rules && r == 0; i++) {
		const struct snapshot_rule *rule = &o->rules[i];
		if (rule->family != family || (rule->mark && rule->mark != mark) || (rule->l3mdev && !domain))
			continue;
		r = walk_table(o, rule->l3mdev ? domain : rule->table, family, &n, f, userdata);
	}
	return r;
}
