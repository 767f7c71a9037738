/* Connections and APNs as text in culvert.conf's language. */
#ifndef CULVERT_CONF_CONVERT_WRITE_H
#define CULVERT_CONF_CONVERT_WRITE_H

struct buf;
struct conns;
struct foreign;

void convert_write(struct foreign *s, const struct conns *all, struct buf *out);

#endif
