/*
 * Each step looks at the SA first and does what its state allows; what it does not allow is due again soon after. What
 * has reached the ceiling goes in any case: a CHILD_SA by itself if nothing else has to do with it, else with its
 * IKE_SA, since tasks that wait for an answer hold on to their CHILD_SA.
 */
#include "rekey_worker.h"

#include <errno.h>
#include <unistd.h>

#include <processing/jobs/callback_job.h>
#include <sa/ikev2/tasks/child_rekey.h>

#include "plugins/culvert-conf/conf_query.h"

typedef struct private_rekey_worker_t private_rekey_worker_t;

struct private_rekey_worker_t {
	rekey_worker_t public;
	rekey_ledger_t *ledger;
	rekey_gate_t *gate;
	/** NULL: nobody is told */
	conf_query_t *query;
};

/** One step, on its way to a thread */
typedef struct {
	private_rekey_worker_t *worker;
	rekey_due_t due;
} work_t;

static void checkin(ike_sa_t *ike_sa, status_t status)
{
	if (status == DESTROY_ME)
		charon->ike_sa_manager->checkin_and_destroy(charon->ike_sa_manager, ike_sa);
	else
		charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
}

static bool has_task_in(ike_sa_t *ike_sa, task_queue_t queue, bool children_only)
{
	enumerator_t *enumerator;
	bool found = FALSE;
	task_t *task;

	enumerator = ike_sa->create_task_enumerator(ike_sa, queue);
	while (!found && enumerator->enumerate(enumerator, &task)) {
		switch ((int)task->get_type(task)) {
		case TASK_CHILD_CREATE:
		case TASK_CHILD_REKEY:
		case TASK_CHILD_DELETE:
			found = TRUE;
			break;
		case TASK_IKE_REKEY:
		case TASK_IKE_REAUTH:
		case TASK_IKE_DELETE:
			found = !children_only;
			break;
		default:
			break;
		}
	}
	enumerator->destroy(enumerator);
	return found;
}

/** Whether SAs are being made or ended in an IKE_SA, by either side: a rekey would meet it. */
static bool is_busy(ike_sa_t *ike_sa)
{
	return ike_sa->get_state(ike_sa) != IKE_ESTABLISHED || has_task_in(ike_sa, TASK_QUEUE_ACTIVE, FALSE) ||
		   has_task_in(ike_sa, TASK_QUEUE_PASSIVE, FALSE) || has_task_in(ike_sa, TASK_QUEUE_QUEUED, FALSE);
}

/** Whether no task may hold on to a CHILD_SA of an IKE_SA; those in the queue find theirs when they begin. */
static bool is_free(ike_sa_t *ike_sa)
{
	return !has_task_in(ike_sa, TASK_QUEUE_ACTIVE, TRUE) && !has_task_in(ike_sa, TASK_QUEUE_PASSIVE, TRUE);
}

static bool carries(child_sa_t *child_sa)
{
	child_sa_state_t state = child_sa->get_state(child_sa);

	return state == CHILD_INSTALLED || state == CHILD_REKEYING || state == CHILD_UPDATING;
}

/** Whether an IKE_SA has nothing else that carries packets. */
static bool is_last(ike_sa_t *ike_sa, child_sa_t *child_sa)
{
	enumerator_t *enumerator;
	child_sa_t *current;
	bool last = TRUE;

	enumerator = ike_sa->create_child_sa_enumerator(ike_sa);
	while (last && enumerator->enumerate(enumerator, &current))
		last = current == child_sa || !carries(current);
	enumerator->destroy(enumerator);
	return last;
}

/** Notes that something of a tunnel ends. A failure that is known already, as a refusal, is the cause and stays. */
static void tell(private_rekey_worker_t *this, ike_sa_t *ike_sa, conf_scope_t scope, const char *text)
{
	conf_tunnel_t *tunnel = this->query ? this->query->get_tunnel(this->query, ike_sa) : NULL;
	conf_status_view_t view;

	if (!tunnel)
		return;
	tunnel->status->get_view(tunnel->status, &view);
	if (!view.failure)
		tunnel->status->fail(tunnel->status, ike_sa->get_unique_id(ike_sa), scope, text);
	free(view.failure);
	tunnel->destroy(tunnel);
}

/** Whether an IKE_SA's end is its tunnel's; one that is being deleted after it was replaced has left its CHILD_SAs. */
static bool is_in_use(ike_sa_t *ike_sa)
{
	ike_sa_state_t state = ike_sa->get_state(ike_sa);

	return state == IKE_ESTABLISHED || state == IKE_REKEYING ||
		   (state == IKE_DELETING && ike_sa->get_child_count(ike_sa));
}

static status_t bid_farewell(private_rekey_worker_t *this, ike_sa_t *ike_sa)
{
	if (ike_sa->get_state(ike_sa) == IKE_DELETING)
		return SUCCESS;
	if (is_in_use(ike_sa)) {
		DBG1(DBG_IKE, "IKE_SA %s[%u] ends: its keys or its CHILD_SA's could not be renewed in time",
			ike_sa->get_name(ike_sa), ike_sa->get_unique_id(ike_sa));
		tell(this, ike_sa, CONF_SCOPE_IKE,
			"the tunnel was ended: its keys could not be renewed before they reached their ceiling");
	} else {
		/* The tunnel is another IKE_SA's. */
		DBG1(DBG_IKE, "IKE_SA %s[%u] %s: ending it", ike_sa->get_name(ike_sa), ike_sa->get_unique_id(ike_sa),
			ike_sa->get_state(ike_sa) == IKE_REKEYED ? "was replaced, but the peer has not deleted it"
													 : "has never been complete");
	}
	return ike_sa->delete(ike_sa, FALSE);
}

/** Without another word: one protected by these keys would be one too many. */
static status_t end(private_rekey_worker_t *this, ike_sa_t *ike_sa)
{
	DBG1(DBG_IKE, "IKE_SA %s[%u] has reached the ceiling, destroying it", ike_sa->get_name(ike_sa),
		ike_sa->get_unique_id(ike_sa));
	if (is_in_use(ike_sa)) {
		tell(this, ike_sa, CONF_SCOPE_IKE, "the tunnel was ended: its keys reached their ceiling");
		charon->bus->ike_updown(charon->bus, ike_sa, FALSE);
	}
	return DESTROY_ME;
}

static status_t work_on_ike(private_rekey_worker_t *this, const rekey_due_t *due, ike_sa_t *ike_sa)
{
	status_t status = SUCCESS;
	bool busy;

	switch (due->step) {
	case REKEY_STEP_REKEY:
		busy = is_busy(ike_sa);
		this->ledger->tried(this->ledger, REKEY_IKE, due->id, !busy);
		if (!busy)
			status = ike_sa->rekey(ike_sa);
		break;
	case REKEY_STEP_FAREWELL:
		status = bid_farewell(this, ike_sa);
		break;
	case REKEY_STEP_END:
		status = end(this, ike_sa);
		break;
	}
	/* What cannot be done now is done later. */
	return status == DESTROY_ME ? DESTROY_ME : SUCCESS;
}

/**
 * A peer that rekeyed a CHILD_SA and never deleted the one before leaves the two linked. Rekeyed in this state, the
 * newer one would go and the link stay, so the rekey before is concluded as if the peer had: this time without it.
 */
static status_t conclude(ike_sa_t *ike_sa, child_sa_t *before)
{
	DBG1(DBG_IKE, "CHILD_SA %s{%u} was replaced and not deleted by the peer", before->get_name(before),
		before->get_unique_id(before));
	return ike_sa->delete_child_sa(ike_sa, before->get_protocol(before), before->get_spi(before, TRUE), FALSE);
}

static status_t rekey_child(
	private_rekey_worker_t *this, const rekey_due_t *due, ike_sa_t *ike_sa, child_sa_t *child_sa)
{
	child_sa_t *before = child_sa->get_rekey_sa(child_sa);
	bool busy = child_sa->get_state(child_sa) != CHILD_INSTALLED || is_busy(ike_sa);

	this->ledger->tried(this->ledger, REKEY_CHILD, due->id, !busy && !before);
	if (busy)
		return SUCCESS;
	if (before)
		return conclude(ike_sa, before);
	return ike_sa->rekey_child_sa(ike_sa, child_sa->get_protocol(child_sa), child_sa->get_spi(child_sa, TRUE));
}

/**
 * One that carries packets and is the last one takes its IKE_SA along: a peer that refuses to rekey may well refuse to
 * make another one inside it, as one with another idea of perfect forward secrecy does, but not together with a new
 * IKE_SA.
 */
static status_t bid_child_farewell(private_rekey_worker_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa)
{
	if (carries(child_sa) && is_last(ike_sa, child_sa))
		return bid_farewell(this, ike_sa);
	if (child_sa->get_state(child_sa) == CHILD_DELETING)
		return SUCCESS;
	DBG1(DBG_IKE, "CHILD_SA %s{%u} %s", child_sa->get_name(child_sa), child_sa->get_unique_id(child_sa),
		carries(child_sa) ? "ends: its keys could not be renewed in time" : "was replaced and is not kept any longer");
	if (carries(child_sa))
		tell(this, ike_sa, CONF_SCOPE_CHILD,
			"a CHILD_SA was ended: its keys could not be renewed before they reached their ceiling");
	return ike_sa->delete_child_sa(ike_sa, child_sa->get_protocol(child_sa), child_sa->get_spi(child_sa, TRUE), FALSE);
}

/** What a rekey by the peer has linked to a CHILD_SA stays, without it: a successor begins to send. */
static void unlink_child(child_sa_t *child_sa)
{
	child_sa_t *other = child_sa->get_rekey_sa(child_sa);

	if (!other)
		return;
	child_sa->set_rekey_sa(child_sa, NULL);
	other->set_rekey_sa(other, NULL);
	if (child_sa->get_state(child_sa) == CHILD_REKEYED)
		child_rekey_conclude_rekeying(child_sa, other);
}

static status_t end_child(private_rekey_worker_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa)
{
	DBG1(DBG_IKE, "CHILD_SA %s{%u} has reached the ceiling, destroying it", child_sa->get_name(child_sa),
		child_sa->get_unique_id(child_sa));
	if (!is_free(ike_sa) || (carries(child_sa) && is_last(ike_sa, child_sa))) {
		tell(this, ike_sa, CONF_SCOPE_IKE, "the tunnel was ended: its keys reached their ceiling");
		return ike_sa->delete(ike_sa, TRUE);
	}
	unlink_child(child_sa);
	if (carries(child_sa))
		charon->bus->child_updown(charon->bus, child_sa, FALSE);
	return ike_sa->destroy_child_sa(ike_sa, child_sa->get_protocol(child_sa), child_sa->get_spi(child_sa, TRUE));
}

static status_t work_on_child(
	private_rekey_worker_t *this, const rekey_due_t *due, ike_sa_t *ike_sa, child_sa_t *child_sa)
{
	status_t status = SUCCESS;

	switch (due->step) {
	case REKEY_STEP_REKEY:
		status = rekey_child(this, due, ike_sa, child_sa);
		break;
	case REKEY_STEP_FAREWELL:
		status = bid_child_farewell(this, ike_sa, child_sa);
		break;
	case REKEY_STEP_END:
		status = end_child(this, ike_sa, child_sa);
		break;
	}
	return status == DESTROY_ME ? DESTROY_ME : SUCCESS;
}

static job_requeue_t work(work_t *this)
{
	private_rekey_worker_t *worker = this->worker;
	child_sa_t *child_sa;
	ike_sa_t *ike_sa;

	if (this->due.kind == REKEY_CHILD) {
		ike_sa = charon->child_sa_manager->checkout_by_id(charon->child_sa_manager, this->due.id, &child_sa);
		if (ike_sa)
			checkin(ike_sa, work_on_child(worker, &this->due, ike_sa, child_sa));
	} else if (this->due.ike_id || this->due.step == REKEY_STEP_END) {
		/* charon ends half open ones itself, but not if the gate has closed before them while it was stopped. */
		ike_sa = worker->gate->checkout(worker->gate, this->due.ike_id, this->due.id);
		if (ike_sa)
			checkin(ike_sa, work_on_ike(worker, &this->due, ike_sa));
	}
	return JOB_REQUEUE_NONE;
}

static void destroy_work(work_t *this)
{
	DESTROY_IF(this->due.ike_id);
	free(this);
}

/** Ends come first, and before what waits for a thread already. */
static job_priority_t priority(const rekey_due_t *due)
{
	return due->step == REKEY_STEP_END ? JOB_PRIO_HIGH : JOB_PRIO_MEDIUM;
}

static bool look(private_rekey_worker_t *this, int fd, watcher_event_t event)
{
	rekey_due_t due;
	uint64_t count;
	work_t *work_;
	job_t *job;

	/* What it counts does not matter, that it was read does. */
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR)
		DBG1(DBG_LIB, "timer of key ages: %s", strerror(errno));
	while (this->ledger->take_due(this->ledger, &due)) {
		INIT(work_, .worker = this, .due = due, );
		job = (job_t *)callback_job_create_with_prio(
			(callback_job_cb_t)work, work_, (callback_job_cleanup_t)destroy_work, NULL, priority(&due));
		lib->processor->queue_job(lib->processor, job);
	}
	return TRUE;
}

METHOD(rekey_worker_t, destroy, void, private_rekey_worker_t *this)
{
	lib->watcher->remove(lib->watcher, this->ledger->get_fd(this->ledger));
	free(this);
}

rekey_worker_t *rekey_worker_create(rekey_ledger_t *ledger, rekey_gate_t *gate)
{
	private_rekey_worker_t *this;

	INIT(this,
		.public = {
			.destroy = _destroy,
		},
		.ledger = ledger,
		.gate = gate,
		.query = lib->get(lib, CONF_QUERY),
	);
	lib->watcher->add(lib->watcher, ledger->get_fd(ledger), WATCHER_READ, (watcher_cb_t)look, this);
	return &this->public;
}
