/*
 * Whether the rules that stand are the constant ones, statement by statement, and chains of single APNs that say what
 * the sets say. What they mean is then fixed, and only the elements of the sets are left to be interpreted.
 */
#include "appliance/isolation/verify_ruleset.h"

#include "appliance/isolation/nft_rules.h"
#include "appliance/isolation/verify_facts.h"

#include <errno.h>
#include <string.h>

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static bool starts(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
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

/* What the model adds to the constant rules. */
static bool is_known(const struct block *b)
{
	if (is(b->kind, "counter") || is(b->kind, "limit") || is(b->kind, "ct timeout"))
		return true;
	return starts(b->name, "layout_") ? b->n_statements == 0 : ruleset_is_of_model(b);
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

static void hold_against(const struct ruleset *r, const struct block *wanted, bool required, struct facts *unproven)
{
	const struct block *there = ruleset_block(r, wanted->kind, wanted->name);

	if (!there && required)
		facts_add(unproven, 2, 0, "%s %s is missing", wanted->kind, wanted->name);
	else if (there && !is(wanted->kind, "counter") && !same(there, wanted))
		say_other(there, wanted, unproven);
}

/* A chain that not every model needs: some pool is presented; peers are asked by IPv6. */
static bool is_needed(const struct ruleset *r, const struct block *optional)
{
	static const char *const presented[] = { "real4", "real6", "presented4", "presented6", "mark_zone", NULL };
	static const char *const outer6[] = { "outer6", NULL };
	size_t n = 0;

	for (const char *const *set = is(optional->name, "untracked_in") ? outer6 : presented; *set && n == 0; set++)
		ruleset_find(r, *set, NULL, &n);
	return n > 0;
}

void ruleset_check(const struct ruleset *r, struct facts *unproven)
{
	struct ruleset constant = { 0 }, optional = { 0 };

	if (ruleset_parse(nft_rules, &constant) < 0 || ruleset_parse(nft_presenting, &optional) < 0 ||
		ruleset_parse(nft_outer6, &optional) < 0)
		unproven->error = -ENOMEM;
	for (size_t i = 0; i < constant.n_blocks && r->stands; i++)
		hold_against(r, &constant.blocks[i], true, unproven);
	for (size_t i = 0; i < optional.n_blocks && r->stands; i++)
		hold_against(r, &optional.blocks[i], is_needed(r, &optional.blocks[i]), unproven);
	if (r->stands)
		ruleset_check_ways(r, unproven);
	for (size_t i = 0; i < r->n_blocks; i++) {
		const struct block *b = &r->blocks[i];
		bool ours = is(b->table, RULESET_OURS);
		if (!ours && !is_harmless(b))
			facts_add(
				unproven, 2, 0, "%s %s of table %s may alter what becomes of packets", b->kind, b->name, b->table);
		else if (ours && !ruleset_block(&constant, b->kind, b->name) && !ruleset_block(&optional, b->kind, b->name) &&
				 !is_known(b))
			facts_add(unproven, 2, 0, "%s %s in table " RULESET_OURS " is not Culvert's", b->kind, b->name);
	}
	ruleset_free(&constant);
	ruleset_free(&optional);
}
