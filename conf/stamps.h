/*
 * Which files of a folder are still those that were read. The kernel gives a file a new time of change with whatever
 * is done to it, its times included, and nobody can set that. But its clock goes in steps: a file that changed just
 * before it was read might change again within the same one, and has no stamp.
 */
#ifndef CULVERT_CONF_STAMPS_H
#define CULVERT_CONF_STAMPS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct stat;
struct stamps;

/* Room for n files; NULL when memory ran out. */
struct stamps *stamps_new(size_t n);
/* What fstat() said of a file before it was read; began: a time before that. name is borrowed. */
void stamps_add(struct stamps *s, const char *name, const struct stat *st, time_t began);
/* After the last stamps_add(), before the first stamps_fit(). A file that was read twice has none. */
void stamps_sort(struct stamps *s);
/* True if the file of that name is this one, and nothing was done to it since. s NULL: false. */
bool stamps_fit(const struct stamps *s, const char *name, const struct stat *st);
/* NULL is allowed. */
void stamps_free(struct stamps *s);

#endif
