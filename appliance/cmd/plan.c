/* culvert plan: what a reload would do, in charon and in the kernel, with nothing done. */
#include "appliance/cmd/cmd.h"

#include "appliance/cmd/answer.h"
#include "appliance/cmd/client.h"

#include <string.h>

/* What a change is called, and how it looks at the beginning of a line. */
static const struct {
	const char *change;
	char sign;
	const char *text;
} changes[] = {
	{ "added", '+', "added" },
	{ "removed", '-', "removed" },
	{ "changed", '~', "changed" },
	{ "reestablished", '~', "its IKE_SA is re-established" },
	{ "credentials", '~', "new credentials, from the next authentication on" },
	{ "initiator", '~', "only who initiates changes" },
	{ "rehearsal", '~', "only whether its rekeys are tried changes" },
	{ "rekeyed", '~', "rekeyed with what changes" },
	{ "extended", '~', "further CHILD_SAs come, the others stay" },
	{ "replaced", '~', "replaced by one with other selectors" },
	{ "narrowed", '~', "replaced by one with other selectors, which do not cover the old ones" },
};

static char sign_of(const char *change)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		if (!strcmp(changes[i].change, change))
			return changes[i].sign;
	return '~';
}

static const char *text_of(const char *change)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		if (!strcmp(changes[i].change, change))
			return changes[i].text;
	return change;
}

/* "  ~ tunnel vf-praha: its IKE_SA is re-established; traffic is interrupted for about 1 s" */
static void print_item(const char *indent, const char *kind, const char *name, const json_t *item)
{
	const char *change = client_text(item, "change", "?");
	const char *interruption = client_text(item, "interruption", NULL);
	bool stays = !strcmp(change, "changed") && json_array_size(json_object_get(item, "children")) != 0;
	size_t i;
	json_t *word;

	printf("%s%c %s ", indent, sign_of(change), kind);
	client_print(stdout, name);
	fputs(": ", stdout);
	client_print(stdout, stays ? "its IKE_SA stays" : text_of(change));
	json_array_foreach(json_object_get(item, "also"), i, word)
	{
		fputs("; ", stdout);
		client_print(stdout, json_is_string(word) ? text_of(json_string_value(word)) : "?");
	}
	if (interruption) {
		fputs("; traffic is interrupted ", stdout);
		client_print(stdout, interruption);
	}
	putchar('\n');
}

static void print_tunnel(const json_t *tunnel)
{
	size_t i;
	json_t *child;

	print_item("  ", "tunnel", client_text(tunnel, "name", "?"), tunnel);
	json_array_foreach(json_object_get(tunnel, "children"), i, child)
	{
		print_item("    ", "CHILD_SA", client_text(child, "apn", "?"), child);
	}
}

/* Without charon's word, what the two texts say. */
static void print_configuration(const json_t *configuration)
{
	size_t i;
	json_t *change;

	if (json_is_true(json_object_get(configuration, "gateway_changed")))
		puts("  ~ gateway: changed");
	json_array_foreach(json_object_get(configuration, "changes"), i, change)
	{
		const char *kind = client_text(change, "kind", "?");

		print_item("  ", strcmp(kind, "apn") ? kind : "APN", client_text(change, "name", "?"), change);
	}
}

static void print_charon(const json_t *plan)
{
	static const struct {
		const char *state, *text;
	} states[] = {
		{ "down", "charon is away: what it would do cannot be said" },
		{ "slow", "charon does not answer in time: what it would do cannot be said" },
		{ "unable", "this charon cannot compare: what it would do cannot be said" },
	};
	const json_t *charon = json_object_get(plan, "charon");
	const char *state = client_text(charon, "state", "down");
	size_t i;
	json_t *tunnel;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (strcmp(state, states[i].state) != 0)
			continue;
		printf("%s; by the configuration:\n", states[i].text);
		print_configuration(json_object_get(plan, "configuration"));
		return;
	}
	printf("charon: %zu tunnel%s touched, %lld kept\n", json_array_size(json_object_get(charon, "tunnels")),
		json_array_size(json_object_get(charon, "tunnels")) == 1 ? "" : "s", (long long)client_number(charon, "kept"));
	json_array_foreach(json_object_get(charon, "tunnels"), i, tunnel)
	{
		print_tunnel(tunnel);
	}
}

static void print_list(const char *what, const json_t *lines)
{
	size_t n = json_array_size(lines);

	if (n)
		printf("%s: %zu change%s\n", what, n, n == 1 ? "" : "s");
	else
		printf("%s: unchanged\n", what);
	answer_print_lines(stdout, "  ", lines);
}

static void print_plan(const json_t *plan)
{
	const json_t *walls = json_object_get(plan, "walls");
	long long generation = client_number(plan, "generation");

	answer_print_lines(stderr, "", json_object_get(plan, "warnings"));
	client_print(stdout, client_text(plan, "file", "the operator's file"));
	if (!json_is_true(json_object_get(plan, "changes"))) {
		printf(" says what is in force: a reload would change nothing, generation %lld stays\n", generation);
		return;
	}
	if (generation)
		printf(" instead of generation %lld:\n", generation);
	else
		puts(", the first to come into force:");
	if (json_is_true(json_object_get(plan, "new_generation")))
		print_charon(plan);
	else
		puts("it says what is in force, but the kernel has something else:");
	print_list("kernel", json_object_get(plan, "kernel"));
	if (json_is_true(json_object_get(walls, "missing")))
		puts("the walls are gone and would be loaded anew");
	print_list("walls", json_object_get(walls, "changes"));
	puts(json_is_true(json_object_get(plan, "interrupts")) ? "traffic would be interrupted"
														   : "no traffic would be interrupted");
}

static int exit_code(const json_t *plan)
{
	if (!json_is_true(json_object_get(plan, "changes")))
		return EXIT_OK;
	return json_is_true(json_object_get(plan, "interrupts")) ? EXIT_INTERRUPTS : EXIT_CHANGES;
}

int cmd_plan(const struct cmd_options *o, int argc, char **argv)
{
	bool json = argc == 2 && !strcmp(argv[1], "--json");
	json_t *answer;
	int code;

	if (argc > 1 && !json) {
		fputs("usage: culvert plan [--json]\n"
			  "It is about the operator's file, as culvertd reads it; culvert check FILE looks at another one.\n"
			  "exit code: 0 nothing would change; 1 an error; 3 something would change without interrupting traffic;\n"
			  "4 traffic would be interrupted\n",
			stderr);
		return EXIT_USAGE;
	}
	if (answer_get(o->run, "plan", &answer))
		return EXIT_BAD;
	if (json)
		answer_print_json(answer);
	else
		print_plan(answer);
	code = exit_code(answer);
	json_decref(answer);
	return code;
}
