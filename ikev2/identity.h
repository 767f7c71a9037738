/* IKE identities as text, told apart as charon tells them apart. */
#ifndef CULVERT_IKEV2_IDENTITY_H
#define CULVERT_IKEV2_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

enum identity_kind {
	IDENTITY_ADDRESS,
	IDENTITY_NAME, /* "gw.example.net", "@gw.example.net" */
	IDENTITY_MAIL, /* "gw@example.net", "@@gw@example.net" */
	IDENTITY_DN, /* "C=CZ, O=Example, CN=gw" */
	IDENTITY_KEY_ID, /* "@#6b6579", and what is nothing else */
};

enum identity_kind identity_kind(const char *text);
/*
 * The one spelling of all that charon takes as the same identity: its kind, then its value, without regard to capitals
 * and to white space where these do not count. The caller frees it; NULL when memory ran out.
 */
char *identity_canonical(const char *text);
/*
 * The part of a distinguished name that charon does not understand, and by which it takes the whole for a key id: *ret
 * and *ret_len are in text. False if there is none, or if text is no distinguished name.
 */
bool identity_find_unknown(const char *text, const char **ret, size_t *ret_len);
/* Appends one part of a distinguished name, so that out becomes what identity_canonical() makes of its text. */
void identity_add_rdn(struct buf *out, const char *type, size_t type_len, const char *value, size_t value_len);

#endif
