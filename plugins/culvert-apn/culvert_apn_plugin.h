/* Admits a CHILD_SA only for a link of the generation in force. */
#ifndef CULVERT_APN_PLUGIN_H_
#define CULVERT_APN_PLUGIN_H_

#include <plugins/plugin.h>

typedef struct culvert_apn_plugin_t culvert_apn_plugin_t;

struct culvert_apn_plugin_t {

	/** Implements plugin_t */
	plugin_t plugin;
};

/** What strongSwan looks for in the shared object. */
__attribute__((visibility("default"))) plugin_t *culvert_apn_plugin_create(void);
extern __attribute__((visibility("default"))) const char *culvert_apn_plugin_version;

#endif
