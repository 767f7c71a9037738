/*
 * Walls one and two of the gateway: what culvertd asks of the kernel apart from SAs. Order within every call: nftables
 * first, then links and routes, forwarding last. Nothing here is undone at exit: without culvertd the gateway stays as
 * it is, closed where it was closed.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_ISOLATION_H
#define CULVERT_APPLIANCE_ISOLATION_ISOLATION_H

#include <stdbool.h>
#include <stddef.h>

struct carrying;
struct drifts;
struct isolation;
struct link_mtus;
struct model;
struct report;

/* Opens the netlink sockets; changes nothing. 0 with *ret (isolation_free() it) or -errno. */
int isolation_open(struct isolation **ret);
void isolation_free(struct isolation *i); /* NULL is allowed */

/*
 * What is known of links' MTUs, borrowed until isolation_free(): after a change there call isolation_apply(). Without,
 * each is PLAN_XFRM_MTU.
 */
void isolation_set_mtus(struct isolation *i, const struct link_mtus *mtus);

/*
 * Before any configuration is read: closes everything, unless a culvertd before us left its walls standing (they are
 * whole, and closing them would cut the traffic of a gateway that only restarts its daemon). 0, or -errno with the
 * reason in r.
 */
int isolation_close_walls(struct isolation *i, struct report *r);

/*
 * First half of a reload: the kernel is asked whether it would take the walls of m, where the outer address is and
 * whether others have what m needs and now, the model in force (NULL: none), does not; then the VRFs and XFRM
 * interfaces that are new in m are made. What exists is not touched, walls in force stay. 0, or -EIO with failures in
 * r; then isolation_apply() with the old model cleans up.
 */
int isolation_prepare(struct isolation *i, const struct model *now, const struct model *m, struct report *r);
/*
 * Makes the kernel what m wants: walls, then observe, difference, apply, until nothing differs. 0 (r may name missing
 * interfaces: call again when isolation_doubted() says so), or -EIO with failures in r; if the walls are refused
 * nothing else is touched.
 */
int isolation_apply(struct isolation *i, const struct model *m, const struct carrying *c, struct report *r);
/*
 * The same without the walls while nobody touches them: when links begin or cease to carry, interfaces come and go, or
 * something of ours is under suspicion; then only that is read, where what was left there is known.
 */
int isolation_follow(struct isolation *i, const struct model *m, const struct carrying *c, struct report *r);

/* Readable: call isolation_process(). */
int isolation_fd(const struct isolation *i);
/* Takes in the kernel's events without waiting. 0 or -errno. */
int isolation_process(struct isolation *i);
/* True if by these events others have changed something of ours: call isolation_follow(), at once if that is not often.
 */
bool isolation_suspects(const struct isolation *i);
/*
 * True if something may have changed, by us or by others, since the kernel was last read as a whole. Wait a little (100
 * ms), so that one look serves a burst, then call isolation_doubt() and isolation_follow().
 */
bool isolation_doubted(const struct isolation *i);
/*
 * The next call reads the kernel as a whole. Otherwise what is remembered of it serves for all but the interfaces and
 * tables that are to change, as long as no event speaks against it.
 */
void isolation_doubt(struct isolation *i);

/*
 * True once after others' tables have changed, which are theirs to change: they may alter what becomes of packets.
 */
bool isolation_others_changed(struct isolation *i);

/* What others had changed, as the last call found it. Valid until the next one. */
const struct drifts *isolation_drifts(const struct isolation *i);
/*
 * Chains of other tables that packets meet, one sentence each; they cannot undo a drop of ours, but may rewrite, copy
 * or drop packets. Valid until the next call. *ret_count may be 0.
 */
const char *const *isolation_strangers(const struct isolation *i, size_t *ret_count);

#endif
