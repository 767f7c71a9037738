/* What puts a part of the second wall back, as its text (nft.h) has it. Pure. */
#ifndef CULVERT_APPLIANCE_ISOLATION_NFT_MEND_H
#define CULVERT_APPLIANCE_ISOLATION_NFT_MEND_H

#include <stdbool.h>

struct buf;
struct walls_damage;

/*
 * Appends one transaction that replaces the rules of the damaged chains and the elements of the damaged sets; no packet
 * notices what was not damaged. text is what nft_render() gave. 0; -EAGAIN if more is damaged, so that the table must
 * be put in place as a whole; -ENOMEM.
 */
int nft_mend(const char *text, const struct walls_damage *d, struct buf *out);
/* True if the rules have a chain of that name. */
bool nft_has_chain(const char *name);

#endif
