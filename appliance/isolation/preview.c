#include "appliance/isolation/preview.h"

#include "appliance/isolation/netlink.h"
#include "appliance/isolation/nft.h"
#include "appliance/isolation/observe.h"
#include "appliance/isolation/plan.h"
#include "appliance/isolation/scope.h"
#include "appliance/isolation/walls.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>

/* The lines of a text that count, sorted. */
struct lines {
	char *text; /* owned */
	char **items; /* owned; into text */
	size_t n;
};

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void lines_free(struct lines *l)
{
	free(l->items);
	free(l->text);
}

static bool starts(const char *line, const char *start)
{
	return strncmp(line, start, strlen(start)) == 0;
}

/* What says in another way what stands in other lines: short ways through, and what one APN or interface has alone. */
static bool is_repetition(const char *line)
{
	static const char *const starts_of[] = { "table inet culvert { chain in_", "table inet culvert { chain down_",
		"table inet culvert { chain shared_", "add map inet culvert ", "add element inet culvert arrive ",
		"add element inet culvert way " };

	for (size_t i = 0; i < sizeof(starts_of) / sizeof(*starts_of); i++)
		if (starts(line, starts_of[i]))
			return true;
	return false;
}

/* Ports are in one of two sets by their number, which says nothing. */
static void unite_ranges(char *line)
{
	static const char word[] = "_range { ";
	char *at = starts(line, "add element ") ? strstr(line, word) : NULL;

	if (at)
		memmove(at, at + strlen("_range"), strlen(at + strlen("_range")) + 1);
}

static int lines_of(const char *text, struct lines *ret)
{
	struct lines l = { .text = strdup(text) };
	size_t room = 1;
	char *rest = l.text;
	char *line;

	for (const char *c = text; *c; c++)
		room += *c == '\n';
	l.items = calloc(room, sizeof(*l.items));
	if (!l.text || !l.items) {
		lines_free(&l);
		return -ENOMEM;
	}
	while ((line = strsep(&rest, "\n"))) {
		line += strspn(line, "\t ");
		if (!*line || *line == '#' || is_repetition(line))
			continue;
		unite_ranges(line);
		l.items[l.n++] = line;
	}
	qsort(l.items, l.n, sizeof(*l.items), compare_lines);
	*ret = l;
	return 0;
}

/* Elements without the words that are the same in all of them. */
static void print_line(char sign, const char *line, struct buf *out)
{
	static const char prefix[] = "add element inet culvert ";
	size_t skip = starts(line, prefix) ? sizeof(prefix) - 1 : 0;

	buf_printf(out, "%c %s\n", sign, line + skip);
}

/* The ports "5684" or "5684-5690" at the end of an element, the octets before them in *ret_len; false if it has none.
 */
static bool ports_of(const char *line, size_t *ret_len, unsigned long *ret_first, unsigned long *ret_last)
{
	const char *at = line, *next;
	char *end;

	while ((next = strstr(at, " . ")))
		at = next + 3;
	if (*at < '0' || *at > '9')
		return false;
	*ret_len = (size_t)(at - line);
	*ret_first = *ret_last = strtoul(at, &end, 10);
	if (*end == '-')
		*ret_last = strtoul(end + 1, &end, 10);
	return strcmp(end, " }") == 0;
}

/* True if among the lines is one that lets the same pass and perhaps more: ports that grew together are one element. */
static bool is_widened(const char *line, const struct lines *in)
{
	unsigned long first, last, wider_first, wider_last;
	size_t len, other_len, low = 0, high = in->n;

	if (!ports_of(line, &len, &first, &last))
		return false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strncmp(in->items[middle], line, len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < in->n && strncmp(in->items[low], line, len) == 0; low++)
		if (ports_of(in->items[low], &other_len, &wider_first, &wider_last) && other_len == len &&
			wider_first <= first && last <= wider_last)
			return true;
	return false;
}

/* Both are walked in order. True if something that was let through no longer is. */
static bool print_difference(const struct lines *was, const struct lines *is, struct buf *out)
{
	bool narrower = false;
	size_t w = 0, i = 0;

	while (w < was->n || i < is->n) {
		int c = w == was->n ? 1 : i == is->n ? -1 : strcmp(was->items[w], is->items[i]);
		if (c < 0) {
			narrower = narrower || !is_widened(was->items[w], is);
			print_line('-', was->items[w++], out);
		} else if (c > 0) {
			print_line('+', is->items[i++], out);
		} else {
			w++;
			i++;
		}
	}
	return narrower;
}

int preview_walls(const char *old, const char *next, struct buf *out, bool *ret_narrower)
{
	struct lines was = { 0 }, is = { 0 };
	bool narrower = false;
	int r = lines_of(old, &was);

	if (r == 0)
		r = lines_of(next, &is);
	if (r == 0) {
		narrower = print_difference(&was, &is, out);
		r = out->error;
	}
	lines_free(&was);
	lines_free(&is);
	if (r == 0)
		*ret_narrower = narrower;
	return r;
}

static int compare_walls(const struct model *now, const struct model *next, struct preview *p)
{
	struct buf old CLEANUP(buf_free) = { 0 };
	struct buf new CLEANUP(buf_free) = { 0 };
	int r = nft_render(next, &new);

	p->walls_missing = !walls_stand();
	if (r == 0 && walls_check(buf_text(&new), &p->refusal) < 0 && !p->refusal)
		r = -ENOMEM;
	if (r == 0 && now && !p->walls_missing)
		r = nft_render(now, &old);
	else
		nft_render_closed(&old);
	return r < 0 ? r : preview_walls(buf_text(&old), buf_text(&new), &p->walls, &p->interrupts);
}

/* A route to the same place stays or comes, by whichever link. */
static bool is_replaced(const struct plan *want, const struct object *route)
{
	for (size_t i = 0; i < want->count; i++) {
		const struct object *o = &want->objects[i];
		if (o->kind == OBJECT_ROUTE && o->type == RTN_UNICAST && o->table == route->table &&
			prefix_equal(&o->prefix, &route->prefix))
			return true;
	}
	return false;
}

/* What goes takes traffic along, apart from routes that have a substitute and from what refuses traffic. */
static bool change_interrupts(const struct plan *want, const struct change *c)
{
	if (c->verb != CHANGE_REMOVE || c->object.kind == OBJECT_RULE || c->object.kind == OBJECT_STRANGE_RULE)
		return false;
	if (c->object.kind != OBJECT_ROUTE)
		return true;
	return c->object.type == RTN_UNICAST && !is_replaced(want, &c->object);
}

static bool interrupts(const struct plan *want, const struct preview *p)
{
	for (size_t i = 0; i < p->changes.count; i++)
		if (change_interrupts(want, &p->changes.items[i]))
			return true;
	return false;
}

/* Those of links that exist follow what is observed of them, whatever is configured. */
static void keep_mtus(const struct plan *have, struct plan *want)
{
	for (size_t i = 0; i < want->count; i++) {
		struct object *o = &want->objects[i];
		const struct object *is = o->kind == OBJECT_MTU ? scope_find(have, OBJECT_MTU, o->name) : NULL;
		if (is)
			o->value = is->value;
	}
}

static int compare_kernel(const struct model *next, struct plan *want, struct changes *ret)
{
	struct plan have CLEANUP(plan_free) = { 0 };
	struct nl_sock *sk = NULL;
	int r = netlink_open(NETLINK_ROUTE, &sk);

	if (r == 0)
		r = observe(sk, next, want, &have);
	nl_socket_free(sk);
	if (r == 0)
		keep_mtus(&have, want);
	return r < 0 ? r : changes_between(want, &have, ret);
}

int preview(const struct model *now, const struct model *next, const struct carrying *carrying, struct preview *ret)
{
	struct plan want CLEANUP(plan_free) = { 0 };
	struct preview p = { 0 };
	int r = plan_build(next, carrying, &want);

	if (r == 0)
		r = compare_walls(now, next, &p);
	if (r == 0)
		r = compare_kernel(next, &want, &p.changes);
	if (r < 0) {
		preview_free(&p);
		return r;
	}
	p.interrupts = p.interrupts || interrupts(&want, &p);
	*ret = p;
	return 0;
}

void preview_free(struct preview *p)
{
	changes_free(&p->changes);
	buf_free(&p->walls);
	free(p->refusal);
	*p = (struct preview){ 0 };
}
