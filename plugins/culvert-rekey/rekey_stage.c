#include "rekey_stage.h"

#include <threading/mutex.h>

struct rekey_stage_t {
	rekey_memory_t *memory;
	u_int delay;
	/** locks what follows; taken last but for the memory's */
	mutex_t *mutex;
	/** tunnel's name => rekey_candidate_t, owned */
	hashtable_t *candidates;
	struct turns turns;
	/** how many have begun; atomic, written with the mutex held */
	u_int begun;
};

enum {
	/** rehearsals at a time; with the caller's ticks, how many begin in a second */
	AT_ONCE = 4,
	/** milliseconds until what could not be done is tried again: both ends began at the same time */
	AGAIN = 2000,
	/** how often that */
	TRIES = 8,
	/** milliseconds after which a rehearsal has failed */
	LIMIT = 180000,
};

/* --- with the mutex held --- */

static void forget(rekey_stage_t *this, rekey_candidate_t *candidate)
{
	turns_leave(&this->turns, &candidate->turn);
	if (candidate->begun)
		__atomic_sub_fetch(&this->begun, 1, __ATOMIC_RELAXED);
	this->candidates->remove(this->candidates, candidate->name);
	rekey_candidate_destroy(candidate);
}

/** The candidate that a copy was made of, unless it has another IKE_SA now. */
static rekey_candidate_t *find_original(rekey_stage_t *this, const rekey_candidate_t *copy)
{
	rekey_candidate_t *candidate = this->candidates->get(this->candidates, copy->name);

	return candidate && candidate->spi_initiator == copy->spi_initiator &&
				   candidate->spi_responder == copy->spi_responder
			   ? candidate
			   : NULL;
}

/** The candidate of that very IKE_SA. */
static rekey_candidate_t *find(rekey_stage_t *this, const char *tunnel, ike_sa_id_t *id)
{
	rekey_candidate_t *candidate = this->candidates->get(this->candidates, tunnel);

	return candidate && rekey_candidate_is_of(candidate, id) ? candidate : NULL;
}

static void finish(rekey_stage_t *this, rekey_candidate_t *candidate, enum rehearsal_result result)
{
	const char *advice = rehearsal_advice(result);

	DBG1(DBG_CFG, "tunnel %s: rehearsal of the rekeys %s%s%s", candidate->name, advice ? "failed" : "passed",
		advice ? ": " : "", advice ?: "");
	this->memory->note(this->memory, candidate->name, NULL, result);
	forget(this, candidate);
}

static void fail(rekey_stage_t *this, rekey_candidate_t *candidate)
{
	finish(this, candidate, rehearsal_refused(rekey_candidate_spi(candidate) != 0, candidate->notify));
}

/* --- */

/** The candidate of an IKE_SA for which something was sent, with the mutex held; NULL without it. */
static rekey_candidate_t *lock_acting(rekey_stage_t *this, const char *tunnel, ike_sa_id_t *id)
{
	rekey_candidate_t *candidate;

	if (!rekey_stage_is_lit(this))
		return NULL;
	this->mutex->lock(this->mutex);
	candidate = find(this, tunnel, id);
	if (candidate && candidate->acted)
		return candidate;
	this->mutex->unlock(this->mutex);
	return NULL;
}

bool rekey_stage_is_lit(rekey_stage_t *this)
{
	return __atomic_load_n(&this->begun, __ATOMIC_RELAXED);
}

bool rekey_stage_is_busy(rekey_stage_t *this)
{
	bool busy;

	this->mutex->lock(this->mutex);
	busy = this->turns.first || this->begun;
	this->mutex->unlock(this->mutex);
	return busy;
}

/* --- what happens --- */

void rekey_stage_enlist(rekey_stage_t *this, const char *tunnel, ike_sa_id_t *id)
{
	rekey_candidate_t *candidate, *old;

	this->mutex->lock(this->mutex);
	old = this->candidates->get(this->candidates, tunnel);
	/* Another CHILD_SA of a tunnel that is at it does not disturb. */
	if (!old || !old->begun || !rekey_candidate_is_of(old, id)) {
		if (old)
			forget(this, old);
		candidate = rekey_candidate_create(tunnel, id);
		this->candidates->put(this->candidates, candidate->name, candidate);
		turns_wait(&this->turns, &candidate->turn, rekey_candidate_now() + this->delay);
	}
	this->mutex->unlock(this->mutex);
}

void rekey_stage_leave(rekey_stage_t *this, const char *tunnel, ike_sa_id_t *id)
{
	rekey_candidate_t *candidate;

	this->mutex->lock(this->mutex);
	candidate = find(this, tunnel, id);
	if (candidate)
		forget(this, candidate);
	this->mutex->unlock(this->mutex);
}

void rekey_stage_lose(rekey_stage_t *this, const char *tunnel, ike_sa_id_t *id, uint32_t spi)
{
	rekey_candidate_t *candidate = lock_acting(this, tunnel, id);

	if (!candidate)
		return;
	if (rekey_candidate_spi(candidate) == spi)
		forget(this, candidate);
	this->mutex->unlock(this->mutex);
}

void rekey_stage_answer(rekey_stage_t *this, const char *tunnel, ike_sa_id_t *id, u_int notify)
{
	rekey_candidate_t *candidate = lock_acting(this, tunnel, id);

	if (!candidate)
		return;
	candidate->notify = notify;
	this->mutex->unlock(this->mutex);
}

bool rekey_stage_give_up(rekey_stage_t *this, const char *tunnel, ike_sa_id_t *id)
{
	rekey_candidate_t *candidate = lock_acting(this, tunnel, id);

	if (!candidate)
		return FALSE;
	finish(this, candidate, REHEARSAL_NO_ANSWER);
	this->mutex->unlock(this->mutex);
	return TRUE;
}

bool rekey_stage_refuse(rekey_stage_t *this, const char *tunnel, ike_sa_id_t *id, uint32_t spi)
{
	rekey_candidate_t *candidate = lock_acting(this, tunnel, id);

	if (!candidate)
		return FALSE;
	if (rekey_candidate_spi(candidate) == spi) {
		if (rehearsal_goes_on(candidate->notify) && candidate->tries++ < TRIES)
			rekey_candidate_put_off(candidate, AGAIN);
		else
			fail(this, candidate);
	}
	this->mutex->unlock(this->mutex);
	return TRUE;
}

bool rekey_stage_replace(rekey_stage_t *this, const char *tunnel, ike_sa_id_t *id, uint32_t spi)
{
	rekey_candidate_t *candidate = lock_acting(this, tunnel, id);

	if (!candidate)
		return FALSE;
	if (rekey_candidate_spi(candidate) == spi)
		rekey_candidate_step(candidate);
	this->mutex->unlock(this->mutex);
	return TRUE;
}

bool rekey_stage_move(rekey_stage_t *this, const char *tunnel, ike_sa_id_t *old, ike_sa_id_t *new)
{
	rekey_candidate_t *candidate;

	this->mutex->lock(this->mutex);
	candidate = find(this, tunnel, old);
	if (candidate && candidate->acted && !rekey_candidate_spi(candidate))
		finish(this, candidate, REHEARSAL_PASSED);
	else if (candidate)
		rekey_candidate_move(candidate, new);
	this->mutex->unlock(this->mutex);
	return candidate != NULL;
}

/* --- what is to be done --- */

rekey_candidate_t *rekey_stage_take_turn(rekey_stage_t *this)
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

/** Those that have begun, with the mutex held. */
static array_t *collect(rekey_stage_t *this)
{
	array_t *found = array_create(0, 0);
	rekey_candidate_t *candidate;
	enumerator_t *enumerator;

	if (!this->begun)
		return found;
	enumerator = this->candidates->create_enumerator(this->candidates);
	while (enumerator->enumerate(enumerator, NULL, &candidate)) {
		if (candidate->begun)
			array_insert(found, ARRAY_TAIL, candidate);
	}
	enumerator->destroy(enumerator);
	return found;
}

array_t *rekey_stage_list(rekey_stage_t *this)
{
	array_t *copies = array_create(0, 0), *begun;
	rekey_candidate_t *candidate;

	this->mutex->lock(this->mutex);
	begun = collect(this);
	while (array_remove(begun, ARRAY_TAIL, &candidate))
		array_insert(copies, ARRAY_TAIL, rekey_candidate_clone(candidate));
	this->mutex->unlock(this->mutex);
	array_destroy(begun);
	return copies;
}

/** Begins the rehearsal of one that is ready, if it is due. */
static void decide(rekey_stage_t *this, rekey_candidate_t *candidate, rekey_negotiated_t *found)
{
	enum rehearsal_result result = REHEARSAL_PASSED;

	if (this->memory->is_due(this->memory, candidate->name, found->digest, &result)) {
		DBG1(DBG_CFG, "tunnel %s: rehearsing its rekeys", candidate->name);
		this->memory->note(this->memory, candidate->name, found->digest, result);
		rekey_candidate_start(candidate, found);
		__atomic_add_fetch(&this->begun, 1, __ATOMIC_RELAXED);
	} else if (result == REHEARSAL_AGAIN) {
		finish(this, candidate, REHEARSAL_ENDED);
	} else {
		forget(this, candidate);
	}
}

void rekey_stage_settle(
	rekey_stage_t *this, const rekey_candidate_t *copy, rekey_look_t look, rekey_negotiated_t *found)
{
	rekey_candidate_t *candidate;

	this->mutex->lock(this->mutex);
	candidate = find_original(this, copy);
	/* Meanwhile it may have gone, or come up again and wait. */
	if (candidate && candidate->turn.has_turn) {
		switch (look) {
		case REKEY_LOOK_NEVER:
			forget(this, candidate);
			break;
		case REKEY_LOOK_LATER:
			turns_wait(&this->turns, &candidate->turn, rekey_candidate_now() + max(this->delay, (u_int)AGAIN));
			break;
		case REKEY_LOOK_READY:
			decide(this, candidate, found);
			break;
		}
	}
	this->mutex->unlock(this->mutex);
}

void rekey_stage_drop(rekey_stage_t *this, bool remembered)
{
	uint64_t now = rekey_candidate_now();
	rekey_candidate_t *candidate;
	array_t *begun;

	this->mutex->lock(this->mutex);
	begun = collect(this);
	while (array_remove(begun, ARRAY_TAIL, &candidate)) {
		if (!remembered && !candidate->acted) {
			this->memory->withdraw(this->memory, candidate->name);
			forget(this, candidate);
		} else if (now - candidate->began > LIMIT) {
			fail(this, candidate);
		}
	}
	this->mutex->unlock(this->mutex);
	array_destroy(begun);
}

rekey_candidate_t *rekey_stage_take_ready(rekey_stage_t *this)
{
	rekey_candidate_t *candidate, *copy = NULL;
	uint64_t now = rekey_candidate_now();
	array_t *begun;

	this->mutex->lock(this->mutex);
	begun = collect(this);
	while (!copy && array_remove(begun, ARRAY_TAIL, &candidate)) {
		if (candidate->act_at && candidate->act_at <= now) {
			candidate->act_at = 0;
			candidate->acted = TRUE;
			copy = rekey_candidate_clone(candidate);
		}
	}
	this->mutex->unlock(this->mutex);
	array_destroy(begun);
	return copy;
}

void rekey_stage_put_off(rekey_stage_t *this, const rekey_candidate_t *copy, bool gone)
{
	rekey_candidate_t *candidate;

	this->mutex->lock(this->mutex);
	candidate = find_original(this, copy);
	if (candidate && gone)
		rekey_candidate_step(candidate);
	else if (candidate)
		rekey_candidate_put_off(candidate, AGAIN);
	this->mutex->unlock(this->mutex);
}

void rekey_stage_destroy(rekey_stage_t *this)
{
	rekey_candidate_t *candidate;
	enumerator_t *enumerator;

	enumerator = this->candidates->create_enumerator(this->candidates);
	while (enumerator->enumerate(enumerator, NULL, &candidate)) {
		if (candidate->begun)
			this->memory->withdraw(this->memory, candidate->name);
		rekey_candidate_destroy(candidate);
	}
	enumerator->destroy(enumerator);
	this->candidates->destroy(this->candidates);
	this->mutex->destroy(this->mutex);
	free(this);
}

rekey_stage_t *rekey_stage_create(rekey_memory_t *memory, u_int delay)
{
	rekey_stage_t *this;

	INIT(this, .memory = memory, .delay = delay, .mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.candidates = hashtable_create(hashtable_hash_str, hashtable_equals_str, 64),
		.turns = { .at_once = AT_ONCE }, );
	return this;
}
