/* The cloud side of one APN: how it is attached, what lies there, and what the cloud sees of the devices. */
#include "conf/validate.h"

#include "conf/model.h"
#include "lib/diag.h"

#include <string.h>
#include <sys/socket.h>

/* The gateway's address there: the APN's own, or that of another APN of its family on the same shared interface. */
static struct prefix address_of(const struct cloud *cloud)
{
	int family = cloud->n_prefixes ? cloud->prefixes[0].ip.family : AF_UNSPEC;

	if (!is_set(&cloud->address.ip) && cloud->shared && cloud->shared->address.ip.family == family)
		return cloud->shared->address;
	return cloud->address;
}

/* --- attachment --- */

static const char *const attach_words[] = {
	[CLOUD_DEDICATED] = "dedicated",
	[CLOUD_VLAN] = "vlan",
	[CLOUD_SHARED] = "shared",
};

static void check_attachment(struct check *c, size_t a)
{
	const struct cloud *cloud = &c->m->apns[a].cloud;
	struct key path = check_key("apns[%zu].cloud", a);
	const struct node *group = check_group(c, path.text);
	bool vlan = check_group_has(group, "vlan");

	if (!check_group_has(group, "attach") ||
		(c->diags->errors && check_wrong(c, check_key("%s.attach", path.text).text)))
		return;
	const char *word = attach_words[cloud->attach];
	if (cloud->attach != CLOUD_SHARED && !is_set(&cloud->address.ip) && !check_group_has(group, "address"))
		check_error(
			c, path.text, "attach = \"%s\" needs the gateway's address; write address = \"10.110.0.4/20\";", word);
	if (cloud->attach == CLOUD_VLAN && !vlan)
		check_error(c, path.text, "attach = \"vlan\" needs its number; write vlan = 110;");
	else if (cloud->attach != CLOUD_VLAN && vlan)
		check_error(c, check_key("%s.vlan", path.text).text,
			"means nothing with attach = \"%s\"; remove it, or use \"vlan\"", word);
	if (cloud->attach != CLOUD_SHARED && check_group_has(group, "presented_as"))
		check_error(c, check_key("%s.presented_as", path.text).text,
			"means nothing with attach = \"%s\", where pools may overlap anyway; remove it, or use \"shared\"", word);
}

/* --- addresses --- */

static void check_next_hop(struct check *c, size_t a)
{
	const struct cloud *cloud = &c->m->apns[a].cloud;
	struct prefix address = address_of(cloud), subnet = prefix_network(&address);
	const struct ip *first = cloud->n_prefixes ? &cloud->prefixes[0].ip : &cloud->next_hop;
	char x[IP_TEXT], y[PREFIX_TEXT];

	if (!is_set(&cloud->next_hop))
		return;
	if (is_set(&subnet.ip) && !prefix_contains(&subnet, &cloud->next_hop))
		check_error(c, check_key("apns[%zu].cloud.next_hop", a).text,
			"%s is not on link; it must lie in the subnet of cloud.address, %s", ip_print(&cloud->next_hop, x),
			prefix_print(&subnet, y));
	else if (ip_equal(&cloud->next_hop, &address.ip))
		check_error(
			c, check_key("apns[%zu].cloud.next_hop", a).text, "is the gateway's own address; write the router's");
	else if (is_set(first) && first->family != cloud->next_hop.family)
		check_error(c, check_key("apns[%zu].cloud.next_hop", a).text,
			"is %s, but cloud.prefixes[0] is %s; an APN has one family", family_word(cloud->next_hop.family),
			family_word(first->family));
}

static void check_cloud_prefix(struct check *c, size_t a, size_t p)
{
	const struct apn *apn = &c->m->apns[a];
	const struct prefix *prefix = &apn->cloud.prefixes[p];
	struct prefix address = address_of(&apn->cloud), subnet = prefix_network(&address);
	struct prefix management = prefix_network(&c->m->management.address);
	char x[PREFIX_TEXT], y[PREFIX_TEXT];

	if (!is_set(&prefix->ip))
		return;
	prefix_print(prefix, x);
	if (overlap(prefix, &management))
		check_error(c, check_key("apns[%zu].cloud.prefixes[%zu]", a, p).text,
			"%s overlaps the subnet of management.address (%s); the cloud and administrators need "
			"separate networks",
			x, prefix_print(&management, y));
	if (is_set(&apn->cloud.address.ip) && subnet.ip.family != prefix->ip.family)
		check_error(c, check_key("apns[%zu].cloud.prefixes[%zu]", a, p).text,
			"%s is of another family than cloud.address; an APN has one", x);
	else if (apn->n_pool && is_set(&apn->pool[0].ip) && apn->pool[0].ip.family != prefix->ip.family)
		check_error(c, check_key("apns[%zu].cloud.prefixes[%zu]", a, p).text,
			"%s is of another family than pool[0]; an APN has one", x);
	else if (is_set(&subnet.ip) && !prefix_covers(&subnet, prefix) && !is_set(&apn->cloud.next_hop))
		check_error(c, check_key("apns[%zu].cloud.prefixes[%zu]", a, p).text,
			"%s is not wholly in the subnet of cloud.address (%s); add next_hop, the router to it", x,
			prefix_print(&subnet, y));
}

static void check_address(struct check *c, size_t a)
{
	const struct prefix *address = &c->m->apns[a].cloud.address;
	struct prefix subnet = prefix_network(address), management = prefix_network(&c->m->management.address);
	const struct outer *outer = &c->m->gateway.outer;
	char text[PREFIX_TEXT];

	if (!is_set(&address->ip))
		return;
	if (ip_equal(&address->ip, &outer->address.ip) || ip_equal(&address->ip, &outer->public_address))
		check_error(c, check_key("apns[%zu].cloud.address", a).text,
			"is gateway.outer.%s; the cloud side needs an address of its own",
			ip_equal(&address->ip, &outer->address.ip) ? "address" : "public_address");
	if (overlap(&subnet, &management))
		check_error(c, check_key("apns[%zu].cloud.address", a).text,
			"its subnet overlaps that of management.address (%s); the cloud and administrators need "
			"separate networks",
			prefix_print(&management, text));
}

/* --- what the cloud sees --- */

static void check_presented(struct check *c, size_t a, size_t i)
{
	const struct apn *apn = &c->m->apns[a];
	const struct prefix *p = &apn->cloud.presented_as[i], *pool = &apn->pool[i];
	struct key key = check_key("apns[%zu].cloud.presented_as[%zu]", a, i);
	char x[PREFIX_TEXT], y[PREFIX_TEXT];

	if (!is_set(&p->ip))
		return;
	check_clear_of_gateway(c, key.text, p);
	if (!is_set(&pool->ip))
		return;
	prefix_print(p, x);
	prefix_print(pool, y);
	if (p->ip.family != pool->ip.family)
		check_error(c, key.text, "%s is of another family than pool[%zu] (%s); an APN has one", x, i, y);
	else if (p->len != pool->len)
		check_error(c, key.text, "%s is not as long as pool[%zu] (%s); addresses are mapped one by one: use /%u", x, i,
			y, pool->len);
}

static void check_all_presented(struct check *c, size_t a)
{
	const struct apn *apn = &c->m->apns[a];
	const struct cloud *cloud = &apn->cloud;

	if (!cloud->n_presented_as || !apn->n_pool)
		return;
	if (cloud->n_presented_as != apn->n_pool)
		check_error(c, check_key("apns[%zu].cloud.presented_as", a).text,
			"has %zu entries, but pool has %zu; write one for each, in the same order", cloud->n_presented_as,
			apn->n_pool);
	for (size_t i = 0; i < cloud->n_presented_as && i < apn->n_pool; i++)
		check_presented(c, a, i);
}

void validate_cloud(struct check *c, size_t a)
{
	const struct cloud *cloud = &c->m->apns[a].cloud;

	check_attachment(c, a);
	check_address(c, a);
	check_next_hop(c, a);
	if (cloud->n_prefixes > 1)
		check_apart(c, check_key("apns[%zu].cloud.prefixes", a).text, cloud->prefixes, cloud->n_prefixes);
	for (size_t i = 0; i < cloud->n_prefixes; i++)
		check_cloud_prefix(c, a, i);
	check_all_presented(c, a);
}
