#include "culvert_rekey_plugin.h"

#include <daemon.h>

#include "plugins/culvert-conf/conf_query.h"
#include "rekey_early.h"
#include "rekey_gate.h"
#include "rekey_ledger.h"
#include "rekey_listener.h"
#include "rekey_rehearsal.h"
#include "rekey_strays.h"
#include "rekey_worker.h"

typedef struct private_culvert_rekey_plugin_t private_culvert_rekey_plugin_t;

struct private_culvert_rekey_plugin_t {
	culvert_rekey_plugin_t public;
	/** all NULL unless the plugin's feature is there */
	rekey_ledger_t *ledger;
	rekey_listener_t *listener;
	rekey_gate_t *gate;
	rekey_worker_t *worker;
	/** NULL without culvert-conf's tunnels as well */
	rekey_rehearsal_t *rehearsal;
	rekey_early_t *early;
	rekey_strays_t *strays;
};

METHOD(plugin_t, get_name, char *, private_culvert_rekey_plugin_t *this)
{
	return "culvert-rekey";
}

static bool set_up(private_culvert_rekey_plugin_t *this)
{
	conf_query_t *query = lib->get(lib, CONF_QUERY);

	this->ledger = rekey_ledger_create();
	if (!this->ledger)
		return FALSE;
	/* Peers get crossing rekeys wrong, each in a way of its own: theirs waits. */
	lib->settings->set_bool(lib->settings, "%s.refuse_rekey_collisions", TRUE, lib->ns);
	/* charon would begin a chain of retries of its own with each rekey that is refused. */
	lib->settings->set_bool(lib->settings, "%s.rekey_retry", FALSE, lib->ns);
	this->listener = rekey_listener_create(this->ledger, query);
	this->gate = rekey_gate_create(this->ledger);
	this->worker = rekey_worker_create(this->ledger, this->gate);
	this->early = rekey_early_create();
	this->strays = rekey_strays_create();
	charon->bus->add_listener(charon->bus, &this->listener->listener);
	this->rehearsal = query ? rekey_rehearsal_create(query) : NULL;
	if (this->rehearsal)
		charon->bus->add_listener(charon->bus, &this->rehearsal->listener);
	charon->bus->add_listener(charon->bus, &this->early->listener);
	charon->bus->add_listener(charon->bus, &this->strays->listener);
	return TRUE;
}

static void tear_down(private_culvert_rekey_plugin_t *this)
{
	if (this->rehearsal) {
		charon->bus->remove_listener(charon->bus, &this->rehearsal->listener);
		this->rehearsal->destroy(this->rehearsal);
	}
	charon->bus->remove_listener(charon->bus, &this->strays->listener);
	charon->bus->remove_listener(charon->bus, &this->early->listener);
	charon->bus->remove_listener(charon->bus, &this->listener->listener);
	this->strays->destroy(this->strays);
	this->early->destroy(this->early);
	this->worker->destroy(this->worker);
	this->gate->destroy(this->gate);
	this->listener->destroy(this->listener);
	this->ledger->destroy(this->ledger);
}

static bool plugin_cb(private_culvert_rekey_plugin_t *this, plugin_feature_t *feature, bool reg, void *cb_data)
{
	if (reg)
		return set_up(this);
	tear_down(this);
	return TRUE;
}

METHOD(plugin_t, get_features, int, private_culvert_rekey_plugin_t *this, plugin_feature_t *features[])
{
	static plugin_feature_t f[] = {
		PLUGIN_CALLBACK((plugin_feature_callback_t)plugin_cb, NULL),
		PLUGIN_PROVIDE(CUSTOM, "culvert-rekey"),
		PLUGIN_DEPENDS(CUSTOM, "culvert-conf"),
		PLUGIN_DEPENDS(CUSTOM, "libcharon-sa-managers"),
	};
	*features = f;
	return countof(f);
}

METHOD(plugin_t, destroy, void, private_culvert_rekey_plugin_t *this)
{
	free(this);
}

/* PLUGIN_DEFINE(), but with a prototype, which C wants. */
const char *culvert_rekey_plugin_version = VERSION;

plugin_t *culvert_rekey_plugin_create(void)
{
	private_culvert_rekey_plugin_t *this;

	INIT(this,
		.public = {
			.plugin = {
				.get_name = _get_name,
				.get_features = _get_features,
				.destroy = _destroy,
			},
		},
	);
	return &this->public.plugin;
}
