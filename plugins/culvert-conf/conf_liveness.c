/*
 * The listener runs in charon's bus with an IKE_SA checked out; the mutex is taken for a moment and nothing is waited
 * for under it. One job ticks while questions are out, for all of them.
 *
 * Bounded by what there is: a record for each established IKE_SA, one for each tunnel that has one or was silent last.
 */
#include "conf_liveness.h"

#include <sys/eventfd.h>
#include <sys/queue.h>

#include <collections/hashtable.h>
#include <processing/jobs/callback_job.h>
#include <sa/ikev2/tasks/ike_dpd.h>
#include <threading/mutex.h>

#include "lib/buf.h"

typedef struct private_conf_liveness_t private_conf_liveness_t;
typedef struct tunnel_t tunnel_t;
typedef struct asker_t asker_t;
typedef struct exchange_t exchange_t;
typedef struct question_t question_t;
typedef struct spis_t spis_t;

enum {
	/** milliseconds */
	TICK = 100,
	PATIENCE = 1000,
	/** how much longer an exchange with a key exchange may take */
	COSTLY = 3,
	/** repetitions within the patience; behind it one in each twice the patience */
	REPETITIONS = 3,
	BEHIND = 2,
	/** repetitions to one address in a tick; what is beyond that waits for the next: a busy peer answers no sooner for
	 * being asked more */
	ADDRESS_MOST = 3,
	/** addresses are told apart by so many values of their hash */
	ADDRESSES = 256,
	/** a peer that takes longer for an answer was away, one that takes less may be slow */
	SLOW = 5000,
	/** how many times as long as its last answer a slow peer is waited for */
	LENIENCE = 2,
	/** a tick that comes so much too late says that charon stood still, and heard no answer */
	STALL = 500,
};

/** What finds an IKE_SA */
struct spis_t {
	uint64_t initiator, responder;
};

/** An established IKE_SA; small, since there is one for each tunnel that is up */
struct asker_t {
	/** first member */
	spis_t spis;
	/** whether the IKE_SA was initiated by us; whether a job is about to make a request */
	bool initiator, queued;
	tunnel_t *tunnel;
	/** among the tunnel's, the latest first */
	LIST_ENTRY(asker_t) sibling;
	/** milliseconds that the last answer took, 0 unless the peer is slow */
	uint32_t slow;
	/** the request that is out; NULL: none is */
	exchange_t *out;
};

/** A request that is out */
struct exchange_t {
	asker_t *asker;
	/** among all of them, whoever waits longest to be repeated first */
	TAILQ_ENTRY(exchange_t) open;
	/** milliseconds for it */
	uint64_t patience;
	/** monotonic milliseconds: asked; silent from then on; next repetition */
	uint64_t asked, deadline, repeat;
	/** it costs the peer nothing: its answer tells how fast the peer is */
	bool cheap;
	/** whether the deadline has passed without an answer */
	bool silent;
	/** what to repeat; NULL: charon alone does */
	packet_t *packet;
};

struct tunnel_t {
	/** the latest first */
	LIST_HEAD(, asker_t) askers;
	/** number of its last change */
	uint64_t changed;
	/** in the order of changes, the latest last */
	TAILQ_ENTRY(tunnel_t) next;
	bool silent;
	char name[];
};

struct private_conf_liveness_t {
	conf_liveness_t public;
	conf_query_t *query;
	mutex_t *mutex;
	/** spis_t => asker_t, owned */
	hashtable_t *askers;
	/** name => tunnel_t, owned */
	hashtable_t *tunnels;
	TAILQ_HEAD(exchanges, exchange_t) open;
	TAILQ_HEAD(tunnels, tunnel_t) changes;
	/** number of the last change, from 1 */
	uint64_t changed;
	/** a tick is scheduled */
	bool ticking;
	/** monotonic milliseconds of the last tick */
	uint64_t ticked;
	/** eventfd */
	int fd;
};

/** A question that a job asks */
struct question_t {
	private_conf_liveness_t *this;
	ike_sa_id_t *id;
};

static uint64_t now_ms(void)
{
	timeval_t now;

	time_monotonic(&now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_usec / 1000;
}

static u_int hash_spis(const void *key)
{
	return chunk_hash(chunk_create((uint8_t *)key, sizeof(spis_t)));
}

static bool equals_spis(const void *a, const void *b)
{
	const spis_t *x = a, *y = b;

	return x->initiator == y->initiator && x->responder == y->responder;
}

static spis_t spis_of(ike_sa_id_t *id)
{
	return (spis_t){ .initiator = id->get_initiator_spi(id), .responder = id->get_responder_spi(id) };
}

static asker_t *find_asker(private_conf_liveness_t *this, ike_sa_id_t *id)
{
	spis_t spis = spis_of(id);

	return this->askers->get(this->askers, &spis);
}

static void note_change(private_conf_liveness_t *this, tunnel_t *tunnel)
{
	tunnel->changed = ++this->changed;
	TAILQ_REMOVE(&this->changes, tunnel, next);
	TAILQ_INSERT_TAIL(&this->changes, tunnel, next);
	eventfd_write(this->fd, 1);
}

static void set_silent(private_conf_liveness_t *this, tunnel_t *tunnel, bool silent)
{
	if (tunnel->silent == silent)
		return;
	tunnel->silent = silent;
	note_change(this, tunnel);
}

static tunnel_t *get_tunnel(private_conf_liveness_t *this, const char *name)
{
	tunnel_t *tunnel = this->tunnels->get(this->tunnels, name);
	size_t size = strlen(name) + 1, end = offsetof(tunnel_t, name) + size;

	if (tunnel)
		return tunnel;
	INIT_EXTRA(tunnel, end > sizeof(*tunnel) ? end - sizeof(*tunnel) : 0);
	memcpy(tunnel->name, name, size);
	this->tunnels->put(this->tunnels, tunnel->name, tunnel);
	TAILQ_INSERT_TAIL(&this->changes, tunnel, next);
	note_change(this, tunnel);
	return tunnel;
}

static void forget_tunnel(private_conf_liveness_t *this, tunnel_t *tunnel)
{
	this->tunnels->remove(this->tunnels, tunnel->name);
	TAILQ_REMOVE(&this->changes, tunnel, next);
	free(tunnel);
}

static void close_question(private_conf_liveness_t *this, asker_t *asker)
{
	exchange_t *out = asker->out;

	if (!out)
		return;
	TAILQ_REMOVE(&this->open, out, open);
	DESTROY_IF(out->packet);
	free(out);
	asker->out = NULL;
}

static bool speaks_for_tunnel(const asker_t *asker)
{
	return LIST_FIRST(&asker->tunnel->askers) == asker;
}

static bool is_silent(const asker_t *asker)
{
	return asker->out && asker->out->silent;
}

/** A new IKE_SA is an answer: the peer has made it with us. */
static void add_asker(private_conf_liveness_t *this, ike_sa_id_t *id, const char *name)
{
	asker_t *asker = find_asker(this, id);
	tunnel_t *tunnel;

	if (asker)
		return;
	tunnel = get_tunnel(this, name);
	INIT(asker, .spis = spis_of(id), .initiator = id->is_initiator(id), .tunnel = tunnel);
	LIST_INSERT_HEAD(&tunnel->askers, asker, sibling);
	this->askers->put(this->askers, &asker->spis, asker);
	set_silent(this, tunnel, FALSE);
}

static void remove_asker(private_conf_liveness_t *this, ike_sa_id_t *id)
{
	spis_t spis = spis_of(id);
	asker_t *asker = this->askers->remove(this->askers, &spis);
	tunnel_t *tunnel;
	bool spoke;

	if (!asker)
		return;
	tunnel = asker->tunnel;
	spoke = speaks_for_tunnel(asker);
	close_question(this, asker);
	LIST_REMOVE(asker, sibling);
	if (spoke && !LIST_EMPTY(&tunnel->askers))
		set_silent(this, tunnel, is_silent(LIST_FIRST(&tunnel->askers)));
	free(asker);
	/* Who did not answer is not known to live because charon has given him up. */
	if (LIST_EMPTY(&tunnel->askers) && !tunnel->silent)
		forget_tunnel(this, tunnel);
}

/**
 * Looks whether a question has remained unanswered.
 *
 * @param stall		milliseconds for which nobody could have heard an answer: they do not count
 */
static void tend(private_conf_liveness_t *this, exchange_t *out, uint64_t now, uint64_t stall)
{
	if (stall) {
		out->asked = min(out->asked + stall, now);
		out->deadline = min(out->deadline + stall, out->silent ? now : now + out->patience);
	}
	if (!out->silent && now >= out->deadline) {
		out->silent = TRUE;
		if (speaks_for_tunnel(out->asker))
			set_silent(this, out->asker->tunnel, TRUE);
	}
}

/**
 * Repeats what is due, as far as the peers' addresses may be asked in this tick.
 *
 * @param silent	those that are silent; the others come before them, a lost packet of theirs would be a silence
 * @param asked		questions in this tick by address
 * @param packets	receives what to send
 */
static void repeat(private_conf_liveness_t *this, bool silent, uint64_t now, u_int *asked, array_t *packets)
{
	exchange_t *out, *next, *last = TAILQ_LAST(&this->open, exchanges);
	packet_t *packet;
	host_t *peer;

	for (out = TAILQ_FIRST(&this->open); out; out = out == last ? NULL : next) {
		next = TAILQ_NEXT(out, open);
		if (out->silent != silent || !out->packet || now < out->repeat)
			continue;
		peer = out->packet->get_destination(out->packet);
		if (asked[chunk_hash(peer->get_address(peer)) % ADDRESSES]++ >= ADDRESS_MOST)
			continue;
		packet = out->packet->clone(out->packet);
		array_insert(packets, ARRAY_TAIL, packet);
		out->repeat = now + (out->silent ? out->patience * BEHIND : out->patience / REPETITIONS);
		TAILQ_REMOVE(&this->open, out, open);
		TAILQ_INSERT_TAIL(&this->open, out, open);
	}
}

static job_requeue_t tick(private_conf_liveness_t *this)
{
	array_t *packets = array_create(0, 0);
	u_int asked[ADDRESSES] = { 0 };
	uint64_t now = now_ms(), stall;
	exchange_t *out;
	packet_t *packet;
	bool again;

	this->mutex->lock(this->mutex);
	stall = now - this->ticked > TICK + STALL ? now - this->ticked - TICK : 0;
	this->ticked = now;
	TAILQ_FOREACH(out, &this->open, open) tend(this, out, now, stall);
	repeat(this, FALSE, now, asked, packets);
	repeat(this, TRUE, now, asked, packets);
	again = !TAILQ_EMPTY(&this->open);
	this->ticking = again;
	this->mutex->unlock(this->mutex);
	while (array_remove(packets, ARRAY_HEAD, &packet))
		charon->sender->send(charon->sender, packet);
	array_destroy(packets);
	return again ? JOB_RESCHEDULE_MS(TICK) : JOB_REQUEUE_NONE;
}

static void start_ticking(private_conf_liveness_t *this)
{
	if (this->ticking)
		return;
	this->ticking = TRUE;
	this->ticked = now_ms();
	lib->scheduler->schedule_job_ms(lib->scheduler,
		(job_t *)callback_job_create_with_prio((callback_job_cb_t)tick, this, NULL, NULL, JOB_PRIO_HIGH), TICK);
}

static uint64_t patience_of(ike_sa_t *ike_sa)
{
	peer_cfg_t *cfg = ike_sa->get_peer_cfg(ike_sa);
	double timeout = 0, base;
	u_int tries;

	if (cfg)
		cfg->get_retransmission(cfg, &timeout, &base, &tries);
	return max((uint64_t)PATIENCE, (uint64_t)(timeout * 1000 / 2));
}

static bool is_cheap(message_t *message)
{
	return message->get_exchange_type(message) == INFORMATIONAL;
}

/** A request is about to be encrypted. */
static void open_question(private_conf_liveness_t *this, asker_t *asker, ike_sa_t *ike_sa, message_t *message)
{
	uint64_t now = now_ms(), patience = max(patience_of(ike_sa), (uint64_t)asker->slow * LENIENCE);
	exchange_t *out;

	close_question(this, asker);
	INIT(out, .asker = asker, .patience = patience, .asked = now, .cheap = is_cheap(message),
		.repeat = now + patience / REPETITIONS, );
	out->deadline = now + patience * (out->cheap || asker->queued ? 1 : COSTLY);
	asker->out = out;
	asker->queued = FALSE;
	TAILQ_INSERT_TAIL(&this->open, out, open);
	start_ticking(this);
}

/** It has been encrypted. */
static void keep_packet(asker_t *asker, message_t *message)
{
	exchange_t *out = asker->out;

	if (out && !out->packet && out->cheap && !message->is_fragmented(message))
		out->packet = message->get_packet(message);
}

static void destroy_question(question_t *question)
{
	question->id->destroy(question->id);
	free(question);
}

/** One that came too late, or found an exchange under way, must not count for the next request. */
static void question_done(question_t *question)
{
	private_conf_liveness_t *this = question->this;
	asker_t *asker;

	this->mutex->lock(this->mutex);
	asker = find_asker(this, question->id);
	if (asker)
		asker->queued = FALSE;
	this->mutex->unlock(this->mutex);
}

static job_requeue_t send_question(question_t *question)
{
	ike_sa_manager_t *manager = charon->ike_sa_manager;
	status_t status = SUCCESS;
	ike_sa_t *ike_sa;

	ike_sa = manager->checkout(manager, question->id);
	if (ike_sa) {
		if (ike_sa->get_state(ike_sa) == IKE_ESTABLISHED) {
			ike_sa->queue_task(ike_sa, (task_t *)ike_dpd_create(TRUE));
			status = ike_sa->initiate(ike_sa, NULL, NULL);
		}
		question_done(question);
		if (status == DESTROY_ME)
			manager->checkin_and_destroy(manager, ike_sa);
		else
			manager->checkin(manager, ike_sa);
	}
	return JOB_REQUEUE_NONE;
}

static ike_sa_id_t *id_of(const asker_t *asker)
{
	return ike_sa_id_create(IKEV2_MAJOR_VERSION, asker->spis.initiator, asker->spis.responder, asker->initiator);
}

/** Has a job ask; under the mutex. */
static void queue_question(private_conf_liveness_t *this, asker_t *asker)
{
	question_t *question;

	asker->queued = TRUE;
	INIT(question, .this = this, .id = id_of(asker));
	lib->processor->queue_job(
		lib->processor, (job_t *)callback_job_create_with_prio((callback_job_cb_t)send_question, question,
							(callback_job_cleanup_t)destroy_question, NULL, JOB_PRIO_HIGH));
}

/**
 * Notes how fast the peer is. One that answers late is asked again: whether it is slow, and to be waited for, or was
 * away and is as fast as ever.
 */
static void measure(private_conf_liveness_t *this, asker_t *asker)
{
	bool was_slow = asker->slow;
	uint64_t took;

	if (!asker->out || !asker->out->cheap)
		return;
	took = now_ms() - asker->out->asked;
	asker->slow = took > PATIENCE && took <= SLOW ? (uint32_t)took : 0;
	if (asker->slow && !was_slow && !asker->queued)
		queue_question(this, asker);
}

static void take_answer(private_conf_liveness_t *this, asker_t *asker)
{
	measure(this, asker);
	close_question(this, asker);
	if (speaks_for_tunnel(asker))
		set_silent(this, asker->tunnel, FALSE);
}

METHOD(listener_t, message_hook, bool, private_conf_liveness_t *this, ike_sa_t *ike_sa, message_t *message,
	bool incoming, bool plain)
{
	bool request = message->get_request(message);
	asker_t *asker;

	if (incoming == request || (incoming && !plain))
		return TRUE;
	this->mutex->lock(this->mutex);
	asker = find_asker(this, ike_sa->get_id(ike_sa));
	if (asker && incoming)
		take_answer(this, asker);
	else if (asker && plain)
		open_question(this, asker, ike_sa, message);
	else if (asker)
		keep_packet(asker, message);
	this->mutex->unlock(this->mutex);
	return TRUE;
}

METHOD(listener_t, ike_state_change, bool, private_conf_liveness_t *this, ike_sa_t *ike_sa, ike_sa_state_t state)
{
	conf_tunnel_t *tunnel;

	if (state == IKE_REKEYING)
		return TRUE;
	tunnel = state == IKE_ESTABLISHED ? this->query->get_tunnel(this->query, ike_sa) : NULL;
	this->mutex->lock(this->mutex);
	if (tunnel)
		add_asker(this, ike_sa->get_id(ike_sa), tunnel->name);
	else
		remove_asker(this, ike_sa->get_id(ike_sa));
	this->mutex->unlock(this->mutex);
	DESTROY_IF(tunnel);
	return TRUE;
}

/** A question that is out becomes one that we wait for. */
static void hurry(exchange_t *out)
{
	uint64_t now = now_ms();

	out->deadline = min(out->deadline, now + out->patience);
	out->repeat = min(out->repeat, now);
}

METHOD(conf_liveness_t, ask, bool, private_conf_liveness_t *this, const char *name)
{
	asker_t *asker = NULL;
	tunnel_t *tunnel;

	this->mutex->lock(this->mutex);
	tunnel = this->tunnels->get(this->tunnels, name);
	if (tunnel)
		asker = LIST_FIRST(&tunnel->askers);
	if (asker && asker->out && !asker->out->silent)
		hurry(asker->out);
	else if (asker && !asker->out && !asker->queued)
		queue_question(this, asker);
	this->mutex->unlock(this->mutex);
	return asker != NULL;
}

METHOD(conf_liveness_t, print, bool, private_conf_liveness_t *this, uint64_t *seen, struct buf *out)
{
	tunnel_t *tunnel;
	bool changed;

	this->mutex->lock(this->mutex);
	changed = *seen != this->changed;
	TAILQ_FOREACH_REVERSE(tunnel, &this->changes, tunnels, next)
	{
		if (tunnel->changed <= *seen)
			break;
		buf_printf(out, "%s %s\n", tunnel->silent ? "silent" : "answers", tunnel->name);
	}
	*seen = this->changed;
	this->mutex->unlock(this->mutex);
	return changed;
}

METHOD(conf_liveness_t, get_fd, int, private_conf_liveness_t *this)
{
	return this->fd;
}

METHOD(conf_liveness_t, clear, void, private_conf_liveness_t *this)
{
	eventfd_t count;

	eventfd_read(this->fd, &count);
}

METHOD(conf_liveness_t, get_silence, uint64_t, private_conf_liveness_t *this, uint64_t spi_initiator,
	uint64_t spi_responder)
{
	spis_t spis = { .initiator = spi_initiator, .responder = spi_responder };
	uint64_t silence = 0;
	asker_t *asker;

	this->mutex->lock(this->mutex);
	asker = this->askers->get(this->askers, &spis);
	if (asker && is_silent(asker))
		silence = max(this->ticked - asker->out->deadline, (uint64_t)1);
	this->mutex->unlock(this->mutex);
	return silence;
}

METHOD(conf_liveness_t, prune, void, private_conf_liveness_t *this)
{
	conf_generation_t *generation = this->query->get_generation(this->query);
	tunnel_t *tunnel, *next;

	this->mutex->lock(this->mutex);
	for (tunnel = TAILQ_FIRST(&this->changes); tunnel; tunnel = next) {
		next = TAILQ_NEXT(tunnel, next);
		if (LIST_EMPTY(&tunnel->askers) && !generation->get_tunnel(generation, tunnel->name))
			forget_tunnel(this, tunnel);
	}
	this->mutex->unlock(this->mutex);
	generation->destroy(generation);
}

METHOD(conf_liveness_t, destroy, void, private_conf_liveness_t *this)
{
	tunnel_t *tunnel;
	asker_t *asker;

	while ((tunnel = TAILQ_FIRST(&this->changes))) {
		while ((asker = LIST_FIRST(&tunnel->askers))) {
			LIST_REMOVE(asker, sibling);
			close_question(this, asker);
			free(asker);
		}
		forget_tunnel(this, tunnel);
	}
	this->askers->destroy(this->askers);
	this->tunnels->destroy(this->tunnels);
	this->mutex->destroy(this->mutex);
	close(this->fd);
	free(this);
}

conf_liveness_t *conf_liveness_create(conf_query_t *query)
{
	private_conf_liveness_t *this;

	INIT(this,
		.public = {
			.listener = {
				.message = _message_hook,
				.ike_state_change = _ike_state_change,
			},
			.ask = _ask,
			.print = _print,
			.get_fd = _get_fd,
			.clear = _clear,
			.get_silence = _get_silence,
			.prune = _prune,
			.destroy = _destroy,
		},
		.query = query,
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.askers = hashtable_create(hash_spis, equals_spis, 64),
		.tunnels = hashtable_create(hashtable_hash_str, hashtable_equals_str, 64),
		.changed = 1,
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	);
	TAILQ_INIT(&this->open);
	TAILQ_INIT(&this->changes);
	return &this->public;
}
