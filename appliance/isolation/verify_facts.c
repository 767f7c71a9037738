#include "appliance/isolation/verify_facts.h"

#include "lib/grow.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void facts_add(struct facts *f, unsigned wall, uint32_t of, const char *format, ...)
{
	va_list ap;
	char *text;

	if (f->error < 0)
		return;
	struct fact *items = grow(f->items, f->count, &f->size, sizeof(*items));
	if (!items) {
		f->error = -ENOMEM;
		return;
	}
	f->items = items;
	va_start(ap, format);
	int len = vasprintf(&text, format, ap);
	va_end(ap);
	if (len < 0)
		f->error = -ENOMEM;
	else
		f->items[f->count++] = (struct fact){ wall, of, text };
}

static int compare(const void *a, const void *b)
{
	const struct fact *x = a, *y = b;

	if (x->wall != y->wall)
		return x->wall < y->wall ? -1 : 1;
	return strcmp(x->text, y->text);
}

void facts_sort(struct facts *f)
{
	size_t kept = 0;

	if (f->count == 0)
		return;
	qsort(f->items, f->count, sizeof(*f->items), compare);
	for (size_t i = 1; i < f->count; i++)
		if (compare(&f->items[kept], &f->items[i]) != 0)
			f->items[++kept] = f->items[i];
		else
			free(f->items[i].text);
	f->count = kept + 1;
}

bool facts_have(const struct facts *f, const struct fact *one)
{
	return f->count > 0 && bsearch(one, f->items, f->count, sizeof(*f->items), compare);
}

void facts_free(struct facts *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->items[i].text);
	free(f->items);
	*f = (struct facts){ 0 };
}
