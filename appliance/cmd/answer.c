#include "appliance/cmd/answer.h"

#include "appliance/cmd/client.h"
#include "appliance/cmd/cmd.h"

#include <errno.h>
#include <stdlib.h>

enum { NUMBER_MAX = 999999999 };

void answer_print_lines(FILE *out, const char *prefix, const json_t *lines)
{
	size_t i;
	json_t *line;

	json_array_foreach(lines, i, line)
	{
		fputs(prefix, out);
		client_print(out, json_is_string(line) ? json_string_value(line) : "");
		fputc('\n', out);
	}
}

void answer_print_json(const json_t *answer)
{
	json_dumpf(answer, stdout, JSON_INDENT(2));
	putchar('\n');
}

static void complain(const json_t *answer)
{
	long long generation = client_number(answer, "generation");

	answer_print_lines(stderr, "", json_object_get(answer, "messages"));
	fputs("culvert: ", stderr);
	client_print(stderr, client_text(answer, "error", "culvertd does not say why"));
	if (generation)
		fprintf(stderr, "; generation %lld stays in force", generation);
	fputc('\n', stderr);
}

int answer_get(const char *run, const char *verb, json_t **ret)
{
	json_t *answer;
	int error = client_ask(run, verb, &answer);

	if (error)
		return error;
	if (!json_is_true(json_object_get(answer, "ok"))) {
		complain(answer);
		json_decref(answer);
		return -EREMOTEIO;
	}
	*ret = answer;
	return 0;
}

bool answer_print_counts(FILE *out, const char *noun, const json_t *counts, bool with_kept)
{
	static const char *const words[] = { "added", "changed", "removed" };
	bool any = false;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		long long n = client_number(counts, words[i]);

		if (!n)
			continue;
		if (any)
			fprintf(out, ", %lld %s", n, words[i]);
		else
			fprintf(out, "%lld %s%s %s", n, noun, n == 1 ? "" : "s", words[i]);
		any = true;
	}
	if (any && with_kept)
		fprintf(out, ", %lld kept", (long long)client_number(counts, "kept"));
	return any;
}

/* "generation 8 is in force: 1 tunnel changed, 4999 kept; 1 APN changed" */
static void print_in_force(const json_t *answer)
{
	const json_t *tunnels = json_object_get(answer, "tunnels");
	const json_t *apns = json_object_get(answer, "apns");
	long long rollback_of = client_number(answer, "rollback_of");

	printf("generation %lld is in force", (long long)client_number(answer, "generation"));
	if (rollback_of)
		printf(", a rollback of %lld", rollback_of);
	fputs(": ", stdout);
	if (!answer_print_counts(stdout, "tunnel", tunnels, true))
		printf("no tunnel changed, %lld kept", (long long)client_number(tunnels, "kept"));
	if (client_number(apns, "added") + client_number(apns, "changed") + client_number(apns, "removed")) {
		fputs("; ", stdout);
		answer_print_counts(stdout, "APN", apns, false);
	}
	putchar('\n');
	if (!json_is_true(json_object_get(answer, "by_charon")))
		puts("charon is away; it takes this generation when it starts");
}

static void print_outcome(const json_t *answer)
{
	const char *note = client_text(answer, "note", NULL);

	answer_print_lines(stderr, "", json_object_get(answer, "warnings"));
	if (json_is_true(json_object_get(answer, "changed")))
		print_in_force(answer);
	else
		printf("nothing has changed: generation %lld stays in force\n", (long long)client_number(answer, "generation"));
	if (!note)
		return;
	client_print(stdout, note);
	puts("\nthe next reload brings the file back; so does a restart if the file has changed, and a reboot in any case");
}

int answer_outcome(const char *run, const char *verb)
{
	json_t *answer;

	if (answer_get(run, verb, &answer))
		return EXIT_BAD;
	print_outcome(answer);
	json_decref(answer);
	return EXIT_OK;
}

unsigned answer_number(const char *text)
{
	char *end;
	unsigned long n;

	if (*text < '1' || *text > '9')
		return 0;
	errno = 0;
	n = strtoul(text, &end, 10);
	return *end || errno || n > NUMBER_MAX ? 0 : (unsigned)n;
}
