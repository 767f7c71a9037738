/*
 * Who changes nftables beside us, by the events that the kernel sends of every transaction: what it touched of our
 * table, and the process that did it. A transaction ends with a number that grows by one with each; so one whose events
 * were lost is noticed as well.
 */
#ifndef CULVERT_APPLIANCE_ISOLATION_WALLS_WATCH_H
#define CULVERT_APPLIANCE_ISOLATION_WALLS_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nl_msg;
struct nl_sock;

enum {
	WALLS_NAMES_MAX = 16, /* touched sets or chains that are told apart; of more all are taken to be touched */
	WALLS_NAME = 32,
	WALLS_TEXT = 160,
};

struct walls_names {
	char items[WALLS_NAMES_MAX][WALLS_NAME];
	size_t count;
};

/* What others did to table inet culvert. */
struct walls_damage { /* zero-initialise */
	bool any;
	bool lost; /* something was done of which we do not know what it was */
	bool structure; /* tables, chains, sets or objects came or went */
	struct walls_names chains; /* whose rules came or went */
	struct walls_names sets; /* whose elements came or went */
	size_t count; /* messages about it */
	char first[WALLS_TEXT]; /* "rule of chain forward deleted" */
	char by[48]; /* "nft (process 4711)", of the last one; "": the kernel does not say */
};

struct walls_watch {
	struct nl_sock *events;
	bool known; /* number is that of the last transaction that we know of */
	uint32_t number;
	struct walls_damage damage; /* until walls_watch_mended() */
	struct walls_damage open; /* of the transaction whose end has not come yet */
	bool open_chains;
	bool chains; /* chains of other tables came or went, or may have */
	bool others; /* so did their rules, or such a table; until somebody takes it back */
};

/* Opens the socket. 0 or -errno; walls_watch_close() it either way. */
int walls_watch_open(struct walls_watch *w);
void walls_watch_close(struct walls_watch *w);
/* Takes in what has happened, without waiting. 0 or -errno. */
int walls_watch_process(struct walls_watch *w);
/* One message of the kernel. 0. */
int walls_watch_take(struct nl_msg *msg, void *watch);
/* Whatever has happened up to that number is accounted for: the walls are as they should be. */
void walls_watch_mended(struct walls_watch *w, uint32_t number);

#endif
