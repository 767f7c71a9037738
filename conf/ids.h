/*
 * Numbers kept by name: if_id of each link, routing table of each APN and each shared interface, SNMP index of each
 * tunnel. A name keeps its number across reloads, restarts and reordering, also while it is not configured. Text form,
 * one line each, sorted:
 *   if_id APN/TUNNEL NUMBER
 *   table APN NUMBER
 *   table @INTERFACE NUMBER
 *   tunnel TUNNEL NUMBER
 *   end LINES
 * The last line counts those before it, so that a file that was cut is not taken for a whole one.
 */
#ifndef CULVERT_CONF_IDS_H
#define CULVERT_CONF_IDS_H

#include <stdint.h>

struct buf;
struct ids;
struct model;

enum {
	IDS_IF_ID_FIRST = 1,
	IDS_TABLE_FIRST = 1001, /* well above main (254), default (253) and what people choose by hand */
	IDS_TABLE_LAST = IDS_TABLE_FIRST + 65534, /* each table has a conntrack zone of 16 bits */
};

/* Empty when path does not exist. 0 with *ret (ids_free() it), -EINVAL if malformed or cut, or -errno. */
int ids_load(const char *path, struct ids **ret);
/*
 * Fills if_id, table and index throughout m, allocating the lowest free number for new names. When there is none, names
 * that m lacks lose theirs. 0, -ENOMEM, or -ENOSPC if there are not as many numbers as m needs.
 */
int ids_assign(struct ids *ids, struct model *m);
void ids_print(const struct ids *ids, struct buf *out);
void ids_free(struct ids *ids);

#endif
