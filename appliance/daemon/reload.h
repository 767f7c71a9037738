/*
 * The transaction that brings a configuration into force, and the owner of the generation that is. Steps: load and
 * check, freeze, charon prepares, the kernel gets what is new, charon commits, the kernel loses what is gone, `current`
 * is switched. A step that fails puts the old generation back on both sides. With charon away its steps fall out: it
 * loads `current` when it starts, and is told to (reload_sync_charon) whenever it connects. On the event loop's thread.
 *
 * A rollback is the same transaction with the frozen text and secrets of an older generation in the place of the
 * operator's file, which is passed over until it changes, or until a reload that is asked for.
 */
#ifndef CULVERT_DAEMON_RELOAD_H
#define CULVERT_DAEMON_RELOAD_H

#include "appliance/daemon/meta.h"

#include <stdbool.h>
#include <stddef.h>

struct charon;
struct diag_list;
struct generation;
struct links;
struct reload;

/* Borrowed by reload, for its whole life. */
struct reload_parts {
	const char *conf; /* path of the operator's file */
	const char *run; /* folder of generations */
	const char *state; /* folder of lasting numbers */
	struct links *links;
	struct charon *charon;
};

enum reload_source {
	RELOAD_FILE, /* the operator's file */
	RELOAD_START, /* the same at the start of culvertd; a rollback goes on if the file is what it was then */
	RELOAD_ROLLBACK, /* a generation that is kept */
};

struct reload_order {
	enum reload_source source;
	unsigned number; /* to roll back to; 0: the one in force before the current one */
	const char *who; /* "root (uid 0)"; copied */
};

struct reload_outcome {
	enum reload_source source; /* what was to come into force */
	int error; /* 0 or -errno */
	const char *text; /* with error: what failed, a sentence */
	unsigned generation; /* in force afterwards; 0: none */
	unsigned rollback_of; /* of the generation in force; 0: it is none */
	bool changed; /* false: what was to come into force is so already, or the file is still passed over */
	struct counts tunnels; /* if changed: as charon counts, which takes a tunnel's APNs for a part of it */
	struct counts apns; /* if changed: by name */
	bool by_charon; /* false: charon is away, tunnels are counted by their text alone */
	const struct diag_list *diags; /* errors and warnings, by file and line */
};

/* The outcome and what it points to live during the call. */
typedef void (*reload_done_fn)(void *userdata, const struct reload_outcome *outcome);

/* 0 with *ret (reload_free() it), or -ENOMEM. parts is copied. */
int reload_new(const struct reload_parts *parts, struct reload **ret);
/*
 * At start: takes up the generation that an earlier culvertd left in force, charon and kernel with it. 0, -ENOENT if
 * there is none (the walls are to be closed then), or -errno with reasons in diags.
 */
int reload_adopt(struct reload *r, struct diag_list *diags);
/* Starts; done is called once, perhaps before this returns. -EBUSY while another one runs: done is not called. */
int reload_begin(struct reload *r, const struct reload_order *order, reload_done_fn done, void *userdata);
/* The generation in force; number 0 if there is none. Valid until the event loop goes on. */
const struct generation *reload_current(const struct reload *r);
/* Has charon load the current generation where it has another one; changes nothing where it has not. */
void reload_sync_charon(struct reload *r);
/* Why charon does not take the generation in force, a sentence; NULL: it does, or is away. Valid as above. */
const char *reload_charon_refusal(const struct reload *r);
/* True from reload_begin() until its done: kernel and charon may be between two generations. */
bool reload_is_running(const struct reload *r);
/* Ends without waiting; done is not called. parts.links must be closed first. NULL is allowed. */
void reload_free(struct reload *r);

#endif
