#include "appliance/cmd/table.h"

#include "appliance/cmd/client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 7, CELL = 128 };

struct row {
	int rank; /* 0 is worst */
	size_t order;
	char cells[COLUMNS][CELL];
	const char *reason; /* borrowed: why a link that carries is not as good as others; NULL: it is */
	const char *failure; /* borrowed; NULL: none */
	json_int_t failure_age;
	const char *advice; /* borrowed: what to check, since a rekey that was tried failed; NULL: nothing */
	json_int_t advice_age;
};

static const char *const titles[COLUMNS] = { "LINK", "STATE", "FOR", "CARRIER", "PEER", "KEYS", "PROBE" };

/* What a link is in, by the kernel (carrying) and by charon (the tunnel's state). First match; worst first. */
static const struct {
	bool carrying;
	const char *tunnel; /* NULL: any */
	const char *text;
} states[] = {
	{ false, "down", "down" },
	{ false, "unknown", "down, charon unheard" },
	{ false, "connecting", "connecting" },
	{ false, NULL, "tunnel up, no SA" },
	{ true, "down", "carrying, tunnel down" },
	{ true, "unknown", "carrying, charon unheard" },
	{ true, "connecting", "carrying, tunnel connecting" },
	{ true, NULL, "carrying" },
};

static int rank_of(bool carrying, const char *tunnel)
{
	int i = 0;

	while (states[i].carrying != carrying || (states[i].tunnel && strcmp(states[i].tunnel, tunnel) != 0))
		i++;
	return i;
}

/* "42s", "17m", "3h12m", "5d4h" */
static void print_seconds(json_int_t seconds, char text[static CELL])
{
	long long s = seconds;

	if (s < 120)
		snprintf(text, CELL, "%llds", s);
	else if (s < 7200)
		snprintf(text, CELL, "%lldm", s / 60);
	else if (s < 172800)
		snprintf(text, CELL, "%lldh%lldm", s / 3600, s / 60 % 60);
	else
		snprintf(text, CELL, "%lldd%lldh", s / 86400, s / 3600 % 24);
}

/* The tunnels by name; the caller json_decref()s it. */
static json_t *index_tunnels(const json_t *status)
{
	json_t *index = json_object();
	size_t i;
	json_t *t;

	json_array_foreach(json_object_get(status, "tunnels"), i, t)
	{
		json_object_set(index, client_text(t, "name", ""), t);
	}
	return index;
}

/* How it stands among the links of its APN, and whether devices are reached by it. */
static void fill_state(const json_t *link, const char *tunnel, struct row *row)
{
	bool carrying = json_is_true(json_object_get(link, "carrying"));
	const char *state = client_text(link, "state", "good");
	bool plain = !carrying || !strcmp(state, "good");
	int which = rank_of(carrying, tunnel);

	snprintf(row->cells[1], CELL, "%s%s%.20s%s", states[which].text, plain ? "" : ", ", plain ? "" : state,
		json_is_true(json_object_get(link, "used")) ? ", in use" : "");
	row->rank = 2 * which - (!strcmp(state, "suspect") ? 1 : 0);
	row->reason = plain ? NULL : client_text(link, "reason", NULL);
}

/* "812 of 812, 0.4 ms" */
static void fill_probe(const json_t *probe, char text[static CELL])
{
	const char *error = client_text(probe, "error", NULL);
	long long rtt = client_number(probe, "rtt");
	int len;

	if (!json_is_object(probe)) {
		snprintf(text, CELL, "not probed");
		return;
	}
	len = snprintf(text, CELL, "%lld of %lld answered", client_number(probe, "answered"), client_number(probe, "sent"));
	if (error)
		snprintf(text + len, CELL - (size_t)len, ", not sent: %.40s", error);
	else if (client_number(probe, "answered"))
		snprintf(text + len, CELL - (size_t)len, ", %lld.%lld ms", rtt / 1000, rtt % 1000 / 100);
}

static void fill_row(const json_t *link, const json_t *tunnel, struct row *row)
{
	const char *state = client_text(tunnel, "state", "unknown");
	const json_t *child = json_object_get(link, "child");

	fill_state(link, state, row);
	snprintf(row->cells[0], CELL, "%s/%s", client_text(link, "apn", "?"), client_text(link, "tunnel", "?"));
	if (strcmp(state, "unknown") != 0)
		print_seconds(client_number(tunnel, "seconds"), row->cells[2]);
	snprintf(row->cells[3], CELL, "%s", client_text(tunnel, "carrier", "?"));
	snprintf(row->cells[4], CELL, "%s", client_text(tunnel, "peer", "?"));
	if (json_is_object(child)) {
		char age[CELL];

		print_seconds(client_number(child, "age"), age);
		snprintf(row->cells[5], CELL, "%.80s, %.20s old", client_text(tunnel, "suite", "?"), age);
	}
	if (json_is_true(json_object_get(link, "carrying")))
		fill_probe(json_object_get(link, "probe"), row->cells[6]);
	row->failure = client_text(tunnel, "failure", NULL);
	row->failure_age = client_number(tunnel, "failure_age");
	row->advice = client_text(json_object_get(tunnel, "rehearsal"), "advice", NULL);
	row->advice_age = client_number(json_object_get(tunnel, "rehearsal"), "age");
}

static int worst_first(const void *a, const void *b)
{
	const struct row *left = a;
	const struct row *right = b;

	if (left->rank != right->rank)
		return left->rank < right->rank ? -1 : 1;
	return (left->order > right->order) - (left->order < right->order);
}

static void print_cells(FILE *out, const char *const cells[static COLUMNS], const int widths[static COLUMNS])
{
	int pad = 0;

	for (size_t i = 0; i < COLUMNS; i++) {
		if (!*cells[i])
			continue;
		fprintf(out, "%*s", pad, "");
		client_print(out, cells[i]);
		pad = 0;
		for (size_t k = i; k < COLUMNS && (k == i || !*cells[k]); k++)
			pad += widths[k] + 2;
		pad -= (int)strlen(cells[i]);
	}
	fputc('\n', out);
}

/* A line below the link. */
static void print_remark(const char *text, json_int_t seconds, FILE *out)
{
	char age[CELL];

	if (!text)
		return;
	print_seconds(seconds, age);
	fputs("  ", out);
	client_print(out, text);
	fprintf(out, " (%s ago)\n", age);
}

static void print_rows(const struct row *rows, size_t n, FILE *out)
{
	int widths[COLUMNS];

	for (size_t i = 0; i < COLUMNS; i++) {
		widths[i] = (int)strlen(titles[i]);
		for (size_t k = 0; k < n; k++)
			if ((int)strlen(rows[k].cells[i]) > widths[i])
				widths[i] = (int)strlen(rows[k].cells[i]);
	}
	print_cells(out, titles, widths);
	for (size_t k = 0; k < n; k++) {
		const char *cells[COLUMNS];

		for (size_t i = 0; i < COLUMNS; i++)
			cells[i] = rows[k].cells[i];
		print_cells(out, cells, widths);
		if (rows[k].reason) {
			fputs("  ", out);
			client_print(out, rows[k].reason);
			fputc('\n', out);
		}
		print_remark(rows[k].failure, rows[k].failure_age, out);
		print_remark(rows[k].advice, rows[k].advice_age, out);
	}
}

int table_print(const json_t *status, FILE *out)
{
	const json_t *links = json_object_get(status, "links");
	size_t n = json_array_size(links);
	struct row *rows = calloc(n + 1, sizeof(*rows));
	json_t *tunnels;
	size_t i;
	json_t *link;

	if (!rows)
		return -ENOMEM;
	tunnels = index_tunnels(status);
	json_array_foreach(links, i, link)
	{
		rows[i].order = i;
		fill_row(link, json_object_get(tunnels, client_text(link, "tunnel", "")), &rows[i]);
	}
	qsort(rows, n, sizeof(*rows), worst_first);
	if (n)
		print_rows(rows, n, out);
	json_decref(tunnels);
	free(rows);
	return 0;
}
