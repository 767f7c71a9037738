/*
 * The transaction that brings a configuration into force, and the owner of the generation that is. Steps: load and
 * check, freeze, charon prepares, the kernel gets what is new, charon commits, `current` is switched, the kernel loses
 * what is gone. A step that fails puts the old generation back on both sides. With charon away its steps fall out: it
 * loads `current` when it starts, and is told to (reload_sync_charon) whenever it connects. On the event loop's thread.
 */
#ifndef CULVERT_DAEMON_RELOAD_H
#define CULVERT_DAEMON_RELOAD_H

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

struct reload_outcome {
	int error; /* 0 or -errno */
	const char *text; /* with error: what failed, a sentence */
	unsigned generation; /* in force afterwards; 0: none */
	bool changed; /* false: the file says what is in force already */
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
int reload_begin(struct reload *r, reload_done_fn done, void *userdata);
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
