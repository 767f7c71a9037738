/*
 * Where two canonical texts differ, if that is in one of their lists: what stands before and behind it is the same in
 * both, and need not be read. Pure.
 */
#ifndef CULVERT_DAEMON_OUTLINE_PART_H
#define CULVERT_DAEMON_OUTLINE_PART_H

#include <stdbool.h>
#include <stddef.h>

struct outline_part {
	bool apns; /* it is in the list of APNs, else in that of carriers */
	const char *old, *next; /* whole entries of the list, perhaps none */
	size_t old_len, next_len; /* octets */
	unsigned tunnels, apn_count; /* in all of the next text */
};

/* False: the texts must be compared as a whole; *ret is then undefined. Equal texts have no such part either. */
bool outline_narrow(const char *old, const char *next, struct outline_part *ret);

#endif
