#include "appliance/isolation/sa.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <string.h>

/* What comes behind the netlink header. */
struct payload {
	const uint8_t *octets;
	size_t len;
};

static struct ip read_ip(const xfrm_address_t *address, uint16_t family)
{
	struct ip ip = { .family = family };

	memcpy(ip.octets, address, family == AF_INET6 ? 16 : 4);
	return ip;
}

static bool is_family(uint16_t family)
{
	return family == AF_INET || family == AF_INET6;
}

/* The attributes behind a header of header_len octets; the caller has checked that p is at least that long. */
static const struct nlattr *find(const struct payload *p, size_t header_len, int type)
{
	size_t at = NLMSG_ALIGN(header_len);

	if (at >= p->len)
		return NULL;
	const void *first = p->octets + at;
	/* Bounded by the length it is given. */
	return nla_find(first, (int)(p->len - at), type);
}

/* An SPI that is only reserved, or an acquire, has no algorithm yet. */
static bool is_installed(const struct payload *p, size_t header_len)
{
	static const int algorithms[] = { XFRMA_ALG_AEAD, XFRMA_ALG_CRYPT, XFRMA_ALG_AUTH_TRUNC, XFRMA_ALG_AUTH };

	for (size_t i = 0; i < sizeof(algorithms) / sizeof(*algorithms); i++)
		if (find(p, header_len, algorithms[i]))
			return true;
	return false;
}

static int parse_info(const struct payload *p, size_t header_len, struct sa_event *ret)
{
	struct xfrm_usersa_info info;

	if (p->len < header_len)
		return -EBADMSG;
	memcpy(&info, p->octets, sizeof(info));
	*ret = (struct sa_event){ .kind = SA_EVENT_NONE };
	if (info.id.proto != IPPROTO_ESP || !is_family(info.family) || info.id.spi == 0)
		return 0;
	ret->kind = SA_EVENT_NEW;
	ret->sa.spi = ntohl(info.id.spi);
	ret->sa.daddr = read_ip(&info.id.daddr, info.family);
	ret->sa.saddr = read_ip(&info.saddr, info.family);
	ret->sa.reqid = info.reqid;
	ret->sa.made = info.curlft.add_time;
	return 0;
}

/* An algorithm without its key. False if there is none of that type. */
static bool read_algorithm(const struct payload *p, size_t header_len, int type, void *ret, size_t len)
{
	const struct nlattr *a = find(p, header_len, type);

	if (!a || (size_t)nla_len(a) < len)
		return false;
	memcpy(ret, nla_data(a), len);
	return true;
}

/* Lengths of ICVs come in bits. */
static struct esp_shape read_shape(const struct payload *p, size_t header_len, uint16_t family)
{
	struct xfrm_algo cipher = { .alg_name = "" };
	struct xfrm_algo_auth integrity = { .alg_name = "" };
	struct xfrm_algo_aead aead = { .alg_name = "" };
	bool is_aead = read_algorithm(p, header_len, XFRMA_ALG_AEAD, &aead, sizeof(aead));
	unsigned bits;

	(void)read_algorithm(p, header_len, XFRMA_ALG_CRYPT, &cipher, sizeof(cipher));
	(void)read_algorithm(p, header_len, XFRMA_ALG_AUTH_TRUNC, &integrity, sizeof(integrity));
	bits = is_aead ? aead.alg_icv_len : integrity.alg_trunc_len;
	/* Names from the kernel end within their field; others are no names of the table. */
	aead.alg_name[sizeof(aead.alg_name) - 1] = '\0';
	cipher.alg_name[sizeof(cipher.alg_name) - 1] = '\0';
	struct esp_shape shape = esp_shape_of(is_aead ? aead.alg_name : cipher.alg_name, (uint16_t)(bits / 8));
	shape.udp = find(p, header_len, XFRMA_ENCAP) != NULL;
	shape.ipv6 = family == AF_INET6;
	return shape;
}

static int parse_new(const struct payload *p, struct sa_event *ret)
{
	const size_t header_len = sizeof(struct xfrm_usersa_info);
	struct sa_event event;
	int r = parse_info(p, header_len, &event);

	if (r < 0)
		return r;
	if (event.kind == SA_EVENT_NEW && !is_installed(p, header_len))
		event = (struct sa_event){ .kind = SA_EVENT_NONE };
	if (event.kind == SA_EVENT_NEW) {
		const struct nlattr *if_id = find(p, header_len, XFRMA_IF_ID);
		if (if_id && nla_len(if_id) != sizeof(uint32_t))
			return -EBADMSG;
		event.sa.if_id = if_id ? nla_get_u32(if_id) : 0;
		event.sa.shape = read_shape(p, header_len, (uint16_t)event.sa.daddr.family);
	}
	*ret = event;
	return 0;
}

static int parse_deleted(const struct payload *p, struct sa_event *ret)
{
	struct xfrm_usersa_id id;

	if (p->len < sizeof(id))
		return -EBADMSG;
	memcpy(&id, p->octets, sizeof(id));
	*ret = (struct sa_event){ .kind = SA_EVENT_NONE };
	if (id.proto != IPPROTO_ESP || !is_family(id.family))
		return 0;
	ret->kind = SA_EVENT_GONE;
	ret->sa.spi = ntohl(id.spi);
	ret->sa.daddr = read_ip(&id.daddr, id.family);
	return 0;
}

/* A hard expiry is the only message about an SA whose time is over: no deletion follows. */
static int parse_expired(const struct payload *p, struct sa_event *ret)
{
	struct xfrm_user_expire expire;
	struct sa_event event;

	if (p->len < sizeof(expire))
		return -EBADMSG;
	memcpy(&expire, p->octets, sizeof(expire));
	int r = parse_info(p, sizeof(expire), &event);
	if (r < 0)
		return r;
	*ret = (struct sa_event){ .kind = SA_EVENT_NONE };
	if (event.kind == SA_EVENT_NEW && expire.hard) {
		ret->kind = SA_EVENT_GONE;
		ret->sa.spi = event.sa.spi;
		ret->sa.daddr = event.sa.daddr;
	}
	return 0;
}

static int parse_flushed(const struct payload *p, struct sa_event *ret)
{
	struct xfrm_usersa_flush flush;

	if (p->len < sizeof(flush))
		return -EBADMSG;
	memcpy(&flush, p->octets, sizeof(flush));
	bool other = flush.proto == IPPROTO_AH || flush.proto == IPPROTO_COMP;
	*ret = (struct sa_event){ .kind = other ? SA_EVENT_NONE : SA_EVENT_FLUSH };
	return 0;
}

int sa_event_parse(const struct nlmsghdr *nlh, size_t len, struct sa_event *ret)
{
	static const struct {
		uint16_t type;
		int (*parse)(const struct payload *, struct sa_event *);
	} parsers[] = {
		{ XFRM_MSG_NEWSA, parse_new },
		{ XFRM_MSG_UPDSA, parse_new },
		{ XFRM_MSG_DELSA, parse_deleted },
		{ XFRM_MSG_EXPIRE, parse_expired },
		{ XFRM_MSG_FLUSHSA, parse_flushed },
	};

	if (len < NLMSG_HDRLEN || nlh->nlmsg_len < NLMSG_HDRLEN || nlh->nlmsg_len > len)
		return -EBADMSG;
	struct payload p = { (const uint8_t *)nlh + NLMSG_HDRLEN, nlh->nlmsg_len - NLMSG_HDRLEN };
	for (size_t i = 0; i < sizeof(parsers) / sizeof(*parsers); i++)
		if (parsers[i].type == nlh->nlmsg_type)
			return parsers[i].parse(&p, ret);
	*ret = (struct sa_event){ .kind = SA_EVENT_NONE };
	return 0;
}

static int compare_numbers(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

int sa_compare(const struct sa *a, const struct sa *b)
{
	int c = compare_numbers(a->if_id, b->if_id);

	if (c == 0)
		c = compare_numbers(a->outbound, b->outbound);
	if (c == 0)
		c = compare_numbers(a->reqid, b->reqid);
	if (c == 0)
		c = compare_numbers(a->spi, b->spi);
	return c != 0 ? c : ip_compare(&a->daddr, &b->daddr);
}
