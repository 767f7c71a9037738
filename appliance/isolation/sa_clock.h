/*
 * What the wall clock said when. The kernel tells by the wall clock when an SA was made, and that clock may be set at
 * any time; ages count by the time since boot, which nobody sets. So the difference of the two clocks is observed: an
 * epoch is a time in which it stayed the same. A time by the wall clock then has a meaning if it falls into the epoch
 * whose difference it is read with. Where several fit, the oldest is taken; where none does, the SA may be as old as
 * the boot: never is a key taken for younger than it is. Pure.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_SA_CLOCK_H
#define CULVERT_APPLIANCE_ISOLATION_SA_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

enum { SA_CLOCK_EPOCHS = 64 }; /* remembered; as many steps within the life of a key are not foreseen */

struct sa_epoch { /* nanoseconds */
	int64_t from, to; /* of CLOCK_BOOTTIME; neighbours overlap by the time in which the clock was set unobserved */
	int64_t offset; /* of CLOCK_REALTIME beyond CLOCK_BOOTTIME */
};

struct sa_clock { /* zero-initialise */
	struct sa_epoch epochs[SA_CLOCK_EPOCHS]; /* the latest is the last */
	size_t count;
};

/* The two clocks now, in nanoseconds. True if the wall clock was set since the last call. */
bool sa_clock_observe(struct sa_clock *c, int64_t boot, int64_t wall);
/* The same with the clocks of this machine. */
bool sa_clock_look(struct sa_clock *c);
/* Seconds of CLOCK_BOOTTIME for seconds of CLOCK_REALTIME; 0, the boot, if they are not known to mean a later time. */
uint64_t sa_clock_boot_time(const struct sa_clock *c, uint64_t wall);
/* As text, for another process of the same boot. */
void sa_clock_print(const struct sa_clock *c, struct buf *out);
/* Reads it at that time of CLOCK_BOOTTIME in nanoseconds. 0, or -EBADMSG with *ret untouched. */
int sa_clock_parse(const char *text, int64_t boot, struct sa_clock *ret);

#endif
