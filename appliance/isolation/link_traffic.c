/*
 * One dump that holds nothing but counters, by interface index. Which index is which link's is asked once for each that
 * was not there before, also for those that are no link's, and forgotten with the interface.
 */
#include "appliance/isolation/link_traffic.h"

#include "appliance/isolation/netlink.h"
#include "appliance/isolation/traffic.h"
#include "lib/grow.h"

#include <ctype.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	uint32_t index;
	uint32_t if_id; /* 0: no link of ours */
	bool seen; /* in the last reading */
};

struct link_traffic {
	struct nl_sock *sk;
	struct entry *entries; /* owned; the first known of them by index */
	size_t count;
	size_t size;
	size_t known;
	link_traffic_fn fn; /* while reading */
	void *userdata;
};

static int compare(const void *a, const void *b)
{
	const struct entry *left = a;
	const struct entry *right = b;

	return (left->index > right->index) - (left->index < right->index);
}

static uint32_t if_id_of(const char *name)
{
	static const char prefix[] = "culv-x";
	char *end;
	unsigned long number;

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0 || !isdigit((unsigned char)name[sizeof(prefix) - 1]))
		return 0;
	number = strtoul(name + sizeof(prefix) - 1, &end, 10);
	return *end || number > UINT32_MAX ? 0 : (uint32_t)number;
}

static struct entry *add(struct link_traffic *t, uint32_t index)
{
	char name[IFNAMSIZ];

	struct entry *entries = grow(t->entries, t->count, &t->size, sizeof(*entries));
	if (!entries)
		return NULL;
	t->entries = entries;
	netlink_interface_name(t->sk, index, name);
	t->entries[t->count] = (struct entry){ .index = index, .if_id = if_id_of(name) };
	return &t->entries[t->count++];
}

static struct entry *find(struct link_traffic *t, uint32_t index)
{
	const struct entry key = { .index = index };
	struct entry *entry = t->known ? bsearch(&key, t->entries, t->known, sizeof(key), compare) : NULL;

	return entry ? entry : add(t, index);
}

static int take(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct link_traffic *t = arg;
	struct rtnl_link_stats64 stats;
	struct if_stats_msg header;
	const struct nlattr *counters;
	struct entry *entry;

	if (nlh->nlmsg_type != RTM_NEWSTATS)
		return 0;
	if (!nlmsg_valid_hdr(nlh, sizeof(header)))
		return -EBADMSG;
	memcpy(&header, nlmsg_data(nlh), sizeof(header));
	counters = nlmsg_find_attr(nlh, sizeof(header), IFLA_STATS_LINK_64);
	if (!counters || (size_t)nla_len(counters) < offsetof(struct rtnl_link_stats64, rx_bytes))
		return 0;
	memset(&stats, 0, sizeof(stats));
	memcpy(&stats, nla_data(counters), offsetof(struct rtnl_link_stats64, rx_bytes));
	entry = find(t, header.ifindex);
	if (!entry)
		return -ENOMEM;
	entry->seen = true;
	if (entry->if_id)
		t->fn(t->userdata, entry->if_id, &(struct traffic){ .out = stats.tx_packets, .in = stats.rx_packets });
	return 0;
}

/* Forgets those that are gone, and makes all known. */
static void settle(struct link_traffic *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i++)
		if (t->entries[i].seen) {
			t->entries[kept] = t->entries[i];
			t->entries[kept++].seen = false;
		}
	if (kept != t->known || t->count != t->known)
		qsort(t->entries, kept, sizeof(*t->entries), compare);
	t->count = kept;
	t->known = kept;
}

int link_traffic_open(struct link_traffic **ret)
{
	struct link_traffic *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	r = netlink_open(NETLINK_ROUTE, &t->sk);
	if (r < 0) {
		free(t);
		return r;
	}
	*ret = t;
	return 0;
}

int link_traffic_read(struct link_traffic *t, link_traffic_fn fn, void *userdata)
{
	const struct if_stats_msg header = { .filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64) };
	int r;

	t->fn = fn;
	t->userdata = userdata;
	r = netlink_dump(t->sk, RTM_GETSTATS, &header, sizeof(header), take, t);
	/* While interfaces come and go, the ones that were read were read well. */
	if (r == -EINTR)
		r = 0;
	settle(t);
	return r;
}

void link_traffic_close(struct link_traffic *t)
{
	if (!t)
		return;
	nl_socket_free(t->sk);
	free(t->entries);
	free(t);
}
