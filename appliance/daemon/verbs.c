/* What control.sock can be asked: one table, one function a verb. */
#include "appliance/daemon/daemon.h"

#include "appliance/daemon/archive.h"
#include "appliance/daemon/charon.h"
#include "appliance/daemon/counting.h"
#include "appliance/daemon/errand.h"
#include "appliance/daemon/forecast.h"
#include "appliance/daemon/generation.h"
#include "appliance/daemon/history.h"
#include "appliance/daemon/key_age.h"
#include "appliance/daemon/lines.h"
#include "appliance/daemon/links.h"
#include "appliance/daemon/reload.h"
#include "appliance/daemon/status.h"
#include "appliance/daemon/survey.h"
#include "appliance/daemon/verify.h"
#include "appliance/isolation/report.h"
#include "conf/model.h"
#include "lib/cleanup.h"

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
	const struct daemon *d = userdata;

	return links_carrying(d->links, if_id);
}

static bool view(void *userdata, uint32_t if_id, struct link_choice_view *ret, struct buf *reason)
{
	const struct daemon *d = userdata;

	return links_view(d->links, if_id, ret, reason);
}

static bool oldest(void *userdata, uint32_t if_id, uint64_t *ret)
{
	const struct daemon *d = userdata;

	return key_age_oldest(d->ages, if_id, ret);
}

/*
 * What the operator should know beside the rows; note is the one of a rollback, or NULL. The array is the caller's, the
 * texts are not; NULL: no memory.
 */
static const char **collect_messages(const struct daemon *d, const char *note, size_t *ret_n)
{
	const struct report *r = links_report(d->links);
	const char **messages = calloc(r->count + 4, sizeof(*messages));
	const char *charon = reload_charon_refusal(d->reload);
	size_t n = 0;

	if (!messages)
		return NULL;
	if (d->refusal)
		messages[n++] = d->refusal;
	if (d->loss && !reload_current(d->reload)->number)
		messages[n++] = d->loss;
	if (note)
		messages[n++] = note;
	if (charon)
		messages[n++] = charon;
	for (size_t i = 0; i < r->count; i++)
		messages[n++] = r->entries[i].text;
	*ret_n = n;
	return messages;
}

static void answer_status(
	struct daemon *d, struct control_client *client, const char *charon, const struct survey *survey)
{
	const struct generation *current = reload_current(d->reload);
	CLEANUP(cleanup_free) char *note = daemon_rollback_note(d);
	size_t n = 0;
	const char **messages = collect_messages(d, note, &n);
	const struct key_age_record ended = key_age_record(d->ages);
	size_t n_strangers;
	const char *const *strangers = links_strangers(d->links, &n_strangers);
	uint64_t now = 0;

	sd_event_now(d->event, CLOCK_BOOTTIME, &now);
	struct status s = {
		.generation = current->number,
		.model = current->model,
		.rollback_of = current->rollback_of,
		.walls_left = d->walls_left,
		.charon = charon,
		.survey = survey,
		.carrying = carrying,
		.view = view,
		.oldest = oldest,
		.mtus = links_mtus(d->links),
		.ended = &ended,
		.userdata = d,
		.drift = links_drift(d->links),
		.now = now,
		.strangers = strangers,
		.n_strangers = n_strangers,
		.messages = messages,
		.n_messages = n,
	};
	json_t *answer = messages ? status_compose(&s) : NULL;

	json_object_set_new(answer, "verify", verify_summary(d->verifier));

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

static void begin(struct control_client *client, struct daemon *d, enum reload_source source, unsigned number)
{
	char who[META_WHO];
	struct reload_order order = {
		.source = source,
		.number = number,
		.who = control_who(client, who, sizeof(who)),
	};

	if (daemon_reload(d, &order, client))
		control_answer(client, control_error("another reload is running; try again when it is done"));
}

static void run_reload(struct control_client *client, const char *arg, void *userdata)
{
	if (*arg)
		control_answer(client, control_error("reload takes no argument"));
	else
		begin(client, userdata, RELOAD_FILE, 0);
}

/* The number that a verb was given, 0 if it was given none. False after an answer that says what is wrong. */
static bool take_number(struct control_client *client, const char *arg, unsigned *ret)
{
	*ret = archive_number(arg);
	if (*arg && !*ret)
		control_answer(client, control_error("a generation is a number from 1; culvert history lists them"));
	return !*arg || *ret;
}

static void run_rollback(struct control_client *client, const char *arg, void *userdata)
{
	unsigned number;

	if (take_number(client, arg, &number))
		begin(client, userdata, RELOAD_ROLLBACK, number);
}

static void run_history(struct control_client *client, const char *arg, void *userdata)
{
	const struct daemon *d = userdata;
	json_t *answer;

	if (*arg) {
		control_answer(client, control_error("history takes no argument"));
		return;
	}
	answer = history_compose(d->options.run, reload_current(d->reload)->number);
	control_answer(client, answer ? answer : control_error("out of memory"));
}

static void run_config(struct control_client *client, const char *arg, void *userdata)
{
	const struct daemon *d = userdata;
	unsigned number;

	if (!take_number(client, arg, &number))
		return;
	if (!number)
		number = reload_current(d->reload)->number;
	control_answer(client, history_config(d->options.run, number));
}

static void run_counters(struct control_client *client, const char *arg, void *userdata)
{
	const struct daemon *d = userdata;

	counting_answer(d->counting, client, arg);
}

static void run_plan(struct control_client *client, const char *arg, void *userdata)
{
	struct daemon *d = userdata;

	if (*arg)
		control_answer(client, control_error("plan takes no argument: it is about the operator's file"));
	else if (reload_is_running(d->reload))
		control_answer(client, control_error("a reload is running; try again when it is done"));
	else if (d->forecast)
		control_answer(client, control_error("another plan is being made; try again when it is done"));
	else
		forecast_begin(d, client);
}

static void run_verify(struct control_client *client, const char *arg, void *userdata)
{
	const struct daemon *d = userdata;

	if (*arg)
		control_answer(client, control_error("verify takes no argument"));
	else
		verify_answer(d->verifier, client);
}

static void run_restart(struct control_client *client, const char *arg, void *userdata)
{
	errand_begin(userdata, client, "restart", arg);
}

static void run_rekey(struct control_client *client, const char *arg, void *userdata)
{
	errand_begin(userdata, client, "rekey", arg);
}

const struct control_verb daemon_verbs[] = {
	{ "status", CONTROL_GROUP, run_status },
	{ "verify", CONTROL_GROUP, run_verify },
	{ "history", CONTROL_GROUP, run_history },
	{ "config", CONTROL_GROUP, run_config },
	{ "counters", CONTROL_GROUP, run_counters },
	{ "plan", CONTROL_GROUP, run_plan },
	{ "reload", CONTROL_ADMIN_GROUP, run_reload },
	{ "rollback", CONTROL_ADMIN_GROUP, run_rollback },
	{ "restart", CONTROL_ADMIN_GROUP, run_restart },
	{ "rekey", CONTROL_ADMIN_GROUP, run_rekey },
	{ NULL, NULL, NULL },
};

/* What a value implies is for culvert check to say. */
static void append_line(void *userdata, enum diag_severity severity, const char *line)
{
	if (severity != DIAG_NOTE)
		json_array_append_new(userdata, json_string(line));
}

json_t *daemon_lines(const struct diag_list *diags)
{
	json_t *lines = json_array();

	if (lines)
		lines_each(diags, append_line, lines);
	return lines;
}

/* Said once, when the file stops to be what is in force or goes on not to be. */
static json_t *note_or_null(const struct daemon *d)
{
	CLEANUP(cleanup_free) char *note = daemon_rollback_note(d);

	return note ? json_string(note) : json_null();
}

void daemon_answer_reload(const struct daemon *d, struct control_client *client, const struct reload_outcome *o)
{
	json_t *answer;

	if (o->error)
		answer = json_pack("{s:b, s:s, s:i, s:o}", "ok", 0, "error", o->text, "generation", (int)o->generation,
			"messages", daemon_lines(o->diags));
	else
		answer = json_pack("{s:b, s:i, s:b, s:o, s:o, s:o, s:o, s:b, s:o}", "ok", 1, "generation", (int)o->generation,
			"changed", o->changed, "warnings", daemon_lines(o->diags), "rollback_of",
			o->rollback_of ? json_integer(o->rollback_of) : json_null(), "tunnels", history_counts(&o->tunnels), "apns",
			history_counts(&o->apns), "by_charon", o->by_charon, "note", note_or_null(d));
	control_answer(client, answer ? answer : control_error("out of memory"));
}
