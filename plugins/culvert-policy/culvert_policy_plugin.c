#include "culvert_policy_plugin.h"

#include <daemon.h>

#include "policy_allowed.h"
#include "policy_listener.h"
#include "policy_refusals.h"

typedef struct private_culvert_policy_plugin_t private_culvert_policy_plugin_t;

struct private_culvert_policy_plugin_t {
	culvert_policy_plugin_t public;
	policy_refusals_t *refusals;
	policy_listener_t *listener;
};

METHOD(plugin_t, get_name, char *, private_culvert_policy_plugin_t *this)
{
	return "culvert-policy";
}

static bool plugin_cb(private_culvert_policy_plugin_t *this, plugin_feature_t *feature, bool reg, void *cb_data)
{
#ifdef CULVERT_POLICY_OFF
	/* For a test that must notice it. Never installed. */
	if (reg)
		DBG0(DBG_CFG, "CULVERT-POLICY IS SWITCHED OFF: this is a test build, anything is accepted");
#else
	if (!reg)
		charon->bus->remove_listener(charon->bus, &this->listener->listener);
	else if (policy_allowed_check())
		charon->bus->add_listener(charon->bus, &this->listener->listener);
	else
		return FALSE;
#endif
	return TRUE;
}

METHOD(plugin_t, get_features, int, private_culvert_policy_plugin_t *this, plugin_feature_t *features[])
{
	static plugin_feature_t f[] = {
		PLUGIN_CALLBACK((plugin_feature_callback_t)plugin_cb, NULL),
		PLUGIN_PROVIDE(CUSTOM, "culvert-policy"),
		PLUGIN_DEPENDS(CUSTOM, "culvert-conf"),
	};
	*features = f;
	return countof(f);
}

METHOD(plugin_t, destroy, void, private_culvert_policy_plugin_t *this)
{
	this->listener->destroy(this->listener);
	this->refusals->destroy(this->refusals);
	free(this);
}

/* PLUGIN_DEFINE(), but with a prototype, which C wants. */
const char *culvert_policy_plugin_version = VERSION;

plugin_t *culvert_policy_plugin_create(void)
{
	private_culvert_policy_plugin_t *this;

	INIT(this,
		.public = {
			.plugin = {
				.get_name = _get_name,
				.get_features = _get_features,
				.destroy = _destroy,
			},
		},
		.refusals = policy_refusals_create(),
	);
	this->listener = policy_listener_create(this->refusals);
	return &this->public.plugin;
}
