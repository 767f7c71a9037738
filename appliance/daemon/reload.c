/*
 * One transaction at a time. Its steps are functions that each end by calling the next one, or by finish() or
 * refuse(); those that ask charon go on in a call-back.
 *
 * What is certain at each refusal: `current` was not switched, charon did not commit or was told to go back, and the
 * kernel has the old generation again. A charon that vanishes during its step is as one that was never there: it comes
 * back with whatever `current` names then, and reload_sync_charon() makes sure.
 */
#include "appliance/daemon/reload.h"

#include "appliance/daemon/archive.h"
#include "appliance/daemon/charon.h"
#include "appliance/daemon/generation.h"
#include "appliance/daemon/intake.h"
#include "appliance/daemon/links.h"
#include "appliance/daemon/outline.h"
#include "appliance/isolation/report.h"
#include "lib/utf8.h"
#include "lib/diag.h"
#include "lib/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHARON_LIMIT = 30 * 1000 * 1000 }; /* microseconds; preparing 5000 tunnels takes under a second */

struct reload {
	struct reload_parts parts;
	struct generation current;
	char *charon_refusal; /* owned: why charon does not take `current`; NULL: it does, or was not asked */
	bool running;
	/* Of the transaction that runs: */
	enum reload_source source;
	struct generation next;
	struct outline_difference difference; /* between current and next */
	struct diag_list diags;
	struct counts counted; /* charon's answer to prepare */
	bool by_charon; /* it is */
	bool prepared; /* charon holds `next`, ready to commit */
	bool was_whole; /* nothing of the kernel's side had failed before */
	bool want_sync; /* charon missed a step, or came up meanwhile */
	reload_done_fn done;
	void *userdata;
};

int reload_new(const struct reload_parts *parts, struct reload **ret)
{
	struct reload *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->parts = *parts;
	*ret = r;
	return 0;
}

void reload_free(struct reload *r)
{
	if (!r)
		return;
	generation_free(&r->next);
	generation_free(&r->current);
	outline_free(&r->difference);
	diag_free(&r->diags);
	free(r->charon_refusal);
	free(r);
}

const struct generation *reload_current(const struct reload *r)
{
	return &r->current;
}

const char *reload_charon_refusal(const struct reload *r)
{
	return r->charon_refusal;
}

bool reload_is_running(const struct reload *r)
{
	return r->running;
}

static int ask(struct reload *r, const char *verb, unsigned number, charon_done_fn done)
{
	char line[32];

	snprintf(line, sizeof(line), number ? "%s %u" : "%s", verb, number);
	return charon_request(r->parts.charon, line, CHARON_LIMIT, done, r);
}

static void on_aborted(void *userdata, int error, const char *answer)
{
	(void)userdata;
	(void)error;
	(void)answer;
}

static void forget_charon_refusal(struct reload *r)
{
	free(r->charon_refusal);
	r->charon_refusal = NULL;
}

static void on_sync_prepared(void *userdata, int error, const char *answer)
{
	struct reload *r = userdata;

	forget_charon_refusal(r);
	if (error != -EREMOTEIO)
		return;
	log_error("charon does not take the generation in force: %s", answer);
	if (asprintf(&r->charon_refusal, "charon does not take the generation in force: %s", answer) < 0)
		r->charon_refusal = NULL;
}

static void on_sync_committed(void *userdata, int error, const char *answer)
{
	const struct reload *r = userdata;

	(void)answer;
	if (!error)
		log_info("charon works with generation %u", r->current.number);
}

void reload_sync_charon(struct reload *r)
{
	r->want_sync = r->running;
	if (r->running || !r->current.number || !charon_is_up(r->parts.charon))
		return;
	/* Both at once, so that no other prepare can come between them; a commit with nothing prepared is only refused. */
	if (!ask(r, "prepare", r->current.number, on_sync_prepared))
		ask(r, "commit", 0, on_sync_committed);
}

/* The transaction is over before done is called, which may begin the next one. */
static void finish(struct reload *r, int error, const char *text, bool changed)
{
	struct diag_list diags = r->diags;
	struct reload_outcome outcome = {
		.source = r->source,
		.error = error,
		.text = text,
		.generation = r->current.number,
		.rollback_of = r->current.rollback_of,
		.changed = changed,
		.tunnels = r->by_charon ? r->counted : r->difference.tunnels,
		.apns = r->difference.apns,
		.by_charon = r->by_charon,
		.diags = &diags,
	};

	r->diags = (struct diag_list){ 0 };
	generation_free(&r->next);
	outline_free(&r->difference);
	r->running = false;
	if (r->want_sync)
		reload_sync_charon(r);
	r->done(r->userdata, &outcome);
	diag_free(&diags);
}

/* The first thing that the kernel refused, as a sentence. */
static const char *kernel_failure(const struct reload *r)
{
	const struct report *report = links_report(r->parts.links);

	for (size_t i = 0; i < report->count; i++)
		if (!report->entries[i].pending)
			return report->entries[i].text;
	return "out of memory";
}

/* Back to the old generation, or to none, on both sides. what may be NULL where why says it all. */
static void refuse(struct reload *r, int error, const char *what, const char *why)
{
	char text[512]; /* a copy: why may be of the report that links_use() replaces */

	snprintf(text, sizeof(text), "%s%s%s", what ? what : "", what ? ": " : "", why);
	text[utf8_valid(text, strlen(text))] = '\0'; /* no character cut in two: JSON would not take it */
	if (r->prepared)
		ask(r, "abort", 0, on_aborted);
	if (r->next.number) {
		links_use(r->parts.links, r->current.model);
		generation_discard(r->parts.run, r->next.number);
	}
	finish(r, error, text, false);
}

/* The kernel loses what is gone, `current` is switched. charon has committed, so a refusal must take it back. */
static void settle(struct reload *r)
{
	struct generation old = r->current;
	int error = links_use(r->parts.links, r->next.model);

	/* Where something failed before, or nothing was in force, going back heals nothing: links tries again. */
	if (error && old.number && r->was_whole) {
		r->want_sync = true;
		refuse(r, error, "the kernel does not take the new configuration", kernel_failure(r));
		return;
	}
	error = generation_switch(r->parts.run, r->next.number);
	if (error) {
		r->want_sync = true;
		refuse(r, error, "the new generation cannot be made the current one", strerror(-error));
		return;
	}
	r->current = r->next;
	r->next = (struct generation){ 0 };
	generation_free(&old);
	archive_prune(r->parts.run);
	finish(r, 0, NULL, true);
}

static void on_committed(void *userdata, int error, const char *answer)
{
	struct reload *r = userdata;

	r->prepared = false;
	if (error == -EREMOTEIO) {
		r->want_sync = true;
		refuse(r, error, "charon could not switch to the new configuration", answer);
		return;
	}
	r->want_sync = r->want_sync || error;
	if (!error)
		forget_charon_refusal(r);
	settle(r);
}

static void extend_kernel(struct reload *r)
{
	int error;

	r->was_whole = !links_report(r->parts.links)->failed;
	error = links_extend(r->parts.links, r->next.model);
	/* Without an old generation there is nothing to go back to: what failed stays closed and is tried again. */
	if (error && r->current.number) {
		refuse(r, error, "the kernel does not take the new configuration", kernel_failure(r));
		return;
	}
	if (!r->prepared || ask(r, "commit", 0, on_committed)) {
		r->prepared = false;
		settle(r);
	}
}

/* The number behind a word of charon's answer; 0 if it does not say. */
static unsigned number_behind(const char *answer, const char *word)
{
	const char *at = strstr(answer, word);

	return at ? (unsigned)strtoul(at + strlen(word), NULL, 10) : 0;
}

static void on_prepared(void *userdata, int error, const char *answer)
{
	struct reload *r = userdata;

	if (error == -EREMOTEIO) {
		refuse(r, error, "charon refuses the new configuration", answer);
		return;
	}
	/* It is there but does not say whether it would take this. Without a configuration there is nothing to lose. */
	if (error == -ETIME && r->current.number) {
		r->want_sync = true;
		refuse(r, error, "charon does not say whether it takes the new configuration", "no answer within 30 seconds");
		return;
	}
	r->prepared = !error;
	r->by_charon = !error;
	r->counted = (struct counts){
		.added = number_behind(answer, "added="),
		.changed = number_behind(answer, "changed="),
		.removed = number_behind(answer, "removed="),
		.kept = number_behind(answer, "kept="),
	};
	r->want_sync = r->want_sync || error;
	extend_kernel(r);
}

static void unchanged(struct reload *r)
{
	links_use(r->parts.links, r->current.model);
	finish(r, 0, NULL, false);
}

/* What is frozen goes to charon, or, while it is away, to the kernel at once. */
static void hand_over(struct reload *r)
{
	if (!ask(r, "prepare", r->next.number, on_prepared))
		return;
	r->want_sync = true;
	extend_kernel(r);
}

/* Freezes s into r->next. 0 with *ret_changed, or -errno with reasons in r->diags. */
static int freeze(struct reload *r, struct intake *s, const char *who, bool *ret_changed)
{
	struct generation_source source = {
		.model = &s->model,
		.who = who,
		.file = r->parts.conf,
		.rollback_of = s->rollback_of,
		.passed_over = s->passed_over,
	};

	return generation_freeze(
		r->parts.run, r->parts.state, &source, &r->current, &r->diags, &r->next, &r->difference, ret_changed);
}

static void begin(struct reload *r, const struct reload_order *order)
{
	struct intake source = { 0 };
	char why[INTAKE_WHY] = "";
	bool changed = false;
	int error = intake_open(&r->parts, &r->current, order, &r->diags, &source, why);

	if (error) {
		refuse(r, error, NULL, why);
		return;
	}
	if (!source.stays)
		error = freeze(r, &source, order->who, &changed);
	intake_free(&source);
	if (error)
		refuse(r, error, "the configuration cannot be frozen", strerror(-error));
	else if (!changed)
		unchanged(r);
	else
		hand_over(r);
}

int reload_begin(struct reload *r, const struct reload_order *order, reload_done_fn done, void *userdata)
{
	if (r->running)
		return -EBUSY;
	r->running = true;
	r->source = order->source;
	r->prepared = false;
	r->by_charon = false;
	r->want_sync = false;
	r->done = done;
	r->userdata = userdata;
	begin(r, order);
	return 0;
}

int reload_adopt(struct reload *r, struct diag_list *diags)
{
	int error;

	archive_prune(r->parts.run);
	generation_discard(r->parts.run, GENERATION_DRAFT);
	error = generation_load_current(r->parts.run, diags, &r->current);
	if (!error)
		links_use(r->parts.links, r->current.model);
	return error;
}
