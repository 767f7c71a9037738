/*
 * The kernel's SAs, followed by its own events. What the kernel holds decides which links carry: charon may be dead
 * and its SAs alive, or the other way round. After an overflow of the socket everything is read again.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_SA_WATCH_H
#define CULVERT_APPLIANCE_ISOLATION_SA_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct carrying;
struct ip;
struct sa;
struct sa_clock;
struct sa_watch;

/*
 * Opens the sockets and reads all SAs, so that the answers below are right at once. outer_address tells outbound from
 * inbound; with AF_UNSPEC all are inbound. clock, borrowed, tells how old they are, and looks at the clocks here; once
 * seen, an SA keeps its age until it is gone. 0 with *ret (sa_watch_free() it) or -errno; -EPROTONOSUPPORT where the
 * kernel has no XFRM.
 */
int sa_watch_open(const struct ip *outer_address, struct sa_clock *clock, struct sa_watch **ret);
void sa_watch_free(struct sa_watch *w); /* NULL is allowed */
/* For another outer address, after a reload. 0 with *ret_changed as below, or -ENOMEM. */
int sa_watch_set_outer(struct sa_watch *w, const struct ip *outer_address, bool *ret_changed);

/* Readable: call sa_watch_process(). */
int sa_watch_fd(const struct sa_watch *w);
/* Takes in what has happened, without waiting. *ret_changed: links carry that did not, or in other numbers of pairs. */
int sa_watch_process(struct sa_watch *w, bool *ret_changed);

/* Valid until the next sa_watch_process() or sa_watch_set_outer(); owned by w. */
const struct carrying *sa_watch_carrying(const struct sa_watch *w);
/* All SAs, in the order of sa_compare(); owned by w, valid as above. */
const struct sa *sa_watch_all(const struct sa_watch *w, size_t *ret_count);
/* Those of one if_id, inbound before outbound; a part of the same array. */
const struct sa *sa_watch_of(const struct sa_watch *w, uint32_t if_id, size_t *ret_count);

/* Deletes one ESP SA in the kernel; the event takes it out of the answers later. 1, 0 if it was gone, or -errno. */
int sa_watch_delete(struct sa_watch *w, const struct sa *sa);

#endif
