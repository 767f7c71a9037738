#include "lib/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_FIRST = 128 };

/* Makes room for add octets and a NUL. */
static int reserve(struct buf *b, size_t add)
{
	if (b->error)
		return b->error;
	if (add >= SIZE_MAX / 2 - b->len) {
		b->error = -ENOMEM;
		return b->error;
	}
	size_t need = b->len + add + 1;
	if (need <= b->size)
		return 0;
	size_t size = b->size ? b->size : SIZE_FIRST;
	while (size < need)
		size *= 2;
	char *text = realloc(b->text, size);
	if (!text) {
		b->error = -ENOMEM;
		return b->error;
	}
	b->text = text;
	b->size = size;
	return 0;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	/* Nearly always there is room. */
	if ((b->error || len >= b->size - b->len) && reserve(b, len))
		return;
	if (len)
		memcpy(b->text + b->len, data, len);
	b->len += len;
	b->text[b->len] = '\0';
}

void buf_put_number(struct buf *b, unsigned long number)
{
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	buf_add(b, digits + at, sizeof(digits) - at);
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list ap;

	if (reserve(b, 0))
		return;
	size_t room = b->size - b->len;
	va_start(ap, format);
	int n = vsnprintf(b->text + b->len, room, format, ap);
	va_end(ap);
	if (n < 0)
		b->error = -ENOMEM;
	else if ((size_t)n >= room && !reserve(b, (size_t)n)) {
		va_start(ap, format);
		vsnprintf(b->text + b->len, (size_t)n + 1, format, ap);
		va_end(ap);
	}
	/* What did not fit is not left there in part. */
	if (b->error)
		b->text[b->len] = '\0';
	else
		b->len += (size_t)n;
}

void buf_cut(struct buf *b, size_t len)
{
	if (!b->text)
		return;
	b->len = len;
	b->text[len] = '\0';
}

const char *buf_text(const struct buf *b)
{
	return b->text ? b->text : "";
}

char *buf_steal(struct buf *b)
{
	char *text = NULL;

	if (!b->error) {
		text = b->text ? b->text : calloc(1, 1);
		b->text = NULL;
	}
	buf_free(b);
	return text;
}

void buf_free(struct buf *b)
{
	if (!b)
		return;
	free(b->text);
	*b = (struct buf){ 0 };
}
