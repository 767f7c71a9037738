/* Who is at the other end of a Unix socket, and in which groups. */
#ifndef CULVERT_DAEMON_PEER_H
#define CULVERT_DAEMON_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct peer {
	uid_t uid;
	gid_t *groups; /* owned; the primary one included */
	size_t n_groups;
};

/* As the kernel recorded at connect(2). 0 with *ret (peer_free() it), or -errno. */
int peer_of(int fd, struct peer *ret);
/* group is a name, looked up now; false if there is no such group. */
bool peer_in_group(const struct peer *p, const char *group);
/* A zeroed peer is allowed. */
void peer_free(struct peer *p);

#endif
