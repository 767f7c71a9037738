/*
 * Preloaded into culvertd by a test: while the file that CULVERT_NOMEM names is there, the kernel seems to have no
 * memory for changes to nftables. (What the lab's kernel could be made to run out of, a memory limit of the unit, would
 * end the process instead.)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A transaction begins so; what only asks does not. */
static bool is_change(int fd, const struct msghdr *msg)
{
	struct nlmsghdr header;
	int protocol = 0;
	socklen_t len = sizeof(protocol);

	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) < 0 || protocol != NETLINK_NETFILTER ||
		msg->msg_iovlen < 1 || msg->msg_iov[0].iov_len < sizeof(header))
		return false;
	memcpy(&header, msg->msg_iov[0].iov_base, sizeof(header));
	return header.nlmsg_type == NFNL_MSG_BATCH_BEGIN;
}

__attribute__((visibility("default"))) ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	static ssize_t (*real)(int, const struct msghdr *, int);
	const char *path = getenv("CULVERT_NOMEM");

	if (!real)
		real = (ssize_t(*)(int, const struct msghdr *, int))(void *)dlsym(RTLD_NEXT, "sendmsg");
	if (path && !access(path, F_OK) && is_change(fd, msg)) {
		errno = ENOMEM;
		return -1;
	}
	return real(fd, msg, flags);
}
