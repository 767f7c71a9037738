/*
 * Failure policy: a generation is loaded whole or not at all. Invariant: the tunnels in the three indexes are the same.
 */
#include "conf_generation.h"

#include <ctype.h>
#include <errno.h>
#include <asn1/asn1.h>
#include <collections/array.h>
#include <collections/hashtable.h>

#include "conf_carrier.h"
#include "conf_text.h"
#include "conf/conf.h"
#include "conf/ids.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/diag.h"

typedef struct private_conf_generation_t private_conf_generation_t;

struct private_conf_generation_t {
	conf_generation_t public;
	u_int number;
	/** name => conf_tunnel_t, one reference each */
	hashtable_t *by_name;
	/** host_t => array_t of conf_tunnel_t, without references; the keys belong to the first tunnel */
	hashtable_t *by_peer;
	/** identification_t => array_t of conf_tunnel_t, likewise */
	hashtable_t *by_id;
	/** certificates and private keys */
	mem_cred_t *creds;
	refcount_t ref;
};

static u_int host_hash(const void *key)
{
	host_t *host = (host_t *)key;

	return chunk_hash(host->get_address(host));
}

static bool host_equals(const void *a, const void *b)
{
	host_t *host = (host_t *)a;

	return host->ip_equals(host, (host_t *)b);
}

/**
 * Equal identities must hash equally: names differ in case, and distinguished names in the string type as well
 * (PrintableString is folded to UTF8String). identification_t.hash() keeps both apart.
 */
static u_int id_hash(const void *key)
{
	identification_t *id = (identification_t *)key;
	chunk_t encoding = id->get_encoding(id);
	u_int hash = 2166136261u + (u_int)id->get_type(id);
	u_int c;
	size_t i;

	/* FNV-1a */
	for (i = 0; i < encoding.len; i++) {
		c = (u_int)tolower(encoding.ptr[i]);
		hash = (hash ^ (c == ASN1_PRINTABLESTRING ? ASN1_UTF8STRING : c)) * 16777619u;
	}
	return hash;
}

static bool id_equals(const void *a, const void *b)
{
	identification_t *id = (identification_t *)a;

	return id->equals(id, (identification_t *)b);
}

METHOD(conf_generation_t, get_number, u_int, private_conf_generation_t *this)
{
	return this->number;
}

METHOD(conf_generation_t, get_count, u_int, private_conf_generation_t *this)
{
	return this->by_name->get_count(this->by_name);
}

METHOD(conf_generation_t, get_tunnel, conf_tunnel_t *, private_conf_generation_t *this, const char *name)
{
	return this->by_name->get(this->by_name, name);
}

CALLBACK(tunnel_filter, bool, void *unused, enumerator_t *orig, va_list args)
{
	conf_tunnel_t *tunnel, **out;
	char *name;

	VA_ARGS_VGET(args, out);
	if (!orig->enumerate(orig, &name, &tunnel))
		return FALSE;
	*out = tunnel;
	return TRUE;
}

METHOD(conf_generation_t, create_tunnel_enumerator, enumerator_t *, private_conf_generation_t *this)
{
	return enumerator_create_filter(this->by_name->create_enumerator(this->by_name), tunnel_filter, NULL, NULL);
}

static enumerator_t *create_index_enumerator(hashtable_t *index, const void *key)
{
	array_t *tunnels = index->get(index, key);

	return tunnels ? array_create_enumerator(tunnels) : enumerator_create_empty();
}

METHOD(conf_generation_t, create_peer_enumerator, enumerator_t *, private_conf_generation_t *this, host_t *peer)
{
	return create_index_enumerator(this->by_peer, peer);
}

METHOD(conf_generation_t, create_id_enumerator, enumerator_t *, private_conf_generation_t *this, identification_t *id)
{
	return create_index_enumerator(this->by_id, id);
}

METHOD(conf_generation_t, get_credentials, credential_set_t *, private_conf_generation_t *this)
{
	return &this->creds->set;
}

METHOD(conf_generation_t, get_ref, conf_generation_t *, private_conf_generation_t *this)
{
	ref_get(&this->ref);
	return &this->public;
}

CALLBACK(destroy_array, void, array_t *tunnels, const void *key)
{
	array_destroy(tunnels);
}

CALLBACK(destroy_tunnel, void, conf_tunnel_t *tunnel, const void *key)
{
	tunnel->destroy(tunnel);
}

METHOD(conf_generation_t, destroy, void, private_conf_generation_t *this)
{
	if (!ref_put(&this->ref))
		return;
	this->by_peer->destroy_function(this->by_peer, (void *)destroy_array);
	this->by_id->destroy_function(this->by_id, (void *)destroy_array);
	this->by_name->destroy_function(this->by_name, (void *)destroy_tunnel);
	this->creds->destroy(this->creds);
	free(this);
}

static private_conf_generation_t *create(u_int number, u_int size)
{
	private_conf_generation_t *this;

	INIT(this,
		.public = {
			.get_number = _get_number,
			.get_count = _get_count,
			.get_tunnel = _get_tunnel,
			.create_tunnel_enumerator = _create_tunnel_enumerator,
			.create_peer_enumerator = _create_peer_enumerator,
			.create_id_enumerator = _create_id_enumerator,
			.get_credentials = _get_credentials,
			.get_ref = _get_ref,
			.destroy = _destroy,
		},
		.number = number,
		.by_name = hashtable_create(hashtable_hash_str, hashtable_equals_str, size),
		.by_peer = hashtable_create(host_hash, host_equals, size),
		.by_id = hashtable_create(id_hash, id_equals, size),
		.creds = mem_cred_create(),
		.ref = 1,
	);
	return this;
}

conf_generation_t *conf_generation_create_empty(void)
{
	return &create(0, 1)->public;
}

static void index_add(hashtable_t *index, const void *key, conf_tunnel_t *tunnel)
{
	array_t *tunnels = index->get(index, key);

	if (!tunnels) {
		tunnels = array_create(0, 0);
		index->put(index, key, tunnels);
	}
	array_insert(tunnels, ARRAY_TAIL, tunnel);
}

/** A carrier's certificate may be asked for by other keys than its tunnels', so it stands here as well. */
static void add_credentials(private_conf_generation_t *this, const conf_carrier_t *carrier)
{
	if (!carrier->key)
		return;
	this->creds->add_cert(this->creds, FALSE, carrier->certificate->get_ref(carrier->certificate));
	this->creds->add_cert(this->creds, TRUE, carrier->ca->get_ref(carrier->ca));
	this->creds->add_key(this->creds, carrier->key->get_ref(carrier->key));
}

/** Builds the carrier's tunnels, without links, into building (struct tunnel => conf_tunnel_t). */
static bool build_tunnels(private_conf_generation_t *this, const struct model *model, const struct carrier *carrier,
	hashtable_t *building, char **error)
{
	conf_carrier_t *credentials;
	size_t i;

	credentials = conf_carrier_load(model, carrier, error);
	if (!credentials)
		return FALSE;
	add_credentials(this, credentials);
	for (i = 0; i < carrier->n_tunnels; i++) {
		building->put(
			building, &carrier->tunnels[i], conf_tunnel_create(&model->gateway, &carrier->tunnels[i], credentials));
	}
	conf_carrier_destroy(credentials);
	return TRUE;
}

static void build_links(const struct model *model, hashtable_t *building)
{
	conf_tunnel_t *tunnel;
	const struct apn *apn;
	size_t i, j;

	for (i = 0; i < model->n_apns; i++) {
		apn = &model->apns[i];
		for (j = 0; j < apn->n_links; j++) {
			tunnel = building->get(building, apn->links[j].tunnel);
			tunnel->add_link(tunnel, apn, &apn->links[j]);
		}
	}
}

static void add_tunnel(private_conf_generation_t *this, conf_tunnel_t *tunnel)
{
	this->by_name->put(this->by_name, tunnel->name, tunnel->get_ref(tunnel));
	index_add(this->by_peer, tunnel->peer, tunnel);
	index_add(this->by_id, tunnel->remote_id, tunnel);
}

/** Seals what was built, takes from the previous generation what is the same, and fills the indexes. */
static bool add_tunnels(
	private_conf_generation_t *this, hashtable_t *building, conf_generation_t *previous, char **error)
{
	conf_tunnel_t *tunnel, *old;
	enumerator_t *enumerator;
	const struct tunnel *key;
	bool ok = TRUE;

	enumerator = building->create_enumerator(building);
	while (ok && enumerator->enumerate(enumerator, &key, &tunnel)) {
		ok = tunnel->seal(tunnel);
		old = previous->get_tunnel(previous, tunnel->name);
		if (old && memeq(old->digest, tunnel->digest, sizeof(old->digest)))
			tunnel = old;
		else if (old)
			tunnel->inherit(tunnel, old);
		add_tunnel(this, tunnel);
	}
	enumerator->destroy(enumerator);
	if (!ok)
		*error = conf_text("SHA-256 is not available");
	return ok;
}

static bool build(private_conf_generation_t *this, const struct model *model, conf_generation_t *previous, char **error)
{
	hashtable_t *building;
	bool ok = TRUE;
	size_t i;

	building = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 64);
	for (i = 0; ok && i < model->n_carriers; i++)
		ok = build_tunnels(this, model, &model->carriers[i], building, error);
	if (ok) {
		build_links(model, building);
		ok = add_tunnels(this, building, previous, error);
	}
	building->destroy_function(building, (void *)destroy_tunnel);
	return ok;
}

/** The first error: the generation was checked before it was frozen, there should be none. */
static char *first_error(const struct diag_list *diags, int rc)
{
	size_t i;

	for (i = 0; i < diags->count; i++) {
		if (diags->items[i].severity == DIAG_ERROR)
			return conf_text("%s:%u: %s: %s", diags->items[i].file ?: "", diags->items[i].line,
				diags->items[i].key ?: "", diags->items[i].text);
	}
	return conf_text("%s", strerror(-rc));
}

static struct model *load_model(const char *run, u_int number, char **error)
{
	struct diag_list diags = {};
	struct model *model = NULL;
	char *path;
	int rc;

	path = conf_text("%s/gen/%u/culvert.conf", run, number);
	rc = conf_load(path, &diags, &model);
	if (rc < 0)
		*error = first_error(&diags, rc);
	diag_free(&diags);
	free(path);
	return rc < 0 ? NULL : model;
}

/** A generation carries its numbers: without the file they would be made up here and not fit the kernel's interfaces.
 */
static bool load_ids(const char *run, u_int number, struct model *model, char **error)
{
	struct ids *ids = NULL;
	char *path;
	int rc;

	path = conf_text("%s/gen/%u/ids", run, number);
	rc = access(path, R_OK) < 0 ? -errno : ids_load(path, &ids);
	if (rc == 0)
		rc = ids_assign(ids, model);
	if (rc < 0)
		*error = conf_text("%s: %s", path, strerror(-rc));
	ids_free(ids);
	free(path);
	return rc == 0;
}

conf_generation_t *conf_generation_load(const char *run, u_int number, conf_generation_t *previous, char **error)
{
	private_conf_generation_t *this = NULL;
	struct model *model;

	model = load_model(run, number, error);
	if (!model)
		return NULL;
	if (load_ids(run, number, model, error)) {
		this = create(number, 64);
		if (!build(this, model, previous, error)) {
			destroy(this);
			this = NULL;
		}
	}
	conf_free(model);
	return this ? &this->public : NULL;
}

u_int conf_generation_current(const char *run)
{
	char *path, target[16];
	unsigned long number;
	ssize_t len;
	char *end;

	path = conf_text("%s/gen/current", run);
	len = readlink(path, target, sizeof(target) - 1);
	free(path);
	if (len <= 0)
		return 0;
	target[len] = '\0';
	number = strtoul(target, &end, 10);
	return *end || number > UINT32_MAX ? 0 : (u_int)number;
}
