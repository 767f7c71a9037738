#ifndef CULVERT_LIB_UTF8_H
#define CULVERT_LIB_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Octets of text, of at most len, that are valid UTF-8 from the start (RFC 3629): len if all are. NUL is valid. */
size_t utf8_valid(const char *text, size_t len);
/* True if valid UTF-8 text has a character in U+0001..U+001F or U+007F..U+009F. */
bool utf8_has_control(const char *text);

#endif
