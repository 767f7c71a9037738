/*
 * A process of this very program that reads the kernel for culvertd, so that the event loop is not held up: what it
 * writes to its standard output comes as a whole when it has ended.
 */
#ifndef CULVERT_DAEMON_CHILD_H
#define CULVERT_DAEMON_CHILD_H

#include <stdint.h>
#include <systemd/sd-event.h>

struct buf;
struct child;

enum { CHILD_ARGS = 8, CHILD_OUTPUT_MAX = 64 * 1024 * 1024 }; /* octets; of more the rest is left out */

/* The process has ended, by itself or at its limit, and *c is no more. output may be taken over (buf_steal()). */
typedef void (*child_fn)(void *userdata, struct buf *output);

/*
 * args, fewer than CHILD_ARGS and ended by NULL, are those behind the program's name. limit: microseconds that it may
 * take. 0 with *ret, valid until fn is called or child_end(); or -errno, with no process left.
 */
int child_start(
	sd_event *event, const char *const *args, uint64_t limit, child_fn fn, void *userdata, struct child **ret);
/* Ends it; fn is not called any more. NULL is allowed. */
void child_end(struct child *c);

#endif
