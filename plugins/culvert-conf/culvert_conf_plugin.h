/*
 * culvert-conf: charon's configurations and credentials from the generations that culvertd freezes, the hand-over from
 * one generation to the next, and the tunnels kept up. See the headers in this folder, one for each part.
 */
#ifndef CULVERT_CONF_PLUGIN_H_
#define CULVERT_CONF_PLUGIN_H_

#include <plugins/plugin.h>

typedef struct culvert_conf_plugin_t culvert_conf_plugin_t;

struct culvert_conf_plugin_t {

	/** Implements plugin_t */
	plugin_t plugin;
};

/** What libstrongswan looks for in the shared object: the version it was built against, and the constructor. */
__attribute__((visibility("default"))) extern const char *culvert_conf_plugin_version;
__attribute__((visibility("default"))) plugin_t *culvert_conf_plugin_create(void);

#endif
