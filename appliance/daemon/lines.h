/* The messages of a list as single lines, for the log and for an answer. */
#ifndef CULVERT_DAEMON_LINES_H
#define CULVERT_DAEMON_LINES_H

#include "lib/diag.h"

/* line lives during the call. */
typedef void (*lines_fn)(void *userdata, enum diag_severity severity, const char *line);

/* Calls line for every message of diags in the order of diag_print(), without newlines, and for what was dropped. */
void lines_each(const struct diag_list *diags, lines_fn line, void *userdata);

#endif
