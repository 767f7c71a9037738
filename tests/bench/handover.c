/*
 * What culvertd does of a reload on charon's side, without the kernel's. handover CONF RUN STATE, for each line of its
 * input, loads and freezes the operator's file, has charon prepare and commit the generation, and switches to it.
 * Prints a line with the answer to prepare and the seconds of each step. Like culvertd it keeps the generation in
 * force.
 */
#include "appliance/daemon/archive.h"
#include "appliance/daemon/charon.h"
#include "appliance/daemon/generation.h"
#include "appliance/daemon/outline.h"
#include "conf/conf.h"
#include "lib/buf.h"
#include "lib/diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LIMIT = 300 * 1000 * 1000 }; /* microseconds */

struct asked {
	sd_event *event;
	int error;
	char answer[256];
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void on_state(void *userdata, bool up)
{
	(void)userdata;
	(void)up;
}

static void on_answer(void *userdata, int error, const char *answer)
{
	struct asked *a = userdata;

	a->error = error;
	snprintf(a->answer, sizeof(a->answer), "%s", answer);
	sd_event_exit(a->event, 0);
}

/* Ends the program where error is set. */
static void check(int error, const char *what, const char *text)
{
	if (!error)
		return;
	fprintf(stderr, "handover: %s: %s%s%s\n", what, strerror(error < 0 ? -error : error), *text ? ": " : "", text);
	exit(1);
}

/* prepare and commit on one connection: prepared state belongs to it. */
struct both {
	struct charon *charon;
	struct asked prepare, commit;
	double prepared; /* when */
};

static void on_prepared(void *userdata, int error, const char *answer)
{
	struct both *b = userdata;

	b->prepared = now();
	b->prepare.error = error;
	snprintf(b->prepare.answer, sizeof(b->prepare.answer), "%s", answer);
	if (!error)
		error = charon_request(b->charon, "commit", LIMIT, on_answer, &b->commit);
	if (error)
		sd_event_exit(b->commit.event, 0);
}

static void hand_over(const char *run, unsigned number, struct both *b)
{
	char path[256], line[32];
	sd_event *event;

	snprintf(path, sizeof(path), "%s/charon.sock", run);
	snprintf(line, sizeof(line), "prepare %u", number);
	check(sd_event_new(&event) < 0, "event loop", "");
	b->commit = (struct asked){ .event = event, .error = -1 };
	check(charon_open(event, path, on_state, NULL, &b->charon), path, "");
	check(charon_request(b->charon, line, LIMIT, on_prepared, b), line, "");
	sd_event_loop(event);
	check(b->prepare.error, line, b->prepare.answer);
	check(b->commit.error, "commit", b->commit.answer);
	charon_close(b->charon);
	sd_event_unref(event);
}

static void complain(const struct diag_list *diags)
{
	struct buf text = { 0 };

	diag_print(diags, &text);
	fputs(buf_text(&text), stderr);
	buf_free(&text);
}

/* One reload, the whole way; current is the generation in force before and afterwards. */
static void reload(char *const paths[static 3], struct generation *current)
{
	const char *conf = paths[0], *run = paths[1], *state = paths[2];
	struct generation_source source = { .who = "the bench", .file = conf };
	struct outline_difference difference = { 0 };
	struct diag_list diags = { 0 };
	struct generation next = { 0 };
	struct model *model = NULL;
	struct both b = { 0 };
	bool changed = false;
	double times[5];

	times[0] = now();
	int error = conf_load_after(conf, current->model, time(NULL), NULL, &diags, &model);
	times[1] = now();
	source.model = &model;
	if (!error)
		error = generation_freeze(run, state, &source, current, &diags, &next, &difference, &changed);
	times[2] = now();
	if (error)
		complain(&diags);
	check(error, conf, "");
	if (!changed) {
		printf("{\"answer\": \"nothing has changed\"}\n");
		fflush(stdout);
		goto end;
	}
	hand_over(run, next.number, &b);
	times[3] = now();
	check(generation_switch(run, next.number), run, "");
	generation_free(current);
	*current = next;
	archive_prune(run);
	outline_free(&difference);
	diag_free(&diags);
	times[4] = now();
	printf("{\"answer\": \"%s\", \"load\": %.4f, \"freeze\": %.4f, \"prepare\": %.4f, \"commit\": %.4f, \"switch\": "
		   "%.4f}\n",
		b.prepare.answer, times[1] - times[0], times[2] - times[1], b.prepared - times[2], times[3] - b.prepared,
		times[4] - times[3]);
	fflush(stdout);
end:
	conf_free(model);
	outline_free(&difference);
	diag_free(&diags);
}

int main(int argc, char *argv[])
{
	struct generation current = { 0 };
	char line[16];

	if (argc != 4) {
		fprintf(stderr, "usage: handover CONF RUN STATE\n");
		return 2;
	}
	while (fgets(line, sizeof(line), stdin))
		reload(argv + 1, &current);
	generation_free(&current);
	return 0;
}
