/* A verdict as JSON, the answer of `verify`. */
#ifndef CULVERT_APPLIANCE_ISOLATION_VERIFY_JSON_H
#define CULVERT_APPLIANCE_ISOLATION_VERIFY_JSON_H

#include <jansson.h>

struct model;
struct verify;

/*
 * {"ok":true,"verdict":"exact"|"differs"|"unproven","generation":N,"seconds":S,
 *  "paths":[{"apn":NAME|null,"kind":"uplink"|"downlink"|"gateway"|"management","in","from","out":NAME|null,"to",
 *    "protocol","ports"}],
 *  "closed":[TEXT...],"differences":[TEXT...],"unproven":[TEXT...],
 *  "packets":[{"packet","apns":N,"stopped":[N,N,N],"open":N}]}, stopped by wall. NULL when memory is short.
 */
json_t *verify_json(const struct verify *v, const struct model *m, unsigned generation, double seconds);

#endif
