/*
 * What the walls and the links have counted, as the kernel holds it: what passed for each service of each link, what
 * was refused of each link and why, what each XFRM interface carried. Counts grow until a table is loaded anew.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_TALLY_H
#define CULVERT_APPLIANCE_ISOLATION_TALLY_H

#include "appliance/isolation/endpoint.h"

#include <net/if.h>
#include <stddef.h>
#include <stdint.h>

enum tally_kind {
	TALLY_SERVICE, /* devices asked: requests and answers */
	TALLY_DOWNLINK, /* the cloud asked: requests and answers */
	TALLY_REFUSED, /* of one link, by reason */
	TALLY_ALL_REFUSED, /* by reason, also what belongs to no link */
	TALLY_FROM_DEVICES, /* what came out of the tunnel */
	TALLY_TO_DEVICES, /* what went into it */
};

enum { TALLY_REASON = 32 };

struct tally_row { /* what a kind does not use is zero */
	enum tally_kind kind;
	char link[IFNAMSIZ]; /* its XFRM interface */
	struct endpoint endpoint;
	char reason[TALLY_REASON]; /* the counter's name in the walls */
	uint64_t packets, octets;
};

struct tally { /* zero-initialise */
	struct tally_row *rows; /* owned; sorted after tally_read() and tally_sort() */
	size_t count;
	size_t size;
};

/* Asks the kernel. 0; -ENOENT while there are no walls; -EBADMSG, -ENOMEM or another -errno. tally_free() it. */
int tally_read(struct tally *ret);
/* Appends what nft says, as JSON, of sets and counters of the walls; others are passed over. 0, -EBADMSG or -ENOMEM. */
int tally_parse(const char *json, struct tally *t);
void tally_sort(struct tally *t);
/* The row that is like key but for its counts; NULL: there is none. t is sorted. */
const struct tally_row *tally_find(const struct tally *t, const struct tally_row *key);
void tally_free(struct tally *t); /* NULL is allowed */

#endif
