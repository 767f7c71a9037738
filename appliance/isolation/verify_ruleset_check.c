/*
 * Whether the rules that stand are the constant ones, statement by statement. What they mean is then fixed, and only
 * the elements of their sets are left to be interpreted.
 */
#include "appliance/isolation/verify_ruleset.h"

#include "appliance/isolation/nft_rules.h"
#include "appliance/isolation/verify_facts.h"

#include <string.h>

#define OURS "inet culvert"

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static bool starts(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static const struct block *find(const struct ruleset *r, const struct block *like)
{
	for (size_t i = 0; i < r->n_blocks; i++)
		if (is(r->blocks[i].table, OURS) && is(r->blocks[i].kind, like->kind) && is(r->blocks[i].name, like->name))
			return &r->blocks[i];
	return NULL;
}

static bool same(const struct block *a, const struct block *b)
{
	if (a->n_statements != b->n_statements)
		return false;
	for (size_t i = 0; i < a->n_statements; i++)
		if (!is(a->statements[i], b->statements[i]))
			return false;
	return true;
}

/* Says the first statement that differs. */
static void say_other(const struct block *is_there, const struct block *wanted, struct facts *unproven)
{
	size_t i = 0;

	while (i < is_there->n_statements && i < wanted->n_statements && is(is_there->statements[i], wanted->statements[i]))
		i++;
	facts_add(unproven, 2, 0, "%s %s is not Culvert's: there is \"%s\" where it has \"%s\"", wanted->kind, wanted->name,
		i < is_there->n_statements ? is_there->statements[i] : "nothing",
		i < wanted->n_statements ? wanted->statements[i] : "nothing");
}

static bool only_refuses(const char *statement)
{
	return (starts(statement, "ct count over ") && strstr(statement, " goto refuse_over_flows")) ||
		   (starts(statement, "meta nfproto ") && strstr(statement, " ct timeout set "));
}

/* The chains of APNs with limits: they may only refuse what is allowed, or say how long it is remembered. */
static bool is_known_chain(const struct block *b)
{
	if (!is(b->kind, "chain"))
		return is(b->kind, "counter") || is(b->kind, "limit") || is(b->kind, "ct timeout");
	if (starts(b->name, "layout_"))
		return b->n_statements == 0;
	if (!starts(b->name, "begin_"))
		return false;
	for (size_t i = 0; i < b->n_statements; i++)
		if (!only_refuses(b->statements[i]))
			return false;
	return true;
}

/* A chain that hooks nothing, or that has no rule and lets all pass. */
static bool is_harmless(const struct block *b)
{
	if (is(b->kind, "flowtable"))
		return false;
	if (!is(b->kind, "chain") || b->n_statements == 0 || !starts(b->statements[0], "type "))
		return true;
	for (size_t i = 1; i < b->n_statements; i++)
		if (!is(b->statements[i], "policy accept"))
			return false;
	return true;
}

void ruleset_check(const struct ruleset *r, struct facts *unproven)
{
	struct ruleset constant = { 0 };

	if (ruleset_parse(nft_rules, &constant) < 0)
		unproven->error = constant.error;
	for (size_t i = 0; i < constant.n_blocks && r->stands; i++) {
		const struct block *wanted = &constant.blocks[i], *there = find(r, wanted);
		if (!there)
			facts_add(unproven, 2, 0, "%s %s is missing", wanted->kind, wanted->name);
		else if (!is(wanted->kind, "counter") && !same(there, wanted))
			say_other(there, wanted, unproven);
	}
	for (size_t i = 0; i < r->n_blocks; i++) {
		const struct block *b = &r->blocks[i];
		if (!is(b->table, OURS) && !is_harmless(b))
			facts_add(
				unproven, 2, 0, "%s %s of table %s may alter what becomes of packets", b->kind, b->name, b->table);
		else if (is(b->table, OURS) && !find(&constant, b) && !is_known_chain(b))
			facts_add(unproven, 2, 0, "%s %s in table " OURS " is not Culvert's", b->kind, b->name);
	}
	ruleset_free(&constant);
}
