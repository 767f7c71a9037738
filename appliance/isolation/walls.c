#include "appliance/isolation/walls.h"

#include "lib/cleanup.h"

#include <errno.h>
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

bool walls_stand(void)
{
	char *error CLEANUP(cleanup_free) = NULL;

	return run("list chain inet culvert forward", false, &error) == 0;
}
