/*
 * The folder RUN/gen as a whole: which generations are there, which number comes next, what is to be thrown away.
 *   N/          a generation      N.part  half-made or half-removed      current  link to the one in force
 *   last        the highest number that was given, so that none is given twice while RUN lives
 */
#ifndef CULVERT_DAEMON_ARCHIVE_H
#define CULVERT_DAEMON_ARCHIVE_H

#include <stddef.h>

enum {
	ARCHIVE_KEEP = 10, /* generations, the one in force included */
	ARCHIVE_NUMBER_MAX = 999999999,
};

/* A generation's number from text; 0 if it is none. */
unsigned archive_number(const char *text);
/* The number after the highest that was ever given here; is given by that. 0 with *ret or -errno. */
int archive_give(const char *run, unsigned *ret);
/* The one that `current` names. 0 with *ret, -ENOENT if there is none, -EINVAL if it names something else, or -errno.
 */
int archive_current(const char *run, unsigned *ret);
/*
 * The generations that were in force, the current one included, newest first. 0 with *ret (the caller frees it) and
 * *ret_n, or -errno.
 */
int archive_list(const char *run, unsigned **ret, size_t *ret_n);
/* Removes gen/NAME, out of sight first: a crash while removing leaves a .part, never half a generation. */
void archive_remove(const char *run, const char *name);
/*
 * Removes all but the newest ARCHIVE_KEEP, those that were never in force (their numbers are above the current one's),
 * and what a crash left half-made. If `current` cannot be read nothing is removed.
 */
void archive_prune(const char *run);
#endif
