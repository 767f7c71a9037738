/* Addresses and prefixes as the operator writes them. */
#include "conf/value.h"

#include "conf/model.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/prefix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Blocks that no host of ours and no peer can have (RFC 6890). */
static const struct {
	const char *text, *what;
	struct prefix prefix;
} special[] = {
	{ "0.0.0.0/8", "\"this network\"", { { AF_INET, { 0 } }, 8 } },
	{ "127.0.0.0/8", "loopback", { { AF_INET, { 127 } }, 8 } },
	{ "169.254.0.0/16", "link-local", { { AF_INET, { 169, 254 } }, 16 } },
	{ "224.0.0.0/4", "multicast", { { AF_INET, { 224 } }, 4 } },
	{ "240.0.0.0/4", "reserved", { { AF_INET, { 240 } }, 4 } },
	{ "::/127", "unspecified and loopback", { { AF_INET6, { 0 } }, 127 } },
	{ "::ffff:0:0/96", "IPv4-mapped", { { AF_INET6, { [10] = 0xff, 0xff } }, 96 } },
	{ "fe80::/10", "link-local", { { AF_INET6, { 0xfe, 0x80 } }, 10 } },
	{ "ff00::/8", "multicast", { { AF_INET6, { 0xff } }, 8 } },
};

/* 0 if p stays clear of special blocks, else -EINVAL with the reason. */
static int check_special(const char *text, const struct prefix *p, struct buf *why)
{
	if (!p->len)
		return value_refuse(why, text, "is every address there is; write the prefixes that are meant");
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		const struct prefix *block = &special[i].prefix;
		if (!prefix_overlaps(block, p))
			continue;
		value_quote(why, text);
		buf_printf(why, " %s %s (%s); use ordinary unicast addresses", prefix_covers(block, p) ? "lies in" : "contains",
			special[i].text, special[i].what);
		return -EINVAL;
	}
	return 0;
}

static int parse_address(const struct value_source *source, void *ret, struct buf *why)
{
	struct prefix host;

	if (ip_parse(source->text, &host.ip))
		return value_refuse(
			why, source->text, "is no address; write one such as \"192.0.2.1\" or \"2001:db8::1\", without a length");
	host.len = ip_bits(host.ip.family);
	if (check_special(source->text, &host, why))
		return -EINVAL;
	*(struct ip *)ret = host.ip;
	return 0;
}

static bool print_address(const void *value, struct buf *out)
{
	const struct ip *ip = value;
	char text[IP_TEXT];

	if (ip->family == AF_UNSPEC)
		return false;
	value_print_word(out, ip_print(ip, text));
	return true;
}

static bool print_prefix(const void *value, struct buf *out)
{
	const struct prefix *p = value;
	char text[PREFIX_TEXT];

	if (p->ip.family == AF_UNSPEC)
		return false;
	value_print_word(out, prefix_print(p, text));
	return true;
}

/* The first and, for IPv4, the last address of a subnet of four or more are no host's (RFC 1122 section 3.2.1.3). */
static bool is_subnet_end(const struct prefix *p)
{
	uint8_t host_bits = (uint8_t)(ip_bits(p->ip.family) - p->len);
	struct ip last = p->ip;

	if (host_bits < 2)
		return false;
	for (uint8_t bit = 0; bit < host_bits; bit++) {
		size_t at = p->len + bit;
		last.octets[at / 8] |= (uint8_t)(0x80 >> at % 8);
	}
	return prefix_is_network(p) || (p->ip.family == AF_INET && ip_equal(&p->ip, &last));
}

static int parse_host_prefix(const struct value_source *source, void *ret, struct buf *why)
{
	struct prefix p;

	if (!strchr(source->text, '/') || prefix_parse(source->text, &p))
		return value_refuse(why, source->text, "is no address with length; write one such as \"10.110.0.4/20\"");
	struct prefix host = { .ip = p.ip, .len = ip_bits(p.ip.family) };
	if (check_special(source->text, &host, why))
		return -EINVAL;
	if (is_subnet_end(&p))
		return value_refuse(
			why, source->text, "is the subnet itself or its broadcast address; write a host's address in it");
	*(struct prefix *)ret = p;
	return 0;
}

static int parse_network(const struct value_source *source, void *ret, struct buf *why)
{
	struct prefix p;
	char text[PREFIX_TEXT];

	if (prefix_parse(source->text, &p))
		return value_refuse(
			why, source->text, "is no prefix; write one such as \"10.64.0.0/16\" or \"2001:db8:40::/48\"");
	if (!prefix_is_network(&p)) {
		struct prefix network = prefix_network(&p);
		value_quote(why, source->text);
		buf_printf(why, " has bits set behind /%u; the network is \"%s\"", p.len, prefix_print(&network, text));
		return -EINVAL;
	}
	if (check_special(source->text, &p, why))
		return -EINVAL;
	*(struct prefix *)ret = p;
	return 0;
}

static int parse_outer_address(const struct value_source *source, void *ret, struct buf *why)
{
	struct outer_address address = { .dhcp = !strcmp(source->text, "dhcp") };
	struct ip ip;

	if (!address.dhcp && ip_parse(source->text, &ip))
		return value_refuse(why, source->text,
			"is no address; write one such as \"192.0.2.1\" or \"2001:db8::1\", without a length, or \"dhcp\"");
	int r = address.dhcp ? 0 : parse_address(source, &address.ip, why);
	if (!r)
		*(struct outer_address *)ret = address;
	return r;
}

static bool print_outer_address(const void *value, struct buf *out)
{
	const struct outer_address *address = value;

	if (!address->dhcp)
		return print_address(&address->ip, out);
	buf_puts(out, "\"dhcp\"");
	return true;
}

static int parse_selector(const struct value_source *source, void *ret, struct buf *why)
{
	struct selector selector = { .any = !strcmp(source->text, "any") };
	struct prefix p;

	if (!prefix_parse(source->text, &p) && !p.len)
		return value_refuse(why, source->text, "is every address there is; write \"any\"");
	int r = selector.any ? 0 : parse_network(source, &selector.prefix, why);
	if (!r)
		*(struct selector *)ret = selector;
	return r;
}

static bool print_selector(const void *value, struct buf *out)
{
	const struct selector *selector = value;

	if (!selector->any)
		return print_prefix(&selector->prefix, out);
	buf_puts(out, "\"any\"");
	return true;
}

/* A host name (RFC 1123 section 2.1) of two labels or more, the last of which begins with a letter and is longer than
 * that: no address with a slip of the pen in it ("192.0.2.1O", "192.0.2.x"). */
static bool is_domain_name(const char *text)
{
	size_t len = strlen(text), label = 0, labels = 1;
	bool letter = false;

	if (len > 253)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool alpha = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z');
		bool digit = text[i] >= '0' && text[i] <= '9';
		if (text[i] == '.' ? !label || text[i - 1] == '-' : !alpha && !digit && (text[i] != '-' || !label))
			return false;
		labels += text[i] == '.';
		letter = label && text[i] != '.' ? letter : alpha;
		label = text[i] == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 1 && labels > 1 && letter && text[len - 1] != '-';
}

static int parse_peer_name(const struct value_source *source, struct peer *ret, struct buf *why)
{
	const char *text = source->text;

	if (!is_domain_name(text))
		return value_refuse(why, text,
			"is no peer; write an address such as \"192.0.2.11\", a domain name such as \"ipsec.example.net\", or "
			"\"any\"");
	char *name = arena_text(source->memory, text);
	if (!name)
		return -ENOMEM;
	*ret = (struct peer){ .kind = PEER_NAME, .name = name };
	return 0;
}

static int parse_peer(const struct value_source *source, void *ret, struct buf *why)
{
	struct peer peer = { .kind = PEER_ADDRESS };
	struct ip ip;
	int r = 0;

	if (!strcmp(source->text, "any"))
		peer.kind = PEER_ANY;
	else if (!ip_parse(source->text, &ip))
		r = parse_address(source, &peer.address, why);
	else
		r = parse_peer_name(source, &peer, why);
	if (!r)
		*(struct peer *)ret = peer;
	return r;
}

static bool print_peer(const void *value, struct buf *out)
{
	const struct peer *peer = value;

	switch (peer->kind) {
	case PEER_UNSET:
		return false;
	case PEER_ADDRESS:
		return print_address(&peer->address, out);
	case PEER_NAME:
		value_print_word(out, peer->name);
		return true;
	case PEER_ANY:
		buf_puts(out, "\"any\"");
		return true;
	}
	return false;
}

const struct value_kind value_address = {
	.form = "address",
	.size = sizeof(struct ip),
	.forms = VALUE_TEXT,
	.parse = parse_address,
	.print = print_address,
};
const struct value_kind value_host_prefix = {
	.form = "address/length",
	.size = sizeof(struct prefix),
	.forms = VALUE_TEXT,
	.parse = parse_host_prefix,
	.print = print_prefix,
};
const struct value_kind value_network = {
	.form = "network/length",
	.size = sizeof(struct prefix),
	.forms = VALUE_TEXT,
	.parse = parse_network,
	.print = print_prefix,
};
const struct value_kind value_outer_address = {
	.form = "address or `\"dhcp\"`",
	.size = sizeof(struct outer_address),
	.forms = VALUE_TEXT,
	.parse = parse_outer_address,
	.print = print_outer_address,
};
const struct value_kind value_selector = {
	.form = "network/length or `\"any\"`",
	.size = sizeof(struct selector),
	.forms = VALUE_TEXT,
	.parse = parse_selector,
	.print = print_selector,
};
const struct value_kind value_peer = {
	.form = "address, domain name or `\"any\"`",
	.size = sizeof(struct peer),
	.forms = VALUE_TEXT,
	.parse = parse_peer,
	.print = print_peer,
};
