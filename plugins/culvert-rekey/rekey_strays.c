/*
 * A look at each CHILD_SA some time after it was replaced or deleted, and again; usually it is gone at the first.
 * Nothing is remembered but the jobs themselves, which charon cancels when it ends.
 */
#include "rekey_strays.h"

#include <processing/jobs/callback_job.h>

typedef struct private_rekey_strays_t private_rekey_strays_t;

enum {
	/** seconds between two looks: what a peer has to delete one that has lost, and more than delete_rekeyed_delay */
	PAUSE = 10,
	/** looks after which the old one of a rekey by the peer is ended, whose DELETE may have to be repeated */
	LOOKS_REKEYED = 9,
	/** looks after which the rest is left to the ceiling, as the peer refuses to rekey */
	LOOKS_MAX = 18,
};

struct private_rekey_strays_t {
	rekey_strays_t public;
};

/** A CHILD_SA to look at */
typedef struct {
	/** unique ID */
	uint32_t id;
	/** what it was then; once it is something else, these looks are over */
	child_sa_state_t state;
	/** looks so far */
	u_int count;
} look_t;

/** The CHILD_SA in use that has the same selectors as a stray; NULL while there is none, or while it changes. */
static child_sa_t *find_heir(ike_sa_t *ike_sa, child_sa_t *stray)
{
	child_sa_t *current, *heir = NULL;
	enumerator_t *enumerator;

	enumerator = ike_sa->create_child_sa_enumerator(ike_sa);
	while (!heir && enumerator->enumerate(enumerator, &current))
		if (current->get_state(current) == CHILD_INSTALLED && current->get_reqid(current) == stray->get_reqid(stray))
			heir = current;
	enumerator->destroy(enumerator);
	return heir;
}

static status_t end(ike_sa_t *ike_sa, child_sa_t *stray)
{
	DBG1(DBG_IKE, "CHILD_SA %s{%u} was replaced, but the peer has not deleted it: ending it", stray->get_name(stray),
		stray->get_unique_id(stray));
	return ike_sa->delete_child_sa(ike_sa, stray->get_protocol(stray), stray->get_spi(stray, TRUE), FALSE);
}

/** Of an old one whose successor waits for the peer's DELETE charon concludes the rekey, and sends none itself. */
static status_t work(ike_sa_t *ike_sa, child_sa_t *stray, u_int count)
{
	child_sa_t *heir;

	if (stray->get_rekey_sa(stray))
		return count < LOOKS_REKEYED ? SUCCESS : end(ike_sa, stray);
	heir = find_heir(ike_sa, stray);
	if (!heir)
		return SUCCESS;
	/* In a collision ours begins before theirs. */
	if (heir->get_unique_id(heir) > stray->get_unique_id(stray))
		return end(ike_sa, stray);
	return ike_sa->rekey_child_sa(ike_sa, heir->get_protocol(heir), heir->get_spi(heir, TRUE));
}

/** A job of charon's takes it away a moment after its DELETE, unless that job was lost. */
static status_t take_away(ike_sa_t *ike_sa, child_sa_t *child_sa)
{
	DBG1(DBG_IKE, "CHILD_SA %s{%u} was deleted, but is still there: to be taken away", child_sa->get_name(child_sa),
		child_sa->get_unique_id(child_sa));
	return ike_sa->delete_child_sa(ike_sa, child_sa->get_protocol(child_sa), child_sa->get_spi(child_sa, TRUE), FALSE);
}

static job_requeue_t look(look_t *this)
{
	child_sa_t *child_sa;
	ike_sa_t *ike_sa = charon->child_sa_manager->checkout_by_id(charon->child_sa_manager, this->id, &child_sa);
	status_t status = SUCCESS;
	bool stray;

	if (!ike_sa)
		return JOB_REQUEUE_NONE;
	stray = child_sa->get_state(child_sa) == this->state;
	this->count++;
	if (stray)
		status = this->state == CHILD_REKEYED ? work(ike_sa, child_sa, this->count) : take_away(ike_sa, child_sa);
	if (status == DESTROY_ME)
		charon->ike_sa_manager->checkin_and_destroy(charon->ike_sa_manager, ike_sa);
	else
		charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	return stray && this->count < LOOKS_MAX ? JOB_RESCHEDULE(PAUSE) : JOB_REQUEUE_NONE;
}

METHOD(listener_t, child_state_change, bool, private_rekey_strays_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa,
	child_sa_state_t state)
{
	callback_job_t *job;
	look_t *data;

	if (state != CHILD_REKEYED && state != CHILD_DELETED)
		return TRUE;
	INIT(data, .id = child_sa->get_unique_id(child_sa), .state = state, );
	job = callback_job_create((callback_job_cb_t)look, data, free, NULL);
	lib->scheduler->schedule_job(lib->scheduler, (job_t *)job, PAUSE);
	return TRUE;
}

METHOD(rekey_strays_t, destroy, void, private_rekey_strays_t *this)
{
	free(this);
}

rekey_strays_t *rekey_strays_create(void)
{
	private_rekey_strays_t *this;

	INIT(this,
		.public = {
			.listener = {
				.child_state_change = _child_state_change,
			},
			.destroy = _destroy,
		},
	);
	return &this->public;
}
