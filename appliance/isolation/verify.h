/*
 * What the kernel holds against what the configuration means. Observed state is interpreted on its own (which packets
 * routing, the rules' sets and the XFRM policies let through); the configured paths come from the model by functions
 * that share nothing with plan.c and nft.c. Pure: a snapshot in, a verdict out.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_VERIFY_H
#define CULVERT_APPLIANCE_ISOLATION_VERIFY_H

#include "appliance/isolation/verify_facts.h"
#include "appliance/isolation/verify_span.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model;
struct snapshot;

enum path_kind {
	PATH_UPLINK, /* a device begins */
	PATH_DOWNLINK, /* the cloud begins */
	PATH_GATEWAY, /* a device asks the gateway itself */
	PATH_MANAGEMENT, /* an administrator asks the gateway */
};

struct path {
	enum path_kind kind;
	uint32_t of; /* routing table of the APN; 0: none */
	char in[IFNAMSIZ], out[IFNAMSIZ]; /* out: "" is the gateway itself */
	struct span from, to;
	char protocol[16]; /* "udp", "icmp echo"; "": all */
	uint16_t first, last; /* ports */
};

struct paths { /* zero-initialise */
	struct path *items; /* owned */
	size_t count;
	size_t size;
	int error; /* 0 or -ENOMEM, as in struct facts */
};

enum verdict { VERDICT_EXACT, VERDICT_DIFFERS, VERDICT_UNPROVEN };

enum { VERIFY_CLASSES = 9, VERIFY_WALLS = 3 };

/* What must not pass, and how many APNs' walls stop it. */
struct verify_class {
	const char *packet; /* static */
	size_t apns; /* to which it applies */
	size_t stopped[VERIFY_WALLS]; /* by this wall, as observed */
	size_t open; /* no wall stops it */
};

struct verify { /* zero-initialise */
	enum verdict verdict;
	struct paths paths; /* that exist */
	struct facts closed; /* links that carry nothing at present, with the reason: no difference */
	struct facts differences; /* "exists but is not configured: ...", "configured but does not exist: ..." */
	struct facts unproven; /* what keeps the rules from having a known meaning */
	struct verify_class classes[VERIFY_CLASSES];
};

/* 0 with *ret (verify_free() it), or -ENOMEM. m has its numbers. */
int verify(const struct snapshot *s, const struct model *m, struct verify *ret);
void verify_free(struct verify *v);
/* "exact", "differs", "unproven" */
const char *verdict_word(enum verdict v);

void paths_add(struct paths *p, const struct path *one);
void paths_sort(struct paths *p);
/* After paths_sort(): one that allows at least what *one does. */
bool paths_cover(const struct paths *p, const struct path *one);
void paths_free(struct paths *p);
struct buf;
/* "culv-x1 10.64.0.0/16 -> eth1 10.110.0.5 udp 5684" */
void path_print(const struct path *p, struct buf *out);

#endif
