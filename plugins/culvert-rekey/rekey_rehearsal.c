/*
 * Listeners only tell the stage what happened and wake the job; everything that acts is in act(), one at a time.
 *
 * Invariant: nothing is rekeyed before the file says that it has begun.
 */
#include "rekey_rehearsal.h"

#include <processing/jobs/callback_job.h>
#include <threading/mutex.h>

#include "rekey_memory.h"
#include "rekey_stage.h"

typedef struct private_rekey_rehearsal_t private_rekey_rehearsal_t;

struct private_rekey_rehearsal_t {
	rekey_rehearsal_t public;
	conf_query_t *query;
	rekey_memory_t *memory;
	rekey_stage_t *stage;
	/** held while acting; taken before charon's own locks and never in a listener */
	mutex_t *mutex;
	/** a job is on its way; atomic */
	int pending;
	/** milliseconds from when a tunnel is up until its turn */
	u_int delay;
	/** charon goes; never reset */
	volatile bool stopped;
};

enum {
	/** milliseconds between two looks while anybody waits */
	TICK = 1000,
	/** candidates looked at in one of them: most are known after a restart, so this is more than may begin */
	LOOKS = 64,
	/** seconds until the first turn */
	DELAY = 20,
};

static job_requeue_t act_pending(private_rekey_rehearsal_t *this);

static void wake(private_rekey_rehearsal_t *this, u_int ms)
{
	if (!this->stopped && __atomic_exchange_n(&this->pending, 1, __ATOMIC_SEQ_CST) == 0)
		lib->scheduler->schedule_job_ms(lib->scheduler,
			(job_t *)callback_job_create_with_prio((callback_job_cb_t)act_pending, this, NULL, NULL, JOB_PRIO_LOW), ms);
}

/* --- acting --- */

/** Begins the next rekey of a candidate. What that leads to may be told before this returns. */
static void proceed(private_rekey_rehearsal_t *this, const rekey_candidate_t *candidate)
{
	ike_sa_manager_t *manager = charon->ike_sa_manager;
	bool begun = FALSE, gone = FALSE;
	ike_sa_t *ike_sa;

	ike_sa = rekey_candidate_checkout(candidate);
	if (!ike_sa)
		return;
	if (rekey_candidate_begin(candidate, ike_sa, &begun, &gone) == DESTROY_ME)
		manager->checkin_and_destroy(manager, ike_sa);
	else
		manager->checkin(manager, ike_sa);
	if (!begun)
		rekey_stage_put_off(this->stage, candidate, gone);
}

static void proceed_all(private_rekey_rehearsal_t *this)
{
	rekey_candidate_t *candidate;

	while ((candidate = rekey_stage_take_ready(this->stage))) {
		proceed(this, candidate);
		rekey_candidate_destroy(candidate);
	}
}

static void look_at(private_rekey_rehearsal_t *this, conf_generation_t *generation, const rekey_candidate_t *candidate)
{
	array_t *others = rekey_stage_list(this->stage);
	rekey_negotiated_t found = {};
	rekey_candidate_t *other;
	rekey_look_t look;

	look = rekey_candidate_look(candidate, generation, this->delay / 1000, others, &found);
	rekey_stage_settle(this->stage, candidate, look, &found);
	free(found.spis);
	while (array_remove(others, ARRAY_TAIL, &other))
		rekey_candidate_destroy(other);
	array_destroy(others);
}

static void begin_more(private_rekey_rehearsal_t *this, conf_generation_t *generation)
{
	rekey_candidate_t *candidate;
	u_int i;

	for (i = 0; i < LOOKS && (candidate = rekey_stage_take_turn(this->stage)); i++) {
		look_at(this, generation, candidate);
		rekey_candidate_destroy(candidate);
	}
}

static void act(private_rekey_rehearsal_t *this)
{
	conf_generation_t *generation;

	this->mutex->lock(this->mutex);
	generation = this->query->get_generation(this->query);
	begin_more(this, generation);
	rekey_stage_drop(this->stage, this->memory->save(this->memory, generation));
	proceed_all(this);
	generation->destroy(generation);
	this->mutex->unlock(this->mutex);
	if (rekey_stage_is_busy(this->stage))
		wake(this, TICK);
}

static job_requeue_t act_pending(private_rekey_rehearsal_t *this)
{
	/* First: what happens from now on asks for another one. */
	__atomic_store_n(&this->pending, 0, __ATOMIC_SEQ_CST);
	if (!this->stopped)
		act(this);
	return JOB_REQUEUE_NONE;
}

/* --- what happens --- */

/** The first error that a message tells, 0 without one. */
static u_int error_in(message_t *message)
{
	enumerator_t *enumerator;
	u_int type, error = 0;
	payload_t *payload;

	enumerator = message->create_payload_enumerator(message);
	while (!error && enumerator->enumerate(enumerator, &payload)) {
		if (payload->get_type(payload) != PLV2_NOTIFY)
			continue;
		type = (u_int)((notify_payload_t *)payload)->get_notify_type((notify_payload_t *)payload);
		/* Types from 16384 tell a status. */
		error = type < 16384 ? type : 0;
	}
	enumerator->destroy(enumerator);
	return error;
}

METHOD(listener_t, message_hook, bool, private_rekey_rehearsal_t *this, ike_sa_t *ike_sa, message_t *message,
	bool incoming, bool plain)
{
	if (incoming && plain && rekey_stage_is_lit(this->stage) && !message->get_request(message) &&
		message->get_exchange_type(message) == CREATE_CHILD_SA)
		rekey_stage_answer(this->stage, ike_sa->get_name(ike_sa), ike_sa->get_id(ike_sa), error_in(message));
	return TRUE;
}

/** A rekey that fails returns the SA to the state it was in. */
METHOD(listener_t, child_state_change, bool, private_rekey_rehearsal_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa,
	child_sa_state_t state)
{
	if (ike_sa && state == CHILD_INSTALLED &&
		rekey_stage_refuse(
			this->stage, ike_sa->get_name(ike_sa), ike_sa->get_id(ike_sa), child_sa->get_spi(child_sa, TRUE)))
		wake(this, 0);
	return TRUE;
}

METHOD(listener_t, ike_state_change, bool, private_rekey_rehearsal_t *this, ike_sa_t *ike_sa, ike_sa_state_t state)
{
	char *name = ike_sa->get_name(ike_sa);
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);

	if (state == IKE_ESTABLISHED && rekey_stage_refuse(this->stage, name, id, 0))
		wake(this, 0);
	else if ((state == IKE_DELETING || state == IKE_DESTROYING) && !this->stopped)
		rekey_stage_leave(this->stage, name, id);
	return TRUE;
}

METHOD(listener_t, alert, bool, private_rekey_rehearsal_t *this, ike_sa_t *ike_sa, alert_t alert, va_list args)
{
	if (alert == ALERT_SHUTDOWN_SIGNAL)
		this->stopped = TRUE;
	else if (alert == ALERT_RETRANSMIT_SEND_TIMEOUT && ike_sa &&
			 rekey_stage_give_up(this->stage, ike_sa->get_name(ike_sa), ike_sa->get_id(ike_sa)))
		wake(this, 0);
	return TRUE;
}

static void enlist(private_rekey_rehearsal_t *this, ike_sa_t *ike_sa)
{
	conf_tunnel_t *tunnel = this->query->get_tunnel(this->query, ike_sa);

	if (!tunnel)
		return;
	if (tunnel->rehearse) {
		rekey_stage_enlist(this->stage, tunnel->name, ike_sa->get_id(ike_sa));
		wake(this, max(this->delay, (u_int)TICK));
	}
	tunnel->destroy(tunnel);
}

METHOD(listener_t, child_updown, bool, private_rekey_rehearsal_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa, bool up)
{
	if (this->stopped)
		return TRUE;
	if (up)
		enlist(this, ike_sa);
	else
		rekey_stage_lose(
			this->stage, ike_sa->get_name(ike_sa), ike_sa->get_id(ike_sa), child_sa->get_spi(child_sa, TRUE));
	return TRUE;
}

/** A rekey by schedule, the operator or the peer. */
static void revise(private_rekey_rehearsal_t *this, ike_sa_t *ike_sa, bool child)
{
	if (this->memory->revise(this->memory, ike_sa->get_name(ike_sa), child)) {
		DBG1(DBG_CFG, "tunnel %s: what the rehearsal of its rekeys found is mended", ike_sa->get_name(ike_sa));
		wake(this, 0);
	}
}

METHOD(
	listener_t, child_rekey, bool, private_rekey_rehearsal_t *this, ike_sa_t *ike_sa, child_sa_t *old, child_sa_t *new)
{
	if (rekey_stage_replace(this->stage, ike_sa->get_name(ike_sa), ike_sa->get_id(ike_sa), old->get_spi(old, TRUE)))
		wake(this, 0);
	else
		revise(this, ike_sa, TRUE);
	return TRUE;
}

METHOD(listener_t, ike_rekey, bool, private_rekey_rehearsal_t *this, ike_sa_t *old, ike_sa_t *new)
{
	if (rekey_stage_move(this->stage, old->get_name(old), old->get_id(old), new->get_id(new)))
		wake(this, 0);
	else
		revise(this, old, FALSE);
	return TRUE;
}

METHOD(conf_rehearsals_t, print, void, conf_rehearsals_t *public, struct buf *out)
{
	private_rekey_rehearsal_t *this =
		(private_rekey_rehearsal_t *)((char *)public - offsetof(private_rekey_rehearsal_t, public.report));

	this->memory->print(this->memory, out);
}

METHOD(rekey_rehearsal_t, destroy, void, private_rekey_rehearsal_t *this)
{
	conf_generation_t *generation = this->query->get_generation(this->query);

	lib->set(lib, CONF_REHEARSALS, NULL);
	rekey_stage_destroy(this->stage);
	this->memory->save(this->memory, generation);
	generation->destroy(generation);
	this->memory->destroy(this->memory);
	this->mutex->destroy(this->mutex);
	free(this);
}

rekey_rehearsal_t *rekey_rehearsal_create(conf_query_t *query)
{
	private_rekey_rehearsal_t *this;

	INIT(this,
		.public = {
			.listener = {
				.alert = _alert,
				.message = _message_hook,
				.ike_state_change = _ike_state_change,
				.child_state_change = _child_state_change,
				.child_updown = _child_updown,
				.child_rekey = _child_rekey,
				.ike_rekey = _ike_rekey,
			},
			.report = {
				.print = _print,
			},
			.destroy = _destroy,
		},
		.query = query,
		.memory = rekey_memory_create(lib->settings->get_str(lib->settings, "%s.plugins.culvert-rekey.state",
			"/var/lib/culvert/charon", lib->ns)),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.delay = 1000 * (u_int)lib->settings->get_int(lib->settings, "%s.plugins.culvert-rekey.rehearsal_delay", DELAY,
			lib->ns),
	);
	this->stage = rekey_stage_create(this->memory, this->delay);
	lib->set(lib, CONF_REHEARSALS, &this->public.report);
	/* Writes a file anew that was damaged. */
	wake(this, TICK);
	return &this->public;
}
