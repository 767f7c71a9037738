/*
 * SAs that a charon which is gone left in the kernel. They are kept while nothing replaces them: the peer may still
 * send and receive on them, and the kernel ends them at their hard lifetime. Pure: what to delete is decided here, who
 * deletes is the caller.
 */
#ifndef CULVERT_DAEMON_STALE_H
#define CULVERT_DAEMON_STALE_H

#include <stddef.h>

struct sa;
struct survey;

/* Seconds a new CHILD_SA has to be installed before the stale ones of its link go: the peer may send on them a while.
 */
enum { STALE_GRACE = 5 };

struct stale { /* zero-initialise: none */
	struct sa *sas; /* owned, in the order of sa_compare() */
	size_t count;
};

/* Remembers those of all (n, with an if_id) that charon does not list. 0, or -ENOMEM with *ret untouched. */
int stale_collect(const struct sa *all, size_t n, const struct survey *survey, struct stale *ret);
typedef void (*stale_gone_fn)(void *userdata, const struct sa *sa);
/*
 * Calls gone for each remembered SA whose link has a CHILD_SA that is older than STALE_GRACE and that charon still does
 * not list; forgets it then. Forgets also what is no longer among all (n, in the order of sa_compare()), and what
 * charon lists after all: it was being installed when we looked first.
 */
void stale_resolve(
	struct stale *s, const struct sa *all, size_t n, const struct survey *survey, stale_gone_fn gone, void *userdata);
void stale_free(struct stale *s);

#endif
