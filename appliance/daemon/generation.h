/*
 * Generations: one accepted configuration each, numbered, complete, frozen, in RUN/gen/N/:
 *   culvert.conf  canonical text        secrets  the files it names (conf/vault.h)        ids  numbers kept by name
 *   meta          who, when, from what (meta.h)
 *   operator/     only in a rollback: text and secrets of the operator's file that it passed over
 * RUN/gen/current is a symbolic link "N", switched by rename. A generation is written as N.part and renamed, so that a
 * crash at any step leaves whole ones only. Whoever loads RUN/gen/N/culvert.conf and its ids gets the very same model.
 *
 * A number belongs to one content for as long as RUN lives: what charon or the kernel refused has used its number up,
 * what never got so far (a bad file, a full disk while writing) has not.
 */
#ifndef CULVERT_DAEMON_GENERATION_H
#define CULVERT_DAEMON_GENERATION_H

#include <stdbool.h>

struct diag_list;
struct meta;
struct model;
struct outline_difference;

struct generation {
	unsigned number; /* from 1; 0: none */
	struct model *model; /* owned, numbers assigned; NULL: none */
	unsigned rollback_of; /* 0: it came from the operator's file */
};

/* The folder that `culvert plan` has charon compare: above every real number, so that it never is one. */
enum { GENERATION_DRAFT = 1000000000 };

/* What is to be frozen, and what is to be remembered of it. Borrowed. */
struct generation_source {
	struct model **model; /* fresh from its file; is given its numbers. NULL once a generation has taken it over */
	const char *who;
	const char *file; /* the operator's */
	unsigned rollback_of; /* 0: model is the operator's file */
	const struct model *passed_over; /* of a rollback: what the operator's file says; NULL: nothing that is valid */
};

/* The one that `current` names. 0 with *ret filled (generation_free() it), -ENOENT if there is none, or -errno; what is
   wrong with its text goes to diags. */
int generation_load_current(const char *run, struct diag_list *diags, struct generation *ret);
/* Generation number. As above; -ENOENT also if it is not kept. */
int generation_load(const char *run, unsigned number, struct diag_list *diags, struct generation *ret);
/* What is known of a generation; all is unknown where it cannot be read. */
void generation_meta(const char *run, unsigned number, struct meta *ret);
/* Its canonical text. 0 with *ret (the caller frees it) or -errno. */
int generation_text(const char *run, unsigned number, char **ret);
/*
 * Freezes s as the next generation below run, with the lasting numbers of state/ids, which is updated first. Where
 * text, secrets and numbers equal those of current nothing is made, and *ret is left alone with *ret_changed false; but
 * the operator's file in the place of a rollback is a new generation even if both say the same. *ret_difference is the
 * one to current (outline_free() it). 0 or -errno; diags says what could not be read or written. `current` is not
 * switched.
 */
int generation_freeze(const char *run, const char *state, const struct generation_source *s,
	const struct generation *current, struct diag_list *diags, struct generation *ret,
	struct outline_difference *ret_difference, bool *ret_changed);
/*
 * The same without any consequence: what would be frozen is written as gen/GENERATION_DRAFT, for charon to look at and
 * for generation_discard(). state is not touched. With *ret_changed false nothing is written. s->model has its numbers.
 */
int generation_draft(const char *run, const char *state, const struct generation_source *s,
	const struct generation *current, struct diag_list *diags, struct outline_difference *ret_difference,
	bool *ret_changed);
/* True if m, fresh from the operator's file, is what rollback g passed over: nobody has changed it since. */
bool generation_passed_over(const char *run, const struct generation *g, const struct model *m);
/* Makes number the current one. 0 or -errno; then the one before is. */
int generation_switch(const char *run, unsigned number);
/* Removes a generation that was never switched to, or the draft. */
void generation_discard(const char *run, unsigned number);
/* Frees the model and makes g none; a generation that is none already is allowed. */
void generation_free(struct generation *g);

#endif
