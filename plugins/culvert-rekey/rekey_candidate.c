#include "rekey_candidate.h"

static rekey_candidate_t *create(const char *name)
{
	size_t size = strlen(name) + 1, end = offsetof(rekey_candidate_t, name) + size;
	rekey_candidate_t *this;

	INIT_EXTRA(this, end > sizeof(*this) ? end - sizeof(*this) : 0);
	memcpy(this->name, name, size);
	return this;
}

rekey_candidate_t *rekey_candidate_create(const char *name, ike_sa_id_t *id)
{
	rekey_candidate_t *this = create(name);

	rekey_candidate_move(this, id);
	return this;
}

rekey_candidate_t *rekey_candidate_clone(const rekey_candidate_t *this)
{
	rekey_candidate_t *copy = create(this->name);

	copy->spi_initiator = this->spi_initiator;
	copy->spi_responder = this->spi_responder;
	copy->initiator = this->initiator;
	copy->next = this->next;
	copy->count = this->count;
	if (this->count)
		copy->spis = memcpy(calloc(this->count, sizeof(*this->spis)), this->spis, this->count * sizeof(*this->spis));
	return copy;
}

void rekey_candidate_destroy(rekey_candidate_t *this)
{
	free(this->spis);
	free(this);
}

uint64_t rekey_candidate_now(void)
{
	timeval_t now;

	time_monotonic(&now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_usec / 1000;
}

void rekey_candidate_start(rekey_candidate_t *this, rekey_negotiated_t *found)
{
	this->spis = found->spis;
	this->count = found->count;
	found->spis = NULL;
	this->begun = TRUE;
	this->began = rekey_candidate_now();
	this->act_at = this->began;
}

void rekey_candidate_step(rekey_candidate_t *this)
{
	this->next += this->next < this->count;
	this->notify = 0;
	this->tries = 0;
	rekey_candidate_put_off(this, 0);
}

void rekey_candidate_put_off(rekey_candidate_t *this, u_int ms)
{
	this->act_at = rekey_candidate_now() + ms;
}

void rekey_candidate_move(rekey_candidate_t *this, ike_sa_id_t *id)
{
	this->spi_initiator = id->get_initiator_spi(id);
	this->spi_responder = id->get_responder_spi(id);
	this->initiator = id->is_initiator(id);
}

bool rekey_candidate_is_of(const rekey_candidate_t *this, ike_sa_id_t *id)
{
	return this->spi_initiator == id->get_initiator_spi(id) && this->spi_responder == id->get_responder_spi(id) &&
		   this->initiator == id->is_initiator(id);
}

ike_sa_t *rekey_candidate_checkout(const rekey_candidate_t *this)
{
	ike_sa_t *ike_sa;
	ike_sa_id_t *id;

	id = ike_sa_id_create(IKEV2_MAJOR_VERSION, this->spi_initiator, this->spi_responder, this->initiator);
	ike_sa = charon->ike_sa_manager->checkout(charon->ike_sa_manager, id);
	id->destroy(id);
	return ike_sa;
}

uint32_t rekey_candidate_spi(const rekey_candidate_t *this)
{
	return this->next < this->count ? this->spis[this->next] : 0;
}

static bool share_an_apn(const conf_tunnel_t *a, const conf_tunnel_t *b)
{
	u_int i = 0, j = 0;
	int order;

	/* Both by name. */
	while (i < a->n_links && j < b->n_links) {
		order = strcmp(a->links[i].apn, b->links[j].apn);
		if (!order)
			return TRUE;
		i += order < 0;
		j += order > 0;
	}
	return FALSE;
}

static bool is_settled(conf_tunnel_t *tunnel, u_int settled)
{
	conf_status_view_t view;

	tunnel->status->get_view(tunnel->status, &view);
	free(view.failure);
	return view.state == CONF_UP && view.seconds >= (time_t)settled;
}

static bool is_rehearsing(conf_tunnel_t *tunnel, array_t *rehearsing)
{
	rekey_candidate_t *candidate;
	int i;

	for (i = 0; i < array_count(rehearsing); i++) {
		array_get(rehearsing, i, &candidate);
		if (streq(candidate->name, tunnel->name))
			return TRUE;
	}
	return FALSE;
}

/** Whether all tunnels of its APNs are up, and stay so as far as we have to do with it. */
static bool is_backed(conf_generation_t *generation, conf_tunnel_t *tunnel, u_int settled, array_t *rehearsing)
{
	enumerator_t *enumerator;
	conf_tunnel_t *other;
	bool backed = TRUE;

	enumerator = generation->create_tunnel_enumerator(generation);
	while (backed && enumerator->enumerate(enumerator, &other)) {
		if (other == tunnel || share_an_apn(tunnel, other))
			backed = is_settled(other, settled) && !is_rehearsing(other, rehearsing);
	}
	enumerator->destroy(enumerator);
	return backed;
}

rekey_look_t rekey_candidate_look(const rekey_candidate_t *this, conf_generation_t *generation, u_int settled,
	array_t *rehearsing, rekey_negotiated_t *found)
{
	conf_tunnel_t *tunnel = generation->get_tunnel(generation, this->name);
	ike_sa_manager_t *manager = charon->ike_sa_manager;
	rekey_look_t look = REKEY_LOOK_LATER;
	ike_sa_t *ike_sa;

	if (!tunnel || !tunnel->rehearse)
		return REKEY_LOOK_NEVER;
	if (!is_backed(generation, tunnel, settled, rehearsing))
		return REKEY_LOOK_LATER;
	ike_sa = rekey_candidate_checkout(this);
	if (!ike_sa)
		return REKEY_LOOK_NEVER;
	if (!ike_sa->get_peer_cfg(ike_sa) || !tunnel->owns(tunnel, ike_sa->get_peer_cfg(ike_sa)))
		look = REKEY_LOOK_NEVER;
	else if (ike_sa->get_state(ike_sa) == IKE_ESTABLISHED && rekey_negotiated_read(ike_sa, tunnel, found))
		look = REKEY_LOOK_READY;
	manager->checkin(manager, ike_sa);
	return look;
}

status_t rekey_candidate_begin(const rekey_candidate_t *this, ike_sa_t *ike_sa, bool *begun, bool *gone)
{
	uint32_t spi = rekey_candidate_spi(this);
	child_sa_t *child_sa;

	if (ike_sa->get_state(ike_sa) != IKE_ESTABLISHED)
		return SUCCESS;
	if (!spi) {
		*begun = TRUE;
		return ike_sa->rekey(ike_sa);
	}
	child_sa = ike_sa->get_child_sa(ike_sa, PROTO_ESP, spi, TRUE);
	*gone = !child_sa;
	if (!child_sa || child_sa->get_state(child_sa) != CHILD_INSTALLED)
		return SUCCESS;
	*begun = TRUE;
	return ike_sa->rekey_child_sa(ike_sa, PROTO_ESP, spi);
}
