#include "conf_creds.h"

#include <daemon.h>

typedef struct private_conf_creds_t private_conf_creds_t;
typedef struct psk_filter_t psk_filter_t;

struct private_conf_creds_t {
	conf_creds_t public;
	conf_backend_t *backend;
};

/** What a tunnel must match for its key to be given out */
struct psk_filter_t {
	/** generation enumerated, a reference */
	conf_generation_t *generation;
	/** our identity, NULL for any; owned */
	identification_t *me;
	/** configuration of the IKE_SA that asks, NULL for any; a reference */
	peer_cfg_t *cfg;
};

CALLBACK(psk_filter, bool, psk_filter_t *this, enumerator_t *orig, va_list args)
{
	id_match_t *match_me, *match_other;
	conf_tunnel_t *tunnel;
	shared_key_t **out;

	VA_ARGS_VGET(args, out, match_me, match_other);
	while (orig->enumerate(orig, &tunnel)) {
		if (!tunnel->psk || (this->cfg && tunnel->cfg != this->cfg) ||
			(this->me && !tunnel->local_id->equals(tunnel->local_id, this->me)))
			continue;
		*out = tunnel->psk;
		if (match_me)
			*match_me = ID_MATCH_PERFECT;
		if (match_other)
			*match_other = ID_MATCH_PERFECT;
		return TRUE;
	}
	return FALSE;
}

CALLBACK(psk_filter_destroy, void, psk_filter_t *this)
{
	this->generation->destroy(this->generation);
	DESTROY_IF(this->me);
	DESTROY_IF(this->cfg);
	free(this);
}

METHOD(credential_set_t, create_shared_enumerator, enumerator_t *, private_conf_creds_t *this, shared_key_type_t type,
	identification_t *me, identification_t *other)
{
	conf_generation_t *generation;
	psk_filter_t *filter;
	peer_cfg_t *cfg;
	ike_sa_t *ike_sa;

	if ((type != SHARED_IKE && type != SHARED_ANY) || !other)
		return NULL;
	ike_sa = charon->bus->get_sa(charon->bus);
	cfg = ike_sa ? ike_sa->get_peer_cfg(ike_sa) : NULL;
	generation = this->backend->get_generation(this->backend);
	filter = malloc_thing(psk_filter_t);
	*filter = (psk_filter_t){
		.generation = generation,
		.me = me && me->get_type(me) != ID_ANY ? me->clone(me) : NULL,
		.cfg = cfg ? cfg->get_ref(cfg) : NULL,
	};
	return enumerator_create_filter(
		generation->create_id_enumerator(generation, other), psk_filter, filter, psk_filter_destroy);
}

CALLBACK(release, void, conf_generation_t *generation)
{
	generation->destroy(generation);
}

METHOD(credential_set_t, create_private_enumerator, enumerator_t *, private_conf_creds_t *this, key_type_t type,
	identification_t *id)
{
	conf_generation_t *generation = this->backend->get_generation(this->backend);
	credential_set_t *set = generation->get_credentials(generation);

	return enumerator_create_cleaner(set->create_private_enumerator(set, type, id), release, generation);
}

METHOD(credential_set_t, create_cert_enumerator, enumerator_t *, private_conf_creds_t *this, certificate_type_t cert,
	key_type_t key, identification_t *id, bool trusted)
{
	conf_generation_t *generation = this->backend->get_generation(this->backend);
	credential_set_t *set = generation->get_credentials(generation);

	return enumerator_create_cleaner(set->create_cert_enumerator(set, cert, key, id, trusted), release, generation);
}

METHOD(conf_creds_t, destroy, void, private_conf_creds_t *this)
{
	free(this);
}

conf_creds_t *conf_creds_create(conf_backend_t *backend)
{
	private_conf_creds_t *this;

	INIT(this,
		.public = {
			.set = {
				.create_private_enumerator = _create_private_enumerator,
				.create_cert_enumerator = _create_cert_enumerator,
				.create_shared_enumerator = _create_shared_enumerator,
				.create_cdp_enumerator = (void *)return_null,
				.cache_cert = (void *)nop,
			},
			.destroy = _destroy,
		},
		.backend = backend,
	);
	return &this->public;
}
