#include "conf_tunnel.h"

#include "conf_children.h"
#include "conf_host.h"
#include "conf/model.h"
#include "ikev2/suite.h"
#include "lib/buf.h"

typedef struct private_conf_tunnel_t private_conf_tunnel_t;

struct private_conf_tunnel_t {
	conf_tunnel_t public;
	/** index of the pre-shared key that is used first; atomic */
	u_int first_psk;
	refcount_t ref;
};

/** The peer's addresses as ike_cfg_t wants them; a name is not looked up by the responder, its identity tells. */
static char *remote_text(const struct tunnel *tunnel)
{
	struct buf text = {};
	char address[IP_TEXT];
	size_t i;

	for (i = 0; i < tunnel->n_peers; i++) {
		if (tunnel->peers[i].kind != PEER_ADDRESS)
			break;
		buf_puts(&text, i ? "," : "");
		buf_puts(&text, ip_print(&tunnel->peers[i].address, address));
	}
	if (!text.len)
		buf_puts(&text, "%any");
	return buf_steal(&text);
}

static ike_cfg_t *create_ike_cfg(const conf_blueprint_t *blueprint)
{
	const struct gateway *gateway = blueprint->gateway;
	const struct tunnel *tunnel = blueprint->tunnel;
	conf_proposals_t *proposals = blueprint->proposals;
	char local[IP_TEXT] = "%any", *remote = remote_text(tunnel);
	ike_cfg_create_t create = {
		.version = IKEV2,
		.local = local,
		.local_port = IKEV2_UDP_PORT,
		.remote = remote,
		.remote_port = IKEV2_UDP_PORT,
		.force_encap = gateway->outer.encapsulate,
		.fragmentation = FRAGMENTATION_YES,
		.childless = CHILDLESS_NEVER,
	};
	ike_cfg_t *cfg;
	size_t i;

	if (!gateway->outer.address.dhcp)
		ip_print(&gateway->outer.address.ip, local);
	cfg = ike_cfg_create(&create);
	for (i = 0; i < tunnel->n_suites; i++)
		cfg->add_proposal(cfg, proposals->create_proposal(proposals, tunnel->suites[i], PROTO_IKE));
	free(remote);
	return cfg;
}

static void add_certificates(auth_cfg_t *auth, auth_rule_t rule, array_t *certificates)
{
	certificate_t *certificate;
	int i;

	for (i = 0; i < array_count(certificates); i++) {
		array_get(certificates, i, &certificate);
		auth->add(auth, rule, certificate->get_ref(certificate));
	}
}

static auth_cfg_t *create_auth(identification_t *id, const conf_carrier_t *carrier, bool local)
{
	auth_cfg_t *auth = auth_cfg_create();

	auth->add(auth, AUTH_RULE_IDENTITY, id->clone(id));
	if (array_count(carrier->psks)) {
		auth->add(auth, AUTH_RULE_AUTH_CLASS, AUTH_CLASS_PSK);
		return auth;
	}
	auth->add(auth, AUTH_RULE_AUTH_CLASS, AUTH_CLASS_PUBKEY);
	if (local) {
		add_certificates(auth, AUTH_RULE_SUBJECT_CERT, carrier->certificates);
	} else {
		/* One of them is enough. */
		add_certificates(auth, AUTH_RULE_CA_CERT, carrier->cas);
		if (carrier->strict)
			auth->add(auth, AUTH_RULE_CRL_VALIDATION, VALIDATION_GOOD);
	}
	return auth;
}

static peer_cfg_t *create_peer_cfg(conf_tunnel_t *this, const struct tunnel *tunnel, ike_cfg_t *ike_cfg)
{
	/*
	 * One try: conf_keeper tries again. culvert-rekey says when to rekey and ends what reaches the ceiling; charon's
	 * own times stand behind that, with an end just after the ceiling.
	 */
	peer_cfg_create_t create = {
		.options = OPT_NO_MOBIKE,
		.cert_policy = CERT_ALWAYS_SEND,
		.ocsp_policy = OCSP_SEND_NEVER,
		.unique = UNIQUE_REPLACE,
		.keyingtries = 1,
		.rekey_time = tunnel->ike.ceiling,
		.over_time = lifetime_kernel(&tunnel->ike) - tunnel->ike.ceiling,
		.dpd = tunnel->dpd,
		.retransmit_tries = tunnel->retransmission.tries,
		.retransmit_timeout = tunnel->retransmission.timeout,
		.retransmit_base = tunnel->retransmission.base,
	};
	peer_cfg_t *cfg;

	cfg = peer_cfg_create(this->name, ike_cfg, &create);
	cfg->add_auth_cfg(cfg, create_auth(this->local_id, this->carrier, TRUE), TRUE);
	cfg->add_auth_cfg(cfg, create_auth(this->remote_id, this->carrier, FALSE), FALSE);
	return cfg;
}

METHOD(conf_tunnel_t, owns, bool, private_conf_tunnel_t *this, peer_cfg_t *cfg)
{
	return cfg->get_ike_cfg(cfg) == this->public.cfg->get_ike_cfg(this->public.cfg);
}

METHOD(conf_tunnel_t, get_psk, shared_key_t *, private_conf_tunnel_t *this, u_int i)
{
	u_int first = __atomic_load_n(&this->first_psk, __ATOMIC_RELAXED);
	u_int count = (u_int)array_count(this->public.carrier->psks);
	shared_key_t *psk = NULL;

	if (i < count)
		array_get(this->public.carrier->psks, (int)((first + i) % count), &psk);
	return psk;
}

METHOD(conf_tunnel_t, prefer_psk, void, private_conf_tunnel_t *this, shared_key_t *psk)
{
	chunk_t wanted = psk->get_key(psk), key;
	shared_key_t *current;
	int i;

	for (i = 0; i < array_count(this->public.carrier->psks); i++) {
		array_get(this->public.carrier->psks, i, &current);
		key = current->get_key(current);
		if (chunk_equals_const(key, wanted)) {
			__atomic_store_n(&this->first_psk, (u_int)i, __ATOMIC_RELAXED);
			return;
		}
	}
}

METHOD(conf_tunnel_t, next_psk, void, private_conf_tunnel_t *this)
{
	u_int count = (u_int)array_count(this->public.carrier->psks);
	u_int first = __atomic_load_n(&this->first_psk, __ATOMIC_RELAXED);

	__atomic_fetch_add(&this->public.refusals, 1, __ATOMIC_RELAXED);
	/* Of two threads one may be lost, which the next refusal mends. */
	if (count)
		__atomic_store_n(&this->first_psk, (first + 1) % count, __ATOMIC_RELAXED);
}

METHOD(conf_tunnel_t, activate, void, private_conf_tunnel_t *this, conf_tunnel_t *old)
{
	shared_key_t *psk = old ? old->get_psk(old, 0) : NULL;

	if (old == &this->public)
		return;
	this->public.retry.activated = time_monotonic(NULL);
	if (psk)
		prefer_psk(this, psk);
}

METHOD(conf_tunnel_t, get_ref, conf_tunnel_t *, private_conf_tunnel_t *this)
{
	ref_get(&this->ref);
	return &this->public;
}

METHOD(conf_tunnel_t, destroy, void, private_conf_tunnel_t *this)
{
	conf_tunnel_t *public = &this->public;
	u_int i;

	if (!ref_put(&this->ref))
		return;
	public->cfg->destroy(public->cfg);
	public->status->destroy(public->status);
	public->local_id->destroy(public->local_id);
	public->remote_id->destroy(public->remote_id);
	conf_carrier_destroy(public->carrier);
	for (i = 0; i < public->n_peers; i++)
	public->peers[i]->destroy(public->peers[i]);
	for (i = 0; i < public->n_links; i++)
		free(public->links[i].apn);
	DESTROY_IF(public->local);
	DESTROY_IF(public->retry.resolved);
	free(public->peers);
	free(public->links);
	free(public->suites);
	free(public->suite_names);
	free(public->peer_name);
	free(public->name);
	free(this);
}

static void add_peers(conf_tunnel_t *this, const struct tunnel *tunnel)
{
	size_t i;

	this->peers = calloc(max(tunnel->n_peers, (size_t)1), sizeof(*this->peers));
	for (i = 0; i < tunnel->n_peers; i++) {
		if (tunnel->peers[i].kind == PEER_ADDRESS)
			this->peers[this->n_peers++] = conf_host(&tunnel->peers[i].address, IKEV2_UDP_PORT);
		else if (tunnel->peers[i].kind == PEER_NAME)
			this->peer_name = strdup(tunnel->peers[i].name);
	}
}

static void add_suites(conf_tunnel_t *this, const struct tunnel *tunnel)
{
	struct buf names = {};
	size_t i;

	this->suites = calloc(max(tunnel->n_suites, (size_t)1), sizeof(*this->suites));
	for (i = 0; i < tunnel->n_suites; i++) {
		this->suites[this->n_suites++] = tunnel->suites[i];
		buf_puts(&names, i ? ", " : "");
		buf_puts(&names, tunnel->suites[i]->name);
	}
	this->suite_names = buf_steal(&names);
}

static void add_links(conf_tunnel_t *this, const conf_blueprint_t *blueprint)
{
	const conf_blueprint_link_t *link;
	size_t i;

	this->links = calloc(max(blueprint->n_links, (size_t)1), sizeof(*this->links));
	for (i = 0; i < blueprint->n_links; i++) {
		link = &blueprint->links[i];
		this->links[i].apn = strdup(link->apn->name);
		memcpy(this->links[i].digest, link->digest, sizeof(link->digest));
		conf_children_add(this->cfg, link->apn, link->link, blueprint->proposals);
	}
	this->n_links = (u_int)blueprint->n_links;
}

conf_tunnel_t *conf_tunnel_create(const conf_blueprint_t *blueprint, conf_tunnel_t *old)
{
	const struct tunnel *tunnel = blueprint->tunnel;
	const struct gateway *gateway = blueprint->gateway;
	private_conf_tunnel_t *this;
	conf_tunnel_t *public;
	ike_cfg_t *ike_cfg;

	if (old && !memeq(old->ike_digest, blueprint->ike_digest, sizeof(old->ike_digest)))
		old = NULL;
	INIT(this,
		.public = {
			.name = strdup(tunnel->name),
			.initiate = tunnel->initiate,
			.rehearse = tunnel->rehearse,
			.ike = tunnel->ike,
			.child = tunnel->child,
			.local = gateway->outer.address.dhcp ? NULL : conf_host(&gateway->outer.address.ip, IKEV2_UDP_PORT),
			.local_id = identification_create_from_string(tunnel->carrier->local_id),
			.remote_id = identification_create_from_string(tunnel->remote_id),
			.carrier = conf_carrier_get_ref(blueprint->carrier),
			.status = old ? old->status->get_ref(old->status) : conf_status_create(),
			.get_ref = _get_ref,
			.owns = _owns,
			.get_psk = _get_psk,
			.prefer_psk = _prefer_psk,
			.next_psk = _next_psk,
			.activate = _activate,
			.destroy = _destroy,
		},
		.ref = 1,
	);
	public = &this->public;
	memcpy(public->ike_digest, blueprint->ike_digest, sizeof(public->ike_digest));
	memcpy(public->digest, blueprint->digest, sizeof(public->digest));
	ike_cfg = old ? old->cfg->get_ike_cfg(old->cfg) : NULL;
	ike_cfg = ike_cfg ? ike_cfg->get_ref(ike_cfg) : create_ike_cfg(blueprint);
	public->cfg = create_peer_cfg(public, tunnel, ike_cfg);
	add_peers(public, tunnel);
	add_suites(public, tunnel);
	add_links(public, blueprint);
	return public;
}
