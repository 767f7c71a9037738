/*
 * Who asks for counters is answered by a process of its own (this program with --counters), as listing thousands of
 * elements takes the kernel and nft a good part of a second. One runs at a time, for all who then ask for the same.
 */
#ifndef CULVERT_DAEMON_COUNTING_H
#define CULVERT_DAEMON_COUNTING_H

#include <systemd/sd-event.h>

struct control_client;
struct counting;

enum { COUNTING_LIMIT = 30 * 1000 * 1000 }; /* microseconds that one may take */

/* run is borrowed: where generations are. 0 with *ret (counting_free() it) or -errno. */
int counting_new(sd_event *event, const char *run, struct counting **ret);
/* Answers the client, later. apn "": all. */
void counting_answer(struct counting *c, struct control_client *client, const char *apn);
/* Who waits is not answered any more. NULL is allowed. */
void counting_free(struct counting *c);

/* The process itself: writes the answer and a newline to standard output. apn NULL: all. The exit code. */
int counters_here(const char *run, const char *apn);

#endif
