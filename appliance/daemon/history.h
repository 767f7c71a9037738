/* The answers about generations that are kept: the list of them, and the text of one. */
#ifndef CULVERT_DAEMON_HISTORY_H
#define CULVERT_DAEMON_HISTORY_H

#include <jansson.h>

struct counts;

/*
 * {"ok":true,"generation":N,"generations":[{"number","when","who","file","rollback_of","before","in_force",
 *  "tunnels":{"added","changed","removed","kept"},"apns":{...},"gateway_changed"}]}
 * newest first; null for what is not known. NULL when memory is short.
 */
json_t *history_compose(const char *run, unsigned current);
/* {"ok":true,"generation":N,"config":TEXT}, or an error; number 0: none is in force. */
json_t *history_config(const char *run, unsigned number);
/* {"added":N,"changed":N,"removed":N,"kept":N} */
json_t *history_counts(const struct counts *c);

#endif
