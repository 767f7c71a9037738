#include "culvert_apn_plugin.h"

#include <daemon.h>

#include "apn_admission.h"

typedef struct private_culvert_apn_plugin_t private_culvert_apn_plugin_t;

struct private_culvert_apn_plugin_t {
	culvert_apn_plugin_t public;
	/** NULL until set up */
	apn_admission_t *admission;
};

METHOD(plugin_t, get_name, char *, private_culvert_apn_plugin_t *this)
{
	return "culvert-apn";
}

static bool set_up(private_culvert_apn_plugin_t *this)
{
	conf_query_t *query = lib->get(lib, CONF_QUERY);

	if (!query)
		return FALSE;
	this->admission = apn_admission_create(query);
	charon->bus->add_listener(charon->bus, &this->admission->listener);
	return TRUE;
}

static bool plugin_cb(private_culvert_apn_plugin_t *this, plugin_feature_t *feature, bool reg, void *cb_data)
{
	if (reg)
		return set_up(this);
	charon->bus->remove_listener(charon->bus, &this->admission->listener);
	return TRUE;
}

METHOD(plugin_t, get_features, int, private_culvert_apn_plugin_t *this, plugin_feature_t *features[])
{
	static plugin_feature_t f[] = {
		PLUGIN_CALLBACK((plugin_feature_callback_t)plugin_cb, NULL),
		PLUGIN_PROVIDE(CUSTOM, "culvert-apn"),
		PLUGIN_DEPENDS(CUSTOM, "culvert-conf"),
	};
	*features = f;
	return countof(f);
}

METHOD(plugin_t, destroy, void, private_culvert_apn_plugin_t *this)
{
	DESTROY_IF(this->admission);
	free(this);
}

/* PLUGIN_DEFINE(), but with a prototype, which C wants. */
const char *culvert_apn_plugin_version = VERSION;

plugin_t *culvert_apn_plugin_create(void)
{
	private_culvert_apn_plugin_t *this;

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
