#include "appliance/isolation/tally.h"

#include "appliance/isolation/netlink.h"
#include "appliance/isolation/plan.h"
#include "appliance/isolation/walls.h"
#include "lib/cleanup.h"
#include "lib/grow.h"
#include "lib/prefix.h"

#include <errno.h>
#include <jansson.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>

#define REFUSED "refused_" /* a set of this and a counter's name has the counts of each link */

static const char *const lists[] = {
	"list counters table inet culvert",
	"list set inet culvert service4",
	"list set inet culvert service6",
	"list set inet culvert downlink4",
	"list set inet culvert downlink6",
	"list set inet culvert service4_range",
	"list set inet culvert service6_range",
	"list set inet culvert downlink4_range",
	"list set inet culvert downlink6_range",
	"list set inet culvert " REFUSED "invalid",
	"list set inet culvert " REFUSED "spoofed",
	"list set inet culvert " REFUSED "hairpin",
	"list set inet culvert " REFUSED "off_path",
	"list set inet culvert " REFUSED "no_service",
	"list set inet culvert " REFUSED "from_cloud",
	"list set inet culvert " REFUSED "device_in",
	"list set inet culvert " REFUSED "over_packets",
	"list set inet culvert " REFUSED "over_flows",
	"list set inet culvert " REFUSED "over_pings",
};

static int compare_rows(const void *a, const void *b)
{
	const struct tally_row *x = a, *y = b;
	const struct endpoint *p = &x->endpoint, *q = &y->endpoint;
	int c = (x->kind > y->kind) - (x->kind < y->kind);

	if (c == 0)
		c = strcmp(x->link, y->link);
	if (c == 0)
		c = strcmp(x->reason, y->reason);
	if (c == 0)
		c = ip_compare(&p->host, &q->host);
	if (c == 0)
		c = (p->protocol > q->protocol) - (p->protocol < q->protocol);
	if (c == 0)
		c = (p->ports.first > q->ports.first) - (p->ports.first < q->ports.first);
	return c != 0 ? c : (p->ports.last > q->ports.last) - (p->ports.last < q->ports.last);
}

void tally_sort(struct tally *t)
{
	if (t->count > 0)
		qsort(t->rows, t->count, sizeof(*t->rows), compare_rows);
}

const struct tally_row *tally_find(const struct tally *t, const struct tally_row *key)
{
	return t->count > 0 ? bsearch(key, t->rows, t->count, sizeof(*t->rows), compare_rows) : NULL;
}

static int append(struct tally *t, const struct tally_row *row)
{
	struct tally_row *rows = grow(t->rows, t->count, &t->size, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	t->rows = rows;
	t->rows[t->count++] = *row;
	return 0;
}

/* Copies text if it fits. */
static int copy(char *to, size_t size, const char *text)
{
	if (!text || strlen(text) >= size)
		return -EBADMSG;
	memcpy(to, text, strlen(text) + 1);
	return 0;
}

static int read_counts(const json_t *from, struct tally_row *row)
{
	const json_t *packets = json_object_get(from, "packets"), *octets = json_object_get(from, "bytes");

	if (!json_is_integer(packets) || !json_is_integer(octets))
		return -EBADMSG;
	row->packets = (uint64_t)json_integer_value(packets);
	row->octets = (uint64_t)json_integer_value(octets);
	return 0;
}

static int read_port(const json_t *from, uint16_t *ret)
{
	json_int_t port = json_integer_value(from);

	if (!json_is_integer(from) || port < 0 || port > UINT16_MAX)
		return -EBADMSG;
	*ret = (uint16_t)port;
	return 0;
}

static int read_ports(const json_t *from, struct ports *ret)
{
	const json_t *range = json_object_get(from, "range");
	int r = read_port(range ? json_array_get(range, 0) : from, &ret->first);

	return r < 0 ? r : read_port(range ? json_array_get(range, 1) : from, &ret->last);
}

/* "culv-x1" . 10.110.0.5 . udp . 5684 */
static int read_endpoint(const json_t *value, struct tally_row *row)
{
	const json_t *parts = json_object_get(value, "concat");
	const char *host = json_string_value(json_array_get(parts, 1));
	const char *protocol = json_string_value(json_array_get(parts, 2));

	if (json_array_size(parts) != 4 || !host || !protocol || ip_parse(host, &row->endpoint.host) < 0 ||
		(strcmp(protocol, "udp") != 0 && strcmp(protocol, "tcp") != 0))
		return -EBADMSG;
	row->endpoint.protocol = strcmp(protocol, "tcp") == 0 ? SERVICE_TCP : SERVICE_UDP;
	int r = copy(row->link, sizeof(row->link), json_string_value(json_array_get(parts, 0)));
	return r < 0 ? r : read_ports(json_array_get(parts, 3), &row->endpoint.ports);
}

static int read_element(const json_t *element, const struct tally_row *kind, struct tally *t)
{
	const json_t *one = json_object_get(element, "elem");
	const json_t *value = json_object_get(one, "val");
	struct tally_row row = *kind;
	int r;

	if (kind->kind == TALLY_REFUSED)
		r = copy(row.link, sizeof(row.link), json_string_value(value));
	else
		r = read_endpoint(value, &row);
	if (r == 0)
		r = read_counts(json_object_get(one, "counter"), &row);
	return r < 0 ? r : append(t, &row);
}

/* What the elements of a set of that name count. False: nothing that is of interest here. */
static bool name_set(const char *name, struct tally_row *row)
{
	if (strncmp(name, REFUSED, strlen(REFUSED)) == 0) {
		row->kind = TALLY_REFUSED;
		return copy(row->reason, sizeof(row->reason), name + strlen(REFUSED)) == 0;
	}
	row->kind = strncmp(name, "downlink", strlen("downlink")) == 0 ? TALLY_DOWNLINK : TALLY_SERVICE;
	return row->kind == TALLY_DOWNLINK || strncmp(name, "service", strlen("service")) == 0;
}

static int read_set(const json_t *set, struct tally *t)
{
	const char *name = json_string_value(json_object_get(set, "name"));
	struct tally_row kind = { 0 };
	size_t i;
	const json_t *element;
	int r = 0;

	if (!name)
		return -EBADMSG;
	if (!name_set(name, &kind))
		return 0;
	json_array_foreach(json_object_get(set, "elem"), i, element)
	{
		if (r == 0)
			r = read_element(element, &kind, t);
	}
	return r;
}

static int read_counter(const json_t *counter, struct tally *t)
{
	struct tally_row row = { .kind = TALLY_ALL_REFUSED };
	int r = copy(row.reason, sizeof(row.reason), json_string_value(json_object_get(counter, "name")));

	if (r == 0)
		r = read_counts(counter, &row);
	return r < 0 ? r : append(t, &row);
}

int tally_parse(const char *json, struct tally *t)
{
	json_t *root = json_loads(json, 0, NULL);
	const json_t *all = json_object_get(root, "nftables");
	size_t i;
	const json_t *one;
	int r = json_is_array(all) ? 0 : -EBADMSG;

	json_array_foreach(all, i, one)
	{
		const json_t *set = json_object_get(one, "set"), *counter = json_object_get(one, "counter");

		if (r == 0 && set)
			r = read_set(set, t);
		if (r == 0 && counter)
			r = read_counter(counter, t);
	}
	json_decref(root);
	return r;
}

static int take_link(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[IFLA_MAX + 1];
	struct rtnl_link_stats64 stats;
	struct tally_row in = { .kind = TALLY_FROM_DEVICES }, out = { .kind = TALLY_TO_DEVICES };

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(struct ifinfomsg), tb, IFLA_MAX, NULL) < 0 || !tb[IFLA_IFNAME])
		return -EBADMSG;
	const char *name = nla_data(tb[IFLA_IFNAME]);
	if (!plan_is_ours(name) || !tb[IFLA_STATS64] ||
		(size_t)nla_len(tb[IFLA_STATS64]) < offsetof(struct rtnl_link_stats64, rx_nohandler))
		return 0;
	memset(&stats, 0, sizeof(stats));
	memcpy(&stats, nla_data(tb[IFLA_STATS64]),
		(size_t)nla_len(tb[IFLA_STATS64]) < sizeof(stats) ? (size_t)nla_len(tb[IFLA_STATS64]) : sizeof(stats));
	in.packets = stats.rx_packets;
	in.octets = stats.rx_bytes;
	out.packets = stats.tx_packets;
	out.octets = stats.tx_bytes;
	nla_strlcpy(in.link, tb[IFLA_IFNAME], sizeof(in.link));
	nla_strlcpy(out.link, tb[IFLA_IFNAME], sizeof(out.link));
	int r = append(arg, &in);
	return r < 0 ? r : append(arg, &out);
}

static int read_links(struct tally *t)
{
	struct ifinfomsg header = { .ifi_family = AF_UNSPEC };
	struct nl_sock *sk = NULL;
	int r = netlink_open(NETLINK_ROUTE, &sk);

	if (r == 0)
		r = netlink_dump(sk, RTM_GETLINK, &header, sizeof(header), take_link, t);
	nl_socket_free(sk);
	return r;
}

static int read_list(const char *command, struct tally *t)
{
	char *json CLEANUP(cleanup_free) = NULL;
	int r = walls_list(command, &json);

	return r < 0 ? r : tally_parse(json, t);
}

int tally_read(struct tally *ret)
{
	struct tally t = { 0 };
	int r = walls_stand() ? 0 : -ENOENT;

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists) && r == 0; i++)
		r = read_list(lists[i], &t);
	if (r == 0)
		r = read_links(&t);
	if (r < 0) {
		tally_free(&t);
		return r;
	}
	tally_sort(&t);
	*ret = t;
	return 0;
}

void tally_free(struct tally *t)
{
	if (!t)
		return;
	free(t->rows);
	*t = (struct tally){ 0 };
}
