/*
 * Failure policy: a process that fails, or takes too long, is a verdict as well ("failed"): nothing was proven. What
 * changed while it ran makes what it says worthless: it is thrown away and another one runs. Clients that wait get the
 * first one that began after they asked.
 */
#include "appliance/daemon/verify.h"

#include "appliance/daemon/child.h"
#include "appliance/daemon/control.h"
#include "lib/buf.h"
#include "lib/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 10, VERIFY_CLIENTS = CONTROL_CLIENTS_MAX };

struct verifier {
	sd_event *event; /* referenced */
	const char *run; /* borrowed */
	sd_event_source *due; /* the next one */
	struct child *process; /* NULL: none runs */
	uint64_t began, ended; /* microseconds of CLOCK_BOOTTIME; of the last one */
	uint64_t judged; /* when the last one that counts ended */
	bool stale; /* something changed since it began */
	bool soon; /* the next one is due after a change, and is not put off by further ones */
	bool held; /* a reload runs: what stands is between two generations */
	struct control_client *clients[VERIFY_CLIENTS]; /* who waits; those from n_now on for the next one */
	size_t n_clients, n_now;
	json_t *last; /* owned: the summary without its age */
};

static void start(struct verifier *v);

static uint64_t now(const struct verifier *v)
{
	uint64_t usec = 0;

	sd_event_now(v->event, CLOCK_BOOTTIME, &usec);
	return usec;
}

static void run_in(struct verifier *v, uint64_t usec)
{
	sd_event_source_set_time_relative(v->due, usec);
	sd_event_source_set_enabled(v->due, SD_EVENT_ONESHOT);
}

/* When the next one may run, in microseconds from now, if it is to run in that many. */
static uint64_t allowed_in(const struct verifier *v, uint64_t usec)
{
	uint64_t rest = VERIFY_REST * (v->ended - v->began), since = now(v) - v->ended;

	return rest > since && rest - since > usec ? rest - since : usec;
}

static json_t *summary_of(const json_t *answer)
{
	json_t *first = json_array();
	const json_t *lists[] = { json_object_get(answer, "unproven"), json_object_get(answer, "differences") };
	const char *verdict = json_string_value(json_object_get(answer, "verdict"));
	const char *error = json_string_value(json_object_get(answer, "error"));

	for (size_t l = 0; l < 2; l++)
		for (size_t i = 0; i < json_array_size(lists[l]) && json_array_size(first) < FIRST; i++)
			json_array_append(first, json_array_get(lists[l], i));
	if (!verdict)
		json_array_append_new(first, json_string(error ? error : "the verification gave no answer"));
	return json_pack("{s:s, s:f, s:I, s:I, s:o}", "verdict", verdict ? verdict : "failed", "seconds",
		json_real_value(json_object_get(answer, "seconds")), "differences", (json_int_t)json_array_size(lists[1]),
		"unproven", (json_int_t)json_array_size(lists[0]), "first", first);
}

/* Says what is different from last time. */
static void log_change(const json_t *before, const json_t *after)
{
	const json_t *first = json_object_get(after, "first");
	const char *verdict = json_string_value(json_object_get(after, "verdict"));

	if (before && json_equal(json_object_get(before, "first"), first) &&
		json_equal(json_object_get(before, "verdict"), json_object_get(after, "verdict")))
		return;
	if (verdict && strcmp(verdict, "exact") == 0) {
		log_notice("verify: exactly the configured paths exist");
		return;
	}
	log_error("verify: %s: %lld differences, %lld that cannot be proven", verdict ? verdict : "failed",
		(long long)json_integer_value(json_object_get(after, "differences")),
		(long long)json_integer_value(json_object_get(after, "unproven")));
	for (size_t i = 0; i < json_array_size(first); i++)
		log_error("verify: %s", json_string_value(json_array_get(first, i)));
}

static void answer_clients(struct verifier *v, const json_t *answer)
{
	for (size_t i = 0; i < v->n_now; i++) {
		json_t *copy = answer ? json_deep_copy(answer) : NULL;
		control_answer(
			v->clients[i], copy ? copy : control_error("the verification failed; the journal of culvertd says more"));
	}
	memmove(v->clients, v->clients + v->n_now, (v->n_clients - v->n_now) * sizeof(*v->clients));
	v->n_clients -= v->n_now;
	v->n_now = 0;
}

static void take_answer(struct verifier *v, const struct buf *output)
{
	json_t *answer = output->error ? NULL : json_loadb(buf_text(output), output->len, 0, NULL);

	v->ended = now(v);
	answer_clients(v, answer);
	if (!v->stale) {
		/* Without a configuration there is nothing to be held against. */
		bool nothing = json_is_false(json_object_get(answer, "configured"));
		json_t *summary = nothing ? NULL : summary_of(answer);
		if (summary)
			log_change(v->last, summary);
		json_decref(v->last);
		v->last = summary;
		v->judged = v->ended;
	}
	json_decref(answer);
}

static void on_ended(void *userdata, struct buf *output)
{
	struct verifier *v = userdata;

	v->process = NULL;
	take_answer(v, output);
	if (v->n_clients > 0)
		start(v);
	else
		run_in(v, allowed_in(v, v->stale ? VERIFY_SETTLE : VERIFY_PERIOD));
	v->soon = v->stale;
}

static int on_due(sd_event_source *s, uint64_t usec, void *userdata)
{
	(void)s;
	(void)usec;
	start(userdata);
	return 0;
}

static void start(struct verifier *v)
{
	const char *const args[] = { "--verify", "--run", v->run, NULL };

	if (v->process || v->held)
		return;
	v->soon = false;
	v->began = v->ended = now(v);
	v->stale = false;
	v->n_now = v->n_clients;
	sd_event_source_set_enabled(v->due, SD_EVENT_OFF);
	int r = child_start(v->event, args, VERIFY_LIMIT, on_ended, v, &v->process);
	if (r >= 0)
		return;
	log_error("verify: no process can be started: %s", strerror(-r));
	answer_clients(v, NULL);
	run_in(v, VERIFY_PERIOD);
}

int verifier_new(sd_event *event, const char *run, struct verifier **ret)
{
	struct verifier *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->event = sd_event_ref(event);
	v->run = run;
	int r = sd_event_add_time(event, &v->due, CLOCK_BOOTTIME, 0, 0, on_due, v);
	if (r >= 0)
		r = sd_event_source_set_enabled(v->due, SD_EVENT_OFF);
	if (r < 0) {
		verifier_free(v);
		return r;
	}
	*ret = v;
	return 0;
}

void verify_run(struct verifier *v)
{
	v->stale = true;
	if (v->process || v->held || v->soon)
		return;
	v->soon = true;
	run_in(v, allowed_in(v, VERIFY_SETTLE));
}

void verify_hold(struct verifier *v, bool on)
{
	v->held = on;
	v->stale = true;
	v->soon = false;
	if (on)
		sd_event_source_set_enabled(v->due, SD_EVENT_OFF);
	else if (v->n_clients > 0)
		start(v);
	else
		verify_run(v);
}

void verify_answer(struct verifier *v, struct control_client *client)
{
	if (v->n_clients == VERIFY_CLIENTS) {
		control_answer(client, control_error("too many wait for a verification"));
		return;
	}
	v->clients[v->n_clients++] = client;
	start(v);
}

json_t *verify_summary(const struct verifier *v)
{
	if (!v->last)
		return json_null();
	json_t *summary = json_copy(v->last);
	json_object_set_new(summary, "age", json_integer((json_int_t)((now(v) - v->judged) / 1000000)));
	return summary;
}

void verifier_free(struct verifier *v)
{
	if (!v)
		return;
	sd_event_source_disable_unref(v->due);
	child_end(v->process);
	json_decref(v->last);
	sd_event_unref(v->event);
	free(v);
}
