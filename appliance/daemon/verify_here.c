#include "appliance/daemon/verify.h"

#include "appliance/daemon/generation.h"
#include "appliance/isolation/snapshot.h"
#include "appliance/isolation/verify.h"
#include "appliance/isolation/verify_json.h"
#include "lib/buf.h"
#include "lib/diag.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { EXIT_UNPROVEN = 2 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int fail(const char *what, int error)
{
	json_t *answer = json_pack(
		"{s:b, s:s, s:s, s:b}", "ok", 0, "error", what, "reason", strerror(-error), "configured", error != -ENOENT);

	json_dumpf(answer, stdout, JSON_COMPACT);
	json_decref(answer);
	return EXIT_UNPROVEN;
}

int verify_here(const char *run)
{
	struct diag_list diags = { 0 };
	struct generation g = { 0 };
	struct snapshot s = { 0 };
	struct verify v = { 0 };
	double start = now();
	int code = EXIT_UNPROVEN, r = generation_load_current(run, &diags, &g);

	diag_free(&diags);
	if (r < 0)
		return fail(r == -ENOENT ? "no configuration is in force" : "the generation in force cannot be read", r);
	r = snapshot_read(&s);
	if (r == 0)
		r = verify(&s, g.model, &v);
	json_t *answer = r == 0 ? verify_json(&v, g.model, g.number, now() - start) : NULL;
	if (answer && json_dumpf(answer, stdout, JSON_COMPACT) == 0)
		code = (int)v.verdict;
	else
		code = fail("the kernel's state cannot be read", r < 0 ? r : -ENOMEM);
	json_decref(answer);
	verify_free(&v);
	snapshot_free(&s);
	generation_free(&g);
	return code;
}
