/* Canonical text, as conf_print() writes it, into the model: the way back, without libconfig's tree. */
#ifndef CULVERT_CONF_CANONICAL_H
#define CULVERT_CONF_CANONICAL_H

#include <stddef.h>

struct model;

/*
 * Fills a zeroed model that has the name of its file. 0; -EINVAL if text is anything but what conf_print() writes of a
 * model whose values are all right, of which nothing is said: the loader of the operator's file can tell; or -ENOMEM.
 * Whatever it returns, m is to be freed.
 */
int canonical_read(const char *text, size_t len, struct model *m);

#endif
