/* Groups are those that the peer's process has (SO_PEERGROUPS), not those that a file lists for its user. */
#include "appliance/daemon/peer.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { GROUPS_MAX = 65536 }; /* NGROUPS_MAX of Linux */

/* Room for one more than the kernel reports: the primary group, which SO_PEERGROUPS leaves out. */
static int read_groups(int fd, gid_t primary, struct peer *p)
{
	gid_t none;
	socklen_t size = 0;
	size_t n;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, &none, &size) && errno != ERANGE)
		return -errno;
	n = size / sizeof(gid_t);
	if (n > GROUPS_MAX)
		return -E2BIG;
	p->groups = calloc(n + 1, sizeof(gid_t));
	if (!p->groups)
		return -ENOMEM;
	if (n && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, p->groups, &size))
		return -errno;
	p->groups[n] = primary;
	p->n_groups = n + 1;
	return 0;
}

int peer_of(int fd, struct peer *ret)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);
	struct peer p = { 0 };
	int r;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size))
		return -errno;
	p.uid = cred.uid;
	r = read_groups(fd, cred.gid, &p);
	if (r) {
		peer_free(&p);
		return r;
	}
	*ret = p;
	return 0;
}

bool peer_in_group(const struct peer *p, const char *group)
{
	const struct group *g = getgrnam(group);

	for (size_t i = 0; g && i < p->n_groups; i++)
		if (p->groups[i] == g->gr_gid)
			return true;
	return false;
}

void peer_free(struct peer *p)
{
	free(p->groups);
	*p = (struct peer){ 0 };
}
