/*
 * Generations: one accepted configuration each, numbered, complete, frozen, in RUN/gen/N/:
 *   culvert.conf  canonical text        secrets/  0600 copies of the files it names        ids  numbers kept by name
 * RUN/gen/current is a symbolic link "N", switched by rename. A generation is written as N.part and renamed, so that a
 * crash at any step leaves whole ones only. Whoever loads RUN/gen/N/culvert.conf and its ids gets the very same model.
 */
#ifndef CULVERT_DAEMON_GENERATION_H
#define CULVERT_DAEMON_GENERATION_H

#include <stdbool.h>

struct diag_list;
struct model;

struct generation {
	unsigned number; /* from 1; 0: none */
	struct model *model; /* owned, numbers assigned; NULL: none */
};

enum { GENERATION_KEEP = 10 };

/* The one that `current` names. 0 with *ret filled (generation_free() it), -ENOENT if there is none, or -errno; what is
   wrong with its text goes to diags. */
int generation_load_current(const char *run, struct diag_list *diags, struct generation *ret);
/*
 * Freezes model, fresh from the operator's file, as the next generation below run, with the lasting numbers of
 * state/ids, which is updated first. Where text, secrets and numbers equal those of generation current (0: none)
 * nothing is made, and *ret is left alone with *ret_changed false. 0 or -errno; diags says what could not be read or
 * written. current is not switched.
 */
int generation_freeze(const char *run, const char *state, struct model *model, unsigned current,
	struct diag_list *diags, struct generation *ret, bool *ret_changed);
/* Makes number the current one. 0 or -errno. */
int generation_switch(const char *run, unsigned number);
/* Removes a generation that was never switched to. */
void generation_discard(const char *run, unsigned number);
/* Removes all but the newest GENERATION_KEEP and the current one, and what a crash left half-made. */
void generation_prune(const char *run, unsigned current);
/* Frees the model and makes g none; a generation that is none already is allowed. */
void generation_free(struct generation *g);

#endif
