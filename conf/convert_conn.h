/* A connection of another program's, on its way to Culvert: values read and checked, whatever file they came from. */
#ifndef CULVERT_CONF_CONVERT_CONN_H
#define CULVERT_CONF_CONVERT_CONN_H

#include "lib/prefix.h"

#include <stdbool.h>
#include <stddef.h>

struct setting;
struct foreign;
struct suite;

enum {
	/* As many as the schema takes, or what is written would be refused. */
	CONN_PEERS_MAX = 8,
	CONN_FILES_MAX = 8, /* certificates, CAs */
	CONN_PREFIXES_MAX = 16, /* of one side of a child */
	CONN_SUITES_MAX = 8,
	CONN_CHILDREN_MAX = 10000, /* in all */
};

struct proposals {
	const char *list; /* NULL: the other program's own list */
	const char *key; /* for messages */
	unsigned line;
};

struct side {
	struct prefix prefixes[CONN_PREFIXES_MAX];
	size_t n;
	bool any;
};

struct child {
	struct child *next;
	const char *name, *path; /* path stands before keys in messages: "connections.vf.children.net." */
	unsigned line;
	struct side cloud, devices;
	struct proposals esp;
	bool pairs; /* a CHILD_SA for each pair of selectors */
	bool apart; /* has an if_id or a mark: its selectors may be another child's too */
};

enum credentials { CREDENTIALS_UNKNOWN, CREDENTIALS_PSK, CREDENTIALS_CERTIFICATE };

struct files {
	const char *names[CONN_FILES_MAX]; /* as they will lie in the secrets folder */
	size_t n;
};

struct conn {
	struct conn *next;
	const char *name, *path; /* path: "connections.vf." */
	const char *new_name; /* as carrier and tunnel, by conn_finish() */
	unsigned line;
	const char *local_address; /* NULL: not given */
	const char *peers[CONN_PEERS_MAX]; /* addresses, or one domain name */
	size_t n_peers;
	bool any_peer;
	const char *local_id, *remote_id; /* NULL: not given, or not as Culvert can take it */
	enum credentials credentials;
	struct files certificates, cas;
	bool strict; /* revocation */
	bool gateway_initiates;
	unsigned dpd, rekey_ike, rekey_child, ceiling, replay_window; /* 0: Culvert's default */
	unsigned ceiling_line;
	const char *df, *dscp; /* NULL: Culvert's default */
	struct proposals ike;
	bool pfs_implied; /* ESP proposals without a key exchange use that of IKE */
	const struct suite *suites[CONN_SUITES_MAX]; /* the preferred first */
	size_t n_suites;
	bool suite_guessed; /* none of the file's proposals held one */
	struct child *children;
};

/* All connections of a file. */
struct conns {
	struct conn *first, **last;
	size_t n_children;
};

/* --- reading values; what cannot be taken over is noted --- */

/* Seconds of "50m", "1h", "3600"; 0 with *ret or -EINVAL. */
int conn_seconds(const char *text, unsigned *ret);
/* "yes" and its like. */
bool conn_is_yes(const char *text);
/* name of the file at path, made to fit the secrets folder. */
const char *conn_file(struct foreign *s, const char *path, const char *fallback);
/* A copy of the next entry of a list with commas; NULL at its end. *at moves on. */
char *conn_entry(struct foreign *s, const char **at);
/* The identity as Culvert writes it, or NULL. */
const char *conn_identity(struct foreign *s, const struct setting *i, const char *key);
void conn_set_peers(struct foreign *s, struct conn *c, const struct setting *i, const char *key);
void conn_set_local(struct foreign *s, struct conn *c, const struct setting *i, const char *key);
void conn_set_side(struct foreign *s, struct side *side, const struct setting *i, const char *key);
/* A rekey time of seconds from now on; *field is set if Culvert can have it and no other child had another one. */
void conn_set_rekey(struct foreign *s, unsigned *field, unsigned seconds, unsigned line, const char *key);
/* A number between least and most. */
void conn_set_number(
	struct foreign *s, unsigned *field, const struct setting *i, unsigned least, unsigned most, const char *key);
/* A word that holds for the whole tunnel. */
void conn_set_word(struct foreign *s, const char **field, const char *word, unsigned line, const char *key);
void conn_set_dpd(struct foreign *s, struct conn *c, const struct setting *i, const char *key);

/* --- all of them --- */

/* One that is not yet among all; NULL: s->error is set. */
struct conn *conn_new(struct foreign *s, const char *name, const char *path, unsigned line);
void conn_add(struct conns *all, struct conn *c);
/* NULL: s->error is set. */
struct child *conn_child(struct foreign *s, struct conns *all, struct conn *c, const char *name, unsigned line);
/* What only shows with everything read: names, suites, lifetimes that hang together, connections that are one tunnel.
 */
void conn_finish(struct foreign *s, struct conns *all);

#endif
