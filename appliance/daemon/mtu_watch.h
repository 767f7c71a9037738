/*
 * How large a packet each link takes, kept up to date: by its SAs in the kernel and the ways to their peers. The kernel
 * does not say when it has learned that a way takes less, so it is asked every MTU_WATCH_INTERVAL. Logs what changes.
 * On the event loop's thread.
 */
#ifndef CULVERT_DAEMON_MTU_WATCH_H
#define CULVERT_DAEMON_MTU_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct link_mtus;
struct model;
struct mtu_watch;
struct sa_watch;

enum { MTU_WATCH_INTERVAL = 5 * 1000 * 1000 }; /* microseconds */

/* Called when the way to a peer takes more or less than before: mtu_watch_look() next. */
typedef void (*mtu_watch_fn)(void *userdata);

/* 0 with *ret (mtu_watch_free() it) or -errno. */
int mtu_watch_new(sd_event *event, mtu_watch_fn fn, void *userdata, struct mtu_watch **ret);
void mtu_watch_free(struct mtu_watch *w); /* NULL is allowed */
/*
 * Brings what is known up to the SAs of m's links; a link without any keeps what it had. sas may be NULL: nothing
 * changes. True if the MTU of a link differs from before. Where memory is short nothing changes.
 */
bool mtu_watch_look(struct mtu_watch *w, const struct model *m, const struct sa_watch *sas);
/* The next look asks the kernel again about all ways. */
void mtu_watch_doubt(struct mtu_watch *w);
/*
 * What was measured inside a link, in octets (mtu_search.h): it counts from the next look on, where it is less than
 * what follows from SAs and ways, until it is measured again. 0: what was measured is forgotten. A search of that link
 * is over. 0 or -ENOMEM.
 */
int mtu_watch_measured(struct mtu_watch *w, uint32_t if_id, uint32_t octets);
/*
 * A link is about to be measured anew, 0: none is: from the next look on what was measured holds for TCP alone, so that
 * larger packets can be tried.
 */
void mtu_watch_search(struct mtu_watch *w, uint32_t if_id);
/* The same object for as long as w lives; what it holds is valid until the next look. */
const struct link_mtus *mtu_watch_known(const struct mtu_watch *w);

#endif
