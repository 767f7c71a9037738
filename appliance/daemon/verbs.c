/* What control.sock can be asked: one table, one function a verb. */
#include "appliance/daemon/daemon.h"

#include "appliance/daemon/charon.h"
#include "appliance/daemon/generation.h"
#include "appliance/daemon/links.h"
#include "appliance/daemon/reload.h"
#include "appliance/daemon/status.h"
#include "appliance/daemon/survey.h"
#include "appliance/isolation/report.h"
#include "lib/buf.h"
#include "lib/diag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SURVEY_LIMIT = 2 * 1000 * 1000 }; /* microseconds; whoever asks for the status gets the rest without charon */

/* One who waits for charon's part of a status. */
struct inquiry {
	struct daemon *daemon;
	struct control_client *client;
};

static bool carrying(void *userdata, uint32_t if_id)
{
	return links_carrying(userdata, if_id);
}

/* What the operator should know beside the rows. The array is the caller's, the texts are not; NULL: no memory. */
static const char **collect_messages(const struct daemon *d, size_t *ret_n)
{
	const struct report *r = links_report(d->links);
	const char **messages = calloc(r->count + 2, sizeof(*messages));
	const char *charon = reload_charon_refusal(d->reload);
	size_t n = 0;

	if (!messages)
		return NULL;
	if (d->refusal)
		messages[n++] = d->refusal;
	if (charon)
		messages[n++] = charon;
	for (size_t i = 0; i < r->count; i++)
		messages[n++] = r->entries[i].text;
	*ret_n = n;
	return messages;
}

static void answer_status(
	const struct daemon *d, struct control_client *client, const char *charon, const struct survey *survey)
{
	const struct generation *current = reload_current(d->reload);
	size_t n = 0;
	const char **messages = collect_messages(d, &n);
	struct status s = {
		.generation = current->number,
		.model = current->model,
		.charon = charon,
		.survey = survey,
		.carrying = carrying,
		.userdata = d->links,
		.messages = messages,
		.n_messages = n,
	};
	json_t *answer = messages ? status_compose(&s) : NULL;

	control_answer(client, answer ? answer : control_error("out of memory"));
	free(messages);
}

static void on_survey(void *userdata, int error, const char *text)
{
	struct inquiry *i = userdata;
	struct survey survey = { 0 };

	if (!error)
		error = survey_parse(text, &survey);
	answer_status(i->daemon, i->client, error == -ENOTCONN ? "down" : error ? "slow" : "up", error ? NULL : &survey);
	survey_free(&survey);
	free(i);
}

static void run_status(struct control_client *client, const char *arg, void *userdata)
{
	struct daemon *d = userdata;
	struct inquiry *i;
	int error;

	if (*arg) {
		control_answer(client, control_error("status takes no argument"));
		return;
	}
	i = calloc(1, sizeof(*i));
	if (!i) {
		control_answer(client, control_error("out of memory"));
		return;
	}
	*i = (struct inquiry){ .daemon = d, .client = client };
	error = charon_request(d->charon, "report", SURVEY_LIMIT, on_survey, i);
	if (error)
		on_survey(i, error, "");
}

static void run_reload(struct control_client *client, const char *arg, void *userdata)
{
	if (*arg)
		control_answer(client, control_error("reload takes no argument"));
	else if (daemon_reload(userdata, client))
		control_answer(client, control_error("another reload is running; try again when it is done"));
}

const struct control_verb daemon_verbs[] = {
	{ "status", CONTROL_GROUP, run_status },
	{ "reload", CONTROL_ADMIN_GROUP, run_reload },
	{ NULL, NULL, NULL },
};

static json_t *diag_lines(const struct diag_list *diags)
{
	json_t *lines = json_array();
	struct buf text = { 0 };
	char *rest;
	char *line;

	diag_print(diags, &text);
	rest = text.text;
	while (rest && (line = strsep(&rest, "\n")))
		if (*line)
			json_array_append_new(lines, json_string(line));
	buf_free(&text);
	return lines;
}

void daemon_answer_reload(struct control_client *client, const struct reload_outcome *o)
{
	if (o->error)
		control_answer(client, json_pack("{s:b, s:s, s:i, s:o}", "ok", 0, "error", o->text, "generation",
								   (int)o->generation, "messages", diag_lines(o->diags)));
	else
		control_answer(client, json_pack("{s:b, s:i, s:b, s:o}", "ok", 1, "generation", (int)o->generation, "changed",
								   o->changed, "warnings", diag_lines(o->diags)));
}
