/* The pure half: findings to JSON. */
#include "appliance/daemon/forecast.h"

#include "appliance/daemon/comparison.h"
#include "appliance/daemon/daemon.h"
#include "appliance/daemon/history.h"
#include "appliance/daemon/outline.h"
#include "appliance/isolation/preview.h"
#include "conf/model.h"

#include <string.h>

enum { SETUP_SECONDS = 1 }; /* IKE_SA_INIT and IKE_AUTH, when this side asks at once */

static const struct tunnel *find_tunnel(const struct model *m, const char *name)
{
	for (size_t i = 0; i < m->n_carriers; i++)
		for (size_t k = 0; k < m->carriers[i].n_tunnels; k++)
			if (!strcmp(m->carriers[i].tunnels[k].name, name))
				return &m->carriers[i].tunnels[k];
	return NULL;
}

/* Whether this side brings a tunnel up by itself. */
static bool gateway_calls(const struct model *m, const char *name)
{
	const struct tunnel *t = find_tunnel(m, name);

	return t && t->initiate;
}

/* How long what a change interrupts stays so, in words and, where it is known, in seconds. */
struct interruption {
	const char *text; /* NULL: none */
	int seconds; /* 0: not known */
};

static struct interruption tunnel_interruption(const struct model *m, const struct comparison_tunnel *t)
{
	if (!comparison_tunnel_interrupts(t->change))
		return (struct interruption){ 0 };
	if (!strcmp(t->change, "removed"))
		return (struct interruption){ .text = "for good" };
	if (gateway_calls(m, t->name))
		return (struct interruption){ .text = "for about 1 s", .seconds = SETUP_SECONDS };
	return (struct interruption){ .text = "until the carrier calls again" };
}

/*
 * Where this side calls, the CHILD_SA with other selectors is made first (conf_keeper.c); what is lost is lost while
 * the old one is deleted.
 */
static struct interruption child_interruption(const struct model *m, const struct comparison_child *c)
{
	bool narrowed = !strcmp(c->change, "narrowed");

	if (!comparison_child_interrupts(c->change))
		return (struct interruption){ 0 };
	if (!strcmp(c->change, "removed"))
		return (struct interruption){ .text = "for good" };
	if (gateway_calls(m, c->tunnel))
		return (struct interruption){ .text = narrowed
												  ? "for a round trip or two, outside of the new selectors for good"
												  : "for a round trip or two" };
	return (struct interruption){ .text = narrowed
											  ? "until the carrier calls again, outside of the new selectors for good"
											  : "until the carrier calls again" };
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *seconds_or_null(int seconds)
{
	return seconds ? json_integer(seconds) : json_null();
}

static json_t *children_of(const struct forecast_findings *f, const char *tunnel)
{
	size_t n = 0;
	const struct comparison_child *c = comparison_children(f->comparison, tunnel, &n);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		struct interruption stop = child_interruption(f->next, &c[i]);

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:o, s:o}", "apn", c[i].apn, "change", c[i].change, "interruption",
					  text_or_null(stop.text), "seconds", seconds_or_null(stop.seconds)));
	}
	return list;
}

static json_t *words_of(const char *text)
{
	json_t *list = json_array();

	while (text && *text) {
		size_t len = strcspn(text, " ");

		json_array_append_new(list, json_stringn(text, len));
		text += len + (text[len] == ' ');
	}
	return list;
}

static json_t *tunnels_of(const struct forecast_findings *f)
{
	json_t *list = json_array();

	for (size_t i = 0; f->comparison && i < f->comparison->n_tunnels; i++) {
		const struct comparison_tunnel *t = &f->comparison->tunnels[i];
		struct interruption stop = tunnel_interruption(f->next, t);

		json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "name", t->name, "change", t->change,
										"also", words_of(t->also), "interruption", text_or_null(stop.text), "seconds",
										seconds_or_null(stop.seconds), "children", children_of(f, t->name)));
	}
	return list;
}

static size_t count_tunnels(const struct model *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_carriers; i++)
		n += m->carriers[i].n_tunnels;
	return n;
}

static json_t *charon_of(const struct forecast_findings *f)
{
	size_t kept = f->comparison ? f->comparison->kept
				  : f->changed  ? f->difference->tunnels.kept
								: count_tunnels(f->next);

	return json_pack("{s:s, s:I, s:o}", "state", f->charon, "kept", (json_int_t)kept, "tunnels", tunnels_of(f));
}

static json_t *configuration_of(const struct outline_difference *d)
{
	static const char *const kinds[] = { [OUTLINE_TUNNEL] = "tunnel", [OUTLINE_APN] = "apn" };
	static const char *const verbs[] = {
		[OUTLINE_ADDED] = "added", [OUTLINE_CHANGED] = "changed", [OUTLINE_REMOVED] = "removed"
	};
	json_t *list = json_array();

	for (size_t i = 0; i < d->n_changes; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "kind", kinds[d->changes[i].kind], "name",
										d->changes[i].name, "change", verbs[d->changes[i].verb]));
	return json_pack("{s:b, s:o, s:o, s:o}", "gateway_changed", d->gateway, "tunnels", history_counts(&d->tunnels),
		"apns", history_counts(&d->apns), "changes", list);
}

/* The lines of a text. */
static json_t *lines_of(const char *text)
{
	json_t *list = json_array();

	while (*text) {
		size_t len = strcspn(text, "\n");

		json_array_append_new(list, json_stringn(text, len));
		text += len + (text[len] == '\n');
	}
	return list;
}

static json_t *kernel_of(const struct preview *p)
{
	struct buf text = { 0 };
	json_t *list;

	changes_print(&p->changes, &text);
	list = text.error ? NULL : lines_of(buf_text(&text));
	buf_free(&text);
	return list;
}

static bool changes_anything(const struct forecast_findings *f)
{
	return f->changed || f->preview->changes.count || f->preview->walls.len || f->preview->walls_missing;
}

static bool interrupts(const struct forecast_findings *f)
{
	const struct outline_difference *d = f->difference;

	if (f->preview->interrupts)
		return true;
	if (f->comparison)
		return comparison_interrupts(f->comparison);
	return f->changed && (d->gateway || d->tunnels.changed || d->tunnels.removed || d->apns.changed || d->apns.removed);
}

json_t *forecast_compose(const struct forecast_findings *f)
{
	json_t *walls = json_pack(
		"{s:b, s:o}", "missing", f->preview->walls_missing, "changes", lines_of(buf_text(&f->preview->walls)));

	return json_pack("{s:b, s:I, s:s, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o}", "ok", 1, "generation",
		(json_int_t)f->generation, "file", f->file, "changes", changes_anything(f), "interrupts", interrupts(f),
		"new_generation", f->changed, "charon", charon_of(f), "configuration", configuration_of(f->difference),
		"kernel", kernel_of(f->preview), "walls", walls, "warnings", daemon_lines(f->diags));
}
