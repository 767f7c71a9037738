/* What one APN adds to the text of the second wall (nft.h): its chains, objects and elements. Pure. */
#ifndef CULVERT_APPLIANCE_ISOLATION_NFT_APN_H
#define CULVERT_APPLIANCE_ISOLATION_NFT_APN_H

struct apn;
struct buf;
struct model;

/* 0; -EINVAL, -ERANGE or -ENOMEM as nft_render(). */
int nft_add_apn(const struct model *m, const struct apn *a, struct buf *out);

#endif
