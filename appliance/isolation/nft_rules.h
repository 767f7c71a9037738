/*
 * The constant part of the second wall: every set, and not one element; every chain but those of single APNs and
 * interfaces, and those that not every model needs. nft.h says how it is used.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_NFT_RULES_H
#define CULVERT_APPLIANCE_ISOLATION_NFT_RULES_H

#define NFT_MARK_TEXT "0x63750000" /* PLAN_MARK: the high half of a mark of ours */

extern const char nft_rules[];
/* Chains, a line each: where an APN's pool is presented as another prefix; where the gateway's outer address is IPv6.
 */
extern const char nft_presenting[], nft_outer6[];

#endif
