/* Pre-shared keys as they stand in files: text, "0x" and hexadecimal digits, or "0s" and base64. */
#ifndef CULVERT_CONF_PSK_H
#define CULVERT_CONF_PSK_H

#include <stddef.h>

enum { SECRET_MAX = 1024 * 1024 }; /* octets of a file in secrets/; revocation lists grow */

enum psk_form { PSK_TEXT, PSK_HEX, PSK_BASE64 };

/* By how it begins. A newline at the end of text is not part of the key, here and below. */
enum psk_form psk_form(const char *text, size_t len);
/*
 * The key's octets, with a NUL behind them; the caller io_free_secret()s *ret. -EINVAL: a NUL, a carriage return or a
 * newline in it; -EILSEQ: what follows "0x" or "0s" is not of that form; -ENOMEM.
 */
int psk_decode(const char *text, size_t len, char **ret, size_t *ret_len);

#endif
