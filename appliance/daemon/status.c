#include "appliance/daemon/status.h"

#include "appliance/daemon/drift_log.h"
#include "appliance/daemon/key_age.h"
#include "appliance/daemon/link_choice.h"
#include "appliance/daemon/survey.h"
#include "appliance/isolation/mtu.h"
#include "conf/conf.h"
#include "conf/model.h"
#include "lib/buf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* jansson takes NULL for a value as "out of memory"; the first such failure makes the whole answer NULL. */
static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *messages(const struct status *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_messages; i++)
		json_array_append_new(list, json_string(s->messages[i]));
	return list;
}

/* What became of the rekeys that are tried once. */
static json_t *rehearsal(const struct status *s, const struct tunnel *t)
{
	const struct survey_rehearsal *h = s->survey ? survey_rehearsal(s->survey, t->name) : NULL;
	bool failed = h && rehearsal_failed(h->result);

	if (!t->rehearse || !h)
		return json_pack("{s:s, s:n, s:n, s:n}", "result",
			!t->rehearse ? "off"
			: s->survey  ? "not yet"
						 : "unknown",
			"reason", "advice", "age");
	return json_pack("{s:s, s:o, s:o, s:I}", "result", failed ? "failed" : "passed", "reason",
		text_or_null(failed ? rehearsal_word(h->result) : NULL), "advice", text_or_null(rehearsal_advice(h->result)),
		"age", (json_int_t)h->age);
}

/* Both sides' proposals of what the policy refused. */
static json_t *refusal(const struct survey_refusal *f)
{
	if (!f)
		return json_null();
	return json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:I, s:I}", "peer", f->peer, "exchange", f->exchange, "sender",
		f->ours ? "gateway" : "peer", "offered", text_or_null(*f->offered ? f->offered : NULL), "allowed", f->allowed,
		"reason", f->reason, "count", (json_int_t)f->count, "age", (json_int_t)f->age);
}

static json_t *refused_peers(const struct status *s)
{
	json_t *list = json_array();

	for (size_t i = 0; s->survey && i < s->survey->n_refused_peers; i++)
		json_array_append_new(list, refusal(&s->survey->refused_peers[i]));
	return list;
}

static json_t *tunnel(const struct status *s, const struct tunnel *t)
{
	static const struct survey_tunnel unknown = { .state = "unknown" };
	static const struct survey_tunnel down = { .state = "down", .failure = NULL };
	const struct survey_tunnel *r = s->survey ? survey_tunnel(s->survey, t->name) : &unknown;
	struct buf peer = { 0 };
	json_t *object;

	if (!r) /* configured a moment ago, charon has not heard of it */
		r = &down;
	conf_print_peers(t, &peer);
	object = json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o}", "name", t->name, "carrier",
		t->carrier->name, "peer", buf_text(&peer), "state", r->state, "seconds", (json_int_t)r->seconds, "suite",
		text_or_null(r->suite), "failure", text_or_null(r->failure), "failure_age",
		r->failure ? json_integer((json_int_t)r->failure_age) : json_null(), "refusal",
		refusal(s->survey ? survey_refusal(s->survey, t->name) : NULL), "rehearsal", rehearsal(s, t));
	buf_free(&peer);
	return object;
}

static json_t *tunnels(const struct status *s)
{
	json_t *list = json_array();

	for (size_t i = 0; s->model && i < s->model->n_carriers; i++)
		for (size_t k = 0; k < s->model->carriers[i].n_tunnels; k++)
			json_array_append_new(list, tunnel(s, &s->model->carriers[i].tunnels[k]));
	return list;
}

static json_t *child(const struct status *s, uint32_t if_id)
{
	const struct survey_child *c = s->survey ? survey_child(s->survey, if_id) : NULL;
	char in[9];
	char out[9];

	if (!c)
		return json_null();
	snprintf(in, sizeof(in), "%08" PRIx32, c->spi_in);
	snprintf(out, sizeof(out), "%08" PRIx32, c->spi_out);
	return json_pack("{s:s, s:s, s:I}", "spi_in", in, "spi_out", out, "age", (json_int_t)c->age);
}

static json_t *mtu(const struct status *s, uint32_t if_id)
{
	const struct link_mtu *m = mtu_find(s->mtus, if_id);

	if (!m)
		return json_null();
	return json_pack("{s:I, s:I, s:s}", "inner", (json_int_t)m->octets, "outer", (json_int_t)m->path.outer, "from",
		mtu_source_name(m->path.source));
}

static json_t *probe(const struct link_choice_view *v)
{
	if (!v->probed)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:o, s:o}", "sent", (json_int_t)v->sent, "answered", (json_int_t)v->answered,
		"late", (json_int_t)v->late, "rtt", v->answered ? json_integer((json_int_t)v->round_trip) : json_null(),
		"error", text_or_null(v->error ? strerror(-v->error) : NULL));
}

/* What is known of its use, taken into the link's object. */
static void add_choice(const struct status *s, const struct link *l, json_t *object)
{
	struct link_choice_view v = { .state = s->carrying(s->userdata, l->if_id) ? "good" : "down" };
	struct buf reason = { 0 };
	bool known = s->view(s->userdata, l->if_id, &v, &reason);

	json_object_set_new(object, "used", json_boolean(v.used));
	json_object_set_new(object, "state", json_string(v.state));
	json_object_set_new(object, "since", known ? json_integer((json_int_t)v.seconds) : json_null());
	json_object_set_new(object, "reason", text_or_null(reason.len ? buf_text(&reason) : NULL));
	json_object_set_new(object, "probe", probe(&v));
	buf_free(&reason);
}

static json_t *link_of(const struct status *s, const struct apn *a, const struct link *l)
{
	char interface[32];
	char vrf[32];
	uint64_t oldest = 0;
	bool has_key = s->oldest(s->userdata, l->if_id, &oldest);
	json_t *object;

	snprintf(interface, sizeof(interface), "culv-x%" PRIu32, l->if_id);
	snprintf(vrf, sizeof(vrf), "culv-v%" PRIu32, a->table);
	object = json_pack("{s:s, s:s, s:I, s:s, s:s, s:b, s:o, s:o, s:I, s:o}", "apn", a->name, "tunnel", l->tunnel->name,
		"if_id", (json_int_t)l->if_id, "interface", interface, "vrf", vrf, "carrying",
		s->carrying(s->userdata, l->if_id), "child", child(s, l->if_id), "oldest_key",
		has_key ? json_integer((json_int_t)oldest) : json_null(), "ceiling", (json_int_t)l->tunnel->child.ceiling,
		"mtu", mtu(s, l->if_id));
	add_choice(s, l, object);
	return object;
}

static json_t *links(const struct status *s)
{
	json_t *list = json_array();

	for (size_t i = 0; s->model && i < s->model->n_apns; i++)
		for (size_t k = 0; k < s->model->apns[i].n_links; k++)
			json_array_append_new(list, link_of(s, &s->model->apns[i], &s->model->apns[i].links[k]));
	return list;
}

static json_t *keys_ended(const struct key_age_record *r)
{
	return json_pack("{s:I, s:o, s:o}", "count", (json_int_t)r->ended, "age",
		r->ended ? json_integer((json_int_t)r->age) : json_null(), "tunnel", text_or_null(r->tunnel));
}

static const char *walls(const struct status *s)
{
	if (s->generation)
		return "in force";
	return s->walls_left ? "left" : "closed";
}

json_t *status_compose(const struct status *s)
{
	return json_pack("{s:b, s:o, s:i, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "ok", 1, "gateway",
		text_or_null(s->model ? s->model->gateway.name : NULL), "generation", (int)s->generation, "charon", s->charon,
		"messages", messages(s), "rollback_of", s->rollback_of ? json_integer(s->rollback_of) : json_null(), "walls",
		walls(s), "keys_ended", keys_ended(s->ended), "drift",
		drift_log_json(s->drift, s->now, s->strangers, s->n_strangers), "tunnels", tunnels(s), "refused_peers",
		refused_peers(s), "links", links(s));
}
