#include "appliance/isolation/verify.h"

#include "lib/buf.h"
#include "lib/grow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void paths_add(struct paths *p, const struct path *one)
{
	if (p->error < 0)
		return;
	struct path *items = grow(p->items, p->count, &p->size, sizeof(*items));
	if (!items) {
		p->error = -ENOMEM;
		return;
	}
	p->items = items;
	p->items[p->count++] = *one;
}

/* Those of one kind between the same two interfaces stand together. */
static int compare_ways(const struct path *x, const struct path *y)
{
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	int c = strcmp(x->in, y->in);
	return c != 0 ? c : strcmp(x->out, y->out);
}

static int compare(const void *a, const void *b)
{
	const struct path *x = a, *y = b;
	int c = compare_ways(x, y);

	if (c == 0)
		c = span_compare(&x->to, &y->to);
	if (c == 0)
		c = span_compare(&x->from, &y->from);
	if (c == 0)
		c = strcmp(x->protocol, y->protocol);
	if (c == 0)
		c = x->first - y->first;
	return c != 0 ? c : x->last - y->last;
}

void paths_sort(struct paths *p)
{
	size_t kept = 0;

	if (p->count == 0)
		return;
	qsort(p->items, p->count, sizeof(*p->items), compare);
	for (size_t i = 1; i < p->count; i++)
		if (compare(&p->items[kept], &p->items[i]) != 0)
			p->items[++kept] = p->items[i];
	p->count = kept + 1;
}

static bool covers(const struct path *outer, const struct path *inner)
{
	bool protocol = outer->protocol[0] == '\0' || strcmp(outer->protocol, inner->protocol) == 0;

	return protocol && outer->first <= inner->first && outer->last >= inner->last &&
		   span_covers(&outer->from, &inner->from) && span_covers(&outer->to, &inner->to);
}

bool paths_cover(const struct paths *p, const struct path *one)
{
	size_t low = 0, high = p->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (compare_ways(&p->items[middle], one) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i < p->count && compare_ways(&p->items[i], one) == 0; i++)
		if (covers(&p->items[i], one))
			return true;
	return false;
}

void paths_free(struct paths *p)
{
	free(p->items);
	*p = (struct paths){ 0 };
}

void path_print(const struct path *p, struct buf *out)
{
	char text[SPAN_TEXT];

	buf_printf(out, "%s %s -> ", p->in, span_print(&p->from, text));
	buf_printf(out, "%s %s", p->out[0] ? p->out : "gateway", span_print(&p->to, text));
	buf_printf(out, " %s", p->protocol[0] ? p->protocol : "anything");
	if (p->first == 0 && p->last == UINT16_MAX)
		return;
	buf_printf(out, p->first == p->last ? " %u" : " %u-%u", p->first, p->last);
}
