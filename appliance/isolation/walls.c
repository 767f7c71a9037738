#include "appliance/isolation/walls.h"

#include "appliance/isolation/netlink.h"
#include "appliance/isolation/nft_mend.h"
#include "lib/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>

static void cleanup_nft(struct nft_ctx **nft)
{
	if (*nft)
		nft_ctx_free(*nft);
}

/* A context that keeps its output and errors to itself and asks no name server. */
static struct nft_ctx *open_quiet(void)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);

	if (!nft)
		return NULL;
	nft_ctx_input_set_flags(nft, NFT_CTX_INPUT_NO_DNS);
	if (nft_ctx_buffer_output(nft) == 0 && nft_ctx_buffer_error(nft) == 0)
		return nft;
	nft_ctx_free(nft);
	return NULL;
}

static int run(const char *text, bool dry, char **ret_error)
{
	struct nft_ctx *nft CLEANUP(cleanup_nft) = open_quiet();

	if (!nft)
		return -ENOMEM;
	nft_ctx_set_dry_run(nft, dry);
	errno = 0;
	if (nft_run_cmd_from_buffer(nft, text) == 0)
		return 0;
	int r = errno > 0 ? -errno : -EINVAL;
	*ret_error = strdup(nft_ctx_get_error_buffer(nft));
	return r;
}

int walls_load(const char *text, char **ret_error)
{
	return run(text, false, ret_error);
}

int walls_check(const char *text, char **ret_error)
{
	return run(text, true, ret_error);
}

static int take_generation(struct nl_msg *msg, void *arg)
{
	struct nlattr *a = nlmsg_find_attr(nlmsg_hdr(msg), sizeof(struct nfgenmsg), NFTA_GEN_ID);

	if (!a || nla_len(a) != sizeof(uint32_t))
		return -EBADMSG;
	*(uint32_t *)arg = ntohl(nla_get_u32(a));
	return 0;
}

int walls_generation(uint32_t *ret)
{
	struct nfgenmsg header = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0 };
	struct nl_msg *msg = nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN, 0);
	struct nl_sock *sk = NULL;
	int r = msg ? nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) : -ENOMEM;

	if (r == 0)
		r = netlink_open(NETLINK_NETFILTER, &sk);
	if (r < 0)
		nlmsg_free(msg);
	else
		r = netlink_ask(sk, msg, take_generation, ret);
	nl_socket_free(sk);
	return r;
}

/* Who is told of hooks. */
struct hooks {
	walls_hook_fn fn;
	void *userdata;
};

static int take_chain(struct nl_msg *msg, void *arg)
{
	const struct hooks *hooks = arg;
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct nlattr *tb[NFTA_CHAIN_TYPE + 1], *hook[NFTA_HOOK_PRIORITY + 1];

	if (nlh->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN))
		return 0;
	if (nlmsg_parse(nlh, sizeof(struct nfgenmsg), tb, NFTA_CHAIN_TYPE, NULL) < 0)
		return -EBADMSG;
	if (!tb[NFTA_CHAIN_HOOK] || !tb[NFTA_CHAIN_TABLE] || !tb[NFTA_CHAIN_NAME] ||
		nla_parse_nested(hook, NFTA_HOOK_PRIORITY, tb[NFTA_CHAIN_HOOK], NULL) < 0)
		return 0;
	const struct nfgenmsg *header = nlmsg_data(nlh);
	struct walls_hook h = { .table = nla_get_string(tb[NFTA_CHAIN_TABLE]),
		.chain = nla_get_string(tb[NFTA_CHAIN_NAME]),
		.type = tb[NFTA_CHAIN_TYPE] ? nla_get_string(tb[NFTA_CHAIN_TYPE]) : "filter",
		.family = header->nfgen_family,
		.hook = ntohl(netlink_number(hook[NFTA_HOOK_HOOKNUM])),
		.priority = (int32_t)ntohl(netlink_number(hook[NFTA_HOOK_PRIORITY])) };
	bool ours = h.family == NFPROTO_INET && strcmp(h.table, "culvert") == 0;
	if (!ours || !nft_has_chain(h.chain))
		hooks->fn(&h, ours, hooks->userdata);
	return 0;
}

int walls_hooks(walls_hook_fn fn, void *userdata)
{
	enum { TRIES = 5 };
	struct nfgenmsg header = { .nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0 };
	struct hooks hooks = { fn, userdata };
	struct nl_sock *sk = NULL;
	int r = netlink_open(NETLINK_NETFILTER, &sk);

	if (r < 0)
		return r;
	r = -EINTR;
	for (int i = 0; i < TRIES && r == -EINTR; i++)
		r = netlink_dump(sk, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, &header, sizeof(header), take_chain, &hooks);
	nl_socket_free(sk);
	return r;
}

bool walls_stand(void)
{
	char *error CLEANUP(cleanup_free) = NULL;

	return run("list chain inet culvert forward", false, &error) == 0;
}
