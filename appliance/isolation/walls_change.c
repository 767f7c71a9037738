#include "appliance/isolation/walls_change.h"

#include "appliance/isolation/mtu.h"
#include "appliance/isolation/nft.h"
#include "appliance/isolation/nft_delta.h"
#include "appliance/isolation/report.h"
#include "appliance/isolation/walls.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One of walls_load() and walls_check(). */
typedef int (*walls_use)(const char *text, char **ret_error);

/* Puts what is wrong with the walls into the report. Returns r. */
static int report_walls(int r, const char *error, struct report *report)
{
	if (r < 0)
		report_failure(report, "nftables: %s", error && error[0] != '\0' ? error : strerror(-r));
	return r;
}

/* Renders the walls of m as a whole, in few statements. 0 or -errno. */
static int render_gathered(const struct walls_memory *w, const struct model *m,
	int (*render)(const struct model *, struct buf *), struct buf *out)
{
	struct buf text CLEANUP(buf_free) = { 0 };
	int r = render(m, &text);

	mtu_render(m, w->mtus, &text);
	return r < 0 ? r : nft_gather(buf_text(&text), out);
}

static int use_whole(const struct walls_memory *w, const struct model *m,
	int (*render)(const struct model *, struct buf *), walls_use use, struct report *report)
{
	struct buf text CLEANUP(buf_free) = { 0 };
	char *error CLEANUP(cleanup_free) = NULL;
	int r = render_gathered(w, m, render, &text);

	return report_walls(r < 0 ? r : use(buf_text(&text), &error), error, report);
}

/* In place if the kernel holds a table with the same rules, otherwise anew. */
static int load_whole(const struct walls_memory *w, const struct model *m, struct report *report)
{
	struct report unused = { 0 };
	int r = use_whole(w, m, nft_render_in_place, walls_load, &unused);

	report_free(&unused);
	return r == 0 ? 0 : use_whole(w, m, nft_render, walls_load, report);
}

/* The difference to the walls that stand, if these are known for certain. 0, or -errno: the whole must be used. */
static int use_difference(const struct walls_memory *w, uint32_t generation, const char *text, walls_use use)
{
	struct buf delta CLEANUP(buf_free) = { 0 };
	char *error CLEANUP(cleanup_free) = NULL;

	if (!w->text || generation != w->generation)
		return -EAGAIN;
	int r = nft_delta(w->text, text, &delta);
	return r < 0 || delta.len == 0 ? r : use(buf_text(&delta), &error);
}

/*
 * Remembers text as what stands, which came on top of the ruleset of that number; not if anybody else has changed
 * something meanwhile.
 */
static void remember(struct walls_memory *w, uint32_t before, struct buf *text)
{
	uint32_t after = 0;
	bool known = walls_generation(&after) == 0 && (after == before || after == before + 1);

	free(w->text);
	w->text = known ? buf_steal(text) : NULL;
	w->generation = after;
}

int walls_close(struct walls_memory *w, struct report *r)
{
	struct buf text CLEANUP(buf_free) = { 0 };
	char *error CLEANUP(cleanup_free) = NULL;
	uint32_t before = 0;

	if (walls_stand())
		return 0;
	nft_render_closed(&text);
	int result = text.error < 0 ? text.error : walls_generation(&before);
	if (result == 0)
		result = walls_load(buf_text(&text), &error);
	if (result == 0)
		remember(w, before, &text);
	return report_walls(result, error, r);
}

static int render_walls(const struct model *m, struct buf *out, struct report *report)
{
	int r = nft_render(m, out);

	if (r < 0)
		report_failure(report, "nftables: the configuration gives no rules: %s", strerror(-r));
	return r;
}

/*
 * The walls of m, as rendered by walls_prepare() if that came last, and what is known of links by now. 0 or -errno.
 */
static int take_text(struct walls_memory *w, const struct model *m, struct buf *out, struct report *report)
{
	char *prepared CLEANUP(cleanup_free) = w->next_text;
	bool fits = w->next == m && prepared;

	w->next = NULL;
	w->next_text = NULL;
	if (fits)
		buf_puts(out, prepared);
	int r = fits ? out->error : render_walls(m, out, report);
	mtu_render(m, w->mtus, out);
	return r < 0 ? r : out->error;
}

int walls_prepare(struct walls_memory *w, const struct model *m, struct report *report)
{
	struct buf text CLEANUP(buf_free) = { 0 };
	uint32_t generation = 0;
	int r = render_walls(m, &text, report);

	if (r < 0)
		return r;
	if (walls_generation(&generation) < 0 || use_difference(w, generation, buf_text(&text), walls_check) < 0)
		r = use_whole(w, m, nft_render, walls_check, report);
	free(w->next_text);
	w->next_text = r < 0 ? NULL : buf_steal(&text);
	w->next = m;
	return r;
}

int walls_change(struct walls_memory *w, const struct model *m, struct report *report)
{
	struct buf text CLEANUP(buf_free) = { 0 };
	uint32_t before = 0;
	int r = take_text(w, m, &text, report);

	if (r < 0)
		return r;
	bool numbered = walls_generation(&before) == 0;
	if (!numbered || use_difference(w, before, buf_text(&text), walls_load) < 0)
		r = load_whole(w, m, report);
	if (r == 0 && numbered)
		remember(w, before, &text);
	return r;
}

/* Nothing has changed since they were loaded, or at least the table is there. */
bool walls_in_force(const struct walls_memory *w)
{
	uint32_t generation;

	return (w->text && walls_generation(&generation) == 0 && generation == w->generation) || walls_stand();
}

void walls_forget(struct walls_memory *w)
{
	free(w->text);
	free(w->next_text);
	*w = (struct walls_memory){ .mtus = w->mtus };
}
