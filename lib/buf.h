/*
 * A text buffer that grows. Failure policy: the first failed allocation is remembered, later calls do nothing, and
 * the field error tells at the end, so that rendering code has one check instead of one a line.
 */
#ifndef CULVERT_LIB_BUF_H
#define CULVERT_LIB_BUF_H

#include <stddef.h>
#include <string.h>

struct buf {
	char *text; /* owned, NUL-terminated once something was added; NULL while empty */
	size_t len; /* octets, without the NUL */
	size_t size;
	int error; /* 0 or -ENOMEM */
};

void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* In decimal: what buf_printf() does in many times the time. */
void buf_put_number(struct buf *b, unsigned long number);
/* Appends len octets of data, NULs included. */
void buf_add(struct buf *b, const void *data, size_t len);

/* Here, so that the length of what is written in the source is known when that is compiled. */
static inline void buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

/* Takes back what stands behind the first len octets, which are there. */
void buf_cut(struct buf *b, size_t len);
/* The text so far, "" while empty; owned by the buffer, valid until the next change. */
const char *buf_text(const struct buf *b);
/* Hands the text over (the caller frees it; "" when empty) and empties b; NULL when an allocation failed. */
char *buf_steal(struct buf *b);
/* Frees the text and makes b empty again; NULL is allowed. */
void buf_free(struct buf *b);

#endif
