#include "appliance/isolation/walls_change.h"

#include "appliance/isolation/mtu.h"
#include "appliance/isolation/nft.h"
#include "appliance/isolation/nft_delta.h"
#include "appliance/isolation/nft_mend.h"
#include "appliance/isolation/report.h"
#include "appliance/isolation/walls.h"
#include "appliance/isolation/walls_watch.h"
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

static void note_stranger(const struct walls_hook *h, bool ours, void *userdata)
{
	(void)h;
	*(bool *)userdata = *(bool *)userdata || ours;
}

/* Our table has a hook of somebody else, which no change in place would take away. */
static bool has_stranger(void)
{
	bool found = false;

	return walls_hooks(note_stranger, &found) < 0 || found;
}

/* In place if the kernel holds a table with the same rules, otherwise anew. */
static int load_whole(const struct walls_memory *w, const struct model *m, struct report *report)
{
	struct report unused = { 0 };
	int r = has_stranger() ? -EEXIST : use_whole(w, m, nft_render_in_place, walls_load, &unused);

	report_free(&unused);
	return r == 0 ? 0 : use_whole(w, m, nft_render, walls_load, report);
}

/*
 * The difference to the walls that stand, if these are known for certain. 0 with *ret_none (there was none to use), or
 * -errno: the whole must be used.
 */
static int use_difference(
	const struct walls_memory *w, uint32_t generation, const char *text, walls_use use, bool *ret_none)
{
	struct buf delta CLEANUP(buf_free) = { 0 };
	char *error CLEANUP(cleanup_free) = NULL;

	if (!w->text || generation != w->generation)
		return -EAGAIN;
	int r = nft_delta(w->text, text, &delta);
	*ret_none = r == 0 && delta.len == 0;
	return r < 0 || delta.len == 0 ? r : use(buf_text(&delta), &error);
}

/*
 * Remembers text as what stands, which came on top of the ruleset of that number, loaded if it was not there yet; not
 * if anybody else has changed something meanwhile.
 */
static void remember(struct walls_memory *w, uint32_t before, bool loaded, struct buf *text)
{
	uint32_t after = 0;
	bool known = walls_generation(&after) == 0 && (after == before || (loaded && after == before + 1));

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
		remember(w, before, true, &text);
	return report_walls(result, error, r);
}

/* What follows from the configuration. */
static int render_model(const struct model *m, struct buf *out, struct report *report)
{
	int r = nft_render(m, out);

	if (r < 0)
		report_failure(report, "nftables: the configuration gives no rules: %s", strerror(-r));
	return r;
}

/* The same with what is known of links by now. */
static int render_walls(const struct walls_memory *w, const struct model *m, struct buf *out, struct report *report)
{
	int r = render_model(m, out, report);

	mtu_render(m, w->mtus, out);
	return r < 0 ? r : out->error;
}

/* The walls of m, as rendered by walls_prepare() if that came last. 0 or -errno. */
static int take_text(struct walls_memory *w, const struct model *m, struct buf *out, struct report *report)
{
	char *prepared CLEANUP(cleanup_free) = w->next_text;
	bool fits = w->next == m && prepared;

	w->next = NULL;
	w->next_text = NULL;
	if (!fits)
		return render_walls(w, m, out, report);
	buf_puts(out, prepared);
	mtu_render(m, w->mtus, out);
	return out->error;
}

int walls_prepare(struct walls_memory *w, const struct model *m, struct report *report)
{
	struct buf text CLEANUP(buf_free) = { 0 };
	uint32_t generation = 0;
	bool none;
	int r = render_model(m, &text, report);
	size_t len = text.len;

	if (r < 0)
		return r;
	mtu_render(m, w->mtus, &text);
	if (walls_generation(&generation) < 0 || use_difference(w, generation, buf_text(&text), walls_check, &none) < 0)
		r = use_whole(w, m, nft_render, walls_check, report);
	buf_cut(&text, len);
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
	bool numbered = walls_generation(&before) == 0, none = false;
	if (!numbered || use_difference(w, before, buf_text(&text), walls_load, &none) < 0)
		r = load_whole(w, m, report);
	if (r == 0 && numbered)
		remember(w, before, !none, &text);
	return r;
}

/* Loads the part of text that was damaged. 0, or -errno: the whole must be used. */
static int load_part(const char *text, const struct walls_damage *d)
{
	struct buf part CLEANUP(buf_free) = { 0 }, gathered CLEANUP(buf_free) = { 0 };
	char *error CLEANUP(cleanup_free) = NULL;
	int r = nft_mend(text, d, &part);

	if (r == 0)
		r = nft_gather(buf_text(&part), &gathered);
	return r < 0 ? r : walls_load(buf_text(&gathered), &error);
}

int walls_mend(struct walls_memory *w, const struct model *m, const struct walls_damage *d, struct report *report)
{
	struct buf text CLEANUP(buf_free) = { 0 };
	uint32_t before = 0;
	int r = render_walls(w, m, &text, report);

	if (r < 0)
		return r;
	bool numbered = walls_generation(&before) == 0;
	bool certain = w->text && strcmp(w->text, buf_text(&text)) == 0;
	if (d->structure && !d->lost)
		r = use_whole(w, m, nft_render, walls_load, report);
	else if (!certain || load_part(buf_text(&text), d) < 0)
		r = load_whole(w, m, report);
	if (r == 0 && numbered)
		remember(w, before, true, &text);
	return r;
}

void walls_moved_on(struct walls_memory *w, uint32_t generation)
{
	w->generation = generation;
}

bool walls_unchanged(const struct walls_memory *w, uint32_t *ret_generation)
{
	return walls_generation(ret_generation) == 0 && w->text && *ret_generation == w->generation;
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
