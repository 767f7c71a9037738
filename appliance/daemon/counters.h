/* The answer about what each APN's walls have let through and refused. Pure. */
#ifndef CULVERT_DAEMON_COUNTERS_H
#define CULVERT_DAEMON_COUNTERS_H

#include <jansson.h>

struct model;
struct tally;

/*
 * {"ok":true,"generation":N,"apns":[{"name","from_devices":C,"to_devices":C,"services":[S],"downlink":[S],
 *  "refused":{REASON:C}}],"refused":{REASON:C}}
 * C: {"packets","octets"}. S: {"names":[...],"host","protocol","first_port","last_port","packets","octets"}, both
 * directions together; services whose ports touch are one row with both names. Below an APN, what was refused of its
 * links, at the end everything. A reason is a counter's name in the walls; what is 0 is left out of "refused". apn
 * NULL: all. NULL when memory is short.
 */
json_t *counters_compose(const struct model *m, unsigned generation, const char *apn, const struct tally *t);

#endif
