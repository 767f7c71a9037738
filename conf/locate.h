/* The line of a setting in the operator's file. */
#ifndef CULVERT_CONF_LOCATE_H
#define CULVERT_CONF_LOCATE_H

#include <stdbool.h>
#include <stddef.h>

struct config_setting_t;

struct locator {
	const char *file; /* as it stands in messages */
	const char *text; /* what was parsed */
	size_t len;
	const struct config_setting_t *root; /* libconfig's tree of it */
};

/* From 1; 0: the file as a whole. */
unsigned locate_setting(const struct locator *l, const struct config_setting_t *setting);
/* The line of what stands at a path such as "apns[0].cloud.address", or of the nearest thing around it. */
unsigned locate_key(const struct locator *l, const char *key);
/* True if something stands at exactly that path. */
bool locate_has(const struct locator *l, const char *key);

#endif
