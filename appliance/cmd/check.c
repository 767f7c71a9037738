/* culvert check: the same loader as culvertd's, without culvertd; with --json as a list for editors. */
#include "appliance/cmd/cmd.h"

#include "conf/conf.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/diag.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void print_summary(const char *path, const struct model *m)
{
	size_t tunnels = 0;
	size_t links = 0;

	for (size_t i = 0; i < m->n_carriers; i++)
		tunnels += m->carriers[i].n_tunnels;
	for (size_t i = 0; i < m->n_apns; i++)
		links += m->apns[i].n_links;
	printf("%s is good: gateway %s, %zu carrier%s, %zu tunnel%s, %zu APN%s, %zu link%s\n", path, m->gateway.name,
		m->n_carriers, plural(m->n_carriers), tunnels, plural(tunnels), m->n_apns, plural(m->n_apns), links,
		plural(links));
}

/* What editors want to know of a message: what it has not got is null. NULL when memory ran out. */
static json_t *message_of(const struct diag *d)
{
	json_t *line = d->line ? json_integer(d->line) : json_null();

	return json_pack("{s:s?, s:o, s:s?, s:s, s:s}", "file", d->file, "line", line, "key", d->key, "severity",
		diag_word(d->severity), "message", d->text);
}

/* An array of all messages, in the order in which they are printed. 0, or -ENOMEM with nothing printed. */
static int print_json(const struct diag_list *diags)
{
	const struct diag *sorted[DIAG_MAX] = { 0 };
	size_t n = diag_sorted(diags, sorted);
	json_t *list = json_array();
	char *text = NULL;
	int failed = 0;

	for (size_t i = 0; i < n; i++)
		failed |= json_array_append_new(list, message_of(sorted[i]));
	if (diags->dropped)
		failed |= json_array_append_new(
			list, json_pack("{s:n, s:n, s:n, s:s, s:o}", "file", "line", "key", "severity", diag_word(DIAG_NOTE),
					  "message", json_sprintf("and %zu more", diags->dropped)));
	if (!failed)
		text = json_dumps(list, JSON_INDENT(2));
	json_decref(list);
	if (!text)
		return -ENOMEM;
	puts(text);
	free(text);
	return 0;
}

static void print_text(const char *path, const struct diag_list *diags, const struct model *m)
{
	struct buf text = { 0 };

	diag_print(diags, &text);
	fputs(buf_text(&text), stderr);
	if (m)
		print_summary(path, m);
	buf_free(&text);
}

static int check(const char *path, bool json)
{
	struct diag_list diags = { 0 };
	struct model *model = NULL;

	int error = conf_load(path, &diags, &model);
	bool silent = error && !diags.errors;
	if (!json)
		print_text(path, &diags, model);
	else if (!silent && print_json(&diags)) {
		error = -ENOMEM;
		silent = true;
	}
	if (silent)
		fprintf(stderr, "culvert: %s: %s\n", path, strerror(-error));
	diag_free(&diags);
	conf_free(model);
	return error ? EXIT_BAD : EXIT_OK;
}

int cmd_check(const struct cmd_options *o, int argc, char **argv)
{
	bool json = argc > 1 && !strcmp(argv[1], "--json");
	int files = argc - 1 - json;
	const char *path = files > 0 ? argv[argc - 1] : "/etc/culvert/culvert.conf";

	(void)o;
	if (files > 1 || path[0] == '-') {
		fputs("usage: culvert check [--json] [FILE]\n", stderr);
		return EXIT_USAGE;
	}
	return check(path, json);
}
