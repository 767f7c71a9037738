#include "appliance/isolation/verify_span.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static struct ip with_bits(const struct ip *ip, uint8_t len, bool set)
{
	struct ip r = *ip;

	for (unsigned bit = len; bit < ip_bits(ip->family); bit++) {
		uint8_t mask = (uint8_t)(0x80u >> (bit % 8));
		r.octets[bit / 8] = (uint8_t)(set ? r.octets[bit / 8] | mask : r.octets[bit / 8] & ~mask);
	}
	return r;
}

struct span span_of(const struct prefix *p)
{
	return (struct span){ with_bits(&p->ip, p->len, false), with_bits(&p->ip, p->len, true) };
}

struct span span_any(int family)
{
	struct prefix any = { .ip.family = family };

	return span_of(&any);
}

int span_parse(const char *text, struct span *ret)
{
	char first[IP_TEXT];
	const char *dash = strchr(text, '-');
	struct prefix p;
	struct span s;

	if (!dash) {
		if (prefix_parse(text, &p) < 0)
			return -EINVAL;
		*ret = span_of(&p);
		return 0;
	}
	if ((size_t)(dash - text) >= sizeof(first))
		return -EINVAL;
	memcpy(first, text, (size_t)(dash - text));
	first[dash - text] = '\0';
	if (ip_parse(first, &s.first) < 0 || ip_parse(dash + 1, &s.last) < 0)
		return -EINVAL;
	if (s.first.family != s.last.family || ip_compare(&s.first, &s.last) > 0)
		return -EINVAL;
	*ret = s;
	return 0;
}

const char *span_print(const struct span *s, char text[static SPAN_TEXT])
{
	char first[IP_TEXT], last[IP_TEXT];

	if (ip_equal(&s->first, &s->last))
		return ip_print(&s->first, text);
	for (uint8_t len = 0; len < ip_bits(s->first.family); len++) {
		struct prefix p = { s->first, len };
		struct span whole = span_of(&p);
		if (!span_equal(&whole, s))
			continue;
		snprintf(text, SPAN_TEXT, "%s/%u", ip_print(&s->first, first), len);
		return text;
	}
	snprintf(text, SPAN_TEXT, "%s-%s", ip_print(&s->first, first), ip_print(&s->last, last));
	return text;
}

bool span_covers(const struct span *outer, const struct span *inner)
{
	return outer->first.family == inner->first.family && ip_compare(&outer->first, &inner->first) <= 0 &&
		   ip_compare(&outer->last, &inner->last) >= 0;
}

bool span_overlaps(const struct span *a, const struct span *b)
{
	return a->first.family == b->first.family && ip_compare(&a->first, &b->last) <= 0 &&
		   ip_compare(&b->first, &a->last) <= 0;
}

bool span_equal(const struct span *a, const struct span *b)
{
	return ip_equal(&a->first, &b->first) && ip_equal(&a->last, &b->last);
}

bool span_meet(const struct span *a, const struct span *b, struct span *ret)
{
	if (!span_overlaps(a, b))
		return false;
	*ret = (struct span){
		ip_compare(&a->first, &b->first) > 0 ? a->first : b->first,
		ip_compare(&a->last, &b->last) < 0 ? a->last : b->last,
	};
	return true;
}

/* The neighbour; the caller knows that there is one. */
static struct ip neighbour(const struct ip *ip, bool up)
{
	struct ip r = *ip;

	for (unsigned i = ip_bits(ip->family) / 8; i-- > 0;) {
		r.octets[i] = (uint8_t)(up ? r.octets[i] + 1 : r.octets[i] - 1);
		if (r.octets[i] != (up ? 0 : UINT8_MAX))
			break;
	}
	return r;
}

unsigned span_without(const struct span *a, const struct span *b, struct span ret[static 2])
{
	unsigned n = 0;

	if (!span_overlaps(a, b)) {
		ret[0] = *a;
		return 1;
	}
	if (ip_compare(&a->first, &b->first) < 0)
		ret[n++] = (struct span){ a->first, neighbour(&b->first, false) };
	if (ip_compare(&a->last, &b->last) > 0)
		ret[n++] = (struct span){ neighbour(&b->last, true), a->last };
	return n;
}

int span_compare(const struct span *a, const struct span *b)
{
	int c = ip_compare(&a->first, &b->first);

	return c != 0 ? c : ip_compare(&a->last, &b->last);
}
