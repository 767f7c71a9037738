/* The messages of a list as single lines, for the log and for an answer. */
#ifndef CULVERT_DAEMON_LINES_H
#define CULVERT_DAEMON_LINES_H

struct diag_list;

/* line lives during the call. */
typedef void (*lines_fn)(void *userdata, const char *line);

/* Calls line for every message of diags in the order of diag_print(), without newlines. What memory does not hold is
   left out. */
void lines_each(const struct diag_list *diags, lines_fn line, void *userdata);

#endif
