/*
 * Memory for what a generation is made of, asked for in a few pieces: the objects come one by one, and a thread's
 * memory grows with them by a page and a system call each time. malloc works as before, it only has so much in stock.
 */
#ifndef CONF_ROOM_H_
#define CONF_ROOM_H_

#include <library.h>

typedef struct conf_room_t conf_room_t;

/**
 * Gives this thread's malloc a stock.
 *
 * @param octets	how much will be allocated, at least
 * @return			to be given to conf_room_destroy() after that, by any thread; NULL for none
 */
conf_room_t *conf_room_create(size_t octets);

/** What is left of the stock becomes free memory like any other; NULL is nothing. */
void conf_room_destroy(conf_room_t *this);

#endif
