#include "appliance/isolation/snapshot.h"

#include "appliance/isolation/sa.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more behind count items; sizes are the powers of two. */
static void *grow(void *items, size_t count, size_t size)
{
	if (count > 0 && (count & (count - 1)) != 0)
		return items;
	return reallocarray(items, count > 0 ? 2 * count : 1, size);
}

#define APPEND(s, list, item)                                                                                          \
	do {                                                                                                               \
		void *grown = grow((s)->list, (s)->n_##list, sizeof(*(s)->list));                                              \
		if (!grown)                                                                                                    \
			return -ENOMEM;                                                                                            \
		(s)->list = grown;                                                                                             \
		(s)->list[(s)->n_##list++] = *(item);                                                                          \
		return 0;                                                                                                      \
	} while (0)

int snapshot_add_address(struct snapshot *s, const struct snapshot_address *a)
{
	APPEND(s, addresses, a);
}

int snapshot_add_rule(struct snapshot *s, const struct snapshot_rule *r)
{
	APPEND(s, rules, r);
}

int snapshot_add_route(struct snapshot *s, const struct snapshot_route *r)
{
	APPEND(s, routes, r);
}

int snapshot_add_policy(struct snapshot *s, const struct snapshot_policy *p)
{
	APPEND(s, policies, p);
}

int snapshot_add_sa(struct snapshot *s, const struct sa *sa)
{
	APPEND(s, sas, sa);
}

int snapshot_sysctl(const struct snapshot *s, const char *name)
{
	for (size_t i = 0; i < s->n_sysctls; i++)
		if (strcmp(s->sysctls[i].name, name) == 0)
			return s->sysctls[i].value;
	return -1;
}

const char *snapshot_name(const struct snapshot *s, int index)
{
	const struct interface *i = interfaces_find(&s->interfaces, index);

	return i ? i->name : "";
}

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	interfaces_free(&s->interfaces);
	free(s->addresses);
	free(s->rules);
	free(s->routes);
	free(s->policies);
	free(s->sas);
	free(s->ruleset);
	free(s->strange);
	*s = (struct snapshot){ 0 };
}
