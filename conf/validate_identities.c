/*
 * Identities that charon understands, and two tunnels that it could not tell apart: the IKE_SA of one would replace the
 * other's.
 */
#include "conf/validate.h"

#include "conf/model.h"
#include "ikev2/identity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct far_end {
	const struct tunnel *tunnel;
	char *remote; /* canonical; owned */
	char *local; /* canonical; one for all tunnels of a carrier */
	size_t carrier, place; /* among the carriers, and among the tunnels of its own */
};

static struct key key_of(const struct far_end *f)
{
	return check_key("carriers[%zu].tunnels[%zu].name", f->carrier, f->place);
}

static int compare_identities(const struct far_end *x, const struct far_end *y)
{
	int order = strcmp(x->remote, y->remote);

	return order ? order : strcmp(x->local, y->local);
}

static int compare_far_ends(const void *a, const void *b)
{
	const struct far_end *x = a, *y = b;
	int order = compare_identities(x, y);

	if (order)
		return order;
	if (x->carrier != y->carrier)
		return x->carrier < y->carrier ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static void report(struct check *c, const struct far_end *first, const struct far_end *other)
{
	struct key key = key_of(other), taken = key_of(first);

	check_error(c, key.text,
		"same identities as %s (%s), so that one would replace the other; use one tunnel for both, or give each "
		"its own remote_id",
		taken.text, check_place(c, key.text, taken.text).text);
}

/* Appends the tunnels of a carrier; returns how many. */
static size_t collect(struct check *c, size_t i, char *local, struct far_end *to)
{
	const struct carrier *carrier = &c->m->carriers[i];
	size_t n = 0;

	for (size_t t = 0; t < carrier->n_tunnels; t++) {
		if (!carrier->tunnels[t].remote_id)
			continue;
		char *remote = identity_canonical(carrier->tunnels[t].remote_id);
		if (!remote) {
			c->error = -ENOMEM;
			break;
		}
		to[n++] = (struct far_end){ &carrier->tunnels[t], remote, local, i, t };
	}
	return n;
}

static size_t collect_all(struct check *c, char **locals, struct far_end *list)
{
	size_t n = 0;

	for (size_t i = 0; i < c->m->n_carriers && !c->error; i++) {
		if (!c->m->carriers[i].local_id)
			continue;
		locals[i] = identity_canonical(c->m->carriers[i].local_id);
		if (locals[i])
			n += collect(c, i, locals[i], list + n);
		else
			c->error = -ENOMEM;
	}
	return n;
}

static void compare_all(struct check *c, struct far_end *list, size_t n)
{
	size_t first = 0;

	qsort(list, n, sizeof(*list), compare_far_ends);
	for (size_t i = 1; i < n; i++) {
		if (compare_identities(&list[first], &list[i]) != 0)
			first = i;
		else
			report(c, &list[first], &list[i]);
	}
}

/* True if a part of id is unknown. */
static bool is_unknown(const char *id, const char **ret_part, size_t *ret_len)
{
	return id && identity_find_unknown(id, ret_part, ret_len);
}

static void report_unknown(struct check *c, const char *part, size_t len, const char *key)
{
	check_error(c, key,
		"\"%.*s\" is no part of a distinguished name, such as C, ST, L, O, OU, CN or E; a name that has a comma in "
		"it "
		"is written as \"/C=CZ/O=Example, Ltd/CN=gw\"",
		(int)len, part);
}

static void check_carrier(struct check *c, size_t i)
{
	const struct carrier *carrier = &c->m->carriers[i];

	const char *part;
	size_t len;

	if (is_unknown(carrier->local_id, &part, &len))
		report_unknown(c, part, len, check_key("carriers[%zu].local_id", i).text);
	for (size_t t = 0; t < carrier->n_tunnels; t++) {
		if (is_unknown(carrier->tunnels[t].remote_id, &part, &len))
			report_unknown(c, part, len, check_key("carriers[%zu].tunnels[%zu].remote_id", i, t).text);
	}
}

void validate_identities(struct check *c)
{
	size_t tunnels = 0, n = 0;

	for (size_t i = 0; i < c->m->n_carriers; i++) {
		tunnels += c->m->carriers[i].n_tunnels;
		check_carrier(c, i);
	}
	char **locals = calloc(c->m->n_carriers + 1, sizeof(*locals));
	struct far_end *list = calloc(tunnels + 1, sizeof(*list));
	if (locals && list)
		n = collect_all(c, locals, list);
	else
		c->error = -ENOMEM;
	if (!c->error)
		compare_all(c, list, n);
	for (size_t i = 0; list && i < n; i++)
		free(list[i].remote);
	for (size_t i = 0; locals && i < c->m->n_carriers; i++)
		free(locals[i]);
	free(list);
	free(locals);
}
