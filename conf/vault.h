/*
 * The contents of the secrets that a model names, in memory: what was checked is what is frozen. A generation keeps
 * them in one file, which is written and read at once, however many there are:
 *
 *   secrets 2
 *   vf.psk 33
 *   <33 octets, and a newline behind them>
 *   o2.psk 20
 *   ...
 */
#ifndef CULVERT_CONF_VAULT_H
#define CULVERT_CONF_VAULT_H

#include <stdbool.h>
#include <stddef.h>

enum { VAULT_FILE_MAX = 256 * 1024 * 1024 }; /* octets */

struct vault;

struct vault_secret {
	const char *name; /* the model's, or in the file's octets */
	char *octets; /* a NUL behind them */
	size_t len;
};

/* Room for n secrets; NULL when memory ran out. */
struct vault *vault_new(size_t n);
/* Adds one that has room. octets, of io_read_file(), are taken over; name is not. */
void vault_add(struct vault *v, const char *name, char *octets, size_t len);
/* After the last vault_add(), before the first vault_find(). Of two of the same name one stays. */
void vault_sort(struct vault *v);
/* NULL if it is not there, or v is NULL. */
const struct vault_secret *vault_find(const struct vault *v, const char *name);
/* The i-th, in the order of names; NULL behind the last one, or if v is NULL. */
const struct vault_secret *vault_at(const struct vault *v, size_t i);
/* True if both are NULL or hold the same octets. */
bool vault_same(const struct vault_secret *a, const struct vault_secret *b);
/*
 * Reads a generation's file. 0; -EISDIR: it is a folder; -EINVAL: it is no such file, not whole, or others may read it
 * or own it; or another -errno.
 */
int vault_read(const char *path, struct vault **ret);
/* Writes it anew. 0, -EEXIST, -EFBIG or another -errno. */
int vault_write(const struct vault *v, const char *path);
/* Overwrites what it holds; NULL is allowed. */
void vault_free(struct vault *v);

#endif
