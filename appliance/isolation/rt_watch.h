/*
 * What rtnetlink tells of changes to interfaces, addresses, routes, rules and settings: which of it is our own doing,
 * is as we left it or is no concern of ours, and what of the rest is to be looked at. Pure but for asking the kernel
 * for the name of an interface.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_RT_WATCH_H
#define CULVERT_APPLIANCE_ISOLATION_RT_WATCH_H

#include "appliance/isolation/scope.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct nl_msg;
struct nl_sock;
struct plan;

enum { RT_WATCH_MAX = 128 }; /* interfaces and tables under suspicion; of more all is read */

struct rt_watch { /* zero-initialise; rt_watch_clear() it */
	const struct nl_sock *requests; /* borrowed: its events are our own */
	const struct plan *left; /* borrowed: what we left in the kernel; NULL: nothing is known of that */
	char outer[IFNAMSIZ];
	bool waiting; /* for an interface that is missing */
	bool suspects; /* something is to be looked at: the rules, and */
	struct scope scope; /* unsorted */
	bool all; /* or everything */
	bool doubts; /* what is to be looked at later, and as a whole */
	uint32_t port; /* of the last one to change routes, rules or addresses by request; 0: the kernel did not tell */
};

/* The groups that it wants to hear. */
extern const int rt_watch_groups[];
/* One event. 0. */
int rt_watch_take(struct nl_msg *msg, void *watch);
/* Says who is behind w->port: "process 4711", as programs let the kernel or their library choose it. */
void rt_watch_name(const struct rt_watch *w, char *text, size_t size);
void rt_watch_lost(struct rt_watch *w);
/* Nothing is under suspicion any more. */
void rt_watch_clear(struct rt_watch *w);

#endif
