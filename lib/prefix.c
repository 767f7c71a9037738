#include "lib/prefix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The smallest of two lengths. */
static uint8_t shorter(uint8_t a, uint8_t b)
{
	return a < b ? a : b;
}

/* True when the first len bits are the same; the families are known to be. */
static bool same_bits(const struct ip *a, const struct ip *b, uint8_t len)
{
	size_t whole = len / 8;
	unsigned rest = len % 8;

	if (memcmp(a->octets, b->octets, whole) != 0)
		return false;
	return !rest || !((a->octets[whole] ^ b->octets[whole]) >> (8 - rest));
}

int ip_parse(const char *text, struct ip *ret)
{
	struct ip ip = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	if (inet_pton(ip.family, text, ip.octets) != 1)
		return -EINVAL;
	*ret = ip;
	return 0;
}

/* Writes number in decimal and returns where it ends. No NUL is written. */
static char *print_octet(unsigned number, char *text)
{
	if (number >= 100)
		*text++ = (char)('0' + number / 100);
	if (number >= 10)
		*text++ = (char)('0' + number / 10 % 10);
	*text++ = (char)('0' + number % 10);
	return text;
}

/* inet_ntop(3) would do, but takes most of the time in which a ruleset is written. */
static const char *print_ipv4(const uint8_t octets[static 4], char text[static IP_TEXT])
{
	char *end = text;

	for (size_t i = 0; i < 4; i++) {
		if (i > 0)
			*end++ = '.';
		end = print_octet(octets[i], end);
	}
	*end = '\0';
	return text;
}

const char *ip_print(const struct ip *ip, char text[static IP_TEXT])
{
	if (ip->family == AF_INET)
		return print_ipv4(ip->octets, text);
	if (!inet_ntop(ip->family, ip->octets, text, IP_TEXT))
		snprintf(text, IP_TEXT, "none");
	return text;
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
	return !ip_compare(a, b);
}

int ip_compare(const struct ip *a, const struct ip *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->octets, b->octets, sizeof(a->octets));
}

uint8_t ip_bits(int family)
{
	return family == AF_INET6 ? 128 : 32;
}

/* Decimal digits without a leading zero, at most max. 0 or -EINVAL. */
static int parse_length(const char *text, uint8_t max, uint8_t *ret)
{
	unsigned n = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		n = n * 10 + (unsigned)(*text - '0');
		if (n > max)
			return -EINVAL;
	}
	*ret = (uint8_t)n;
	return 0;
}

int prefix_parse(const char *text, struct prefix *ret)
{
	char address[IP_TEXT];
	struct prefix p;

	size_t len = strcspn(text, "/");
	if (len >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, len);
	address[len] = '\0';
	if (ip_parse(address, &p.ip))
		return -EINVAL;
	p.len = ip_bits(p.ip.family);
	if (text[len] && parse_length(text + len + 1, p.len, &p.len))
		return -EINVAL;
	*ret = p;
	return 0;
}

const char *prefix_print(const struct prefix *p, char text[static PREFIX_TEXT])
{
	ip_print(&p->ip, text);
	char *end = text + strlen(text);
	*end++ = '/';
	*print_octet(p->len, end) = '\0';
	return text;
}

bool prefix_is_network(const struct prefix *p)
{
	struct prefix network = prefix_network(p);

	return ip_equal(&p->ip, &network.ip);
}

struct prefix prefix_network(const struct prefix *p)
{
	struct prefix network = *p;
	size_t whole = p->len / 8;

	if (whole < sizeof(network.ip.octets)) {
		network.ip.octets[whole] &= (uint8_t)~(0xff >> p->len % 8);
		memset(network.ip.octets + whole + 1, 0, sizeof(network.ip.octets) - whole - 1);
	}
	return network;
}

bool prefix_contains(const struct prefix *p, const struct ip *ip)
{
	return p->ip.family == ip->family && same_bits(&p->ip, ip, p->len);
}

bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
	return outer->len <= inner->len && prefix_contains(outer, &inner->ip);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return a->ip.family == b->ip.family && same_bits(&a->ip, &b->ip, shorter(a->len, b->len));
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return !prefix_compare(a, b);
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	int order = ip_compare(&a->ip, &b->ip);

	return order ? order : (int)a->len - (int)b->len;
}
