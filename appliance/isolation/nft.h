/*
 * The second wall as text: table inet culvert. The rules are one constant text; what a model adds are elements of sets
 * and maps, so that a packet's cost does not grow with the number of APNs, and a closed wall is the same text with no
 * element. Pure; walls.h loads it.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_NFT_H
#define CULVERT_APPLIANCE_ISOLATION_NFT_H

struct buf;
struct model;

/*
 * One text that replaces the table as a whole, in one transaction. 0; -EINVAL if an interface name would be read as
 * something else in it; -ERANGE if a table number gives no conntrack zone; -ENOMEM.
 */
int nft_render(const struct model *m, struct buf *out);
/* The same with no element: nothing is forwarded. For the time before any generation exists. */
void nft_render_closed(struct buf *out);

#endif
