/* What turns one text of the second wall (nft.h) into another, and the same text in fewer statements. Pure. */
#ifndef CULVERT_APPLIANCE_ISOLATION_NFT_DELTA_H
#define CULVERT_APPLIANCE_ISOLATION_NFT_DELTA_H

struct buf;

/*
 * Appends the objects and chains to add or to change, the elements to delete and those to add, one statement a set, and
 * the chains and objects to delete; nothing if the texts say the same. Both come from the same nft_render function. It
 * is right only for a kernel that holds exactly old_text, and perhaps empty chains and objects that nothing refers to.
 * 0; -EAGAIN if more differs, so that the whole must be loaded; -ENOMEM.
 */
int nft_delta(const char *old_text, const char *new_text, struct buf *out);
/* Appends text with the chains of single APNs and the elements of each set in one statement, which loads in a fraction
 * of the time. 0 or -ENOMEM. */
int nft_gather(const char *text, struct buf *out);

#endif
