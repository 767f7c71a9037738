/*
 * The chains of single APNs and shared interfaces, each known in one shape only, and the maps that lead packets to
 * them. Who comes in by arrive, or passes by way, must be asked there what the sets ask: then the paths follow from the
 * sets alone.
 */
#include "appliance/isolation/verify_ruleset.h"

#include "appliance/isolation/plan.h"
#include "appliance/isolation/verify_facts.h"
#include "appliance/isolation/verify_span.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZONE "ct zone set "
#define MARK "meta mark set "

struct spans { /* zero-initialise */
	struct span *items; /* owned */
	size_t count;
	int error; /* 0 or -ENOMEM */
};

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static bool starts(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static void add(struct spans *s, const struct span *one)
{
	if ((s->count & (s->count - 1)) == 0) {
		struct span *items = reallocarray(s->items, s->count ? 2 * s->count : 1, sizeof(*items));
		if (!items) {
			s->error = -ENOMEM;
			return;
		}
		s->items = items;
	}
	s->items[s->count++] = *one;
}

static bool covered(const struct span *one, const struct span *by, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct span rest[2];
		if (!span_overlaps(one, &by[i]))
			continue;
		unsigned left = span_without(one, &by[i], rest);
		for (unsigned k = 0; k < left; k++)
			if (!covered(&rest[k], by + i + 1, n - i - 1))
				return false;
		return true;
	}
	return false;
}

static bool cover(const struct spans *by, const struct spans *these)
{
	for (size_t i = 0; i < these->count; i++)
		if (!covered(&these->items[i], by->items, by->count))
			return false;
	return true;
}

/* The addresses of "ip MATCH A VERDICT" or "ip MATCH { A , B } VERDICT". False: it is no such statement. */
static bool take_addresses(const char *statement, const char *match, const char *verdict, struct spans *ret)
{
	const char *at = statement + (starts(statement, "ip6 ") ? 4 : starts(statement, "ip ") ? 3 : 0);
	size_t len;

	if (at == statement || !starts(at, match))
		return false;
	for (at += strlen(match); !is(at, verdict); at += len + 1) {
		char word[SPAN_TEXT];
		struct span s;
		len = strcspn(at, " ");
		if (at[len] == '\0' || len >= sizeof(word))
			return false;
		memcpy(word, at, len);
		word[len] = '\0';
		if (len == 1 && strchr("{},", *at))
			continue;
		if (span_parse(word, &s) < 0)
			return false;
		add(ret, &s);
	}
	return true;
}

/* The addresses of all statements from the first on. False: there is one of another shape. */
static bool take_all(const struct block *b, size_t first, const char *match, const char *verdict, struct spans *ret)
{
	for (size_t i = first; i < b->n_statements; i++)
		if (!take_addresses(b->statements[i], match, verdict, ret))
			return false;
	return true;
}

static const char *const shared_maps[] = { "zone4", "mark4", "zone6", "mark6" };

/* "1001" of a map by destination of a shared interface, zone4_1001; NULL: it is none such. */
static const char *table_of(const char *map)
{
	for (size_t i = 0; i < sizeof(shared_maps) / sizeof(*shared_maps); i++)
		if (starts(map, shared_maps[i]) && map[strlen(shared_maps[i])] == '_')
			return map + strlen(shared_maps[i]) + 1;
	return NULL;
}

bool ruleset_is_unasked(const struct ruleset *r, const char *map)
{
	const char *table = table_of(map);
	char name[32];

	snprintf(name, sizeof(name), "shared_%.20s", table ? table : "");
	const struct block *chain = ruleset_block(r, "chain", name);
	return table && (!chain || chain->n_statements == 0);
}

/* How the chain of a shared interface asks one of its maps. Writes the map's name. */
static void say_asked(const char *chain, size_t map, char name[static 32], char statement[static 64])
{
	const char *const of = shared_maps[map][0] == 'z' ? "ct zone" : "meta mark";
	const char *const by = shared_maps[map][4] == '4' ? "ip" : "ip6";

	snprintf(name, 32, "%s_%.20s", shared_maps[map], chain + strlen("shared_"));
	snprintf(statement, 64, "%s set %s daddr map @%s", of, by, name);
}

static bool has_statement(const struct block *b, const char *text)
{
	for (size_t i = 0; i < b->n_statements; i++)
		if (is(b->statements[i], text))
			return true;
	return false;
}

/* It asks its own maps, and then for the source. */
static bool is_shared(const struct block *chain)
{
	char name[32], statement[64];
	size_t known = 0;

	for (size_t i = 0; i < sizeof(shared_maps) / sizeof(*shared_maps); i++) {
		say_asked(chain->name, i, name, statement);
		known += has_statement(chain, statement);
	}
	return known + 1 == chain->n_statements && is(chain->statements[known], "goto cloud_source");
}

static bool only_refuses(const struct block *chain)
{
	for (size_t i = 0; i < chain->n_statements; i++) {
		const char *s = chain->statements[i];
		bool counts = starts(s, "ct count over ") && strstr(s, " goto refuse_over_flows");
		if (!counts && !(starts(s, "meta nfproto ") && strstr(s, " ct timeout set ")))
			return false;
	}
	return true;
}

/* Where the chain of an APN's links asks for the source: behind zone and, where it has one, mark. */
static size_t first_source(const struct block *chain)
{
	return chain->n_statements > 1 && starts(chain->statements[1], MARK) ? 2 : 1;
}

bool ruleset_is_of_model(const struct block *b)
{
	bool chain = is(b->kind, "chain"), empty = b->n_statements == 0, known = false;
	struct spans addresses = { 0 };

	if (is(b->kind, "map"))
		known = table_of(b->name) != NULL;
	else if (chain && starts(b->name, "shared_"))
		known = empty || is_shared(b);
	else if (chain && starts(b->name, "begin_"))
		known = only_refuses(b);
	else if (chain && starts(b->name, "in_"))
		known =
			empty || (starts(b->statements[0], ZONE) && take_all(b, first_source(b), "saddr ", "accept", &addresses));
	else if (chain && starts(b->name, "down_"))
		known = take_all(b, 0, "daddr ", "goto down", &addresses) ||
				take_all(b, 0, "daddr ", "goto down_known", &addresses);
	free(addresses.items);
	return known;
}

static bool has(const struct ruleset *r, const char *set, const char *first, const char *second)
{
	size_t n;
	const struct element *e = ruleset_find(r, set, first, &n);

	for (size_t i = 0; i < n; i++)
		if (!second || (e[i].fields[1] && is(e[i].fields[1], second)))
			return true;
	return false;
}

static void take_pool(const struct ruleset *r, const char *set, const char *link, struct spans *ret)
{
	size_t n;
	const struct element *e = ruleset_find(r, set, link, &n);

	for (size_t i = 0; i < n; i++) {
		struct span s;
		if (e[i].fields[1] && span_parse(e[i].fields[1], &s) == 0)
			add(ret, &s);
	}
}

/* That the chain has, from a statement on, the link's pool and nothing else, each address with that verdict. */
static void check_pool(const struct ruleset *r, const struct block *chain, size_t first, const char *link,
	const char *match, const char *verdict, struct facts *unproven)
{
	struct spans pool = { 0 }, addresses = { 0 };
	struct buf right CLEANUP(buf_free) = { 0 };
	char text[SPAN_TEXT];

	take_pool(r, "pool4", link, &pool);
	take_pool(r, "pool6", link, &pool);
	bool same =
		take_all(chain, first, match, verdict, &addresses) && cover(&addresses, &pool) && cover(&pool, &addresses);
	for (size_t i = 0; i < pool.count && !same; i++)
		buf_printf(&right, "%s%s", i > 0 ? ", " : "", span_print(&pool.items[i], text));
	if (!same)
		facts_add(unproven, 2, 0, "chain %s is not as the sets have %s: right is \"%s%s %s\"", chain->name, link, match,
			pool.count > 0 ? buf_text(&right) : "no address", verdict);
	if (pool.error < 0 || addresses.error < 0)
		unproven->error = -ENOMEM;
	free(pool.items);
	free(addresses.items);
}

static void check_link(const struct ruleset *r, const struct block *chain, const char *name, struct facts *unproven)
{
	size_t n;
	const struct element *zone = ruleset_find(r, "zone", name, &n);
	const char *said = chain->n_statements > 0 ? chain->statements[0] : "";

	if (n == 0 || !starts(said, ZONE) || !is(said + strlen(ZONE), zone->value))
		facts_add(unproven, 2, 0, "chain %s is not that of %s: there is \"%s\" where it has \"" ZONE "%s\"",
			chain->name, name, said, n > 0 ? zone->value : "");
	size_t source = first_source(chain);
	const char *mark = source > 1 ? chain->statements[1] + strlen(MARK) : NULL;
	if (mark && strtoul(mark, NULL, 0) != (PLAN_MARK | (n > 0 ? strtoul(zone->value, NULL, 10) : 0)))
		facts_add(unproven, 2, 0, "chain %s is not that of %s: its mark %s is not the zone's", chain->name, name, mark);
	check_pool(r, chain, source, name, "saddr ", "accept", unproven);
}

/* That the chain asks each map that has something to say. */
static void check_shared(const struct ruleset *r, const struct block *chain, struct facts *unproven)
{
	char name[32], statement[64];

	for (size_t i = 0; i < sizeof(shared_maps) / sizeof(*shared_maps); i++) {
		say_asked(chain->name, i, name, statement);
		if (has(r, name, NULL, NULL) && !has_statement(chain, statement))
			facts_add(unproven, 2, 0, "chain %s lacks \"%s\"", chain->name, statement);
	}
	if (!has_statement(chain, "goto cloud_source"))
		facts_add(unproven, 2, 0, "chain %s lacks \"goto cloud_source\"", chain->name);
}

/*
 * Who is asked for its source: a link by the chain of its APN, which lets its pool pass, the cloud by constant rules,
 * behind what a shared interface knows by destination.
 */
static void check_arrival(const struct ruleset *r, const struct element *e, struct facts *unproven)
{
	const char *name = e->fields[0];
	bool link = starts(name, PLAN_PREFIX "x"), known = starts(e->value, link ? "jump in_" : "goto shared_");
	const struct block *chain = known ? ruleset_block(r, "chain", e->value + strlen("jump ")) : NULL;

	if (!link && is(e->value, "goto dedicated_in"))
		return;
	if (!chain || e->fields[1])
		facts_add(unproven, 2, 0, "element arrive { %s : %s }: right is %s", name, e->value,
			link ? "jump in_TABLE" : "goto dedicated_in, or shared_TABLE");
	else if (link)
		check_link(r, chain, name, unproven);
	else
		check_shared(r, chain, unproven);
}

/* A short way is one of the paths, and does not lead past the limits of its APN. */
static void check_way(const struct ruleset *r, const struct element *e, struct facts *unproven)
{
	const char *in = e->fields[0], *out = e->fields[1] ? e->fields[1] : "";
	bool up = starts(in, PLAN_PREFIX "x");
	const char *link = up ? in : out, *cloud = up ? out : in;
	bool path = has(r, "path", link, cloud), limited = up && has(r, "packets", link, NULL);
	bool known = has(r, "begin", link, NULL), down = starts(e->value, "jump down_");
	const struct block *chain = down ? ruleset_block(r, "chain", e->value + strlen("jump ")) : NULL;
	const char *right = !path     ? "none, as it is no path"
						: limited ? "none, as each packet must meet a limit"
						: !up     ? "jump down_TABLE"
						: known   ? "jump up_known"
								  : "jump up";

	if (!path || limited || (up ? !is(e->value, right) : !chain))
		facts_add(unproven, 2, 0, "element way { %s . %s : %s }: right is %s", in, out, e->value, right);
	else if (!up)
		check_pool(r, chain, 0, link, "daddr ", known ? "goto down_known" : "goto down", unproven);
}

void ruleset_check_ways(const struct ruleset *r, struct facts *unproven)
{
	size_t n;
	const struct element *e = ruleset_find(r, "arrive", NULL, &n);

	for (size_t i = 0; i < n; i++)
		check_arrival(r, &e[i], unproven);
	e = ruleset_find(r, "way", NULL, &n);
	for (size_t i = 0; i < n; i++)
		check_way(r, &e[i], unproven);
}
