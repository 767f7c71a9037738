/* Words of the second wall's text (nft.h). Pure. */
#ifndef CULVERT_APPLIANCE_ISOLATION_NFT_ELEMENT_H
#define CULVERT_APPLIANCE_ISOLATION_NFT_ELEMENT_H

#include "lib/prefix.h"

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* True if all letters mean themselves between quotation marks: among others are the closing one and the wildcard. */
bool nft_is_plain_name(const char *name);
/* The end of the name of a set of its family. */
const char *nft_suffix(const struct ip *ip);
/* Intervals in a set must not overlap: true if the i-th prefix is in another one. Of equal ones the first stays. */
bool nft_is_covered(const struct prefix *list, size_t n, size_t i);
/* An interface's name as an element. */
void nft_add_to_set(const char *set, const char *name, struct buf *out);

#endif
