/* Where a setting stands in the operator's files. */
#ifndef CULVERT_CONF_LOCATE_H
#define CULVERT_CONF_LOCATE_H

#include "conf/model.h"

#include <stdbool.h>

struct node;
struct source;

struct locator {
	const struct source *source;
	const struct node *root; /* the tree of it */
};

struct origin locate_setting(const struct locator *l, const struct node *setting);
/* Where that stands which is at a path such as "apns[0].cloud.address", or the nearest thing around it. NULL: the file.
 */
struct origin locate_key(const struct locator *l, const char *key);
/* The entry of a group that is called so; NULL: it is no group, or has none. */
const struct node *locate_member(const struct node *group, const char *name);
/* What stands at exactly that path; NULL: nothing. */
const struct node *locate_at(const struct locator *l, const char *key);
/* True if something stands at exactly that path. */
bool locate_has(const struct locator *l, const char *key);

#endif
