/*
 * A look at each CHILD_SA some time after it was replaced; usually it is gone by then. Nothing is remembered but the
 * jobs themselves, which charon cancels when it ends.
 */
#include "rekey_strays.h"

#include <processing/jobs/callback_job.h>

typedef struct private_rekey_strays_t private_rekey_strays_t;

enum {
	/** seconds that the peer has to delete one that lost against another */
	DELAY_REDUNDANT = 10,
	/** seconds that it has to delete the old one after its own rekey: its requests may be repeated */
	DELAY_REKEYED = 90,
};

struct private_rekey_strays_t {
	rekey_strays_t public;
};

/** A CHILD_SA to look at */
typedef struct {
	/** unique ID */
	uint32_t id;
	/** whether it was looked at before */
	bool again;
} look_t;

static bool is_stray(child_sa_t *child_sa, bool again)
{
	return child_sa->get_state(child_sa) == CHILD_REKEYED && (again || !child_sa->get_rekey_sa(child_sa));
}

/** Of one whose successor waits for the peer's DELETE charon concludes the rekey and sends none. */
static status_t end(ike_sa_t *ike_sa, child_sa_t *child_sa)
{
	DBG1(DBG_IKE, "CHILD_SA %s{%u} was replaced, but the peer has not deleted it: ending it",
		child_sa->get_name(child_sa), child_sa->get_unique_id(child_sa));
	return ike_sa->delete_child_sa(ike_sa, child_sa->get_protocol(child_sa), child_sa->get_spi(child_sa, TRUE), FALSE);
}

static job_requeue_t look(look_t *this)
{
	child_sa_t *child_sa;
	ike_sa_t *ike_sa = charon->child_sa_manager->checkout_by_id(charon->child_sa_manager, this->id, &child_sa);
	status_t status = SUCCESS;
	bool waits = FALSE;

	if (!ike_sa)
		return JOB_REQUEUE_NONE;
	if (is_stray(child_sa, this->again))
		status = end(ike_sa, child_sa);
	else
		waits = child_sa->get_state(child_sa) == CHILD_REKEYED;
	if (status == DESTROY_ME)
		charon->ike_sa_manager->checkin_and_destroy(charon->ike_sa_manager, ike_sa);
	else
		charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	if (!waits)
		return JOB_REQUEUE_NONE;
	this->again = TRUE;
	return JOB_RESCHEDULE(DELAY_REKEYED - DELAY_REDUNDANT);
}

METHOD(listener_t, child_state_change, bool, private_rekey_strays_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa,
	child_sa_state_t state)
{
	callback_job_t *job;
	look_t *data;

	if (state != CHILD_REKEYED)
		return TRUE;
	INIT(data, .id = child_sa->get_unique_id(child_sa), );
	job = callback_job_create((callback_job_cb_t)look, data, free, NULL);
	lib->scheduler->schedule_job(lib->scheduler, (job_t *)job, DELAY_REDUNDANT);
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
