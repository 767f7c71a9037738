/* culvert status: the gateway in one line, then every link. */
#include "appliance/cmd/cmd.h"

#include "appliance/cmd/client.h"
#include "appliance/cmd/table.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN = 3 }; /* changes by others; those that are not repaired are always shown */

static size_t count_carrying(const json_t *links)
{
	size_t carrying = 0;
	size_t i;
	json_t *link;

	json_array_foreach(links, i, link)
	{
		carrying += json_is_true(json_object_get(link, "carrying"));
	}
	return carrying;
}

static void print_gateway(const json_t *status, size_t carrying, size_t links)
{
	long long generation = client_number(status, "generation");

	if (generation) {
		client_print(stdout, client_text(status, "gateway", "?"));
		printf(": generation %lld, charon %s, %zu of %zu links carry\n", generation, client_text(status, "charon", "?"),
			carrying, links);
	} else if (!strcmp(client_text(status, "walls", "closed"), "left")) {
		puts("no configuration is in force: the walls of an earlier culvertd stand as it left them");
	} else {
		puts("closed: no configuration is in force");
	}
}

static void print_messages(const json_t *messages)
{
	size_t i;
	json_t *message;

	json_array_foreach(messages, i, message)
	{
		fputs("! ", stdout);
		client_print(stdout, json_is_string(message) ? json_string_value(message) : "");
		putchar('\n');
	}
}

static void print_keys_ended(const json_t *keys)
{
	long long count = client_number(keys, "count");
	const char *tunnel = client_text(keys, "tunnel", NULL);

	if (!count)
		return;
	printf("%lld key%s ended by culvertd past the ceiling, the last one %lld s ago", count, count > 1 ? "s" : "",
		client_number(keys, "age"));
	if (tunnel) {
		fputs(" of tunnel ", stdout);
		client_print(stdout, tunnel);
	}
	putchar('\n');
}

/* What others changed under culvertd: the last case, and what is not repaired. */
static void print_drift(const json_t *drift)
{
	const json_t *last = json_object_get(drift, "last");
	const json_t *chains = json_object_get(drift, "foreign_chains");
	long long count = client_number(drift, "count");
	size_t i;
	json_t *one;

	if (count)
		printf("%lld change%s by others noticed%s\n", count, count > 1 ? "s" : "",
			json_array_size(last) ? ", the last ones:" : "");
	json_array_foreach(last, i, one)
	{
		bool repaired = json_is_true(json_object_get(one, "repaired"));
		const char *by = client_text(one, "by", NULL);
		if (i >= SHOWN && repaired)
			continue;
		printf("  %lld s ago, %s: ", client_number(one, "age"), repaired ? "repaired" : "NOT REPAIRED");
		client_print(stdout, client_text(one, "what", "?"));
		if (by) {
			fputs(", by ", stdout);
			client_print(stdout, by);
		}
		putchar('\n');
	}
	json_array_foreach(chains, i, one)
	{
		fputs("not Culvert's, but packets meet it: ", stdout);
		client_print(stdout, json_is_string(one) ? json_string_value(one) : "");
		putchar('\n');
	}
}

/* "rekeys tried: 3 passed, 1 failed, 2 not yet", where anything but "passed" is to be told. */
static void print_rehearsals(const json_t *tunnels)
{
	static const char *const results[] = { "passed", "failed", "not yet", "off" };
	enum { RESULTS = sizeof(results) / sizeof(results[0]) };
	size_t counts[RESULTS] = { 0 };
	const char *before = "rekeys tried: ";
	size_t i;
	json_t *tunnel;

	json_array_foreach(tunnels, i, tunnel)
	{
		const char *result = client_text(json_object_get(tunnel, "rehearsal"), "result", "unknown");
		for (size_t k = 0; k < RESULTS; k++)
			counts[k] += !strcmp(result, results[k]);
	}
	if (!counts[1] && !counts[2])
		return;
	for (size_t k = 0; k < RESULTS; k++) {
		if (!counts[k])
			continue;
		printf("%s%zu %s", before, counts[k], results[k]);
		before = ", ";
	}
	putchar('\n');
}

static bool has_suspect(const json_t *links)
{
	size_t i;
	json_t *link;

	json_array_foreach(links, i, link)
	{
		if (!strcmp(client_text(link, "state", ""), "suspect"))
			return true;
	}
	return false;
}

/* "verify: exactly the configured paths exist (12 s ago)" */
static void print_verify(const json_t *verify)
{
	const char *verdict = client_text(verify, "verdict", NULL);
	const json_t *first = json_array_get(json_object_get(verify, "first"), 0);

	if (!verdict)
		return;
	if (!strcmp(verdict, "exact"))
		printf("verify: exactly the configured paths exist");
	else
		printf("! verify: %lld differences, %lld that cannot be proven; see: culvert verify",
			client_number(verify, "differences"), client_number(verify, "unproven"));
	printf(" (%lld s ago)\n", client_number(verify, "age"));
	if (!json_is_string(first))
		return;
	fputs("!   ", stdout);
	client_print(stdout, json_string_value(first));
	putchar('\n');
}

/* All links carry and none is suspect, with charon there to keep it so, and as the operator's file wants it. */
static bool is_well(const json_t *status, size_t carrying, size_t links)
{
	const char *verdict = client_text(json_object_get(status, "verify"), "verdict", "exact");

	return !strcmp(verdict, "exact") && client_number(status, "generation") && carrying == links &&
		   !has_suspect(json_object_get(status, "links")) && !strcmp(client_text(status, "charon", ""), "up") &&
		   !json_array_size(json_object_get(status, "messages"));
}

static int print_status(const json_t *status, bool json)
{
	const json_t *links = json_object_get(status, "links");
	size_t n = json_array_size(links);
	size_t carrying = count_carrying(links);

	if (json) {
		json_dumpf(status, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print_gateway(status, carrying, n);
		print_messages(json_object_get(status, "messages"));
		print_keys_ended(json_object_get(status, "keys_ended"));
		print_drift(json_object_get(status, "drift"));
		print_rehearsals(json_object_get(status, "tunnels"));
		print_verify(json_object_get(status, "verify"));
		if (table_print(status, stdout))
			return EXIT_BAD;
	}
	return is_well(status, carrying, n) ? EXIT_OK : EXIT_BAD;
}

int cmd_status(const struct cmd_options *o, int argc, char **argv)
{
	bool json = argc == 2 && !strcmp(argv[1], "--json");
	json_t *answer;
	int code = EXIT_BAD;

	if (argc > 1 && !json) {
		fputs("usage: culvert status [--json]\n", stderr);
		return EXIT_USAGE;
	}
	if (client_ask(o->run, "status", &answer))
		return EXIT_BAD;
	if (json_is_true(json_object_get(answer, "ok"))) {
		code = print_status(answer, json);
	} else {
		fputs("culvert: ", stderr);
		client_print(stderr, client_text(answer, "error", "culvertd does not say why"));
		fputc('\n', stderr);
	}
	json_decref(answer);
	return code;
}
