/* culvert counters: what each APN's walls have let through and refused. */
#include "appliance/cmd/cmd.h"

#include "appliance/cmd/answer.h"
#include "appliance/cmd/client.h"
#include "lib/cleanup.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_counts(const json_t *counts)
{
	printf("%12lld packets %14lld octets", (long long)client_number(counts, "packets"),
		(long long)client_number(counts, "octets"));
}

static void print_carried(const char *what, const json_t *counts)
{
	printf("  %-44s", what);
	print_counts(counts);
	putchar('\n');
}

/* "service ingest, 10.110.0.5 udp 5684" in a column of its own. */
static void print_service(const char *what, const json_t *row)
{
	long long first = client_number(row, "first_port"), last = client_number(row, "last_port");
	char *text = NULL;
	size_t size = 0, i;
	json_t *name;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	fputs(what, out);
	json_array_foreach(json_object_get(row, "names"), i, name)
	{
		fputs(i ? "+" : " ", out);
		client_print(out, json_string_value(name) ? json_string_value(name) : "?");
	}
	fputs(", ", out);
	client_print(out, client_text(row, "host", "?"));
	fprintf(out, " %s %lld", client_text(row, "protocol", "?"), first);
	if (last != first)
		fprintf(out, "-%lld", last);
	if (fclose(out) == 0)
		print_carried(text, row);
	free(text);
}

static void print_services(const char *what, const json_t *rows)
{
	size_t i;
	json_t *row;

	json_array_foreach(rows, i, row)
	{
		print_service(what, row);
	}
}

static void print_refused(const char *indent, json_t *reasons)
{
	const char *reason;
	json_t *counts;

	json_object_foreach(reasons, reason, counts)
	{
		printf("%srefused: ", indent);
		client_print(stdout, reason);
		printf("%*s", (int)(strlen(reason) < 35 ? 35 - strlen(reason) : 1), "");
		print_counts(counts);
		putchar('\n');
	}
}

static void print_apn(const json_t *apn)
{
	client_print(stdout, client_text(apn, "name", "?"));
	putchar('\n');
	print_carried("from devices", json_object_get(apn, "from_devices"));
	print_carried("to devices", json_object_get(apn, "to_devices"));
	print_services("service", json_object_get(apn, "services"));
	print_services("downlink", json_object_get(apn, "downlink"));
	print_refused("  ", json_object_get(apn, "refused"));
}

static void print_answer(const json_t *answer, bool all)
{
	size_t i;
	json_t *apn;

	json_array_foreach(json_object_get(answer, "apns"), i, apn)
	{
		print_apn(apn);
	}
	if (!all)
		return;
	puts("all interfaces");
	print_refused("  ", json_object_get(answer, "refused"));
}

int cmd_counters(const struct cmd_options *o, int argc, char **argv)
{
	CLEANUP(cleanup_free) char *verb = NULL;
	bool json = argc > 1 && !strcmp(argv[argc - 1], "--json");
	const char *apn = argc - json > 1 ? argv[1] : NULL;
	json_t *answer;

	if (argc - json > 2 || (apn && apn[0] == '-')) {
		fputs("usage: culvert counters [APN] [--json]\n", stderr);
		return EXIT_USAGE;
	}
	if (asprintf(&verb, apn ? "counters %s" : "counters", apn) < 0) {
		verb = NULL;
		fputs("culvert: out of memory\n", stderr);
		return EXIT_BAD;
	}
	if (answer_get(o->run, verb, &answer))
		return EXIT_BAD;
	if (json)
		answer_print_json(answer);
	else
		print_answer(answer, !apn);
	json_decref(answer);
	return EXIT_OK;
}
