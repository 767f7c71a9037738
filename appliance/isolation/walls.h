/* The second wall in the kernel, by libnftables. */
#ifndef CULVERT_APPLIANCE_ISOLATION_WALLS_H
#define CULVERT_APPLIANCE_ISOLATION_WALLS_H

#include <stdbool.h>
#include <stdint.h>

/* Loads the text of nft.h: all of it or nothing. 0, or -errno with *ret_error saying what nft says (the caller frees
 * it). */
int walls_load(const char *text, char **ret_error);
/* Whether the kernel would take it, without loading it. Same results. */
int walls_check(const char *text, char **ret_error);
/*
 * The number of the kernel's ruleset, which grows by one with every change that anybody makes to any table of this
 * network namespace. 0 or -errno.
 */
int walls_generation(uint32_t *ret);
/* A chain that packets meet by themselves. */
struct walls_hook {
	const char *table, *chain, *type; /* valid during the call */
	int family; /* NFPROTO_ */
	uint32_t hook; /* NF_INET_ of the IP families */
	int32_t priority;
};
/* Called for each of them, in all tables but our own; and for what our own has though the rules know it not. */
typedef void (*walls_hook_fn)(const struct walls_hook *h, bool ours, void *userdata);
/* 0 or -errno. */
int walls_hooks(walls_hook_fn fn, void *userdata);
/* True while the table is in the kernel with its forward chain. */
bool walls_stand(void);

#endif
