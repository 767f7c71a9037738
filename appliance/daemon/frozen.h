/* Small helpers of generation.c and secrets.c: paths, comparison, and saying which file failed. */
#ifndef CULVERT_DAEMON_FROZEN_H
#define CULVERT_DAEMON_FROZEN_H

#include <stdbool.h>
#include <stddef.h>

struct diag_list;

/* The caller frees it; NULL when memory is short. */
char *frozen_path(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Adds "PATH: WHAT: the error's text" to diags and returns error, a -errno. path may be NULL. */
int frozen_fail(struct diag_list *diags, const char *path, int error, const char *what);
/* True if the file holds exactly these octets; one that cannot be read, or a path of NULL, does not. */
bool frozen_equals(const char *path, const char *data, size_t len);

#endif
