#include "appliance/isolation/nft_element.h"

#include "lib/buf.h"

#include <ctype.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

bool nft_is_plain_name(const char *name)
{
	if (name[0] == '\0' || strlen(name) >= IFNAMSIZ)
		return false;
	for (const char *c = name; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_.:-@", *c))
			return false;
	return true;
}

const char *nft_suffix(const struct ip *ip)
{
	return ip->family == AF_INET6 ? "6" : "4";
}

bool nft_is_covered(const struct prefix *list, size_t n, size_t i)
{
	for (size_t j = 0; j < n; j++)
		if (j != i && prefix_covers(&list[j], &list[i]) && (j < i || !prefix_equal(&list[j], &list[i])))
			return true;
	return false;
}

void nft_add_to_set(const char *set, const char *name, struct buf *out)
{
	buf_printf(out, "add element inet culvert %s { \"%s\" }\n", set, name);
}
