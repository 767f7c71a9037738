/* culvert check: the same loader as culvertd's, without culvertd. */
#include "appliance/cmd/cmd.h"

#include "conf/conf.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/diag.h"

#include <stdio.h>
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

int cmd_check(const struct cmd_options *o, int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "/etc/culvert/culvert.conf";
	struct diag_list diags = { 0 };
	struct buf text = { 0 };
	struct model *model = NULL;
	int error;

	(void)o;
	if (argc > 2 || path[0] == '-') {
		fputs("usage: culvert check [FILE]\n", stderr);
		return EXIT_USAGE;
	}
	error = conf_load(path, &diags, &model);
	diag_print(&diags, &text);
	fputs(buf_text(&text), stderr);
	if (!error)
		print_summary(path, model);
	else if (!diags.errors)
		fprintf(stderr, "culvert: %s: %s\n", path, strerror(-error));
	buf_free(&text);
	diag_free(&diags);
	conf_free(model);
	return error ? EXIT_BAD : EXIT_OK;
}
