#include "appliance/daemon/counters.h"
#include "appliance/daemon/counting.h"

#include "appliance/daemon/control.h"
#include "appliance/daemon/generation.h"
#include "appliance/isolation/tally.h"
#include "conf/model.h"
#include "lib/diag.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_apn(const struct model *m, const char *name)
{
	for (size_t i = 0; i < m->n_apns; i++)
		if (!strcmp(m->apns[i].name, name))
			return true;
	return false;
}

static json_t *compose(const struct generation *g, const char *apn)
{
	struct tally tally = { 0 };
	json_t *answer;
	int error;

	if (apn && !has_apn(g->model, apn))
		return control_error("there is no APN '%s' in generation %u", apn, g->number);
	error = tally_read(&tally);
	if (error)
		return control_error("the kernel's counters cannot be read: %s", strerror(-error));
	answer = counters_compose(g->model, g->number, apn, &tally);
	tally_free(&tally);
	return answer;
}

int counters_here(const char *run, const char *apn)
{
	struct diag_list diags = { 0 };
	struct generation g = { 0 };
	json_t *answer;
	bool written;
	int r = generation_load_current(run, &diags, &g);

	diag_free(&diags);
	if (r == -ENOENT)
		answer = control_error("no configuration is in force");
	else if (r < 0)
		answer = control_error("the generation in force cannot be read: %s", strerror(-r));
	else
		answer = compose(&g, apn);
	written = answer && !json_dumpf(answer, stdout, JSON_COMPACT) && putchar('\n') != EOF && !fflush(stdout);
	json_decref(answer);
	generation_free(&g);
	return written ? EXIT_SUCCESS : EXIT_FAILURE;
}
