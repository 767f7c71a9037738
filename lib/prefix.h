/* IPv4 and IPv6 addresses and prefixes: parse, print, compare. */
#ifndef CULVERT_LIB_PREFIX_H
#define CULVERT_LIB_PREFIX_H

#include <stdbool.h>
#include <stdint.h>

struct ip {
	int family; /* AF_INET, AF_INET6, or AF_UNSPEC: no address */
	uint8_t octets[16]; /* network order; IPv4 uses the first four, the rest is zero */
};

struct prefix {
	struct ip ip;
	uint8_t len; /* bits */
};

enum { IP_TEXT = 46, PREFIX_TEXT = 50 }; /* room for the longest text and its NUL */

/* 0, or -EINVAL with *ret untouched. Only the forms of inet_pton(3). */
int ip_parse(const char *text, struct ip *ret);
/* Writes the text and returns it, so that it can stand in an argument list. */
const char *ip_print(const struct ip *ip, char text[static IP_TEXT]);
bool ip_equal(const struct ip *a, const struct ip *b);
/* Orders by family, then octets: <0, 0, >0. */
int ip_compare(const struct ip *a, const struct ip *b);
/* Bits of an address of the family: 32 or 128. */
uint8_t ip_bits(int family);

/* "10.64.0.0/16"; without "/n" a host. Host bits may be set (see prefix_is_network). 0 or -EINVAL, *ret untouched. */
int prefix_parse(const char *text, struct prefix *ret);
/* "ADDRESS/LEN", always with the length. */
const char *prefix_print(const struct prefix *p, char text[static PREFIX_TEXT]);
/* True when no bit behind the length is set. */
bool prefix_is_network(const struct prefix *p);
/* p with the bits behind its length cleared. */
struct prefix prefix_network(const struct prefix *p);
bool prefix_contains(const struct prefix *p, const struct ip *ip);
/* True when inner lies wholly in outer. */
bool prefix_covers(const struct prefix *outer, const struct prefix *inner);
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
bool prefix_equal(const struct prefix *a, const struct prefix *b);
/* Orders by address, then length. */
int prefix_compare(const struct prefix *a, const struct prefix *b);

#endif
