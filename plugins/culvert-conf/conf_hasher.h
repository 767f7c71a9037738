/*
 * SHA-256 for many short texts. The crypto library's own hasher looks its algorithm up before each of them, which
 * takes longer than the digest.
 */
#ifndef CONF_HASHER_H_
#define CONF_HASHER_H_

#include <crypto/hashers/hasher.h>

/** @return hasher, or NULL if SHA-256 is not available */
hasher_t *conf_hasher_create(void);

#endif
