#include "appliance/isolation/verify.h"

#include "appliance/isolation/policy.h"
#include "appliance/isolation/sa.h"
#include "appliance/isolation/snapshot.h"
#include "appliance/isolation/verify_classes.h"
#include "appliance/isolation/verify_observed.h"
#include "appliance/isolation/verify_wanted.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EXTRA   "exists but is not configured: "
#define MISSING "configured but does not exist: "

static const char *const wall_names[] = { "", "wall 1, routing: ", "wall 2, nftables: ", "wall 3, SA: " };

static void compare_facts(const struct facts *observed, const struct verify_wanted *w, struct facts *differences)
{
	for (size_t i = 0; i < observed->count; i++) {
		const struct fact *f = &observed->items[i];
		if (!facts_have(&w->required, f) && !facts_have(&w->allowed, f))
			facts_add(differences, f->wall, f->of, EXTRA "%s%s", wall_names[f->wall], f->text);
	}
	for (size_t i = 0; i < w->required.count; i++) {
		const struct fact *f = &w->required.items[i];
		if (!facts_have(observed, f))
			facts_add(differences, f->wall, f->of, MISSING "%s%s", wall_names[f->wall], f->text);
	}
}

static void say_path(struct facts *differences, const char *what, const struct path *p)
{
	struct buf text CLEANUP(buf_free) = { 0 };

	path_print(p, &text);
	facts_add(differences, 0, p->of, "%spath %s", what, buf_text(&text));
}

static void compare_paths(const struct paths *observed, const struct paths *wanted, struct facts *differences)
{
	for (size_t i = 0; i < observed->count; i++)
		if (!paths_cover(wanted, &observed->items[i]))
			say_path(differences, EXTRA, &observed->items[i]);
	for (size_t i = 0; i < wanted->count; i++)
		if (!paths_cover(observed, &wanted->items[i]))
			say_path(differences, MISSING, &wanted->items[i]);
}

/* A link of the model by its if_id. */
struct known {
	uint32_t if_id;
	const struct apn *apn;
	const struct link *link;
};

static int compare_known(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return (x->if_id > y->if_id) - (x->if_id < y->if_id);
}

static struct known *collect_links(const struct model *m, size_t *ret_n)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_apns; i++)
		n += m->apns[i].n_links;
	struct known *list = calloc(n + 1, sizeof(*list));
	*ret_n = n;
	n = 0;
	for (size_t i = 0; list && i < m->n_apns; i++)
		for (size_t k = 0; k < m->apns[i].n_links; k++)
			list[n++] = (struct known){ m->apns[i].links[k].if_id, &m->apns[i], &m->apns[i].links[k] };
	if (list)
		qsort(list, n, sizeof(*list), compare_known);
	return list;
}

static void check_policy(const struct known *k, const struct snapshot_policy *p, struct facts *differences)
{
	struct buf text CLEANUP(buf_free) = { 0 };
	const char *flaw = policy_flaw(p, k ? k->link : NULL);

	if (!flaw)
		return;
	policy_print(p, &text);
	facts_add(differences, 3, k ? k->apn->table : 0, EXTRA "%s%s: %s", wall_names[3], buf_text(&text), flaw);
}

static void check_sas(const struct snapshot *s, const struct model *m, struct facts *differences)
{
	size_t n;
	struct known *links = collect_links(m, &n);

	if (!links)
		differences->error = -ENOMEM;
	for (size_t i = 0; links && i < s->n_policies; i++) {
		struct known key = { .if_id = s->policies[i].if_id };
		check_policy(bsearch(&key, links, n, sizeof(key), compare_known), &s->policies[i], differences);
	}
	for (size_t i = 0; links && i < s->n_sas; i++) {
		struct known key = { .if_id = s->sas[i].if_id };
		if (!bsearch(&key, links, n, sizeof(key), compare_known))
			facts_add(differences, 3, 0, EXTRA "%sSA %08x with if_id %u of no configured link", wall_names[3],
				s->sas[i].spi, s->sas[i].if_id);
	}
	free(links);
}

static void list_closed(const struct verify_observed *o, const struct model *m, struct facts *closed)
{
	for (size_t i = 0; i < m->n_apns; i++)
		for (size_t k = 0; k < m->apns[i].n_links; k++)
			if (!verify_has_sas(o, m->apns[i].links[k].if_id))
				facts_add(
					closed, 0, m->apns[i].table, "%s/%s: no SA", m->apns[i].name, m->apns[i].links[k].tunnel->name);
}

static void check_meaning(const struct verify_observed *o, struct facts *differences, struct facts *unproven)
{
	const char *line = o->s->strange;

	if (!o->s->ruleset)
		facts_add(unproven, 2, 0, "the ruleset cannot be read");
	else if (!o->ruleset.stands)
		facts_add(differences, 2, 0, MISSING "%sthe table: routing and SAs hold alone", wall_names[2]);
	if (o->s->changing)
		facts_add(unproven, 2, 0, "the ruleset changed each time it was read");
	ruleset_check(&o->ruleset, unproven);
	while (line && *line) {
		size_t len = strcspn(line, "\n");
		facts_add(unproven, 0, 0, "%.*s may alter what becomes of packets", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

static int judge(struct verify_observed *o, const struct model *m, struct verify *ret)
{
	struct verify_wanted w CLEANUP(verify_wanted_free) = { 0 };
	int r = verify_want(m, !o->s->no_ipv6, verify_has_sas, o, &w);

	if (r == 0)
		r = verify_observe_facts(o, m);
	if (r == 0)
		r = verify_observe_paths(o);
	if (r < 0)
		return r;
	check_meaning(o, &ret->differences, &ret->unproven);
	/* Of a table that is gone not each element is told. */
	for (size_t i = 0; i < w.required.count && !o->ruleset.stands; i++)
		if (w.required.items[i].wall == 2)
			facts_add(&o->facts, 2, 0, "%s", w.required.items[i].text);
	facts_sort(&o->facts);
	compare_facts(&o->facts, &w, &ret->differences);
	compare_paths(&o->paths, &w.paths, &ret->differences);
	check_sas(o->s, m, &ret->differences);
	list_closed(o, m, &ret->closed);
	verify_classify(o, m, ret);
	facts_sort(&ret->differences);
	facts_sort(&ret->unproven);
	facts_sort(&ret->closed);
	ret->paths = o->paths;
	o->paths = (struct paths){ 0 };
	return ret->differences.error < 0 || ret->unproven.error < 0 || ret->closed.error < 0 ? -ENOMEM : 0;
}

int verify(const struct snapshot *s, const struct model *m, struct verify *ret)
{
	struct verify_observed o = { 0 };
	struct verify v = { 0 };
	int r = verify_observed_open(s, &o);

	if (r == 0)
		r = judge(&o, m, &v);
	verify_observed_free(&o);
	if (r < 0) {
		verify_free(&v);
		return r;
	}
	v.verdict = v.unproven.count ? VERDICT_UNPROVEN : v.differences.count ? VERDICT_DIFFERS : VERDICT_EXACT;
	*ret = v;
	return 0;
}

const char *verdict_word(enum verdict v)
{
	static const char *const words[] = {
		[VERDICT_EXACT] = "exact", [VERDICT_DIFFERS] = "differs", [VERDICT_UNPROVEN] = "unproven"
	};

	return words[v];
}

void verify_free(struct verify *v)
{
	if (!v)
		return;
	paths_free(&v->paths);
	facts_free(&v->closed);
	facts_free(&v->differences);
	facts_free(&v->unproven);
	*v = (struct verify){ 0 };
}
