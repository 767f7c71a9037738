/*
 * Start, stop, and what happens between the parts. Failure policy: culvertd does not start without its lock, its
 * sockets and closed walls; from then on a configuration that cannot be used is said and leaves what was in force, or
 * the closed walls. Order at the start: nothing of the operator's is read before the walls stand.
 */
#include "appliance/daemon/daemon.h"

#include "appliance/daemon/charon.h"
#include "appliance/daemon/counting.h"
#include "appliance/daemon/forecast.h"
#include "appliance/daemon/generation.h"
#include "appliance/daemon/key_age.h"
#include "appliance/daemon/key_mend.h"
#include "appliance/daemon/lines.h"
#include "appliance/daemon/links.h"
#include "appliance/daemon/mtu_prober.h"
#include "appliance/daemon/peers_alive.h"
#include "appliance/daemon/policy_mend.h"
#include "appliance/daemon/reload.h"
#include "appliance/daemon/sweep.h"
#include "appliance/daemon/verify.h"
#include "appliance/isolation/report.h"
#include "appliance/isolation/walls.h"
#include "conf/model.h"
#include "lib/cleanup.h"
#include "lib/diag.h"
#include "lib/io.h"
#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <systemd/sd-daemon.h>

static void log_line(void *userdata, enum diag_severity severity, const char *line)
{
	static const int priorities[] = { [DIAG_ERROR] = LOG_ERR, [DIAG_WARNING] = LOG_WARNING, [DIAG_NOTE] = LOG_INFO };

	(void)userdata;
	log_at(priorities[severity], "%s", line);
}

static void log_diags(const struct diag_list *diags)
{
	lines_each(diags, log_line, NULL);
}

/* Of a generation that was frozen: its warnings are those of the operator's file, which are said of that. */
static void log_error_line(void *userdata, enum diag_severity severity, const char *line)
{
	if (severity == DIAG_ERROR)
		log_line(userdata, severity, line);
}

char *daemon_rollback_note(const struct daemon *d)
{
	const struct generation *g = reload_current(d->reload);
	char *note;

	if (!g->rollback_of || asprintf(&note, "generation %u is a rollback of %u; %s is not in force", g->number,
							   g->rollback_of, d->options.conf) < 0)
		return NULL;
	return note;
}

/* Why the file is not in force, for `status` and for systemd. A rollback that fails says nothing about it. */
static void note_refusal(struct daemon *d, const struct reload_outcome *o)
{
	if (o->error && o->source == RELOAD_ROLLBACK)
		return;
	free(d->refusal);
	d->refusal = NULL;
	if (o->error && asprintf(&d->refusal, "not in force: %s", o->text) < 0)
		d->refusal = NULL;
}

static void log_outcome(const struct reload_outcome *o)
{
	log_diags(o->diags);
	if (o->error)
		log_error(
			"%s; %s", o->text, o->generation ? "the generation before stays in force" : "what stands stays as it is");
	else if (o->changed)
		log_notice("generation %u is in force%s", o->generation,
			o->rollback_of ? "; the operator's file is passed over until it changes or is reloaded" : "");
	else if (o->rollback_of)
		log_notice("generation %u stays in force, a rollback of %u: the operator's file has not changed since",
			o->generation, o->rollback_of);
	else
		log_info("generation %u stays in force: nothing has changed", o->generation);
}

/* Ready means that what can stand does; without a configuration that is closed walls, which is said. */
static void tell_systemd(struct daemon *d, const struct reload_outcome *o)
{
	CLEANUP(cleanup_free) char *note = daemon_rollback_note(d);
	const char *ready = d->ready ? "" : "READY=1\n";
	const char *why = d->refusal ? d->refusal : note;

	d->ready = true;
	if (o->generation)
		sd_notifyf(0, "%sSTATUS=Generation %u in force%s%s", ready, o->generation, why ? "; " : "", why ? why : "");
	else
		sd_notifyf(0, "%sSTATUS=%s, no configuration in force: %s", ready,
			d->walls_left ? "As an earlier culvertd left it" : "Closed", o->text ? o->text : "none yet");
}

static int reload_file(struct daemon *d, enum reload_source source, const char *who);

static void on_peer(void *userdata, const char *tunnel, bool silent)
{
	struct daemon *d = userdata;

	links_silence(d->links, tunnel, silent);
}

/* Links that are new on a tunnel learn what is known of its peer. */
static void tell_peers(struct daemon *d)
{
	const struct model *m = reload_current(d->reload)->model;

	if (peers_alive_model(d->peers, m))
		log_error("memory is short: peers are not asked whether they live");
	for (size_t i = 0; m && i < m->n_carriers; i++)
		for (size_t k = 0; k < m->carriers[i].n_tunnels; k++)
			if (peers_alive_silent(d->peers, m->carriers[i].tunnels[k].name))
				links_silence(d->links, m->carriers[i].tunnels[k].name, true);
}

static void use_measuring(struct daemon *d)
{
	if (mtu_prober_use(d->measuring, reload_current(d->reload)->model))
		log_error("memory is short: links are not measured as configured");
	mtu_prober_hold(d->measuring, false);
}

static void on_reloaded(void *userdata, const struct reload_outcome *o)
{
	struct daemon *d = userdata;
	struct control_client *client = d->client;

	d->client = NULL;
	note_refusal(d, o);
	log_outcome(o);
	tell_systemd(d, o);
	tell_peers(d);
	use_measuring(d);
	key_age_changed(d->ages);
	sweep_unknown(d->sweep);
	verify_hold(d->verifier, false);
	policy_mend_hold(d->policies, false);
	if (client)
		daemon_answer_reload(d, client, o);
	if (d->again) {
		d->again = false;
		reload_file(d, RELOAD_FILE, "SIGHUP");
	}
}

int daemon_reload(struct daemon *d, const struct reload_order *order, struct control_client *client)
{
	if (reload_is_running(d->reload))
		return -EBUSY;
	d->client = client;
	verify_hold(d->verifier, true);
	policy_mend_hold(d->policies, true);
	mtu_prober_hold(d->measuring, true);
	int error = reload_begin(d->reload, order, on_reloaded, d);
	if (error) {
		verify_hold(d->verifier, false);
		policy_mend_hold(d->policies, false);
		mtu_prober_hold(d->measuring, false);
	}
	return error;
}

static int reload_file(struct daemon *d, enum reload_source source, const char *who)
{
	struct reload_order order = { .source = source, .who = who };

	return daemon_reload(d, &order, NULL);
}

static int on_hangup(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata)
{
	struct daemon *d = userdata;

	(void)s;
	(void)si;
	d->again = reload_file(d, RELOAD_FILE, "SIGHUP") != 0;
	return 0;
}

static int on_terminate(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata)
{
	(void)si;
	(void)userdata;
	log_info("ending; walls, links and SAs stay as they are");
	return sd_event_exit(sd_event_source_get_event(s), 0);
}

static void on_charon(void *userdata, bool up)
{
	struct daemon *d = userdata;

	log_notice("charon is %s", up ? "there" : "gone; what the kernel holds goes on");
	if (!up)
		return;
	reload_sync_charon(d->reload);
	sweep_charon_up(d->sweep);
}

/* Rekeys change nothing; links that begin or cease to carry do. */
static void verify_carrying(struct daemon *d)
{
	const struct carrying *carrying = links_all_carrying(d->links);
	struct carrying copy = { 0 };

	if (carrying_equal(carrying, &d->carrying))
		return;
	/* For want of memory it only differs once more. */
	for (size_t i = 0; i < carrying->count; i++)
		(void)carrying_put(&copy, carrying->links[i].if_id, carrying->links[i].rank);
	carrying_free(&d->carrying);
	d->carrying = copy;
	if (d->verifier)
		verify_run(d->verifier);
}

/* That all is as it was before is for verify to say, not for what repaired it. */
static void on_drift(void *userdata)
{
	const struct daemon *d = userdata;

	if (d->verifier)
		verify_run(d->verifier);
}

static void on_sas(void *userdata)
{
	struct daemon *d = userdata;

	key_age_changed(d->ages);
	verify_carrying(d);
	if (!reload_is_running(d->reload))
		sweep_unknown(d->sweep);
}

/* The caller frees it; NULL when memory is short. */
static char *run_path(const struct daemon *d, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", d->options.run, name) < 0 ? NULL : path;
}

static int take_lock(struct daemon *d)
{
	CLEANUP(cleanup_free) char *path = run_path(d, "culvertd.lock");
	int error = io_make_dirs(d->options.run, 0755);

	if (error) {
		log_error("%s cannot be made: %s", d->options.run, strerror(-error));
		return error;
	}
	if (!path)
		return -ENOMEM;
	d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (d->lock >= 0 && !flock(d->lock, LOCK_EX | LOCK_NB))
		return 0;
	error = -errno;
	if (error == -EWOULDBLOCK)
		log_error("another culvertd is working on %s; this one changes nothing and ends", d->options.run);
	else
		log_error("%s cannot be locked: %s", path, strerror(-error));
	return error;
}

static int add_signals(struct daemon *d)
{
	static const struct {
		int signal;
		sd_event_signal_handler_t handler;
	} signals[] = {
		{ SIGHUP, on_hangup },
		{ SIGTERM, on_terminate },
		{ SIGINT, on_terminate },
	};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		int r =
			sd_event_add_signal(d->event, NULL, signals[i].signal | SD_EVENT_SIGNAL_PROCMASK, signals[i].handler, d);

		if (r < 0)
			return r;
	}
	return 0;
}

static int close_walls(struct daemon *d)
{
	int error = key_age_new(d->event, d->options.run, &d->ages);

	if (!error)
		error = links_open(d->event, key_age_clock(d->ages), on_sas, d, &d->links);
	d->walls_left = walls_stand();
	if (!error)
		error = links_close_walls(d->links);
	if (error)
		log_error("the walls cannot be closed: %s", strerror(-error));
	return error;
}

static int open_charon(struct daemon *d)
{
	CLEANUP(cleanup_free) char *path = run_path(d, "charon.sock");

	return path ? charon_open(d->event, path, on_charon, d, &d->charon) : -ENOMEM;
}

static int open_control(struct daemon *d)
{
	CLEANUP(cleanup_free) char *path = run_path(d, "control.sock");

	return path ? control_open(d->event, path, daemon_verbs, d, &d->control) : -ENOMEM;
}

static int make_parts(struct daemon *d)
{
	int error = open_charon(d);

	if (!error) {
		struct reload_parts parts = {
			.conf = d->options.conf,
			.run = d->options.run,
			.state = d->options.state,
			.links = d->links,
			.charon = d->charon,
		};

		error = reload_new(&parts, &d->reload);
	}
	if (!error)
		error = sweep_new(d->event, d->links, d->charon, &d->sweep);
	if (!error)
		error = peers_alive_new(d->event, d->charon, on_peer, d, &d->peers);
	if (!error)
		error = mtu_prober_new(d->event, d->links, &d->measuring);
	if (!error)
		error = key_mend_new(d->event, d->links, d->charon, &d->mend);
	if (!error)
		error = policy_mend_new(d->event, d->links, d->charon, on_drift, d, &d->policies);
	if (!error)
		error = verifier_new(d->event, d->options.run, &d->verifier);
	if (!error)
		links_tell_drift(d->links, on_drift, d);
	if (!error)
		error = counting_new(d->event, d->options.run, &d->counting);
	if (!error)
		error = open_control(d);
	if (error)
		log_error("the sockets in %s cannot be set up: %s", d->options.run, strerror(-error));
	return error;
}

/* What an earlier culvertd left in force goes on before anything new is looked at. */
static void adopt(struct daemon *d)
{
	struct diag_list diags = { 0 };
	int error = reload_adopt(d->reload, &diags);

	lines_each(&diags, log_error_line, NULL);
	if (!error)
		log_notice("generation %u goes on", reload_current(d->reload)->number);
	else if (error != -ENOENT) {
		log_error("the generation that was in force cannot be taken up: %s", strerror(-error));
		if (asprintf(&d->loss, "the generation that was in force cannot be taken up: %s; what it set up stays as it is",
				strerror(-error)) < 0)
			d->loss = NULL;
	}
	diag_free(&diags);
}

int daemon_start(struct daemon *d)
{
	int error;

	d->lock = -1;
	error = take_lock(d);
	if (error)
		return error;
	error = sd_event_new(&d->event);
	if (error >= 0)
		error = add_signals(d);
	if (error < 0) {
		log_error("no event loop: %s", strerror(-error));
		return error;
	}
	error = close_walls(d);
	if (!error)
		error = make_parts(d);
	if (error)
		return error;
	adopt(d);
	tell_peers(d);
	use_measuring(d);
	/* The generation that goes on says how old keys may become. */
	key_age_begin(d->ages, d->links, d->mend);
	/* The file first: a charon that has committed what culvertd had no time to switch to keeps what both say. */
	error = reload_file(d, RELOAD_START, "start of culvertd");
	if (charon_is_up(d->charon))
		on_charon(d, true);
	return error;
}

void daemon_stop(struct daemon *d)
{
	control_close(d->control);
	verifier_free(d->verifier);
	counting_free(d->counting);
	forecast_free(d->forecast);
	sweep_free(d->sweep);
	policy_mend_free(d->policies);
	key_mend_free(d->mend);
	peers_alive_free(d->peers);
	charon_close(d->charon);
	mtu_prober_free(d->measuring);
	links_close(d->links);
	key_age_free(d->ages);
	carrying_free(&d->carrying);
	reload_free(d->reload);
	sd_event_unref(d->event);
	free(d->refusal);
	free(d->loss);
	if (d->lock >= 0)
		close(d->lock);
}
