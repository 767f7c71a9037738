/* The constant part of the second wall: every set and chain, and not one element. nft.h says how it is used. */
#ifndef CULVERT_APPLIANCE_ISOLATION_NFT_RULES_H
#define CULVERT_APPLIANCE_ISOLATION_NFT_RULES_H

#define NFT_MARK_TEXT "0x63750000" /* PLAN_MARK: the high half of a mark of ours */

extern const char nft_rules[];

#endif
