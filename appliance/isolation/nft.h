/*
 * The second wall as text: table inet culvert. The rules are one constant text; what a model adds are elements of sets
 * and maps, and what only a single APN or interface meets: so a packet's cost does not grow with the number of APNs,
 * and a closed wall is the constant text alone. Pure; walls.h loads it.
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
/*
 * The same for a kernel that holds a table with these very rules; elsewhere nft refuses it. While a table is replaced
 * the new forward chain drops for a moment, as a chain is called before its rules count; in place no packet notices.
 */
int nft_render_in_place(const struct model *m, struct buf *out);
/* The first with no element: nothing is forwarded. For the time before any generation exists. */
void nft_render_closed(struct buf *out);

#endif
