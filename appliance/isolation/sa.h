/* One SA as the kernel tells of it, and the parser of the XFRM messages that do. Pure. */
#ifndef CULVERT_APPLIANCE_ISOLATION_SA_H
#define CULVERT_APPLIANCE_ISOLATION_SA_H

#include "ikev2/esp_size.h"
#include "lib/prefix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nlmsghdr;

struct sa {
	uint32_t if_id; /* 0: nobody of ours made it */
	uint32_t spi; /* host order; not 0 */
	struct ip daddr; /* with spi: its identity in the kernel */
	struct ip saddr;
	uint32_t reqid; /* charon's number of a pair of selectors: a rekey keeps it */
	struct esp_shape shape; /* what its packets are larger by */
	bool outbound; /* its source is our outer address; set by sa_watch */
	uint64_t added; /* seconds of CLOCK_BOOTTIME: its key was made then, or later; set by sa_watch */
	bool paired; /* outbound: the inbound SA of the same key has been looked for; set by sa_table_pair() */
	uint64_t made; /* seconds since 1970 by the wall clock, as the kernel says; 0 if it does not */
};

enum sa_event_kind {
	SA_EVENT_NONE, /* nothing that we follow: another protocol, an acquire, an SPI only reserved */
	SA_EVENT_NEW, /* sa is complete; installed or updated */
	SA_EVENT_GONE, /* deleted or expired for good; only spi and daddr of sa are set */
	SA_EVENT_FLUSH, /* all are gone */
};

struct sa_event {
	enum sa_event_kind kind;
	struct sa sa;
};

/* Reads one message of len octets. 0, or -EBADMSG with *ret untouched if a length in it does not fit. */
int sa_event_parse(const struct nlmsghdr *nlh, size_t len, struct sa_event *ret);
/* Orders by if_id, then direction (outbound last), then reqid, then SPI, then destination. */
int sa_compare(const struct sa *a, const struct sa *b);

#endif
