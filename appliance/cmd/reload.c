/* culvert reload: asks culvertd for the transaction and says how it went. */
#include "appliance/cmd/cmd.h"

#include "appliance/cmd/client.h"

#include <stdio.h>

static void print_lines(const json_t *lines)
{
	size_t i;
	json_t *line;

	json_array_foreach(lines, i, line)
	{
		client_print(stderr, json_is_string(line) ? json_string_value(line) : "");
		fputc('\n', stderr);
	}
}

static int print_outcome(const json_t *answer)
{
	long long generation = client_number(answer, "generation");

	print_lines(json_object_get(answer, "warnings"));
	print_lines(json_object_get(answer, "messages"));
	if (!json_is_true(json_object_get(answer, "ok"))) {
		fputs("culvert: ", stderr);
		client_print(stderr, client_text(answer, "error", "culvertd does not say why"));
		if (generation)
			fprintf(stderr, "; generation %lld stays in force", generation);
		fputc('\n', stderr);
		return EXIT_BAD;
	}
	if (json_is_true(json_object_get(answer, "changed")))
		printf("generation %lld is in force\n", generation);
	else
		printf("nothing has changed: generation %lld stays in force\n", generation);
	return EXIT_OK;
}

int cmd_reload(const struct cmd_options *o, int argc, char **argv)
{
	json_t *answer;
	int code;

	(void)argv;
	if (argc > 1) {
		fputs("usage: culvert reload\n", stderr);
		return EXIT_USAGE;
	}
	if (client_ask(o->run, "reload", &answer))
		return EXIT_BAD;
	code = print_outcome(answer);
	json_decref(answer);
	return code;
}
