/*
 * What isolation remembers is what the kernel holds: from every golden to every other by what is known, and then a look
 * at the whole finds nothing to change. Runs in the lab machine as root, in a network namespace of its own.
 *   known NAME...     the goldens of these names
 * Prints what was found instead, and exits with 1 if there was anything.
 */
#include "appliance/isolation/carrying.h"
#include "appliance/isolation/isolation.h"
#include "appliance/isolation/report.h"
#include "conf/conf.h"
#include "conf/ids.h"
#include "conf/model.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODELS_MAX = 16 };

struct golden {
	const char *name;
	struct model *model;
	struct carrying carrying; /* all links */
};

__attribute__((noreturn)) static void die(const char *what, const char *why)
{
	fprintf(stderr, "known: %s: %s\n", what, why);
	exit(2);
}

static struct golden load(const char *name, struct ids *ids)
{
	struct diag_list diags = { 0 };
	struct golden g = { .name = name };
	char path[128], *text = NULL;
	size_t len;

	snprintf(path, sizeof(path), "/share/tests/golden/%s/culvert.conf", name);
	if (io_read_file(path, CONF_FILE_MAX, &text, &len) < 0 || conf_load_text(text, len, path, &diags, &g.model) < 0 ||
		ids_assign(ids, g.model) < 0)
		die(path, diags.count > 0 ? diags.items[0].text : "cannot be loaded");
	for (size_t a = 0; a < g.model->n_apns; a++)
		for (size_t l = 0; l < g.model->apns[a].n_links; l++)
			if (carrying_add(&g.carrying, g.model->apns[a].links[l].if_id) < 0)
				die(name, "no memory");
	free(text);
	return g;
}

static int failed;

static void take(
	const struct golden *from, const struct golden *to, const char *step, int r, struct report *report, bool may_change)
{
	if (r == 0 && report->count == 0 && (may_change || report->changed == 0)) {
		report_free(report);
		return;
	}
	failed = 1;
	printf("%s > %s: %s: %d, %zu changed\n", from->name, to->name, step, r, report->changed);
	for (size_t i = 0; i < report->count; i++)
		printf("    %s\n", report->entries[i].text);
	report_free(report);
}

static void use(struct isolation *i, const struct golden *from, const struct golden *to)
{
	struct report report = { 0 };
	int r;

	/* The machine's settings give it the address that no configuration names. */
	if (strcmp(to->name, "shared") == 0 && system("ip address replace 10.110.0.9/20 dev eth1") != 0)
		die("eth1", "takes no address");
	r = isolation_prepare(i, from->model, to->model, &report);
	take(from, to, "prepare", r, &report, true);
	r = isolation_apply(i, to->model, &to->carrying, &report);
	take(from, to, "apply", r, &report, true);
}

static void check(struct isolation *i, const struct golden *from, const struct golden *to)
{
	struct report report = { 0 };
	int r;

	use(i, to, from);
	isolation_doubt(i);
	r = isolation_follow(i, from->model, &from->carrying, &report);
	take(to, from, "a look beforehand", r, &report, false);
	use(i, from, to);
	r = isolation_follow(i, to->model, &to->carrying, &report);
	take(from, to, "by memory", r, &report, false);
	isolation_doubt(i);
	r = isolation_follow(i, to->model, &to->carrying, &report);
	take(from, to, "a whole look", r, &report, false);
}

int main(int argc, char **argv)
{
	struct golden goldens[MODELS_MAX];
	struct isolation *i = NULL;
	struct ids *ids = NULL;
	int n = argc - 1;

	if (n < 2 || n > MODELS_MAX)
		die("usage", "known NAME NAME...");
	if (unshare(CLONE_NEWNET) < 0 ||
		system("modprobe -a dummy vrf xfrm_interface 8021q && ip link set lo up && ip link add eth0 up type dummy && "
			   "ip link add eth1 type dummy && ip link add eth2 type dummy && ip link add eth3 type dummy && "
			   "ip address add 192.0.2.1/24 dev eth0") != 0)
		die("machine", "cannot be made");
	if (ids_load("/nonexistent", &ids) < 0 || isolation_open(&i) < 0)
		die("isolation", "cannot be opened");
	for (int k = 0; k < n; k++)
		goldens[k] = load(argv[k + 1], ids);
	for (int k = 0; k < n; k++)
		for (int l = 0; l < n; l++)
			if (k != l)
				check(i, &goldens[k], &goldens[l]);
	printf("%s\n", failed ? "not all is known" : "all is known");
	return failed;
}
