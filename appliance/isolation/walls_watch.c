#include "appliance/isolation/walls_watch.h"

#include "appliance/isolation/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <string.h>

/* What a message is about. Every such message has the name of the table as its first attribute. */
enum subject { SUBJECT_TABLE, SUBJECT_CHAIN, SUBJECT_RULE, SUBJECT_SET, SUBJECT_ELEMENT, SUBJECT_OBJECT };

static const struct {
	uint8_t type;
	enum subject subject;
	bool gone;
	int name; /* attribute */
	const char *text; /* with the name for %s */
} kinds[] = {
	{ NFT_MSG_NEWTABLE, SUBJECT_TABLE, false, NFTA_TABLE_NAME, "table %s added or changed" },
	{ NFT_MSG_DELTABLE, SUBJECT_TABLE, true, NFTA_TABLE_NAME, "table %s deleted" },
	{ NFT_MSG_NEWCHAIN, SUBJECT_CHAIN, false, NFTA_CHAIN_NAME, "chain %s added or changed" },
	{ NFT_MSG_DELCHAIN, SUBJECT_CHAIN, true, NFTA_CHAIN_NAME, "chain %s deleted" },
	{ NFT_MSG_NEWRULE, SUBJECT_RULE, false, NFTA_RULE_CHAIN, "rule of chain %s added" },
	{ NFT_MSG_DELRULE, SUBJECT_RULE, true, NFTA_RULE_CHAIN, "rule of chain %s deleted" },
	{ NFT_MSG_NEWSET, SUBJECT_SET, false, NFTA_SET_NAME, "set %s added" },
	{ NFT_MSG_DELSET, SUBJECT_SET, true, NFTA_SET_NAME, "set %s deleted" },
	{ NFT_MSG_NEWSETELEM, SUBJECT_ELEMENT, false, NFTA_SET_ELEM_LIST_SET, "element of set %s added" },
	{ NFT_MSG_DELSETELEM, SUBJECT_ELEMENT, true, NFTA_SET_ELEM_LIST_SET, "element of set %s deleted" },
	{ NFT_MSG_NEWOBJ, SUBJECT_OBJECT, false, NFTA_OBJ_NAME, "object %s added or changed" },
	{ NFT_MSG_DELOBJ, SUBJECT_OBJECT, true, NFTA_OBJ_NAME, "object %s deleted" },
	{ NFT_MSG_NEWFLOWTABLE, SUBJECT_OBJECT, false, NFTA_FLOWTABLE_NAME, "flow table %s added" },
	{ NFT_MSG_DELFLOWTABLE, SUBJECT_OBJECT, true, NFTA_FLOWTABLE_NAME, "flow table %s deleted" },
};

int walls_watch_open(struct walls_watch *w)
{
	static const int groups[] = { NFNLGRP_NFTABLES, 0 };

	return netlink_listen(NETLINK_NETFILTER, groups, &w->events);
}

void walls_watch_close(struct walls_watch *w)
{
	nl_socket_free(w->events);
	w->events = NULL;
}

static void touch(struct walls_damage *d, struct walls_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->items[i], name) == 0)
			return;
	if (names->count == WALLS_NAMES_MAX || strlen(name) >= WALLS_NAME)
		d->lost = true;
	else
		memcpy(names->items[names->count++], name, strlen(name) + 1);
}

static void note(struct walls_damage *d, enum subject subject, const char *format, const char *name)
{
	d->any = true;
	if (d->count++ == 0) {
		int len = snprintf(d->first, sizeof(d->first), "%.*s", (int)strcspn(format, "%"), format);
		snprintf(d->first + len, sizeof(d->first) - (size_t)len, "%.64s%s", name, strstr(format, "%s") + 2);
	}
	if (subject == SUBJECT_RULE)
		touch(d, &d->chains, name);
	else if (strncmp(name, "__", 2) == 0) /* a set without a name, part of a rule that came or went with it */
		return;
	else if (subject == SUBJECT_ELEMENT)
		touch(d, &d->sets, name);
	else
		d->structure = true;
}

/* What is said of one thing, until the transaction that it belongs to ends. */
static void take_part(struct walls_watch *w, size_t kind, const struct nfgenmsg *header, struct nlattr *const *tb)
{
	const struct nlattr *table = tb[NFTA_TABLE_NAME], *name = tb[kinds[kind].name];
	enum subject subject = kinds[kind].subject;
	bool ours = header->nfgen_family == NFPROTO_INET && table && nla_strcmp(table, "culvert") == 0;

	if (ours)
		note(&w->open, subject, kinds[kind].text, name ? nla_get_string(name) : "?");
	else if (subject == SUBJECT_CHAIN || subject == SUBJECT_TABLE)
		w->open_chains = true;
	w->others = w->others || (!ours && subject != SUBJECT_ELEMENT);
}

static void merge(struct walls_damage *to, const struct walls_damage *from)
{
	if (to->count == 0)
		memcpy(to->first, from->first, sizeof(to->first));
	to->any = to->any || from->any;
	to->lost = to->lost || from->lost;
	to->structure = to->structure || from->structure;
	to->count += from->count;
	for (size_t i = 0; i < from->chains.count; i++)
		touch(to, &to->chains, from->chains.items[i]);
	for (size_t i = 0; i < from->sets.count; i++)
		touch(to, &to->sets, from->sets.items[i]);
	memcpy(to->by, from->by, sizeof(to->by));
}

static void lose(struct walls_watch *w)
{
	w->damage.any = w->damage.lost = true;
	w->chains = w->others = true;
}

static void name_process(struct walls_damage *d, const struct nlattr *pid, const struct nlattr *name)
{
	if (pid && nla_len(pid) == sizeof(uint32_t))
		snprintf(
			d->by, sizeof(d->by), "%.16s (process %u)", name ? nla_get_string(name) : "?", ntohl(netlink_number(pid)));
}

/* A transaction of that number has ended. */
static void take_end(struct walls_watch *w, uint32_t number, struct nlattr *const *tb)
{
	int32_t ahead = (int32_t)(number - w->number);

	if (!w->known || ahead > 0) {
		name_process(&w->open, tb[NFTA_GEN_PROC_PID], tb[NFTA_GEN_PROC_NAME]);
		if (w->open.any)
			merge(&w->damage, &w->open);
		if (w->known && ahead != 1)
			lose(w);
		w->number = number;
		w->known = true;
	}
	/* Others' chains are not ours to put back, so that a number that is known already says nothing about them. */
	w->chains = w->chains || w->open_chains;
	w->open = (struct walls_damage){ 0 };
	w->open_chains = false;
}

int walls_watch_take(struct nl_msg *msg, void *watch)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct walls_watch *w = watch;
	struct nlattr *tb[8] = { 0 };

	if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || nlmsg_parse(nlh, sizeof(struct nfgenmsg), tb, 7, NULL) < 0)
		return 0;
	uint8_t type = (uint8_t)(nlh->nlmsg_type & 0xff);
	if (type == NFT_MSG_NEWGEN && tb[NFTA_GEN_ID])
		take_end(w, ntohl(netlink_number(tb[NFTA_GEN_ID])), tb);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (kinds[i].type == type)
			take_part(w, i, nlmsg_data(nlh), tb);
	return 0;
}

int walls_watch_process(struct walls_watch *w)
{
	int r = netlink_drain(w->events, walls_watch_take, w);

	if (r == 0)
		return 0;
	/* The number says whether what was lost is more than our own doing: the next look asks for it. */
	w->open = (struct walls_damage){ 0 };
	lose(w);
	return r == -ENOBUFS ? 0 : r;
}

void walls_watch_mended(struct walls_watch *w, uint32_t number)
{
	w->damage = (struct walls_damage){ 0 };
	w->number = number;
	w->known = true;
}
