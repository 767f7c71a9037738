/* No IKE_SA or CHILD_SA outside the allowed suites, in either role, whoever loaded its configuration. */
#ifndef CULVERT_POLICY_PLUGIN_H_
#define CULVERT_POLICY_PLUGIN_H_

#include <plugins/plugin.h>

typedef struct culvert_policy_plugin_t culvert_policy_plugin_t;

struct culvert_policy_plugin_t {

	/** Implements plugin_t */
	plugin_t plugin;
};

/** What strongSwan looks for in the shared object. */
__attribute__((visibility("default"))) plugin_t *culvert_policy_plugin_create(void);
extern __attribute__((visibility("default"))) const char *culvert_policy_plugin_version;

#endif
