/* Failure policy: what goes wrong is the client's answer; the draft is removed in every case, at the latest at the next
 * start of culvertd. */
#include "appliance/daemon/forecast.h"

#include "appliance/daemon/charon.h"
#include "appliance/daemon/comparison.h"
#include "appliance/daemon/daemon.h"
#include "appliance/daemon/generation.h"
#include "appliance/daemon/intake.h"
#include "appliance/daemon/links.h"
#include "appliance/daemon/outline.h"
#include "appliance/daemon/reload.h"
#include "appliance/isolation/preview.h"
#include "conf/conf.h"
#include "lib/diag.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMPARE_LIMIT = 30 * 1000 * 1000 }; /* microseconds */

struct forecast {
	struct daemon *daemon;
	struct control_client *client;
	unsigned generation; /* in force when it began */
	struct model *next; /* owned */
	bool changed;
	struct outline_difference difference;
	struct preview preview;
	struct diag_list diags;
};

void forecast_free(struct forecast *f)
{
	if (!f)
		return;
	generation_discard(f->daemon->options.run, GENERATION_DRAFT);
	f->daemon->forecast = NULL;
	conf_free(f->next);
	outline_free(&f->difference);
	preview_free(&f->preview);
	diag_free(&f->diags);
	free(f);
}

/* Answers, which ends f. */
static void answer(struct forecast *f, json_t *json)
{
	control_answer(f->client, json ? json : control_error("out of memory"));
	forecast_free(f);
}

static void refuse(struct forecast *f, const char *what, const char *why)
{
	json_t *json = control_error("%s: %s", what, why);

	json_object_set_new(json, "generation", json_integer(f->generation));
	json_object_set_new(json, "messages", daemon_lines(&f->diags));
	answer(f, json);
}

static void answer_with(struct forecast *f, const char *charon, const struct comparison *c)
{
	struct forecast_findings findings = {
		.generation = f->generation,
		.file = f->daemon->options.conf,
		.next = f->next,
		.changed = f->changed,
		.difference = &f->difference,
		.preview = &f->preview,
		.charon = charon,
		.comparison = c,
		.diags = &f->diags,
	};

	answer(f, forecast_compose(&findings));
}

/* What charon says of a question that it does not know begins so. */
static bool is_unknown(const char *text)
{
	return strncmp(text, "unknown request", 15) == 0;
}

static void on_compared(void *userdata, int error, const char *text)
{
	struct forecast *f = userdata;
	struct comparison c = { 0 };

	if (error == -EREMOTEIO && !is_unknown(text)) {
		refuse(f, "charon would refuse the new configuration", text);
		return;
	}
	if (!error)
		error = comparison_parse(text, &c);
	switch (error) {
	case 0:
		answer_with(f, "up", &c);
		break;
	case -ENOTCONN:
		answer_with(f, "down", NULL);
		break;
	case -EREMOTEIO:
	case -EPROTO:
		answer_with(f, "unable", NULL);
		break;
	default:
		answer_with(f, "slow", NULL);
	}
	comparison_free(&c);
}

static void ask_charon(struct forecast *f)
{
	struct charon *charon = f->daemon->charon;
	char line[32];
	int error;

	if (!f->changed) {
		answer_with(f, charon_is_up(charon) ? "up" : "down", NULL);
		return;
	}
	snprintf(line, sizeof(line), "compare %d", GENERATION_DRAFT);
	error = charon_request(charon, line, COMPARE_LIMIT, on_compared, f);
	if (error)
		on_compared(f, error, "");
}

/* 0, or -errno with *ret_what saying what failed. */
static int look(struct forecast *f, const char **ret_what)
{
	const struct daemon *d = f->daemon;
	const struct generation *current = reload_current(d->reload);
	struct generation_source source = { .who = "", .file = d->options.conf };
	int error = intake_load(d->options.conf, NULL, &f->diags, &f->next);

	*ret_what = d->options.conf;
	if (error)
		return error;
	source.model = &f->next;
	*ret_what = "what a reload would freeze cannot be written";
	error =
		generation_draft(d->options.run, d->options.state, &source, current, &f->diags, &f->difference, &f->changed);
	if (error)
		return error;
	*ret_what = "the kernel cannot be looked at";
	return preview(current->model, f->next, links_all_carrying(d->links), &f->preview);
}

void forecast_begin(struct daemon *d, struct control_client *client)
{
	struct forecast *f = calloc(1, sizeof(*f));
	const char *what = NULL;
	int error;

	if (!f) {
		control_answer(client, control_error("out of memory"));
		return;
	}
	f->daemon = d;
	f->client = client;
	f->generation = reload_current(d->reload)->number;
	d->forecast = f;
	error = look(f, &what);
	if (error)
		refuse(f, what, error == -EINVAL ? "the configuration is not valid, culvert check says why" : strerror(-error));
	else if (f->preview.refusal && f->changed && f->generation) /* else a reload goes on, and it is tried again */
		refuse(f, "the kernel would not take the new configuration", f->preview.refusal);
	else
		ask_charon(f);
}
