/*
 * Failure policy: a generation is loaded whole or not at all. Invariant: the tunnels in the indexes are the same; each
 * is found by its peer's addresses or among the unknown ones.
 */
#include "conf_generation.h"

#include <ctype.h>
#include <errno.h>
#include <asn1/asn1.h>
#include <collections/array.h>
#include <collections/hashtable.h>

#include "conf_blueprint.h"
#include "conf_carrier.h"
#include "conf_hasher.h"
#include "conf_room.h"
#include "conf_text.h"
#include "conf/conf.h"
#include "conf/ids.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/diag.h"

typedef struct private_conf_generation_t private_conf_generation_t;

/** octets that a tunnel with its link and its carrier takes, at least */
enum { TUNNEL_LEAST = 7 * 1024 };

struct private_conf_generation_t {
	conf_generation_t public;
	u_int number;
	/** name => conf_tunnel_t, one reference each */
	hashtable_t *by_name;
	/** host_t => array_t of conf_tunnel_t, without references; the keys belong to the first tunnel */
	hashtable_t *by_peer;
	/** identification_t => array_t of conf_tunnel_t, likewise */
	hashtable_t *by_id;
	/** their names => the first conf_tunnel_t of each list of suites whose peer's address is not known */
	hashtable_t *unknown;
	u_int n_unknown;
	/** name => conf_carrier_t, one reference each */
	hashtable_t *carriers;
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

METHOD(conf_generation_t, get_carrier, conf_carrier_t *, private_conf_generation_t *this, const char *name)
{
	return this->carriers->get(this->carriers, name);
}

METHOD(conf_generation_t, create_unknown_enumerator, enumerator_t *, private_conf_generation_t *this)
{
	return enumerator_create_filter(this->unknown->create_enumerator(this->unknown), tunnel_filter, NULL, NULL);
}

METHOD(conf_generation_t, get_only_unknown, conf_tunnel_t *, private_conf_generation_t *this)
{
	conf_tunnel_t *only = NULL;
	enumerator_t *enumerator;

	if (this->n_unknown != 1)
		return NULL;
	enumerator = create_unknown_enumerator(this);
	if (!enumerator->enumerate(enumerator, &only))
		only = NULL;
	enumerator->destroy(enumerator);
	return only;
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

CALLBACK(destroy_carrier, void, conf_carrier_t *carrier, const void *key)
{
	conf_carrier_destroy(carrier);
}

METHOD(conf_generation_t, destroy, void, private_conf_generation_t *this)
{
	if (!ref_put(&this->ref))
		return;
	this->by_peer->destroy_function(this->by_peer, (void *)destroy_array);
	this->by_id->destroy_function(this->by_id, (void *)destroy_array);
	this->unknown->destroy(this->unknown);
	this->by_name->destroy_function(this->by_name, (void *)destroy_tunnel);
	this->carriers->destroy_function(this->carriers, (void *)destroy_carrier);
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
			.get_carrier = _get_carrier,
			.create_peer_enumerator = _create_peer_enumerator,
			.create_unknown_enumerator = _create_unknown_enumerator,
			.get_only_unknown = _get_only_unknown,
			.create_id_enumerator = _create_id_enumerator,
			.get_credentials = _get_credentials,
			.get_ref = _get_ref,
			.destroy = _destroy,
		},
		.number = number,
		.by_name = hashtable_create(hashtable_hash_str, hashtable_equals_str, size),
		.by_peer = hashtable_create(host_hash, host_equals, size),
		.by_id = hashtable_create(id_hash, id_equals, size),
		.unknown = hashtable_create(hashtable_hash_str, hashtable_equals_str, 4),
		.carriers = hashtable_create(hashtable_hash_str, hashtable_equals_str, size),
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

/** What is needed while a generation is built */
typedef struct {
	private_conf_generation_t *this;
	const struct model *model;
	conf_generation_t *previous;
	hasher_t *hasher;
	conf_proposals_t *proposals;
	/** one for each tunnel of the model */
	conf_blueprint_t *blueprints;
	size_t count;
	/** struct tunnel => conf_blueprint_t */
	hashtable_t *by_tunnel;
} building_t;

/** Reads the carrier's secrets and begins its tunnels. */
static bool build_carrier(building_t *building, const struct carrier *carrier, char **error)
{
	private_conf_generation_t *this = building->this;
	conf_generation_t *previous = building->previous;
	conf_blueprint_t *blueprint;
	conf_carrier_t *credentials;
	size_t i;

	credentials = conf_carrier_load(
		building->model, carrier, building->hasher, previous->get_carrier(previous, carrier->name), error);
	if (!credentials)
		return FALSE;
	this->carriers->put(this->carriers, credentials->name, credentials);
	/* A certificate may be asked for by other keys than its tunnels', so it stands here as well. */
	conf_carrier_publish(credentials, this->creds);
	for (i = 0; i < carrier->n_tunnels; i++) {
		blueprint = &building->blueprints[building->count++];
		*blueprint = (conf_blueprint_t){
			.gateway = &building->model->gateway,
			.tunnel = &carrier->tunnels[i],
			.carrier = credentials,
			.proposals = building->proposals,
		};
		building->by_tunnel->put(building->by_tunnel, blueprint->tunnel, blueprint);
	}
	return TRUE;
}

static void build_links(building_t *building)
{
	const struct apn *apn;
	size_t i, j;

	for (i = 0; i < building->model->n_apns; i++) {
		apn = &building->model->apns[i];
		for (j = 0; j < apn->n_links; j++)
			conf_blueprint_add_link(
				building->by_tunnel->get(building->by_tunnel, apn->links[j].tunnel), apn, &apn->links[j]);
	}
}

/** Indexes a tunnel and adopts the reference. */
static void add_tunnel(private_conf_generation_t *this, conf_tunnel_t *tunnel)
{
	u_int i;

	this->by_name->put(this->by_name, tunnel->name, tunnel);
	index_add(this->by_id, tunnel->remote_id, tunnel);
	for (i = 0; i < tunnel->n_peers; i++)
		index_add(this->by_peer, tunnel->peers[i], tunnel);
	if (tunnel->n_peers)
		return;
	this->n_unknown++;
	if (!this->unknown->get(this->unknown, tunnel->suite_names))
		this->unknown->put(this->unknown, tunnel->suite_names, tunnel);
}

/** Takes from the previous generation what is the same and creates the rest. */
static bool build_tunnels(building_t *building, char **error)
{
	conf_generation_t *previous = building->previous;
	conf_blueprint_t *blueprint;
	struct buf print = {};
	conf_tunnel_t *old;
	bool ok = TRUE;
	size_t i;

	for (i = 0; ok && i < building->count; i++) {
		blueprint = &building->blueprints[i];
		ok = conf_blueprint_seal(blueprint, building->hasher, &print);
		old = previous->get_tunnel(previous, blueprint->tunnel->name);
		if (ok && old && memeq(old->digest, blueprint->digest, sizeof(old->digest))) {
			add_tunnel(building->this, old->get_ref(old));
			continue;
		}
		ok = ok && conf_blueprint_detail(blueprint, building->hasher, &print);
		if (ok)
			add_tunnel(building->this, conf_tunnel_create(blueprint, old));
	}
	buf_free(&print);
	if (!ok)
		*error = conf_text("SHA-256 is not available");
	return ok;
}

static size_t count_tunnels(const struct model *model)
{
	size_t i, count = 0;

	for (i = 0; i < model->n_carriers; i++)
		count += model->carriers[i].n_tunnels;
	return count;
}

static bool build(private_conf_generation_t *this, const struct model *model, conf_generation_t *previous, char **error)
{
	size_t count = count_tunnels(model);
	building_t building = {
		.this = this,
		.model = model,
		.previous = previous,
		.hasher = conf_hasher_create(),
		.proposals = conf_proposals_create(),
		.blueprints = calloc(max(count, (size_t)1), sizeof(conf_blueprint_t)),
		.by_tunnel = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, (u_int)count),
	};
	u_int shared = min((u_int)count, previous->get_count(previous));
	conf_room_t *room = conf_room_create((count - shared) * TUNNEL_LEAST);
	bool ok;
	size_t i;

	ok = building.hasher && building.blueprints;
	if (!ok)
		*error = conf_text("SHA-256 is not available");
	for (i = 0; ok && i < model->n_carriers; i++)
		ok = build_carrier(&building, &model->carriers[i], error);
	if (ok) {
		build_links(&building);
		ok = build_tunnels(&building, error);
	}
	for (i = 0; i < building.count; i++)
		conf_blueprint_clear(&building.blueprints[i]);
	building.by_tunnel->destroy(building.by_tunnel);
	building.proposals->destroy(building.proposals);
	free(building.blueprints);
	DESTROY_IF(building.hasher);
	conf_room_destroy(room);
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
	rc = conf_load_frozen(path, &diags, &model);
	if (rc < 0)
		*error = first_error(&diags, rc);
	diag_free(&diags);
	free(path);
	if (rc < 0)
		return NULL;
	rc = conf_hold_secrets(model);
	if (rc == 0)
		return model;
	*error = conf_text("gen/%u/secrets: cannot be read: %s", number, strerror(-rc));
	conf_free(model);
	return NULL;
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
		this = create(number, (u_int)max(count_tunnels(model), (size_t)1));
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
