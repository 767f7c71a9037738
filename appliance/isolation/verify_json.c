#include "appliance/isolation/verify_json.h"

#include "appliance/isolation/verify.h"
#include "conf/model.h"

#include <stdio.h>
#include <stdlib.h>

static int compare_tables(const void *a, const void *b)
{
	const struct apn *x = *(const struct apn *const *)a, *y = *(const struct apn *const *)b;

	return (x->table > y->table) - (x->table < y->table);
}

/* The caller frees it; NULL when memory is short. */
static const struct apn **by_table(const struct model *m)
{
	const struct apn **list = calloc(m->n_apns + 1, sizeof(*list));

	for (size_t i = 0; list && i < m->n_apns; i++)
		list[i] = &m->apns[i];
	if (list && m->n_apns > 0)
		qsort(list, m->n_apns, sizeof(*list), compare_tables);
	return list;
}

static json_t *name_of(const struct apn **apns, size_t n, uint32_t table)
{
	struct apn key = { .table = table };
	const struct apn *wanted = &key;
	const struct apn **found = bsearch(&wanted, apns, n, sizeof(*apns), compare_tables);

	return found ? json_string((*found)->name) : json_null();
}

static json_t *path_json(const struct path *p, json_t *apn)
{
	static const char *const kinds[] = { [PATH_UPLINK] = "uplink",
		[PATH_DOWNLINK] = "downlink",
		[PATH_GATEWAY] = "gateway",
		[PATH_MANAGEMENT] = "management" };
	char from[SPAN_TEXT], to[SPAN_TEXT], ports[16] = "";

	if (p->first == p->last)
		snprintf(ports, sizeof(ports), "%u", p->first);
	else if (p->first != 0 || p->last != UINT16_MAX)
		snprintf(ports, sizeof(ports), "%u-%u", p->first, p->last);
	return json_pack("{s:o, s:s, s:s, s:s, s:o, s:s, s:s, s:s}", "apn", apn, "kind", kinds[p->kind], "in", p->in,
		"from", span_print(&p->from, from), "out", p->out[0] ? json_string(p->out) : json_null(), "to",
		span_print(&p->to, to), "protocol", p->protocol[0] ? p->protocol : "anything", "ports", ports);
}

static json_t *texts(const struct facts *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->count; i++)
		json_array_append_new(list, json_string(f->items[i].text));
	return list;
}

static json_t *classes(const struct verify *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < VERIFY_CLASSES; i++) {
		const struct verify_class *c = &v->classes[i];
		json_array_append_new(
			list, json_pack("{s:s, s:I, s:[I, I, I], s:I}", "packet", c->packet ? c->packet : "", "apns",
					  (json_int_t)c->apns, "stopped", (json_int_t)c->stopped[0], (json_int_t)c->stopped[1],
					  (json_int_t)c->stopped[2], "open", (json_int_t)c->open));
	}
	return list;
}

json_t *verify_json(const struct verify *v, const struct model *m, unsigned generation, double seconds)
{
	const struct apn **apns = by_table(m);
	json_t *paths = json_array();

	for (size_t i = 0; apns && i < v->paths.count; i++)
		json_array_append_new(paths, path_json(&v->paths.items[i], name_of(apns, m->n_apns, v->paths.items[i].of)));
	free(apns);
	return json_pack("{s:b, s:s, s:i, s:f, s:o, s:o, s:o, s:o, s:o}", "ok", 1, "verdict", verdict_word(v->verdict),
		"generation", (int)generation, "seconds", seconds, "paths", paths, "closed", texts(&v->closed), "differences",
		texts(&v->differences), "unproven", texts(&v->unproven), "packets", classes(v));
}
