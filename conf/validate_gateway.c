/* The machine itself: its outer side and that of its administrators. */
#include "conf/validate.h"

#include "conf/model.h"

#include <string.h>
#include <sys/socket.h>

/* Fewer bits let in so many that it is hardly meant. */
enum { ALLOW_BITS_IPV4 = 8, ALLOW_BITS_IPV6 = 20 };

static bool same_text(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static void check_public_address(struct check *c)
{
	const struct outer *outer = &c->m->gateway.outer;
	const char *key = "gateway.outer.public_address";
	int family = outer_family(c->m);

	if (!is_set(&outer->public_address) || family == AF_UNSPEC)
		return;
	if (outer->public_address.family != family)
		check_error(c, key, "is an %s address, but gateway.outer.address is %s; a 1:1 NAT keeps the family",
			family_word(outer->public_address.family), family_word(family));
	else if (ip_equal(&outer->public_address, &outer->address.ip))
		check_error(c, key, "is gateway.outer.address itself; leave it out where there is no NAT in front");
}

static void check_resolvers(struct check *c)
{
	const struct outer *outer = &c->m->gateway.outer;
	int family = outer_family(c->m);

	for (size_t i = 0; i < outer->n_resolvers; i++) {
		const struct ip *ip = &outer->resolvers[i];
		struct key key = check_key("gateway.outer.resolvers[%zu]", i);
		if (!is_set(ip))
			continue;
		if (family != AF_UNSPEC && ip->family != family)
			check_error(c, key.text, "is an %s address, but gateway.outer.address is %s; use one family for both",
				family_word(ip->family), family_word(family));
		else if (ip_equal(ip, &outer->address.ip) || ip_equal(ip, &outer->public_address))
			check_error(c, key.text, "is the gateway's own address; write the DNS server's");
		for (size_t k = 0; k < i; k++) {
			if (ip_equal(ip, &outer->resolvers[k]))
				check_error(c, key.text, "is here twice; name a DNS server once");
		}
	}
}

/* --- management --- */

static void check_allow(struct check *c)
{
	const struct management *m = &c->m->management;
	char text[PREFIX_TEXT];

	check_apart(c, "management.allow", m->allow, m->n_allow);
	for (size_t i = 0; i < m->n_allow; i++) {
		const struct prefix *p = &m->allow[i];
		struct key key = check_key("management.allow[%zu]", i);
		if (!is_set(&p->ip) || !is_set(&m->address.ip))
			continue;
		prefix_print(p, text);
		if (p->ip.family != m->address.ip.family)
			check_error(c, key.text, "%s is %s, but management.address is %s; use one family for both", text,
				family_word(p->ip.family), family_word(m->address.ip.family));
		else if (p->len < (p->ip.family == AF_INET6 ? ALLOW_BITS_IPV6 : ALLOW_BITS_IPV4))
			check_warning(c, key.text, "%s lets very many in; name the networks that administrators come from", text);
	}
}

static void check_management_address(struct check *c)
{
	const struct management *m = &c->m->management;
	const struct outer *outer = &c->m->gateway.outer;
	struct prefix subnet = prefix_network(&m->address);
	char text[PREFIX_TEXT];

	if (!is_set(&m->address.ip))
		return;
	if (ip_equal(&m->address.ip, &outer->address.ip))
		check_error(c, "management.address", "is gateway.outer.address; management needs an address of its own");
	else if (is_set(&outer->address.ip) && prefix_contains(&subnet, &outer->address.ip))
		check_error(c, "management.address",
			"its subnet %s contains gateway.outer.address; carriers and administrators need separate networks",
			prefix_print(&subnet, text));
}

void validate_gateway(struct check *c)
{
	const struct management *m = &c->m->management;

	check_public_address(c);
	check_resolvers(c);
	if (same_text(m->interface, c->m->gateway.outer.interface))
		check_error(c, "management.interface", "\"%s\" is gateway.outer.interface; management needs one of its own",
			m->interface);
	check_management_address(c);
	check_allow(c);
}

/* --- what APNs must stay clear of --- */

static void check_contains(
	struct check *c, const char *key, const struct prefix *p, const struct ip *ip, const char *what)
{
	char text[PREFIX_TEXT];

	if (is_set(ip) && prefix_contains(p, ip))
		check_error(c, key, "%s contains %s; a device could have that address", prefix_print(p, text), what);
}

void check_clear_of_gateway(struct check *c, const char *key, const struct prefix *p)
{
	const struct outer *outer = &c->m->gateway.outer;
	struct prefix management = prefix_network(&c->m->management.address);
	char x[PREFIX_TEXT], y[PREFIX_TEXT];

	if (!is_set(&p->ip))
		return;
	check_contains(c, key, p, &outer->address.ip, "gateway.outer.address");
	check_contains(c, key, p, &outer->public_address, "gateway.outer.public_address");
	for (size_t i = 0; i < outer->n_resolvers; i++)
		check_contains(c, key, p, &outer->resolvers[i], check_key("gateway.outer.resolvers[%zu]", i).text);
	if (overlap(p, &management))
		check_error(c, key,
			"%s overlaps the subnet of management.address (%s); devices and administrators need "
			"separate addresses",
			prefix_print(p, x), prefix_print(&management, y));
}
