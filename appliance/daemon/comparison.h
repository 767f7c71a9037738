/* charon's answer to `compare N`: what it would do to every tunnel if N were committed. Pure. */
#ifndef CULVERT_DAEMON_COMPARISON_H
#define CULVERT_DAEMON_COMPARISON_H

#include <stdbool.h>
#include <stddef.h>

/* Strings point into the text. */
struct comparison_tunnel {
	const char *name;
	/* "added", "removed", "reestablished", "changed" (its links), "credentials", "initiator", "rehearsal" */
	const char *change;
	const char *also; /* further words of these, one space between two; NULL: none */
};

struct comparison_child {
	const char *tunnel;
	const char *apn;
	const char *change; /* "added", "removed", "rekeyed", "extended", "replaced", "narrowed", or a later word */
};

struct comparison {
	char *text; /* owned */
	struct comparison_tunnel *tunnels; /* owned, sorted by name */
	size_t n_tunnels;
	struct comparison_child *children; /* owned, sorted by tunnel and APN */
	size_t n_children;
	size_t kept; /* tunnels that nothing happens to */
};

/*
 * Takes the lines before `end`:
 *   tunnel NAME CHANGE [ALSO...]
 *   child TUNNEL APN CHANGE
 *   kept COUNT
 * Further words of other lines and lines of other kinds are passed over, for a later charon may say more. 0 with *ret
 * (comparison_free() it), -EPROTO if a line of these kinds lacks a word, or -ENOMEM.
 */
int comparison_parse(const char *text, struct comparison *ret);
/* The first child of a tunnel, *ret_n of them in a row; NULL: none. */
const struct comparison_child *comparison_children(const struct comparison *c, const char *tunnel, size_t *ret_n);
/* True if a change so called ends traffic, for a moment or for good. Words that are not known count as if they did. */
bool comparison_tunnel_interrupts(const char *change);
bool comparison_child_interrupts(const char *change);
/* True if any of the changes does. */
bool comparison_interrupts(const struct comparison *c);
/* A zeroed one is allowed. */
void comparison_free(struct comparison *c);

#endif
