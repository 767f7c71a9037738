#include "culvert_conf_plugin.h"

#include <daemon.h>

#include "conf_backend.h"
#include "conf_creds.h"
#include "conf_keeper.h"
#include "conf_liveness.h"
#include "conf_query.h"
#include "conf_report.h"
#include "conf_socket.h"
#include "conf_text.h"

#define RUN_FOLDER "/run/culvert"

typedef struct private_culvert_conf_plugin_t private_culvert_conf_plugin_t;

struct private_culvert_conf_plugin_t {
	culvert_conf_plugin_t public;
	/** owned by the settings, or static */
	char *run;
	conf_backend_t *backend;
	conf_creds_t *creds;
	conf_keeper_t *keeper;
	conf_query_t *query;
	conf_liveness_t *liveness;
	conf_report_t *report;
	conf_socket_t *socket;
};

METHOD(plugin_t, get_name, char *, private_culvert_conf_plugin_t *this)
{
	return "culvert-conf";
}

/**
 * Takes the generation in force. Without one, or with one that cannot be loaded, charon runs without tunnels, which is
 * closed: culvertd will prepare a good one.
 */
static void load_current(private_culvert_conf_plugin_t *this)
{
	conf_generation_t *generation, *empty;
	char *error = NULL;
	u_int number;

	number = conf_generation_current(this->run);
	if (!number) {
		DBG1(DBG_CFG, "no generation in %s/gen, no tunnels until there is one", this->run);
		return;
	}
	empty = this->backend->get_generation(this->backend);
	generation = conf_generation_load(this->run, number, empty, &error);
	empty->destroy(empty);
	if (!generation) {
		DBG1(DBG_CFG, "generation %u cannot be loaded, no tunnels: %s", number, error);
		free(error);
		return;
	}
	DBG1(DBG_CFG, "generation %u is in force, %u tunnels", number, generation->get_count(generation));
	empty = this->backend->set_generation(this->backend, generation);
	empty->destroy(empty);
}

static bool set_up(private_culvert_conf_plugin_t *this)
{
	load_current(this);
	lib->credmgr->add_set(lib->credmgr, &this->creds->set);
	charon->backends->add_backend(charon->backends, &this->backend->backend);
	charon->bus->add_listener(charon->bus, &this->report->listener);
	charon->bus->add_listener(charon->bus, &this->liveness->listener);
	this->keeper->start(this->keeper);
	return this->socket->start(this->socket);
}

static void tear_down(private_culvert_conf_plugin_t *this)
{
	charon->bus->remove_listener(charon->bus, &this->liveness->listener);
	charon->bus->remove_listener(charon->bus, &this->report->listener);
	charon->backends->remove_backend(charon->backends, &this->backend->backend);
	lib->credmgr->remove_set(lib->credmgr, &this->creds->set);
}

static bool plugin_cb(private_culvert_conf_plugin_t *this, plugin_feature_t *feature, bool reg, void *cb_data)
{
	if (reg)
		return set_up(this);
	tear_down(this);
	return TRUE;
}

METHOD(plugin_t, get_features, int, private_culvert_conf_plugin_t *this, plugin_feature_t *features[])
{
	static plugin_feature_t f[] = {
		PLUGIN_CALLBACK((plugin_feature_callback_t)plugin_cb, NULL),
		PLUGIN_PROVIDE(CUSTOM, "culvert-conf"),
		PLUGIN_DEPENDS(NONCE_GEN),
		PLUGIN_DEPENDS(HASHER, HASH_SHA256),
		PLUGIN_DEPENDS(CERT_DECODE, CERT_X509),
		PLUGIN_DEPENDS(PRIVKEY, KEY_ANY),
	};
	*features = f;
	return countof(f);
}

METHOD(plugin_t, destroy, void, private_culvert_conf_plugin_t *this)
{
	this->socket->destroy(this->socket);
	this->report->destroy(this->report);
	this->keeper->destroy(this->keeper);
	this->liveness->destroy(this->liveness);
	this->query->destroy(this->query);
	this->creds->destroy(this->creds);
	this->backend->destroy(this->backend);
	free(this);
}

/* PLUGIN_DEFINE(), but with a prototype, which C wants. */
const char *culvert_conf_plugin_version = VERSION;

plugin_t *culvert_conf_plugin_create(void)
{
	private_culvert_conf_plugin_t *this;

	INIT(this,
		.public = {
			.plugin = {
				.get_name = _get_name,
				.get_features = _get_features,
				.destroy = _destroy,
			},
		},
		.run = lib->settings->get_str(lib->settings, "%s.plugins.culvert-conf.run", RUN_FOLDER, lib->ns),
		.backend = conf_backend_create(),
	);
	this->creds = conf_creds_create(this->backend);
	this->query = conf_query_create(this->backend);
	this->liveness = conf_liveness_create(this->query);
	this->keeper = conf_keeper_create(this->backend, this->liveness);
	this->report = conf_report_create(this->backend, this->keeper);
	this->socket = conf_socket_create(this->run, this->backend, this->keeper, this->report, this->liveness);
	return &this->public.plugin;
}
