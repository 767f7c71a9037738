/* No key is used for 60 minutes: rekeys that spread, ceilings, and the end of what could not be rekeyed. */
#ifndef CULVERT_REKEY_PLUGIN_H_
#define CULVERT_REKEY_PLUGIN_H_

#include <plugins/plugin.h>

typedef struct culvert_rekey_plugin_t culvert_rekey_plugin_t;

struct culvert_rekey_plugin_t {

	/** Implements plugin_t */
	plugin_t plugin;
};

/** What strongSwan looks for in the shared object. */
__attribute__((visibility("default"))) plugin_t *culvert_rekey_plugin_create(void);
extern __attribute__((visibility("default"))) const char *culvert_rekey_plugin_version;

#endif
