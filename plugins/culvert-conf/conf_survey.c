#include "conf_survey.h"

#include <sys/mman.h>

#include <collections/hashtable.h>
#include <collections/array.h>
#include <processing/jobs/rekey_child_sa_job.h>

typedef struct private_conf_survey_t private_conf_survey_t;
typedef struct block_t block_t;

/** Times that a survey is taken until it is not outdated at its end: where so many are replaced all the time, enough */
enum { TRIES = 4 };

/** Octets of a block: room for more than a thousand IKE_SAs with a CHILD_SA each */
enum { BLOCK = 256 * 1024 };

/** How many IKE_SAs have been replaced so far */
static u_int replaced;

/** Pages of the survey */
struct block_t {
	block_t *next;
	/** octets in use, these included */
	size_t used;
};

struct private_conf_survey_t {
	conf_survey_t public;
	bool proposals;
	/** the one that is being filled first */
	block_t *blocks;
	/** every IKE_SA, owned */
	array_t *all;
	/** tunnel name (of the peer_cfg_t) => first conf_sa_t */
	hashtable_t *by_name;
};

/**
 * Room in the survey. A survey that leaves something out would have it made twice: without memory charon ends, as it
 * does everywhere.
 */
static void *take(private_conf_survey_t *this, size_t size)
{
	block_t *block = this->blocks;
	void *room;

	size = round_up(size, _Alignof(max_align_t));
	if (!block || BLOCK - block->used < size) {
		block = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (block == MAP_FAILED)
			abort();
		block->next = this->blocks;
		block->used = round_up(sizeof(*block), _Alignof(max_align_t));
		this->blocks = block;
	}
	room = (char *)block + block->used;
	block->used += size;
	return room;
}

static bool is_creating(ike_sa_t *ike_sa, task_queue_t queue)
{
	enumerator_t *enumerator;
	bool creating = FALSE;
	task_t *task;

	enumerator = ike_sa->create_task_enumerator(ike_sa, queue);
	while (!creating && enumerator->enumerate(enumerator, &task))
		creating = task->get_type(task) == TASK_CHILD_CREATE;
	enumerator->destroy(enumerator);
	return creating;
}

static bool protects(child_sa_t *child_sa)
{
	switch (child_sa->get_state(child_sa)) {
	case CHILD_INSTALLED:
	case CHILD_UPDATING:
	case CHILD_REKEYING:
		return TRUE;
	case CHILD_CREATED:
	case CHILD_ROUTED:
	case CHILD_INSTALLING:
	case CHILD_REKEYED:
	case CHILD_RETRYING:
	case CHILD_DELETING:
	case CHILD_DELETED:
	case CHILD_DESTROYING:
		break;
	}
	return FALSE;
}

static u_int hash_selectors(child_sa_t *child_sa, bool local)
{
	traffic_selector_t *ts;
	enumerator_t *enumerator;
	u_int hash = 0;

	enumerator = child_sa->create_ts_enumerator(child_sa, local);
	while (enumerator->enumerate(enumerator, &ts))
		hash += ts->hash(ts, local);
	enumerator->destroy(enumerator);
	return hash;
}

static void add_children(private_conf_survey_t *this, conf_sa_t *sa, ike_sa_t *ike_sa)
{
	enumerator_t *enumerator;
	child_sa_t *child_sa;
	child_cfg_t *cfg;
	conf_child_t *child;

	enumerator = ike_sa->create_child_sa_enumerator(ike_sa);
	while (enumerator->enumerate(enumerator, &child_sa)) {
		if (!protects(child_sa))
			continue;
		cfg = child_sa->get_config(child_sa);
		child = take(this, sizeof(*child));
		*child = (conf_child_t){
			.next = sa->children,
			.cfg = cfg->get_ref(cfg),
			.if_id = child_sa->get_if_id(child_sa, FALSE),
			.spi_in = ntohl(child_sa->get_spi(child_sa, TRUE)),
			.spi_out = ntohl(child_sa->get_spi(child_sa, FALSE)),
			.rekeying = child_sa->get_state(child_sa) == CHILD_REKEYING,
			.installed = child_sa->get_installtime(child_sa),
			.selectors = hash_selectors(child_sa, TRUE) + hash_selectors(child_sa, FALSE),
		};
		sa->children = child;
	}
	enumerator->destroy(enumerator);
}

static void note_address(conf_address_t *address, host_t *host)
{
	memcpy(address, host->get_sockaddr(host), min((size_t)*host->get_sockaddr_len(host), sizeof(*address)));
}

static void add_sa(private_conf_survey_t *this, ike_sa_t *ike_sa)
{
	peer_cfg_t *cfg = ike_sa->get_peer_cfg(ike_sa);
	proposal_t *proposal = this->proposals ? ike_sa->get_proposal(ike_sa) : NULL;
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);
	conf_sa_t *sa = take(this, sizeof(*sa));

	*sa = (conf_sa_t){
		.next = this->by_name->get(this->by_name, cfg->get_name(cfg)),
		.spi_initiator = id->get_initiator_spi(id),
		.spi_responder = id->get_responder_spi(id),
		.initiator = id->is_initiator(id),
		.cfg = cfg->get_ref(cfg),
		.state = ike_sa->get_state(ike_sa),
		.established = (time_t)ike_sa->get_statistic(ike_sa, STAT_ESTABLISHED),
		.creating = is_creating(ike_sa, TASK_QUEUE_ACTIVE) || is_creating(ike_sa, TASK_QUEUE_PASSIVE) ||
					is_creating(ike_sa, TASK_QUEUE_QUEUED),
		/* Flags, of which charon itself passes none as 0. */
		/* NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange) */
		.proposal = proposal ? proposal->clone(proposal, 0) : NULL,
	};
	note_address(&sa->local, ike_sa->get_my_host(ike_sa));
	note_address(&sa->remote, ike_sa->get_other_host(ike_sa));
	add_children(this, sa, ike_sa);
	array_insert(this->all, ARRAY_TAIL, sa);
	this->by_name->put(this->by_name, sa->cfg->get_name(sa->cfg), sa);
}

METHOD(conf_survey_t, get_first, conf_sa_t *, private_conf_survey_t *this, const char *name)
{
	return this->by_name->get(this->by_name, name);
}

METHOD(conf_survey_t, create_enumerator, enumerator_t *, private_conf_survey_t *this)
{
	return array_create_enumerator(this->all);
}

static void release_sa(conf_sa_t *sa)
{
	conf_child_t *child;

	for (child = sa->children; child; child = child->next)
		child->cfg->destroy(child->cfg);
	DESTROY_IF(sa->proposal);
	sa->cfg->destroy(sa->cfg);
}

METHOD(conf_survey_t, destroy, void, private_conf_survey_t *this)
{
	block_t *block;
	conf_sa_t *sa;

	this->by_name->destroy(this->by_name);
	while (array_remove(this->all, ARRAY_TAIL, &sa))
		release_sa(sa);
	array_destroy(this->all);
	while ((block = this->blocks)) {
		this->blocks = block->next;
		munmap(block, BLOCK);
	}
	free(this);
}

static conf_survey_t *take_survey(bool proposals)
{
	private_conf_survey_t *this;
	enumerator_t *enumerator;
	ike_sa_t *ike_sa;

	INIT(this,
		.public = {
			.get_first = _get_first,
			.create_enumerator = _create_enumerator,
			.destroy = _destroy,
		},
		.proposals = proposals,
		.all = array_create(0, 0),
		.by_name = hashtable_create(hashtable_hash_str, hashtable_equals_str, 64),
	);
	enumerator = charon->ike_sa_manager->create_enumerator(charon->ike_sa_manager, TRUE);
	while (enumerator->enumerate(enumerator, &ike_sa)) {
		if (ike_sa->get_peer_cfg(ike_sa))
			add_sa(this, ike_sa);
	}
	enumerator->destroy(enumerator);
	return &this->public;
}

void conf_survey_outdate(void)
{
	__atomic_add_fetch(&replaced, 1, __ATOMIC_SEQ_CST);
}

/** An IKE_SA may be replaced before it is seen, by one that is entered where the survey has been. */
conf_survey_t *conf_survey_create(bool proposals)
{
	conf_survey_t *survey;
	u_int before, tries = 0;

	while (TRUE) {
		before = __atomic_load_n(&replaced, __ATOMIC_SEQ_CST);
		survey = take_survey(proposals);
		if (__atomic_load_n(&replaced, __ATOMIC_SEQ_CST) == before || ++tries == TRIES)
			return survey;
		survey->destroy(survey);
	}
}

conf_state_t conf_survey_state(const conf_sa_t *first)
{
	conf_state_t state = CONF_DOWN;

	for (; first; first = first->next) {
		switch (first->state) {
		case IKE_ESTABLISHED:
		case IKE_REKEYING:
			return CONF_UP;
		case IKE_CREATED:
		case IKE_CONNECTING:
			state = CONF_CONNECTING;
			break;
		case IKE_PASSIVE:
		case IKE_REKEYED:
		case IKE_DELETING:
		case IKE_DESTROYING:
			break;
		}
	}
	return state;
}

ike_sa_t *conf_survey_checkout(const conf_sa_t *sa)
{
	ike_sa_id_t *id;
	ike_sa_t *ike_sa;

	id = ike_sa_id_create(IKEV2_MAJOR_VERSION, sa->spi_initiator, sa->spi_responder, sa->initiator);
	ike_sa = charon->ike_sa_manager->checkout(charon->ike_sa_manager, id);
	id->destroy(id);
	return ike_sa;
}

static void checkin(ike_sa_t *ike_sa, status_t status)
{
	if (status == DESTROY_ME)
		charon->ike_sa_manager->checkin_and_destroy(charon->ike_sa_manager, ike_sa);
	else
		charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
}

void conf_survey_end(const conf_sa_t *sa)
{
	ike_sa_t *ike_sa;

	ike_sa = conf_survey_checkout(sa);
	if (ike_sa)
		checkin(ike_sa, ike_sa->delete(ike_sa, FALSE));
}

void conf_survey_drop(const conf_sa_t *sa)
{
	ike_sa_t *ike_sa;

	ike_sa = conf_survey_checkout(sa);
	if (ike_sa)
		checkin(ike_sa, ike_sa->delete(ike_sa, TRUE));
}

bool conf_survey_is_at(const conf_sa_t *sa, host_t *address)
{
	host_t *remote = host_create_from_sockaddr((sockaddr_t *)&sa->remote.any);
	bool same;

	if (!remote)
		return FALSE;
	same = remote->ip_equals(remote, address);
	remote->destroy(remote);
	return same;
}

void conf_survey_rekey_child(const conf_sa_t *sa, const conf_child_t *child, uint32_t delay)
{
	host_t *local = host_create_from_sockaddr((sockaddr_t *)&sa->local.any);
	job_t *job;

	if (!local)
		return;
	job = (job_t *)rekey_child_sa_job_create(PROTO_ESP, htonl(child->spi_in), local);
	lib->scheduler->schedule_job_ms(lib->scheduler, job, delay);
	local->destroy(local);
}

void conf_survey_end_child(const conf_sa_t *sa, const conf_child_t *child)
{
	ike_sa_t *ike_sa;

	ike_sa = conf_survey_checkout(sa);
	if (ike_sa)
		checkin(ike_sa, ike_sa->delete_child_sa(ike_sa, PROTO_ESP, htonl(child->spi_in), FALSE));
}
