#include "conf_creds.h"

#include <daemon.h>

typedef struct private_conf_creds_t private_conf_creds_t;
typedef struct psk_filter_t psk_filter_t;

struct private_conf_creds_t {
	conf_creds_t public;
	conf_backend_t *backend;
};

/** What a tunnel must match for its keys to be given out, and where the giving out is */
struct psk_filter_t {
	/** generation enumerated, a reference */
	conf_generation_t *generation;
	/** our identity, NULL for any; owned */
	identification_t *me;
	/** configuration of the IKE_SA that asks, NULL for any; a reference */
	peer_cfg_t *cfg;
	/** tunnel whose keys are being given out, NULL if there is none; its next key */
	conf_tunnel_t *tunnel;
	u_int next;
	/** key of it that was given out last to be verified, if it was; of the carrier */
	shared_key_t *verifying;
};

static bool matches(const psk_filter_t *this, conf_tunnel_t *tunnel)
{
	return (!this->cfg || tunnel->owns(tunnel, this->cfg)) &&
		   (!this->me || tunnel->local_id->equals(tunnel->local_id, this->me));
}

/**
 * Who builds AUTH asks how well the identities match and takes the first key. Who verifies AUTH does not ask, and tries
 * one key after the other until one fits.
 */
CALLBACK(psk_filter, bool, psk_filter_t *this, enumerator_t *orig, va_list args)
{
	id_match_t *match_me, *match_other;
	shared_key_t **out, *psk;

	VA_ARGS_VGET(args, out, match_me, match_other);
	while (TRUE) {
		psk = this->tunnel ? this->tunnel->get_psk(this->tunnel, this->next++) : NULL;
		if (psk)
			break;
		this->verifying = NULL;
		do {
			if (!orig->enumerate(orig, &this->tunnel))
				return FALSE;
		} while (!matches(this, this->tunnel));
		this->next = 0;
	}
	*out = psk;
	if (match_me)
		*match_me = ID_MATCH_PERFECT;
	if (match_other)
		*match_other = ID_MATCH_PERFECT;
	if (this->cfg && !match_me && !match_other)
		this->verifying = psk;
	return TRUE;
}

/** Who stops at a key while verifying has verified it: the peer uses that one. */
CALLBACK(psk_filter_destroy, void, psk_filter_t *this)
{
	if (this->verifying)
		this->tunnel->prefer_psk(this->tunnel, this->verifying);
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
