/*
 * What the kernel should hold for a model, as a sorted set of objects. What it does hold comes in the same words
 * (observe.h), the difference is in changes.h. Pure: no system call is made here.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_PLAN_H
#define CULVERT_APPLIANCE_ISOLATION_PLAN_H

#include "appliance/isolation/object.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct apn;
struct buf;
struct carrying;
struct model;

#define PLAN_PREFIX "culv-" /* every interface that we make is named so, and nobody else's */

enum {
	PLAN_XFRM_MTU = 1400, /* octets; leaves room for ESP in UDP in an outer packet of 1500 */
	PLAN_PATH_MTU_LEAST = 1280, /* octets; beyond it ESP is fragmented, as no real way is narrower (RFC 8200) */
	PLAN_RULE_MARK = 900, /* preference of the rules for marked packets: before the VRFs' */
	PLAN_RULE_L3MDEV = 1000, /* preference; the kernel's own choice for the rule that sends a VRF to its table */
	PLAN_RULE_LOCAL = 32765, /* preference of the local table: behind the VRFs' rule, before main */
	PLAN_METRIC_STEP = 100, /* between the pool routes of one link and those of the next */
	PLAN_METRIC_RANK = 10000, /* between one rank of links and the next: more than all steps of an APN */
	PLAN_UDP_TIMEOUT = 300, /* seconds that a UDP flow is remembered; NB-IoT devices answer late */
	PLAN_NUMBER_MAX = 999999999, /* of a table or an if_id: the largest that fits into an interface name */
};
#define PLAN_METRIC_REFUSAL 4278198272u /* of the default that refuses: behind every other route (kernel's vrf.rst) */

#define PLAN_MARK 0x63750000u /* with a conntrack zone in its low half: a packet to an APN whose pool is presented */

struct plan { /* zero-initialise */
	struct object *objects; /* owned; sorted and each once after plan_sort() */
	size_t count;
	size_t size;
};

/* "culv-v<table>" and "culv-x<if_id>", numbers up to PLAN_NUMBER_MAX. Writes the name and returns it. */
const char *plan_vrf_name(uint32_t table, char name[static IFNAMSIZ]);
const char *plan_xfrm_name(uint32_t if_id, char name[static IFNAMSIZ]);
/* The interface of its cloud side: the machine's own, or the VLAN that we make, "culv-c<table>". As above. */
const char *plan_cloud_name(const struct apn *a, char name[static IFNAMSIZ]);
/* The mark of packets to devices of an APN whose pool is presented as another prefix. Its table is in range. */
uint32_t plan_mark(const struct apn *a);
/* Made by us, judging by its name. */
bool plan_is_ours(const char *interface);

/* Appends a copy. 0 or -ENOMEM. */
int plan_add(struct plan *p, const struct object *o);
/* True if the sorted plan has this very object. */
bool plan_has(const struct plan *p, const struct object *o);
/* Sorts and drops doubles. */
void plan_sort(struct plan *p);
/*
 * All that m wants while these links carry: pool routes stand only over links that do, those of a higher rank behind
 * all of a lower one. No two links of an APN ever have the same metric, so that a link which changes its rank has its
 * new route before it loses the old one. 0 with *ret (plan_free() it), -ERANGE if a table or an if_id is 0 or above
 * PLAN_NUMBER_MAX, or -ENOMEM.
 */
int plan_build(const struct model *m, const struct carrying *carrying, struct plan *ret);
/* One line an object. */
void plan_print(const struct plan *p, struct buf *out);
/* Empties it; NULL is allowed. */
void plan_free(struct plan *p);

#endif
