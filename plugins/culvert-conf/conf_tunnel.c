#include "conf_tunnel.h"

#include "conf_carrier.h"
#include "conf/model.h"
#include "ikev2/suite.h"
#include "lib/buf.h"

typedef struct private_conf_tunnel_t private_conf_tunnel_t;

struct private_conf_tunnel_t {
	conf_tunnel_t public;
	/** of the model, valid until seal() */
	const struct tunnel *model;
	/** everything that makes the tunnel, as text, and the part of it that the IKE_SA depends on; empty after seal() */
	struct buf print;
	size_t ike_len;
	/** own configuration, whose CHILD configurations go into the inherited one; NULL if there is nothing to move */
	peer_cfg_t *update;
	refcount_t ref;
};

enum {
	/** seconds of silence after which the peer is asked whether it lives */
	DPD_DELAY = 10,
	/** packets; Linux' default of 32 loses packets on paths with several queues */
	REPLAY_WINDOW = 1024,
};

static ike_cfg_t *create_ike_cfg(const struct gateway *gateway, const struct tunnel *tunnel)
{
	char local[IP_TEXT], remote[IP_TEXT];
	ike_cfg_create_t create = {
		.version = IKEV2,
		.local = local,
		.local_port = IKEV2_UDP_PORT,
		.remote = remote,
		.remote_port = IKEV2_UDP_PORT,
		.fragmentation = FRAGMENTATION_YES,
		.childless = CHILDLESS_NEVER,
	};
	ike_cfg_t *cfg;

	ip_print(&gateway->outer.address.ip, local);
	ip_print(&tunnel->peers[0].address, remote);
	cfg = ike_cfg_create(&create);
	cfg->add_proposal(cfg, proposal_create_from_string(PROTO_IKE, tunnel->suites[0]->ike));
	return cfg;
}

static auth_cfg_t *create_auth(identification_t *id, const conf_carrier_t *carrier, bool local)
{
	auth_cfg_t *auth = auth_cfg_create();

	auth->add(auth, AUTH_RULE_IDENTITY, id->clone(id));
	if (carrier->psk) {
		auth->add(auth, AUTH_RULE_AUTH_CLASS, AUTH_CLASS_PSK);
	} else {
		auth->add(auth, AUTH_RULE_AUTH_CLASS, AUTH_CLASS_PUBKEY);
		if (local)
			auth->add(auth, AUTH_RULE_SUBJECT_CERT, carrier->certificate->get_ref(carrier->certificate));
		else
			auth->add(auth, AUTH_RULE_CA_CERT, carrier->ca->get_ref(carrier->ca));
	}
	return auth;
}

static void create_peer_cfg(
	conf_tunnel_t *this, const struct gateway *gateway, const struct tunnel *tunnel, const conf_carrier_t *carrier)
{
	/*
	 * One try: conf_keeper tries again. charon ends an IKE_SA over_time after its jittered rekey time, so the hard end
	 * is the ceiling or earlier.
	 */
	peer_cfg_create_t create = {
		.options = OPT_NO_MOBIKE,
		.cert_policy = CERT_ALWAYS_SEND,
		.ocsp_policy = OCSP_SEND_NEVER,
		.unique = UNIQUE_REPLACE,
		.keyingtries = 1,
		.rekey_time = tunnel->ike.rekey,
		.jitter_time = tunnel->ike.jitter,
		.over_time = tunnel->ike.ceiling - tunnel->ike.rekey,
		.dpd = DPD_DELAY,
	};

	this->cfg = peer_cfg_create(this->name, create_ike_cfg(gateway, tunnel), &create);
	this->cfg->add_auth_cfg(this->cfg, create_auth(this->local_id, carrier, TRUE), TRUE);
	this->cfg->add_auth_cfg(this->cfg, create_auth(this->remote_id, carrier, FALSE), FALSE);
}

static void add_selectors(child_cfg_t *child, bool local, const struct prefix *prefixes, size_t count)
{
	char text[PREFIX_TEXT];
	size_t i;

	for (i = 0; i < count; i++) {
		prefix_print(&prefixes[i], text);
		child->add_traffic_selector(child, local, traffic_selector_create_from_cidr(text, 0, 0, 65535));
	}
}

static void print_link(struct buf *print, const struct apn *apn, const struct link *link)
{
	const struct lifetime *child = &link->tunnel->child;
	char text[PREFIX_TEXT];
	size_t i;

	buf_printf(print, "link %s if_id %u\n", apn->name, link->if_id);
	buf_printf(print, "child %u %u %u\n", child->rekey, child->jitter, child->ceiling);
	for (i = 0; i < link->n_local; i++)
		buf_printf(print, "local %s\n", prefix_print(&link->local[i], text));
	for (i = 0; i < link->n_remote; i++)
		buf_printf(print, "remote %s\n", prefix_print(&link->remote[i], text));
}

METHOD(conf_tunnel_t, add_link, void, private_conf_tunnel_t *this, const struct apn *apn, const struct link *link)
{
	const struct tunnel *tunnel = this->model;
	/* No action of charon's own on start, close or a dead peer: conf_keeper does it. */
	child_cfg_create_t create = {
		.if_id_in = link->if_id,
		.if_id_out = link->if_id,
		.mode = MODE_TUNNEL,
		.lifetime = {
			.time = {
				.life = tunnel->child.ceiling,
				.rekey = tunnel->child.rekey,
				.jitter = tunnel->child.jitter,
			},
		},
	};
	child_cfg_t *child;

	child = child_cfg_create(apn->name, &create);
	child->set_replay_window(child, REPLAY_WINDOW);
	child->add_proposal(child, proposal_create_from_string(PROTO_ESP, tunnel->suites[0]->esp));
	add_selectors(child, TRUE, link->local, link->n_local);
	add_selectors(child, FALSE, link->remote, link->n_remote);
	this->public.cfg->add_child_cfg(this->public.cfg, child);
	print_link(&this->print, apn, link);
}

static void print_tunnel(
	struct buf *print, const struct gateway *gateway, const struct tunnel *tunnel, const conf_carrier_t *carrier)
{
	char local[IP_TEXT], remote[IP_TEXT];

	buf_printf(print, "%s\n%s %s\n%s %s\n", tunnel->name, ip_print(&gateway->outer.address.ip, local),
		tunnel->carrier->local_id, ip_print(&tunnel->peers[0].address, remote), tunnel->remote_id);
	buf_printf(print, "%s\n", tunnel->suites[0]->name);
	buf_printf(print, "ike %u %u %u\n", tunnel->ike.rekey, tunnel->ike.jitter, tunnel->ike.ceiling);
	buf_add(print, carrier->digest, sizeof(carrier->digest));
}

static bool hash_print(const struct buf *print, size_t len, hasher_t *hasher, uint8_t digest[HASH_SIZE_SHA256])
{
	return hasher->get_hash(hasher, chunk_create((uint8_t *)print->text, len), digest);
}

METHOD(conf_tunnel_t, seal, bool, private_conf_tunnel_t *this)
{
	hasher_t *hasher;
	bool ok;

	this->model = NULL;
	hasher = lib->crypto->create_hasher(lib->crypto, HASH_SHA256);
	if (!hasher)
		return FALSE;
	ok = !this->print.error && hash_print(&this->print, this->ike_len, hasher, this->public.ike_digest) &&
		 hash_print(&this->print, this->print.len, hasher, this->public.digest);
	hasher->destroy(hasher);
	buf_free(&this->print);
	return ok;
}

METHOD(conf_tunnel_t, inherit, void, private_conf_tunnel_t *this, conf_tunnel_t *old)
{
	conf_tunnel_t *public = &this->public;

	if (!memeq(public->ike_digest, old->ike_digest, sizeof(old->ike_digest)))
		return;
	this->update = public->cfg;
	public->cfg = old->cfg->get_ref(old->cfg);
	public->status->destroy(public->status);
	public->status = old->status->get_ref(old->status);
}

METHOD(conf_tunnel_t, activate, void, private_conf_tunnel_t *this)
{
	enumerator_t *removed_and_added;

	if (!this->update)
		return;
	removed_and_added = this->public.cfg->replace_child_cfgs(this->public.cfg, this->update);
	removed_and_added->destroy(removed_and_added);
	this->update->destroy(this->update);
	this->update = NULL;
}

METHOD(conf_tunnel_t, get_ref, conf_tunnel_t *, private_conf_tunnel_t *this)
{
	ref_get(&this->ref);
	return &this->public;
}

METHOD(conf_tunnel_t, destroy, void, private_conf_tunnel_t *this)
{
	conf_tunnel_t *public = &this->public;

	if (!ref_put(&this->ref))
		return;
	public->cfg->destroy(public->cfg);
	DESTROY_IF(this->update);
	DESTROY_IF(public->psk);
	public->local_id->destroy(public->local_id);
	public->remote_id->destroy(public->remote_id);
	public->peer->destroy(public->peer);
	public->status->destroy(public->status);
	buf_free(&this->print);
	free(public->name);
	free(this);
}

conf_tunnel_t *conf_tunnel_create(
	const struct gateway *gateway, const struct tunnel *tunnel, const conf_carrier_t *carrier)
{
	private_conf_tunnel_t *this;
	char peer[IP_TEXT];

	ip_print(&tunnel->peers[0].address, peer);
	INIT(this,
		.public = {
			.name = strdup(tunnel->name),
			.initiate = tunnel->initiate,
			.suite = tunnel->suites[0]->name,
			.peer = host_create_from_string(peer, IKEV2_UDP_PORT),
			.local_id = identification_create_from_string(tunnel->carrier->local_id),
			.remote_id = identification_create_from_string(tunnel->remote_id),
			.psk = carrier->psk ? carrier->psk->get_ref(carrier->psk) : NULL,
			.status = conf_status_create(),
			.get_ref = _get_ref,
			.add_link = _add_link,
			.seal = _seal,
			.inherit = _inherit,
			.activate = _activate,
			.destroy = _destroy,
		},
		.model = tunnel,
		.ref = 1,
	);
	create_peer_cfg(&this->public, gateway, tunnel, carrier);
	print_tunnel(&this->print, gateway, tunnel, carrier);
	this->ike_len = this->print.len;
	buf_printf(&this->print, "initiate %d\n", tunnel->initiate);
	return &this->public;
}
