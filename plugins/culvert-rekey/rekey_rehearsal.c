/*
 * Listeners only note what happened in the candidate of the tunnel and wake the job; everything that acts is in act(),
 * one at a time. Two locks: acting is taken before charon's own and never in a listener; mutex is taken last, nothing
 * of charon is called with it held.
 *
 * Invariant: nothing is rekeyed before the file says that it has begun.
 */
#include "rekey_rehearsal.h"

#include <processing/jobs/callback_job.h>
#include <threading/mutex.h>

#include "ikev2/turns.h"
#include "rekey_candidate.h"
#include "rekey_memory.h"

typedef struct private_rekey_rehearsal_t private_rekey_rehearsal_t;

struct private_rekey_rehearsal_t {
	rekey_rehearsal_t public;
	conf_query_t *query;
	rekey_memory_t *memory;
	mutex_t *acting;
	/** locks what follows */
	mutex_t *mutex;
	/** tunnel's name => rekey_candidate_t, owned */
	hashtable_t *candidates;
	struct turns turns;
	/** how many have begun; read without the mutex, by listeners that have nothing else to do */
	u_int begun;
	/** a job is on its way; atomic */
	int pending;
	/** milliseconds from when a tunnel is up until its turn */
	u_int delay;
	/** charon goes; never reset */
	volatile bool stopped;
};

enum {
	/** rehearsals at a time */
	AT_ONCE = 4,
	/** milliseconds between two looks while anybody waits: with AT_ONCE, how many begin in a second */
	TICK = 1000,
	/** milliseconds until what could not be done is tried again: both ends began at the same time */
	AGAIN = 2000,
	/** how often that */
	TRIES = 8,
	/** milliseconds after which a rehearsal has failed */
	LIMIT = 180000,
	/** candidates looked at in one tick: most are known after a restart, so this is more than may begin */
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

/* --- candidates, with the mutex held --- */

static void forget(private_rekey_rehearsal_t *this, rekey_candidate_t *candidate)
{
	turns_leave(&this->turns, &candidate->turn);
	this->begun -= candidate->begun;
	this->candidates->remove(this->candidates, candidate->name);
	rekey_candidate_destroy(candidate);
}

/** The candidate of that very IKE_SA. */
static rekey_candidate_t *find(private_rekey_rehearsal_t *this, const char *name, ike_sa_id_t *id)
{
	rekey_candidate_t *candidate = this->candidates->get(this->candidates, name);

	return candidate && candidate->id->equals(candidate->id, id) ? candidate : NULL;
}

static void finish(private_rekey_rehearsal_t *this, rekey_candidate_t *candidate, enum rehearsal_result result)
{
	const char *advice = rehearsal_advice(result);

	DBG1(DBG_CFG, "tunnel %s: rehearsal of the rekeys %s%s%s", candidate->name, advice ? "failed" : "passed",
		advice ? ": " : "", advice ?: "");
	this->memory->note(this->memory, candidate->name, NULL, result);
	forget(this, candidate);
}

static void refuse(private_rekey_rehearsal_t *this, rekey_candidate_t *candidate)
{
	if (rehearsal_goes_on(candidate->notify) && candidate->tries++ < TRIES)
		rekey_candidate_put_off(candidate, AGAIN);
	else
		finish(this, candidate, rehearsal_refused(candidate->next < candidate->count, candidate->notify));
}

/* --- acting --- */

/** Begins the next rekey of a candidate. */
static void proceed(private_rekey_rehearsal_t *this, const rekey_candidate_t *copy)
{
	ike_sa_manager_t *manager = charon->ike_sa_manager;
	bool begun = FALSE, gone = FALSE;
	rekey_candidate_t *candidate;
	status_t status = SUCCESS;
	ike_sa_t *ike_sa;

	ike_sa = manager->checkout(manager, copy->id);
	if (ike_sa) {
		status = rekey_candidate_begin(copy, ike_sa, &begun, &gone);
		if (status == DESTROY_ME)
			manager->checkin_and_destroy(manager, ike_sa);
		else
			manager->checkin(manager, ike_sa);
	}
	/* What it led to may have been told already, and the candidate be gone. */
	this->mutex->lock(this->mutex);
	candidate = ike_sa && !begun ? find(this, copy->name, copy->id) : NULL;
	if (candidate && gone)
		rekey_candidate_step(candidate);
	else if (candidate)
		rekey_candidate_put_off(candidate, AGAIN);
	this->mutex->unlock(this->mutex);
}

/** The next candidate whose time to act has come; the copy is the caller's. */
static rekey_candidate_t *take_ready(private_rekey_rehearsal_t *this)
{
	rekey_candidate_t *candidate, *copy = NULL;
	enumerator_t *enumerator;
	uint64_t now = rekey_candidate_now();
	char *name;

	this->mutex->lock(this->mutex);
	enumerator = this->begun ? this->candidates->create_enumerator(this->candidates) : enumerator_create_empty();
	while (!copy && enumerator->enumerate(enumerator, &name, &candidate)) {
		if (candidate->begun && candidate->act_at && candidate->act_at <= now) {
			candidate->act_at = 0;
			candidate->acted = TRUE;
			copy = rekey_candidate_clone(candidate);
		}
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);
	return copy;
}

static void proceed_all(private_rekey_rehearsal_t *this)
{
	rekey_candidate_t *copy;

	while ((copy = take_ready(this))) {
		proceed(this, copy);
		rekey_candidate_destroy(copy);
	}
}

/** Notes what a look at a candidate found. */
static void settle(
	private_rekey_rehearsal_t *this, rekey_candidate_t *copy, rekey_look_t look, rekey_negotiated_t *found)
{
	enum rehearsal_result result = REHEARSAL_PASSED;
	rekey_candidate_t *candidate;

	this->mutex->lock(this->mutex);
	candidate = find(this, copy->name, copy->id);
	if (candidate && candidate->turn.has_turn && look == REKEY_LOOK_LATER) {
		turns_wait(&this->turns, &candidate->turn, rekey_candidate_now() + max(this->delay, (u_int)AGAIN));
	} else if (candidate && candidate->turn.has_turn) {
		if (look == REKEY_LOOK_READY && this->memory->is_due(this->memory, copy->name, found->digest, &result)) {
			DBG1(DBG_CFG, "tunnel %s: rehearsing its rekeys", copy->name);
			this->memory->note(this->memory, copy->name, found->digest, result);
			rekey_candidate_start(candidate, found);
			this->begun++;
		} else if (result == REHEARSAL_AGAIN) {
			finish(this, candidate, REHEARSAL_ENDED);
		} else {
			forget(this, candidate);
		}
	}
	this->mutex->unlock(this->mutex);
}

static rekey_candidate_t *take_turn(private_rekey_rehearsal_t *this)
{
	rekey_candidate_t *copy = NULL;
	struct turn *turn;

	this->mutex->lock(this->mutex);
	turn = turns_take(&this->turns, rekey_candidate_now());
	if (turn)
		copy = rekey_candidate_clone((rekey_candidate_t *)turn);
	this->mutex->unlock(this->mutex);
	return copy;
}

static void begin_more(private_rekey_rehearsal_t *this, conf_generation_t *generation)
{
	rekey_negotiated_t found = {};
	rekey_candidate_t *copy;
	rekey_look_t look;
	u_int i;

	for (i = 0; i < LOOKS && (copy = take_turn(this)); i++) {
		look = rekey_candidate_look(copy, generation, this->delay / 1000, &found);
		settle(this, copy, look, &found);
		free(found.spis);
		found.spis = NULL;
		rekey_candidate_destroy(copy);
	}
}

/** Those that are over time, or that cannot be remembered, in which case they have not begun. */
static void drop(private_rekey_rehearsal_t *this, bool remembered)
{
	rekey_candidate_t *candidate;
	enumerator_t *enumerator;
	array_t *dropped = array_create(0, 0);
	uint64_t now = rekey_candidate_now();
	char *name;

	this->mutex->lock(this->mutex);
	enumerator = this->begun ? this->candidates->create_enumerator(this->candidates) : enumerator_create_empty();
	while (enumerator->enumerate(enumerator, &name, &candidate)) {
		if (candidate->begun && (now - candidate->began > LIMIT || (!remembered && !candidate->acted)))
			array_insert(dropped, ARRAY_TAIL, candidate);
	}
	enumerator->destroy(enumerator);
	while (array_remove(dropped, ARRAY_TAIL, &candidate)) {
		if (candidate->acted) {
			finish(this, candidate, rehearsal_refused(candidate->next < candidate->count, candidate->notify));
		} else {
			this->memory->withdraw(this->memory, candidate->name);
			forget(this, candidate);
		}
	}
	this->mutex->unlock(this->mutex);
	array_destroy(dropped);
}

static void act(private_rekey_rehearsal_t *this)
{
	conf_generation_t *generation = this->query->get_generation(this->query);
	bool remembered, more;

	this->acting->lock(this->acting);
	begin_more(this, generation);
	remembered = this->memory->save(this->memory, generation);
	drop(this, remembered);
	proceed_all(this);
	this->mutex->lock(this->mutex);
	more = this->turns.first || this->begun;
	this->mutex->unlock(this->mutex);
	this->acting->unlock(this->acting);
	generation->destroy(generation);
	if (more)
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

/** The candidate of an IKE_SA that has begun, with the mutex held; NULL without it. */
static rekey_candidate_t *lock_begun(private_rekey_rehearsal_t *this, ike_sa_t *ike_sa)
{
	rekey_candidate_t *candidate;

	if (!ike_sa || !__atomic_load_n(&this->begun, __ATOMIC_RELAXED))
		return NULL;
	this->mutex->lock(this->mutex);
	candidate = find(this, ike_sa->get_name(ike_sa), ike_sa->get_id(ike_sa));
	if (candidate && candidate->acted)
		return candidate;
	this->mutex->unlock(this->mutex);
	return NULL;
}

static void unlock_and_wake(private_rekey_rehearsal_t *this)
{
	this->mutex->unlock(this->mutex);
	wake(this, 0);
}

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
	rekey_candidate_t *candidate;

	if (!incoming || !plain || message->get_request(message) || message->get_exchange_type(message) != CREATE_CHILD_SA)
		return TRUE;
	candidate = lock_begun(this, ike_sa);
	if (candidate) {
		candidate->notify = error_in(message);
		this->mutex->unlock(this->mutex);
	}
	return TRUE;
}

/** A rekey that fails returns the SA to the state it was in. */
METHOD(listener_t, child_state_change, bool, private_rekey_rehearsal_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa,
	child_sa_state_t state)
{
	rekey_candidate_t *candidate;

	if (state != CHILD_INSTALLED)
		return TRUE;
	candidate = lock_begun(this, ike_sa);
	if (candidate) {
		if (rekey_candidate_spi(candidate) == child_sa->get_spi(child_sa, TRUE))
			refuse(this, candidate);
		unlock_and_wake(this);
	}
	return TRUE;
}

METHOD(listener_t, ike_state_change, bool, private_rekey_rehearsal_t *this, ike_sa_t *ike_sa, ike_sa_state_t state)
{
	rekey_candidate_t *candidate;

	if (state == IKE_ESTABLISHED) {
		candidate = lock_begun(this, ike_sa);
		if (candidate) {
			if (!rekey_candidate_spi(candidate))
				refuse(this, candidate);
			unlock_and_wake(this);
		}
	} else if (state == IKE_DELETING || state == IKE_DESTROYING) {
		/* The note that it has begun stays. */
		this->mutex->lock(this->mutex);
		candidate = find(this, ike_sa->get_name(ike_sa), ike_sa->get_id(ike_sa));
		if (candidate && !this->stopped)
			forget(this, candidate);
		this->mutex->unlock(this->mutex);
	}
	return TRUE;
}

METHOD(listener_t, alert, bool, private_rekey_rehearsal_t *this, ike_sa_t *ike_sa, alert_t alert, va_list args)
{
	rekey_candidate_t *candidate;

	if (alert == ALERT_SHUTDOWN_SIGNAL) {
		this->stopped = TRUE;
	} else if (alert == ALERT_RETRANSMIT_SEND_TIMEOUT) {
		candidate = lock_begun(this, ike_sa);
		if (candidate) {
			finish(this, candidate, REHEARSAL_NO_ANSWER);
			unlock_and_wake(this);
		}
	}
	return TRUE;
}

/** Puts a tunnel that came up behind the others, in place of what it was before. */
static void enlist(private_rekey_rehearsal_t *this, const char *name, ike_sa_id_t *id)
{
	rekey_candidate_t *candidate, *old;

	this->mutex->lock(this->mutex);
	old = this->candidates->get(this->candidates, name);
	if (!old || !old->begun) {
		if (old)
			forget(this, old);
		candidate = rekey_candidate_create(name, id);
		this->candidates->put(this->candidates, candidate->name, candidate);
		turns_wait(&this->turns, &candidate->turn, rekey_candidate_now() + this->delay);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(listener_t, child_updown, bool, private_rekey_rehearsal_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa, bool up)
{
	rekey_candidate_t *candidate;
	conf_tunnel_t *tunnel;

	if (up) {
		tunnel = this->stopped ? NULL : this->query->get_tunnel(this->query, ike_sa);
		if (tunnel && tunnel->rehearse) {
			enlist(this, tunnel->name, ike_sa->get_id(ike_sa));
			wake(this, max(this->delay, (u_int)TICK));
		}
		DESTROY_IF(tunnel);
		return TRUE;
	}
	candidate = lock_begun(this, ike_sa);
	if (candidate) {
		if (rekey_candidate_spi(candidate) == child_sa->get_spi(child_sa, TRUE) && !this->stopped)
			forget(this, candidate);
		this->mutex->unlock(this->mutex);
	}
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
	rekey_candidate_t *candidate = lock_begun(this, ike_sa);

	if (!candidate) {
		revise(this, ike_sa, TRUE);
		return TRUE;
	}
	if (rekey_candidate_spi(candidate) == old->get_spi(old, TRUE))
		rekey_candidate_step(candidate);
	unlock_and_wake(this);
	return TRUE;
}

METHOD(listener_t, ike_rekey, bool, private_rekey_rehearsal_t *this, ike_sa_t *old, ike_sa_t *new)
{
	rekey_candidate_t *candidate;

	this->mutex->lock(this->mutex);
	candidate = find(this, old->get_name(old), old->get_id(old));
	if (candidate && candidate->acted && !rekey_candidate_spi(candidate))
		finish(this, candidate, REHEARSAL_PASSED);
	else if (candidate)
		rekey_candidate_move(candidate, new->get_id(new));
	this->mutex->unlock(this->mutex);
	if (candidate)
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
	rekey_candidate_t *candidate;
	enumerator_t *enumerator;
	char *name;

	lib->set(lib, CONF_REHEARSALS, NULL);
	enumerator = this->candidates->create_enumerator(this->candidates);
	while (enumerator->enumerate(enumerator, &name, &candidate)) {
		if (candidate->begun)
			this->memory->withdraw(this->memory, candidate->name);
		rekey_candidate_destroy(candidate);
	}
	enumerator->destroy(enumerator);
	this->memory->save(this->memory, generation);
	generation->destroy(generation);
	this->candidates->destroy(this->candidates);
	this->memory->destroy(this->memory);
	this->acting->destroy(this->acting);
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
		.acting = mutex_create(MUTEX_TYPE_DEFAULT),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.candidates = hashtable_create(hashtable_hash_str, hashtable_equals_str, 64),
		.turns = { .at_once = AT_ONCE },
		.delay = 1000 * (u_int)lib->settings->get_int(lib->settings, "%s.plugins.culvert-rekey.rehearsal_delay", DELAY,
			lib->ns),
	);
	lib->set(lib, CONF_REHEARSALS, &this->public.report);
	/* Writes a file anew that was damaged. */
	wake(this, TICK);
	return &this->public;
}
