/*
 * The kernel side of the generation in force: walls, interfaces, routes, following what changes under them. A link's
 * routes stand while the kernel holds its outbound SA, in the order that link_choice.h makes. What could not be applied
 * is tried again every LINKS_RETRY. Logs what it cannot do and what becomes of links. On the event loop's thread.
 */
#ifndef CULVERT_DAEMON_LINKS_H
#define CULVERT_DAEMON_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct buf;
struct carrying;
struct drift_log;
struct drifts;
struct link_choice_view;
struct link_entry;
struct link_mtus;
struct links;
struct model;
struct report;
struct sa;
struct sa_clock;
struct sa_watch;

enum {
	LINKS_RETRY = 5 * 1000 * 1000, /* microseconds */
	LINKS_SETTLE = 100 * 1000, /* microseconds; one look serves a burst of interface events */
	LINKS_ALL =
		60 * 1000 * 1000, /* microseconds; so often all is looked at unasked, for what the kernel does not tell */
	LINKS_SETTLE_FAILING = 1000 * 1000, /* the same while the last look failed */
	LINKS_REST = 5, /* times as long as a look took, doubts wait after it, so that they leave time for all else */
	LINKS_REST_MAX = 10 * 1000 * 1000, /* microseconds; and no longer */
};

/* Called after the kernel's SAs have changed. */
typedef void (*links_sas_fn)(void *userdata);

/* Called after a change by others was found, and repaired where it is ours to repair and that went well. */
typedef void (*links_drift_fn)(void *userdata);

/* clock is borrowed, for sa_watch_open(). 0 with *ret (links_close() it), or -errno. Touches nothing in the kernel. */
int links_open(sd_event *event, struct sa_clock *clock, links_sas_fn sas_fn, void *userdata, struct links **ret);
/* Before there is a model: nothing is forwarded, but walls that stand already stay. 0 or -errno, links_report() says.
 */
int links_close_walls(struct links *l);
/*
 * Makes what next needs beside what is in use, without any effect on that, but that links which next has no longer are
 * used only where no other one of the APN carries. 0, or -EIO and links_report() says what the kernel refuses.
 * links_use() comes next, with next or with the model in use.
 */
int links_extend(struct links *l, const struct model *next);
/*
 * From now on the kernel is to look like model, which is borrowed until the next call. NULL: none; what stands then
 * stays as it is. 0, or -EIO when something could not be applied: links_report() says what, and it is tried again.
 */
int links_use(struct links *l, const struct model *model);
/* What came of the last application, or of a links_extend() that failed. Valid until the loop goes on. */
const struct report *links_report(const struct links *l);
/* What others changed of that, and what became of it. */
const struct drift_log *links_drift(const struct links *l);
void links_tell_drift(struct links *l, links_drift_fn fn, void *userdata);
/* Takes in what somebody else found and did: it is logged, listed and told like what a look finds. */
void links_add_drift(struct links *l, const struct drifts *found);
/* What charon was to mend of that it has mended; this is told as well. */
void links_drift_mended(struct links *l);
/* isolation_strangers(). */
const char *const *links_strangers(const struct links *l, size_t *ret_count);
bool links_carrying(const struct links *l, uint32_t if_id);
/* All that carry, with their ranks. Valid until the loop goes on. */
const struct carrying *links_all_carrying(const struct links *l);
/* How large a packet each link takes, as far as that is known. Valid until the loop goes on. */
const struct link_mtus *links_mtus(const struct links *l);
/* Before a link is measured, 0: none is any more. What was measured goes on to hold for TCP. */
void links_search(struct links *l, uint32_t if_id);
/* The largest packet that was measured to pass inside a link (mtu_search.h), in octets; 0: none any more. */
void links_measured(struct links *l, uint32_t if_id, uint32_t octets);
/* How a link of the model in use does: link_choice_view(). */
bool links_view(const struct links *l, uint32_t if_id, struct link_choice_view *ret, struct buf *reason);
/* A tunnel is about to be ended on purpose: its links are used only where no other one of the APN carries. Holds until
 * the next look, which the end of its SAs calls for. */
void links_leave(struct links *l, const char *tunnel);
/* A tunnel's peer does not answer IKE, or does again. */
void links_silence(struct links *l, const char *tunnel, bool silent);
/* True if the model in use has a link of that if_id. */
bool links_knows(const struct links *l, uint32_t if_id);
/* The link of that if_id in the model in use; NULL if there is none, or memory was short. Valid until links_use(). */
const struct link_entry *links_find(const struct links *l, uint32_t if_id);
/* The SAs in the kernel; NULL while there is no model, or no XFRM. Valid until the loop goes on. */
struct sa_watch *links_sas(const struct links *l);
/* The same also without a model, when none of them is known to be outbound. */
struct sa_watch *links_all_sas(const struct links *l);
/* Leaves everything in the kernel as it is: traffic goes on. NULL is allowed. */
void links_close(struct links *l);

#endif
