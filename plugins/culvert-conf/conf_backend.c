#include "conf_backend.h"

#include <threading/spinlock.h>

typedef struct private_conf_backend_t private_conf_backend_t;

struct private_conf_backend_t {
	conf_backend_t public;
	/** locks the pointer below; nothing is called with it held but get_ref() */
	spinlock_t *lock;
	/** never NULL */
	conf_generation_t *generation;
};

METHOD(conf_backend_t, get_generation, conf_generation_t *, private_conf_backend_t *this)
{
	conf_generation_t *generation;

	this->lock->lock(this->lock);
	generation = this->generation->get_ref(this->generation);
	this->lock->unlock(this->lock);
	return generation;
}

METHOD(conf_backend_t, set_generation, conf_generation_t *, private_conf_backend_t *this, conf_generation_t *generation)
{
	conf_generation_t *old;

	this->lock->lock(this->lock);
	old = this->generation;
	this->generation = generation;
	this->lock->unlock(this->lock);
	return old;
}

CALLBACK(release, void, conf_generation_t *generation)
{
	generation->destroy(generation);
}

CALLBACK(peer_cfg_filter, bool, conf_generation_t *generation, enumerator_t *orig, va_list args)
{
	conf_tunnel_t *tunnel;
	peer_cfg_t **out;

	VA_ARGS_VGET(args, out);
	if (!orig->enumerate(orig, &tunnel))
		return FALSE;
	*out = tunnel->cfg;
	return TRUE;
}

CALLBACK(ike_cfg_filter, bool, conf_generation_t *generation, enumerator_t *orig, va_list args)
{
	conf_tunnel_t *tunnel;
	ike_cfg_t **out;

	VA_ARGS_VGET(args, out);
	if (!orig->enumerate(orig, &tunnel))
		return FALSE;
	*out = tunnel->cfg->get_ike_cfg(tunnel->cfg);
	return TRUE;
}

/** Adds what an IKE_SA_INIT can tell apart: of tunnels with the same suites one is enough. Destroys the enumerator. */
static void add_candidates(linked_list_t *candidates, enumerator_t *tunnels)
{
	conf_tunnel_t *tunnel, *last = NULL;
	ike_cfg_t *cfg;

	while (tunnels->enumerate(tunnels, &tunnel)) {
		if (last && streq(last->suite_names, tunnel->suite_names))
			continue;
		cfg = tunnel->cfg->get_ike_cfg(tunnel->cfg);
		candidates->insert_last(candidates, cfg->get_ref(cfg));
		last = tunnel;
	}
	tunnels->destroy(tunnels);
}

CALLBACK(destroy_candidates, void, linked_list_t *candidates)
{
	candidates->destroy_offset(candidates, offsetof(ike_cfg_t, destroy));
}

METHOD(backend_t, create_ike_cfg_enumerator, enumerator_t *, private_conf_backend_t *this, host_t *me, host_t *other)
{
	conf_generation_t *generation = get_generation(this);
	linked_list_t *candidates;

	if (!other || other->is_anyaddr(other))
		return enumerator_create_filter(
			generation->create_tunnel_enumerator(generation), ike_cfg_filter, generation, release);
	candidates = linked_list_create();
	add_candidates(candidates, generation->create_peer_enumerator(generation, other));
	add_candidates(candidates, generation->create_unknown_enumerator(generation));
	generation->destroy(generation);
	return enumerator_create_cleaner(candidates->create_enumerator(candidates), destroy_candidates, candidates);
}

METHOD(backend_t, create_peer_cfg_enumerator, enumerator_t *, private_conf_backend_t *this, identification_t *me,
	identification_t *other)
{
	conf_generation_t *generation = get_generation(this);
	enumerator_t *tunnels;

	if (other && other->get_type(other) != ID_ANY)
		tunnels = generation->create_id_enumerator(generation, other);
	else
		tunnels = generation->create_tunnel_enumerator(generation);
	return enumerator_create_filter(tunnels, peer_cfg_filter, generation, release);
}

METHOD(backend_t, get_peer_cfg_by_name, peer_cfg_t *, private_conf_backend_t *this, char *name)
{
	conf_generation_t *generation = get_generation(this);
	peer_cfg_t *cfg = NULL;
	conf_tunnel_t *tunnel;

	tunnel = generation->get_tunnel(generation, name);
	if (tunnel)
		cfg = tunnel->cfg->get_ref(tunnel->cfg);
	generation->destroy(generation);
	return cfg;
}

METHOD(conf_backend_t, destroy, void, private_conf_backend_t *this)
{
	this->generation->destroy(this->generation);
	this->lock->destroy(this->lock);
	free(this);
}

conf_backend_t *conf_backend_create(void)
{
	private_conf_backend_t *this;

	INIT(this,
		.public = {
			.backend = {
				.create_ike_cfg_enumerator = _create_ike_cfg_enumerator,
				.create_peer_cfg_enumerator = _create_peer_cfg_enumerator,
				.get_peer_cfg_by_name = _get_peer_cfg_by_name,
			},
			.get_generation = _get_generation,
			.set_generation = _set_generation,
			.destroy = _destroy,
		},
		.lock = spinlock_create(),
		.generation = conf_generation_create_empty(),
	);
	return &this->public;
}
