/* culvert history: the generations that are kept, the one in force first. */
#include "appliance/cmd/cmd.h"

#include "appliance/cmd/answer.h"
#include "appliance/cmd/client.h"

#include <string.h>

static void print_changes(const json_t *row)
{
	const json_t *tunnels = json_object_get(row, "tunnels");
	bool any;

	if (!json_is_object(tunnels)) {
		fputs("what it changed is unknown", stdout);
		return;
	}
	any = answer_print_counts(stdout, "tunnel", tunnels, false);
	if (json_is_true(json_object_get(row, "gateway_changed"))) {
		fputs(any ? "; gateway changed" : "gateway changed", stdout);
		any = true;
	}
	if (any && (client_number(json_object_get(row, "apns"), "added") ||
				   client_number(json_object_get(row, "apns"), "changed") ||
				   client_number(json_object_get(row, "apns"), "removed")))
		fputs("; ", stdout);
	any = answer_print_counts(stdout, "APN", json_object_get(row, "apns"), false) || any;
	if (!any)
		fputs("nothing but names and order changed", stdout);
}

/* "* 8  2026-11-21T04:46:11Z  root (uid 0)  rollback of 5: 1 tunnel changed" */
static void print_row(const json_t *row)
{
	long long rollback_of = client_number(row, "rollback_of");

	printf("%c %lld  ", json_is_true(json_object_get(row, "in_force")) ? '*' : ' ',
		(long long)client_number(row, "number"));
	client_print(stdout, client_text(row, "when", "unknown time"));
	fputs("  ", stdout);
	client_print(stdout, client_text(row, "who", "unknown"));
	fputs("  ", stdout);
	if (rollback_of)
		printf("rollback of %lld", rollback_of);
	else
		client_print(stdout, client_text(row, "file", "unknown file"));
	fputs(": ", stdout);
	print_changes(row);
	putchar('\n');
}

static void print_rows(const json_t *rows)
{
	size_t i;
	json_t *row;

	json_array_foreach(rows, i, row)
	{
		print_row(row);
	}
	if (!json_array_size(rows))
		puts("no generation has been in force yet");
}

int cmd_history(const struct cmd_options *o, int argc, char **argv)
{
	bool json = argc == 2 && !strcmp(argv[1], "--json");
	json_t *answer;

	if (argc > 1 && !json) {
		fputs("usage: culvert history [--json]\n", stderr);
		return EXIT_USAGE;
	}
	if (answer_get(o->run, "history", &answer))
		return EXIT_BAD;
	if (json)
		answer_print_json(answer);
	else
		print_rows(json_object_get(answer, "generations"));
	json_decref(answer);
	return EXIT_OK;
}
