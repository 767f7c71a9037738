/*
 * One mutex serialises everything that acts, so that no SA is initiated for a generation that is being replaced. It is
 * taken before charon's own locks and never in a listener: those hold an IKE_SA that a survey would wait for.
 */
#include "conf_keeper.h"

#include <collections/array.h>
#include <processing/jobs/callback_job.h>
#include <threading/mutex.h>

#include "conf_attempt.h"
#include "conf_children.h"
#include "conf_duplicates.h"
#include "conf_lookup.h"
#include "conf_moved.h"
#include "conf_survey.h"

typedef struct private_conf_keeper_t private_conf_keeper_t;

struct private_conf_keeper_t {
	conf_keeper_t public;
	conf_backend_t *backend;
	conf_liveness_t *liveness;
	mutex_t *mutex;
	conf_lookup_t *lookup;
	/** a check is queued already; atomic */
	int pending;
	/** charon goes; never reset, read without the mutex */
	volatile bool stopped;
};

enum {
	/** seconds between checks without an event */
	CHECK_INTERVAL = 2,
	/** milliseconds after an event: the IKE_SA whose end was told is gone by then, and events come in groups */
	CHECK_SOON = 100,
	/** IKE_SAs initiated in one check: key exchanges cost CPU, and answers to what exists come first */
	BURST = 100,
	/** seconds that a CHILD_SA may wait for the one with other selectors that takes its place */
	SUCCESSION = 20,
	/** milliseconds of silence after which another IKE_SA is tried beside the one that is silent */
	LOST = 10000,
	/** milliseconds between two rekeys that a change of configuration asks for */
	REKEY_SPACING = 20,
};

static bool is_for_interface(linked_list_t *cfgs, uint32_t if_id)
{
	enumerator_t *enumerator;
	bool found = FALSE;
	child_cfg_t *cfg;

	enumerator = cfgs->create_enumerator(cfgs);
	while (!found && enumerator->enumerate(enumerator, &cfg))
		found = cfg->get_if_id(cfg, TRUE) == if_id;
	enumerator->destroy(enumerator);
	return found;
}

/**
 * Whether the end of a CHILD_SA has to wait for its successor: one with other selectors for the same interface, that we
 * initiate and that is not there yet. Not for long: the peer may not want it.
 */
static bool has_to_wait(conf_survey_t *survey, conf_tunnel_t *tunnel, const conf_child_t *child, time_t now)
{
	linked_list_t *missing;
	bool wait;

	if (!tunnel->initiate || now - tunnel->retry.activated >= SUCCESSION)
		return FALSE;
	missing = conf_attempt_missing(survey, tunnel);
	wait = is_for_interface(missing, child->if_id);
	missing->destroy_offset(missing, offsetof(child_cfg_t, destroy));
	return wait;
}

/** Ends the CHILD_SAs of a tunnel that the generation in force has not, or has with other selectors. */
static void end_unwanted_children(conf_survey_t *survey, conf_tunnel_t *tunnel, time_t now)
{
	const conf_child_t *child;
	const conf_sa_t *sa;

	for (sa = survey->get_first(survey, tunnel->name); sa; sa = sa->next) {
		for (child = sa->children; child && tunnel->owns(tunnel, sa->cfg); child = child->next) {
			if (conf_children_best_fit(tunnel->cfg, child->cfg) < CONF_FIT_SELECTORS &&
				!has_to_wait(survey, tunnel, child, now))
				conf_survey_end_child(sa, child);
		}
	}
}

static bool is_lost(private_conf_keeper_t *this, conf_tunnel_t *tunnel, const conf_sa_t *sa)
{
	return (sa->state == IKE_ESTABLISHED || sa->state == IKE_REKEYING) && tunnel->owns(tunnel, sa->cfg) &&
		   this->liveness->get_silence(this->liveness, sa->spi_initiator, sa->spi_responder) >= LOST;
}

/** Marks IKE_SAs that are lost, and ends them if another one has all that the tunnel needs. */
static void look_for_lost(private_conf_keeper_t *this, conf_survey_t *survey, conf_tunnel_t *tunnel)
{
	linked_list_t *missing;
	bool any = FALSE;
	conf_sa_t *sa;

	for (sa = survey->get_first(survey, tunnel->name); sa; sa = sa->next) {
		sa->lost = is_lost(this, tunnel, sa);
		any = any || sa->lost;
	}
	if (!any)
		return;
	missing = conf_attempt_missing(survey, tunnel);
	for (sa = survey->get_first(survey, tunnel->name); sa && !missing->get_count(missing); sa = sa->next) {
		if (sa->lost) {
			DBG1(DBG_CFG, "tunnel %s: the IKE_SA whose peer does not answer has a successor", tunnel->name);
			conf_survey_drop(sa);
		}
	}
	missing->destroy_offset(missing, offsetof(child_cfg_t, destroy));
}

/**
 * Notes the state of a tunnel. An IKE_SA that is rekeyed during a survey may be replaced before it is seen, by one that
 * is made where the survey has been: a tunnel that was up is gone only when the next survey does not see it either.
 *
 * @return FALSE if it is to be looked at again first
 */
static bool observe(conf_tunnel_t *tunnel, const conf_sa_t *first)
{
	bool was_up = tunnel->status->get_state(tunnel->status) == CONF_UP;

	tunnel->status->observe(tunnel->status, conf_survey_state(first));
	return first || !was_up;
}

static int compare_last(const void *a, const void *b, void *user)
{
	const conf_tunnel_t *left = a, *right = b;

	return (left->retry.last > right->retry.last) - (left->retry.last < right->retry.last);
}

/**
 * The tunnels of a generation, whoever was attempted longest ago first: where not all can be attempted at a time, those
 * whose attempts fail over and over take the turn of nobody else.
 */
static array_t *get_in_turn(conf_generation_t *generation)
{
	array_t *tunnels = array_create(0, 0);
	enumerator_t *enumerator;
	conf_tunnel_t *tunnel;

	enumerator = generation->create_tunnel_enumerator(generation);
	while (enumerator->enumerate(enumerator, &tunnel))
		array_insert(tunnels, ARRAY_TAIL, tunnel);
	enumerator->destroy(enumerator);
	array_sort(tunnels, compare_last, NULL);
	return tunnels;
}

/** @return FALSE if there is more to initiate than one check should */
static bool check(private_conf_keeper_t *this)
{
	conf_generation_t *generation;
	enumerator_t *enumerator;
	conf_tunnel_t *tunnel;
	conf_survey_t *survey;
	conf_pace_t *pace;
	array_t *tunnels;
	u_int attempts = 0;
	time_t now;

	this->mutex->lock(this->mutex);
	generation = this->backend->get_generation(this->backend);
	survey = conf_survey_create(FALSE);
	pace = conf_pace_create(survey);
	now = time_monotonic(NULL);
	tunnels = get_in_turn(generation);
	enumerator = array_create_enumerator(tunnels);
	while (enumerator->enumerate(enumerator, &tunnel)) {
		if (!observe(tunnel, survey->get_first(survey, tunnel->name)) || conf_moved_end(survey, tunnel)) {
			this->public.check_soon(&this->public);
			continue;
		}
		look_for_lost(this, survey, tunnel);
		end_unwanted_children(survey, tunnel, now);
		conf_duplicates_end(survey, tunnel, now);
		if (tunnel->initiate && !this->stopped && attempts < BURST &&
			conf_attempt(survey, tunnel, this->lookup, pace, now))
			attempts++;
	}
	enumerator->destroy(enumerator);
	array_destroy(tunnels);
	pace->destroy(pace);
	survey->destroy(survey);
	generation->destroy(generation);
	this->mutex->unlock(this->mutex);
	return attempts < BURST;
}

static job_requeue_t check_pending(private_conf_keeper_t *this)
{
	/* First: what happens from now on asks for another check. */
	__atomic_store_n(&this->pending, 0, __ATOMIC_SEQ_CST);
	if (!check(this))
		this->public.check_soon(&this->public);
	return JOB_REQUEUE_NONE;
}

static job_requeue_t check_regularly(private_conf_keeper_t *this)
{
	if (this->stopped)
		return JOB_REQUEUE_NONE;
	if (!check(this))
		this->public.check_soon(&this->public);
	return JOB_RESCHEDULE(CHECK_INTERVAL);
}

static job_t *create_job(private_conf_keeper_t *this, job_requeue_t (*function)(private_conf_keeper_t *))
{
	return (job_t *)callback_job_create_with_prio((callback_job_cb_t)function, this, NULL, NULL, JOB_PRIO_MEDIUM);
}

METHOD(conf_keeper_t, start, void, private_conf_keeper_t *this)
{
	/* The processor has no threads yet while plugins load, so this runs when charon is complete. */
	lib->processor->queue_job(lib->processor, create_job(this, check_regularly));
}

METHOD(conf_keeper_t, stop, void, private_conf_keeper_t *this)
{
	this->stopped = TRUE;
}

METHOD(conf_keeper_t, check_soon, void, private_conf_keeper_t *this)
{
	if (!this->stopped && __atomic_exchange_n(&this->pending, 1, __ATOMIC_SEQ_CST) == 0)
		lib->scheduler->schedule_job_ms(lib->scheduler, create_job(this, check_pending), CHECK_SOON);
}

/** Whether culvert-rekey shall rekey a tunnel's CHILD_SAs at other times: charon's configuration does not tell. */
static bool other_times(conf_tunnel_t *was, conf_tunnel_t *is)
{
	return was->child.rekey != is->child.rekey || was->child.jitter != is->child.jitter ||
		   was->child.ceiling != is->child.ceiling;
}

/**
 * Rekeys the CHILD_SAs whose configuration has changed in other things than selectors: charon's says which the next one
 * is, and their age counts by the new times from then on.
 */
static void rekey_changed(const conf_sa_t *sa, conf_tunnel_t *was, conf_tunnel_t *is, uint32_t *count)
{
	const conf_child_t *child;
	conf_fit_t fit;

	for (child = sa->children; child; child = child->next) {
		fit = conf_children_best_fit(is->cfg, child->cfg);
		if (!child->rekeying && (fit == CONF_FIT_SELECTORS || (fit == CONF_FIT_EQUAL && other_times(was, is))))
			conf_survey_rekey_child(sa, child, REKEY_SPACING * (*count)++);
	}
}

/**
 * What a change of generation means for one IKE_SA: it ends if its tunnel is gone or has become another one; of a
 * tunnel that changed otherwise it gets the CHILD configurations.
 */
static void follow(const conf_sa_t *sa, conf_generation_t *old, conf_generation_t *new, uint32_t *rekeys)
{
	char *name = sa->cfg->get_name(sa->cfg);
	conf_tunnel_t *was, *is;

	was = old->get_tunnel(old, name);
	is = new->get_tunnel(new, name);
	if (!was || was == is || !was->owns(was, sa->cfg))
		return;
	if (!is || !is->owns(is, sa->cfg)) {
		if (sa->state != IKE_DELETING)
			conf_survey_end(sa);
		return;
	}
	if (sa->cfg != is->cfg)
		conf_children_replace(sa->cfg, is->cfg);
	if (rekeys)
		rekey_changed(sa, was, is, rekeys);
}

/**
 * A survey after the switch sees every SA of the old generation: who was looking up a configuration has its IKE_SA
 * checked out, and the survey waits for it.
 *
 * @param rekeys	number of rekeys scheduled so far, NULL: none is
 */
static void follow_all(conf_generation_t *old, conf_generation_t *new, uint32_t *rekeys)
{
	enumerator_t *enumerator;
	conf_survey_t *survey;
	conf_sa_t *sa;

	survey = conf_survey_create(FALSE);
	enumerator = survey->create_enumerator(survey);
	while (enumerator->enumerate(enumerator, &sa))
		follow(sa, old, new, rekeys);
	enumerator->destroy(enumerator);
	survey->destroy(survey);
}

static void activate(conf_generation_t *generation, conf_generation_t *old)
{
	enumerator_t *enumerator;
	conf_tunnel_t *tunnel;

	enumerator = generation->create_tunnel_enumerator(generation);
	while (enumerator->enumerate(enumerator, &tunnel))
		tunnel->activate(tunnel, old->get_tunnel(old, tunnel->name));
	enumerator->destroy(enumerator);
}

METHOD(conf_keeper_t, replace, bool, private_conf_keeper_t *this, conf_generation_t *expected,
	conf_generation_t *generation)
{
	conf_generation_t *old;
	uint32_t rekeys = 0;
	bool ok;

	this->mutex->lock(this->mutex);
	old = this->backend->get_generation(this->backend);
	ok = old == expected;
	old->destroy(old);
	if (ok) {
		old = this->backend->set_generation(this->backend, generation->get_ref(generation));
		activate(generation, old);
		/* Trust chains that were checked against the old CAs. */
		lib->credmgr->flush_cache(lib->credmgr, CERT_ANY);
		/* Twice: an IKE_SA that a rekey makes during the first survey may slip past it. */
		follow_all(old, generation, NULL);
		follow_all(old, generation, &rekeys);
		old->destroy(old);
	}
	this->mutex->unlock(this->mutex);
	if (ok)
		check(this);
	return ok;
}

METHOD(conf_keeper_t, restart, bool, private_conf_keeper_t *this, const char *name)
{
	conf_generation_t *generation;
	conf_tunnel_t *tunnel;
	conf_survey_t *survey;
	conf_sa_t *sa;

	this->mutex->lock(this->mutex);
	generation = this->backend->get_generation(this->backend);
	tunnel = generation->get_tunnel(generation, name);
	if (tunnel) {
		conf_attempt_reset(tunnel);
		survey = conf_survey_create(FALSE);
		for (sa = survey->get_first(survey, name); sa; sa = sa->next)
			conf_survey_end(sa);
		survey->destroy(survey);
	}
	generation->destroy(generation);
	this->mutex->unlock(this->mutex);
	check_soon(this);
	return tunnel != NULL;
}

static void rekey_sa(const conf_sa_t *sa)
{
	ike_sa_manager_t *manager = charon->ike_sa_manager;
	const conf_child_t *child;
	status_t status = SUCCESS;
	ike_sa_t *ike_sa;

	ike_sa = conf_survey_checkout(sa);
	if (!ike_sa)
		return;
	for (child = sa->children; child && status != DESTROY_ME; child = child->next)
		status = ike_sa->rekey_child_sa(ike_sa, PROTO_ESP, htonl(child->spi_in));
	if (status != DESTROY_ME)
		status = ike_sa->rekey(ike_sa);
	if (status == DESTROY_ME)
		manager->checkin_and_destroy(manager, ike_sa);
	else
		manager->checkin(manager, ike_sa);
}

METHOD(conf_keeper_t, rekey, bool, private_conf_keeper_t *this, const char *name)
{
	conf_survey_t *survey;
	bool found = FALSE;
	conf_sa_t *sa;

	this->mutex->lock(this->mutex);
	survey = conf_survey_create(FALSE);
	for (sa = survey->get_first(survey, name); sa; sa = sa->next) {
		if (sa->state == IKE_ESTABLISHED) {
			rekey_sa(sa);
			found = TRUE;
		}
	}
	survey->destroy(survey);
	this->mutex->unlock(this->mutex);
	return found;
}

METHOD(conf_keeper_t, destroy, void, private_conf_keeper_t *this)
{
	this->lookup->destroy(this->lookup);
	this->mutex->destroy(this->mutex);
	free(this);
}

conf_keeper_t *conf_keeper_create(conf_backend_t *backend, conf_liveness_t *liveness)
{
	private_conf_keeper_t *this;

	INIT(this,
		.public = {
			.start = _start,
			.stop = _stop,
			.check_soon = _check_soon,
			.replace = _replace,
			.restart = _restart,
			.rekey = _rekey,
			.destroy = _destroy,
		},
		.backend = backend,
		.liveness = liveness,
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	this->lookup = conf_lookup_create(this->mutex, &this->public);
	return &this->public;
}
