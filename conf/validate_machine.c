/*
 * What only the machine knows. None of it is an error: an interface can come later, and whatever does not need it must
 * not wait for it.
 */
#include "conf/validate.h"

#include "conf/conf.h"
#include "conf/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Every interface that the file names. NULL when memory ran out; the caller frees it. */
static struct named *list_interfaces(const struct model *m, size_t *ret_n)
{
	struct named *list = calloc(m->n_apns + 2, sizeof(*list));
	size_t n = 0;

	if (!list)
		return NULL;
	list[n++] = (struct named){ m->gateway.outer.interface, check_key("gateway.outer.interface") };
	list[n++] = (struct named){ m->management.interface, check_key("management.interface") };
	for (size_t a = 0; a < m->n_apns; a++)
		list[n++] = (struct named){ m->apns[a].cloud.interface, check_key("apns[%zu].cloud.interface", a) };
	*ret_n = n;
	return list;
}

/* One that several APNs name is asked for once, and told where it stands first. */
void validate_machine(struct check *c)
{
	size_t n;
	struct named *list = list_interfaces(c->m, &n);

	if (!list) {
		c->error = -ENOMEM;
		return;
	}
	sort_named(list, n);
	for (size_t i = 0; i < n; i++) {
		bool again = i && list[i].text && list[i - 1].text && !strcmp(list[i].text, list[i - 1].text);
		if (list[i].text && !again && !c->machine->has_interface(c->machine->userdata, list[i].text))
			check_warning(c, list[i].key.text,
				"this machine has no interface \"%s\", and nothing passes there until it has; name one that it has, or "
				"bring it up",
				list[i].text);
	}
	free(list);
}
