#include "conf_query.h"

typedef struct private_conf_query_t private_conf_query_t;

struct private_conf_query_t {
	conf_query_t public;
	conf_backend_t *backend;
};

METHOD(conf_query_t, get_tunnel, conf_tunnel_t *, private_conf_query_t *this, ike_sa_t *ike_sa)
{
	peer_cfg_t *cfg = ike_sa->get_peer_cfg(ike_sa);
	conf_generation_t *generation;
	conf_tunnel_t *tunnel;

	if (!cfg)
		return NULL;
	generation = this->backend->get_generation(this->backend);
	tunnel = generation->get_tunnel(generation, cfg->get_name(cfg));
	tunnel = tunnel && tunnel->owns(tunnel, cfg) ? tunnel->get_ref(tunnel) : NULL;
	generation->destroy(generation);
	return tunnel;
}

/** The first one that has it; *ret_count: how many there are, with others */
static conf_tunnel_t *find_by_config(enumerator_t *tunnels, ike_cfg_t *cfg, u_int *ret_count)
{
	conf_tunnel_t *tunnel, *found = NULL;

	for (*ret_count = 0; tunnels->enumerate(tunnels, &tunnel); (*ret_count)++) {
		if (!found && tunnel->cfg->get_ike_cfg(tunnel->cfg) == cfg)
			found = tunnel->get_ref(tunnel);
	}
	tunnels->destroy(tunnels);
	return found;
}

METHOD(conf_query_t, get_likely_tunnel, conf_tunnel_t *, private_conf_query_t *this, ike_sa_t *ike_sa, bool *ret_known)
{
	ike_cfg_t *cfg = ike_sa->get_ike_cfg(ike_sa);
	conf_generation_t *generation;
	conf_tunnel_t *tunnel;
	u_int count, unknown;

	*ret_known = TRUE;
	if (ike_sa->get_peer_cfg(ike_sa) || !cfg)
		return get_tunnel(this, ike_sa);
	generation = this->backend->get_generation(this->backend);
	tunnel =
		find_by_config(generation->create_peer_enumerator(generation, ike_sa->get_other_host(ike_sa)), cfg, &count);
	*ret_known = tunnel && count == 1;
	if (!tunnel)
		tunnel = find_by_config(generation->create_unknown_enumerator(generation), cfg, &unknown);
	generation->destroy(generation);
	return tunnel;
}

METHOD(conf_query_t, get_generation, conf_generation_t *, private_conf_query_t *this)
{
	return this->backend->get_generation(this->backend);
}

METHOD(conf_query_t, destroy, void, private_conf_query_t *this)
{
	lib->set(lib, CONF_QUERY, NULL);
	free(this);
}

conf_query_t *conf_query_create(conf_backend_t *backend)
{
	private_conf_query_t *this;

	INIT(this,
		.public = {
			.get_tunnel = _get_tunnel,
			.get_likely_tunnel = _get_likely_tunnel,
			.get_generation = _get_generation,
			.destroy = _destroy,
		},
		.backend = backend,
	);
	lib->set(lib, CONF_QUERY, &this->public);
	return &this->public;
}
