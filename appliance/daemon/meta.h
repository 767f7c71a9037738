/*
 * What is remembered of a generation beside its content: when, by whom and from what it was accepted, and what it
 * changed. The file gen/N/meta, one "WORD VALUE" a line. Pure. Nothing depends on it: what is missing, garbled or of a
 * later version is unknown, never an error.
 */
#ifndef CULVERT_DAEMON_META_H
#define CULVERT_DAEMON_META_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct buf;

enum {
	META_WHEN = 32, /* octets, with the NUL; so are the next ones */
	META_WHO = 96,
	META_FILE = 256,
	META_MAX = 4096, /* octets of the file */
};

struct counts {
	unsigned added, changed, removed, kept;
};

struct meta {
	char when[META_WHEN]; /* UTC, ISO 8601; "": unknown, as in the next two */
	char who[META_WHO]; /* "root (uid 0)", "SIGHUP", "start of culvertd" */
	char file[META_FILE]; /* the operator's file, also for a rollback, which passes it over */
	unsigned rollback_of; /* 0: from the file */
	unsigned before; /* in force until then; 0: none, or unknown */
	bool counted; /* the rest is known */
	struct counts tunnels;
	struct counts apns;
	bool gateway; /* something of the gateway itself differs */
};

/* The moment in UTC; "" if it is no date. The wall clock may jump: order is that of numbers, never of this. */
void meta_time(time_t when, char ret[static META_WHEN]);
/* Fills to, of size octets, with text: cut at a whole character, control characters replaced. */
void meta_text(char *to, size_t size, const char *text);
void meta_print(const struct meta *m, struct buf *out);
/* text has a NUL behind its len octets. */
void meta_parse(const char *text, size_t len, struct meta *ret);

#endif
