/* From the sections of a file to connections: what each key means in Culvert, and which ones mean nothing there. */
#ifndef CULVERT_CONF_CONVERT_READ_H
#define CULVERT_CONF_CONVERT_READ_H

struct conns;
struct foreign;

void convert_read_swanctl(struct foreign *s, struct conns *ret);
void convert_read_ipsec(struct foreign *s, struct conns *ret);
/* Says of each secret in a swanctl.conf where it belongs, when the connections are finished; of none what it is. */
void convert_note_secrets(struct foreign *s, const struct conns *all);

#endif
