#include "appliance/isolation/sa_clock.h"

#include "lib/buf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const int64_t second = 1000000000;

static bool is_steady(const struct sa_epoch *e, int64_t offset)
{
	/* What time synchronisation does without setting the clock adds up to this at most, then a new epoch begins. */
	return offset >= e->offset - second / 2 && offset <= e->offset + second / 2;
}

bool sa_clock_observe(struct sa_clock *c, int64_t boot, int64_t wall)
{
	struct sa_epoch next = { .from = boot, .to = boot, .offset = wall - boot };

	if (c->count) {
		struct sa_epoch *last = &c->epochs[c->count - 1];

		next.from = last->to;
		last->to = boot;
		if (is_steady(last, next.offset))
			return false;
	}
	if (c->count == SA_CLOCK_EPOCHS)
		memmove(c->epochs, c->epochs + 1, --c->count * sizeof(*c->epochs));
	c->epochs[c->count++] = next;
	return c->count > 1;
}

static int64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * second + t.tv_nsec;
}

bool sa_clock_look(struct sa_clock *c)
{
	return sa_clock_observe(c, now(CLOCK_BOOTTIME), now(CLOCK_REALTIME));
}

uint64_t sa_clock_boot_time(const struct sa_clock *c, uint64_t wall)
{
	/* The kernel's stamp is in whole seconds, and from a clock that lags by a tick. */
	const int64_t slack = 2 * second;
	int64_t oldest = INT64_MAX;

	if (wall > INT64_MAX / (uint64_t)second)
		return 0;
	for (size_t i = 0; i < c->count; i++) {
		const struct sa_epoch *e = &c->epochs[i];
		int64_t boot = (int64_t)wall * second - e->offset;

		if (boot >= e->from - slack && boot <= e->to + slack && boot < oldest)
			oldest = boot;
	}
	return oldest == INT64_MAX || oldest < 0 ? 0 : (uint64_t)(oldest / second);
}

void sa_clock_print(const struct sa_clock *c, struct buf *out)
{
	for (size_t i = 0; i < c->count; i++)
		buf_printf(
			out, "%" PRId64 " %" PRId64 " %" PRId64 "\n", c->epochs[i].from, c->epochs[i].to, c->epochs[i].offset);
}

static bool read_epoch(const char **text, struct sa_epoch *ret)
{
	/* Widths that cannot overflow. */
	int len = 0;
	int n = sscanf(*text, "%18" SCNd64 " %18" SCNd64 " %19" SCNd64 "%n", &ret->from, &ret->to, &ret->offset, &len);

	if (n != 3 || (*text)[len] != '\n')
		return false;
	*text += len + 1;
	return true;
}

int sa_clock_parse(const char *text, int64_t boot, struct sa_clock *ret)
{
	struct sa_clock c = { 0 };
	int64_t before = 0;

	while (*text) {
		struct sa_epoch e;

		if (c.count == SA_CLOCK_EPOCHS || !read_epoch(&text, &e) || e.from < 0 || e.from > e.to || e.to < before ||
			e.to > boot)
			return -EBADMSG;
		before = e.to;
		c.epochs[c.count++] = e;
	}
	if (!c.count)
		return -EBADMSG;
	*ret = c;
	return 0;
}
