/* The APNs that a file's children come to. */
#ifndef CULVERT_CONF_CONVERT_APN_H
#define CULVERT_CONF_CONVERT_APN_H

#include <stdbool.h>
#include <stddef.h>

struct child;
struct conn;
struct conns;
struct side;
struct foreign;

/* A connection that carries the APN, in the file's order. */
struct carried {
	struct carried *next;
	const struct conn *conn;
};

struct apn_piece {
	struct apn_piece *next;
	const char *name;
	const struct child *child; /* the first of it */
	struct side *cloud, *devices;
	size_t n_children; /* of the first connection */
	bool pairs; /* each child is one pair of prefixes */
	struct carried *carried;
};

/* In the file's order. NULL with s->error set, or if there is none. */
struct apn_piece *apn_pieces(struct foreign *s, const struct conns *all);

#endif
