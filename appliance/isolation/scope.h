/* A part of what the kernel holds, named by interfaces and routing tables. Pure. */
#ifndef CULVERT_APPLIANCE_ISOLATION_SCOPE_H
#define CULVERT_APPLIANCE_ISOLATION_SCOPE_H

#include "appliance/isolation/object.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct changes;
struct plan;

struct scope { /* zero-initialise: the rules and the host's sysctls, which every scope has */
	char (*names)[IFNAMSIZ]; /* owned: interfaces, sorted by strcmp() */
	size_t n_names;
	uint32_t *tables; /* owned: ascending */
	size_t n_tables;
};

/* Everything that shares an interface or a table with one of the changes. 0 with *ret (scope_free() it) or -ENOMEM. */
int scope_of(const struct changes *c, struct scope *ret);
/*
 * For a scope put together bit by bit: appended, in no order, until scope_settle() makes it one that can be asked. 0 or
 * -ENOMEM.
 */
int scope_add_name(struct scope *s, const char *interface);
int scope_add_table(struct scope *s, uint32_t table);
int scope_add(struct scope *s, const struct scope *more);
/*
 * The interface and what comes and goes with it, as known has it: its VRF, or its own members and table, and the tables
 * with routes over them.
 */
int scope_add_around(struct scope *s, const struct plan *known, const char *interface);
void scope_settle(struct scope *s);
bool scope_has_name(const struct scope *s, const char *interface);
bool scope_has_table(const struct scope *s, uint32_t table);
bool scope_has(const struct scope *s, const struct object *o);
/* What of p is in the scope, still sorted. 0 with *ret (plan_free() it) or -ENOMEM. */
int scope_filter(const struct scope *s, const struct plan *p, struct plan *ret);
/* Puts part in the place of what known has in the scope (NULL: of nothing); all sorted. 0 or -ENOMEM. */
int scope_overlay(const struct scope *s, const struct plan *part, struct plan *known);
void scope_free(struct scope *s);

/* The object of that kind, which has no table, for the interface; NULL if the sorted plan has none. */
const struct object *scope_find(const struct plan *p, enum object_kind kind, const char *interface);
/* Writes the interface that the object is about, "" if it is about none; returns whether there is one. */
bool scope_interface(const struct object *o, char name[static IFNAMSIZ]);

#endif
