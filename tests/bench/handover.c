/*
 * What culvertd does of a reload on charon's side, without the kernel's: handover CONF RUN STATE CURRENT loads and
 * freezes the operator's file, has charon prepare and commit the generation, and switches to it. Prints its number, the
 * answer to prepare and the seconds of each step.
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

int main(int argc, char *argv[])
{
	struct diag_list diags = { 0 };
	struct generation next = { 0 };
	struct both b = { 0 };
	struct generation_source source = { .who = "the bench", .file = argc > 1 ? argv[1] : "" };
	struct generation current = { .number = argc > 4 ? archive_number(argv[4]) : 0 };
	struct outline_difference difference = { 0 };
	struct model *model = NULL;
	bool changed = false;
	unsigned number;
	double times[5];
	int error;

	if (argc != 5) {
		fprintf(stderr, "usage: handover CONF RUN STATE CURRENT\n");
		return 2;
	}
	times[0] = now();
	error = conf_load(argv[1], &diags, &model);
	times[1] = now();
	source.model = &model;
	if (!error)
		error = generation_freeze(argv[2], argv[3], &source, &current, &diags, &next, &difference, &changed);
	times[2] = now();
	if (error)
		complain(&diags);
	check(error, argv[1], "");
	check(!changed, argv[1], "says what is in force already");
	number = next.number;
	hand_over(argv[2], number, &b);
	times[3] = now();
	check(generation_switch(argv[2], number), argv[2], "");
	archive_prune(argv[2]);
	conf_free(model);
	generation_free(&next);
	outline_free(&difference);
	diag_free(&diags);
	times[4] = now();
	printf(
		"{\"number\": %u, \"answer\": \"%s\", \"load\": %.4f, \"freeze\": %.4f, \"prepare\": %.4f, \"commit\": %.4f, "
		"\"switch\": %.4f}\n",
		number, b.prepare.answer, times[1] - times[0], times[2] - times[1], b.prepared - times[2],
		times[3] - b.prepared, times[4] - times[3]);
	return 0;
}
