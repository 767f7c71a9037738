/*
 * Counters are read a few times a second, less often where that costs much (thousands of links); questions wait in
 * their tunnels, few are out at a time, so that thousands of tunnels with one-way traffic neither fill the queue of
 * requests nor hold up who else has some. Each costs charon and the peer an exchange, so there is a limit on all of
 * them together; those that wait are asked in turn. Some send for ever to who never answers: they wait behind those
 * about whom something is new, but for a share. Failure policy: where counters cannot be read, charon's word alone
 * counts, and that is said once.
 */
#include "appliance/daemon/peers_alive.h"

#include "appliance/daemon/charon.h"
#include "appliance/isolation/link_traffic.h"
#include "appliance/isolation/traffic.h"
#include "conf/model.h"
#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Microseconds. */
static const uint64_t second = 1000000;
static const uint64_t sample = 250000; /* between two readings, */
static const uint64_t sample_most = 1000000; /* and where readings are costly: */
static const uint64_t share = 100; /* they take one part in so many of a processor */
static const uint64_t one_way = 750000; /* one-sided for that long: it is asked */
static const uint64_t again = 1500000; /* between two questions about the same tunnel, */
static const uint64_t again_each = 100000; /* or this for each tunnel to a peer who is heard and was asked lately */
static const uint64_t interval = 2000; /* between two questions about any, on average, */
static const uint64_t saved = 4000000; /* where so much of what was not used may be used at once */
static const uint64_t stale = 30000000; /* who was asked so long ago is asked as if for the first time */
static const uint64_t fresh = 1000000; /* what came in so long ago shows that a peer lives */
static const uint64_t stubborn = 4000000; /* a peer that sends and does not answer is silent then */
static const uint64_t watch_limit = UINT64_C(365) * 86400 * 1000000;

enum { QUESTIONS_OUT = 4, PEERS = 256 }; /* peers are told apart by so many values of a hash */

enum wanted { /* which kind of question waits */
	WANTED_NOT,
	WANTED_FIRST, /* something is new: never asked, or something came in since */
	WANTED_AGAIN, /* asked, and nothing came in since */
	WANTED_KINDS
};

enum { AGAIN_SHARE = 4 }; /* one question in so many is of the last kind, if any waits */

struct watched { /* one tunnel */
	char *name; /* owned: the model before is gone when the next one is told */
	unsigned peer; /* below PEERS */
	bool silent; /* as told */
	bool unanswered; /* as charon says */
	uint64_t since; /* when it began to say so */
	uint64_t heard; /* when something came in on one of its links; 0: never */
	uint64_t asked; /* 0: never */
	enum wanted wanted;
};

struct watched_link {
	uint32_t if_id;
	const struct apn *apn; /* borrowed from the model */
	struct watched *tunnel;
	struct traffic_view view;
};

struct peers_alive {
	struct charon *charon; /* borrowed; it is asked there */
	struct charon *events; /* and tells here */
	peers_alive_fn fn;
	void *userdata;
	struct link_traffic *traffic;
	bool traffic_failed;
	sd_event_source *timer;
	struct watched *tunnels; /* owned, by name */
	size_t n_tunnels;
	struct watched_link *links; /* owned, by if_id */
	size_t n_links;
	uint64_t pauses[PEERS]; /* between two questions about the same tunnel to that peer */
	size_t n_wanted[WANTED_KINDS];
	size_t next[WANTED_KINDS]; /* tunnel at which the search for questions that wait goes on */
	size_t n_asked; /* questions so far */
	uint64_t allowed; /* when the next question may be asked; lags behind while few are */
	size_t out; /* questions */
};

static uint64_t clock_usec(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * second + (uint64_t)t.tv_nsec / 1000;
}

/* --- tunnels and links --- */

static int compare_tunnels(const void *a, const void *b)
{
	return strcmp(((const struct watched *)a)->name, ((const struct watched *)b)->name);
}

static int compare_links(const void *a, const void *b)
{
	const struct watched_link *left = a;
	const struct watched_link *right = b;

	return (left->if_id > right->if_id) - (left->if_id < right->if_id);
}

static int compare_name(const void *name, const void *tunnel)
{
	return strcmp(name, ((const struct watched *)tunnel)->name);
}

static struct watched *find_tunnel(const struct peers_alive *p, const char *name)
{
	return p->n_tunnels ? bsearch(name, p->tunnels, p->n_tunnels, sizeof(*p->tunnels), compare_name) : NULL;
}

static struct watched_link *find_link(const struct peers_alive *p, uint32_t if_id)
{
	const struct watched_link key = { .if_id = if_id };

	return p->n_links ? bsearch(&key, p->links, p->n_links, sizeof(key), compare_links) : NULL;
}

static void free_tunnels(struct peers_alive *p)
{
	for (size_t i = 0; i < p->n_tunnels; i++)
		free(p->tunnels[i].name);
	free(p->tunnels);
	free(p->links);
	p->tunnels = NULL;
	p->links = NULL;
	p->n_tunnels = p->n_links = 0;
	memset(p->n_wanted, 0, sizeof(p->n_wanted));
	memset(p->next, 0, sizeof(p->next));
}

/* The same for all tunnels that lead to one address, or to one name. */
static unsigned peer_of(const struct tunnel *t)
{
	const struct peer *peer = &t->peers[0];
	const char *name = peer->kind == PEER_NAME ? peer->name : "";
	unsigned hash = 5381;

	for (size_t i = 0; i < sizeof(peer->address.octets); i++)
		hash = hash * 33 + peer->address.octets[i];
	for (; *name; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash % PEERS;
}

static int fill_tunnels(struct peers_alive *p, const struct model *model, const struct peers_alive *old)
{
	for (size_t i = 0; i < model->n_carriers; i++)
		for (size_t k = 0; k < model->carriers[i].n_tunnels; k++) {
			const struct tunnel *t = &model->carriers[i].tunnels[k];
			const struct watched *known = find_tunnel(old, t->name);
			struct watched *w = &p->tunnels[p->n_tunnels];

			*w = known ? *known : (struct watched){ 0 };
			w->peer = t->n_peers ? peer_of(t) : 0;
			w->name = strdup(t->name);
			if (!w->name)
				return -ENOMEM;
			p->n_tunnels++;
			p->n_wanted[w->wanted]++;
		}
	qsort(p->tunnels, p->n_tunnels, sizeof(*p->tunnels), compare_tunnels);
	return 0;
}

static void fill_links(struct peers_alive *p, const struct model *model, const struct peers_alive *old)
{
	for (size_t i = 0; i < model->n_apns; i++)
		for (size_t k = 0; k < model->apns[i].n_links; k++) {
			const struct link *link = &model->apns[i].links[k];
			const struct watched_link *known = find_link(old, link->if_id);

			p->links[p->n_links++] = (struct watched_link){
				.if_id = link->if_id,
				.apn = &model->apns[i],
				.tunnel = find_tunnel(p, link->tunnel->name),
				.view = known ? known->view : (struct traffic_view){ 0 },
			};
		}
	qsort(p->links, p->n_links, sizeof(*p->links), compare_links);
}

/* Makes the lists of model, with what old knows of them. */
static int fill(struct peers_alive *p, const struct model *model, const struct peers_alive *old)
{
	size_t tunnels = 1;
	size_t links = 1;
	int error;

	for (size_t i = 0; i < model->n_carriers; i++)
		tunnels += model->carriers[i].n_tunnels;
	for (size_t i = 0; i < model->n_apns; i++)
		links += model->apns[i].n_links;
	p->tunnels = calloc(tunnels, sizeof(*p->tunnels));
	p->links = calloc(links, sizeof(*p->links));
	if (!p->tunnels || !p->links)
		return -ENOMEM;
	error = fill_tunnels(p, model, old);
	if (!error)
		fill_links(p, model, old);
	return error;
}

int peers_alive_model(struct peers_alive *p, const struct model *model)
{
	struct peers_alive old = *p;
	int error = 0;

	p->tunnels = NULL;
	p->links = NULL;
	p->n_tunnels = p->n_links = 0;
	memset(p->n_wanted, 0, sizeof(p->n_wanted));
	memset(p->next, 0, sizeof(p->next));
	if (model)
		error = fill(p, model, &old);
	if (error)
		free_tunnels(p);
	free_tunnels(&old);
	return error;
}

/* --- the verdict --- */

static void judge(struct peers_alive *p, struct watched *w, uint64_t now)
{
	bool sends = w->heard && now - w->heard < fresh;
	bool silent = w->unanswered && (!sends || now - w->since >= stubborn);

	/* A peer that began to send again, but still does not answer, is as silent as before. */
	if (silent == w->silent || (w->silent && w->unanswered))
		return;
	w->silent = silent;
	if (silent)
		log_notice("tunnel %s: its peer does not answer", w->name);
	else
		log_notice("tunnel %s: its peer answers again", w->name);
	p->fn(p->userdata, w->name, silent);
}

/* --- questions --- */

static void ask_next(struct peers_alive *p);

/* Also when charon refuses: what is not up carries nothing either. */
static void on_asked(void *userdata, int error, const char *answer)
{
	struct peers_alive *p = userdata;

	(void)error;
	(void)answer;
	p->out--;
	ask_next(p);
}

/* Whether one more stays within the limit, which starts full. */
static bool may_ask(struct peers_alive *p, uint64_t now)
{
	if (p->allowed + saved < now)
		p->allowed = now - saved;
	return p->allowed <= now;
}

static void set_wanted(struct peers_alive *p, struct watched *w, enum wanted wanted)
{
	p->n_wanted[w->wanted]--;
	w->wanted = wanted;
	p->n_wanted[wanted]++;
}

/* Who is to be asked next. NULL: nobody. */
static struct watched *next_wanted(struct peers_alive *p)
{
	bool their_turn = p->n_asked % AGAIN_SHARE == 0 && p->n_wanted[WANTED_AGAIN];
	enum wanted kind = their_turn || !p->n_wanted[WANTED_FIRST] ? WANTED_AGAIN : WANTED_FIRST;
	struct watched *w;

	if (!p->n_wanted[kind])
		return NULL;
	do
		w = &p->tunnels[p->next[kind]++ % p->n_tunnels];
	while (w->wanted != kind);
	return w;
}

static void ask_next(struct peers_alive *p)
{
	uint64_t now = clock_usec(CLOCK_BOOTTIME);
	struct watched *w;
	char line[128];

	while (p->out < QUESTIONS_OUT && charon_is_up(p->charon) && may_ask(p, now) && (w = next_wanted(p))) {
		snprintf(line, sizeof(line), "ask %s", w->name);
		if (charon_request(p->charon, line, CHARON_PATIENCE, on_asked, p))
			return; /* the next sample tries again */
		p->n_asked++;
		p->allowed += interval;
		p->out++;
		w->asked = now;
		set_wanted(p, w, WANTED_NOT);
	}
}

static void want(struct peers_alive *p, struct watched *w, uint64_t now)
{
	bool first = !w->asked || w->heard > w->asked || now - w->asked >= stale;

	if (w->unanswered || (w->asked && now - w->asked < (p->pauses[w->peer] ? p->pauses[w->peer] : again)))
		return;
	if (!w->wanted || first)
		set_wanted(p, w, first ? WANTED_FIRST : WANTED_AGAIN);
}

void peers_alive_ask(struct peers_alive *p, const char *tunnel)
{
	struct watched *w = find_tunnel(p, tunnel);

	if (!w)
		return;
	want(p, w, clock_usec(CLOCK_BOOTTIME));
	ask_next(p);
}

/* --- traffic --- */

struct reading {
	struct peers_alive *p;
	uint64_t now;
};

static void take_traffic(void *userdata, uint32_t if_id, const struct traffic *traffic)
{
	struct reading *r = userdata;
	struct watched_link *l = find_link(r->p, if_id);

	if (!l)
		return;
	traffic_take(&l->view, traffic, r->now);
	if (l->view.heard > l->tunnel->heard)
		l->tunnel->heard = l->view.heard;
}

static void read_traffic(struct peers_alive *p, uint64_t now)
{
	struct reading r = { p, now };
	int error = link_traffic_read(p->traffic, take_traffic, &r);

	if (error && !p->traffic_failed)
		log_warning("packet counters cannot be read: %s; peers are asked less", strerror(-error));
	p->traffic_failed = error != 0;
}

/* Those that could take over are asked as well. */
static void suspect(struct peers_alive *p, struct watched_link *l, uint64_t now)
{
	traffic_excuse(&l->view);
	for (size_t i = 0; i < l->apn->n_links; i++)
		want(p, find_tunnel(p, l->apn->links[i].tunnel->name), now);
}

/*
 * A peer who is heard in one of its tunnels lives: the more of them it was asked about lately, the longer each waits
 * for its next question, or a busy one would be kept busy by them. One who is not heard is asked about all at once.
 */
static void pace(struct peers_alive *p, uint64_t now)
{
	uint64_t heard[PEERS] = { 0 }, asked[PEERS] = { 0 };

	for (size_t i = 0; i < p->n_tunnels; i++) {
		const struct watched *w = &p->tunnels[i];

		asked[w->peer] += w->asked && now - w->asked < stale;
		if (w->heard > heard[w->peer])
			heard[w->peer] = w->heard;
	}
	for (size_t i = 0; i < PEERS; i++) {
		uint64_t pause = asked[i] * again_each;

		p->pauses[i] = heard[i] && now - heard[i] < fresh && pause > again ? pause : again;
		if (p->pauses[i] > stale)
			p->pauses[i] = stale;
	}
}

/* How long to wait after a reading that took so much processor time. */
static uint64_t pause_after(uint64_t cost)
{
	uint64_t pause = cost * share;

	if (pause < sample)
		return sample;
	return pause < sample_most ? pause : sample_most;
}

static int on_sample(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct peers_alive *p = userdata;
	uint64_t now = clock_usec(CLOCK_BOOTTIME);
	uint64_t began = clock_usec(CLOCK_THREAD_CPUTIME_ID);
	uint64_t cost = 0;

	(void)usec;
	if (p->n_links && charon_is_up(p->charon)) {
		read_traffic(p, now);
		pace(p, now);
		cost = clock_usec(CLOCK_THREAD_CPUTIME_ID) - began;
		for (size_t i = 0; i < p->n_links; i++)
			if (traffic_one_sided(&p->links[i].view, now, one_way))
				suspect(p, &p->links[i], now);
		ask_next(p);
	}
	for (size_t i = 0; i < p->n_tunnels; i++)
		judge(p, &p->tunnels[i], now);
	sd_event_source_set_time_relative(s, pause_after(cost));
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

/* --- what charon tells --- */

static void take_line(struct peers_alive *p, const char *state, const char *name)
{
	struct watched *w = find_tunnel(p, name);
	bool unanswered = !strcmp(state, "silent");
	uint64_t now = clock_usec(CLOCK_BOOTTIME);

	if (!w)
		return;
	if (unanswered && !w->unanswered)
		w->since = now;
	w->unanswered = unanswered;
	judge(p, w, now);
}

static void on_state(void *userdata, bool up);

static void on_told(void *userdata, int error, const char *answer)
{
	struct peers_alive *p = userdata;
	char state[16];
	char name[128];
	int used;

	if (!error)
		for (; sscanf(answer, "%15s %127s\n%n", state, name, &used) == 2; answer += used)
			take_line(p, state, name);
	if (error == -EREMOTEIO)
		log_warning("charon does not tell which peers answer: %s", answer);
	else if (charon_is_up(p->events))
		on_state(p, true);
}

static void on_state(void *userdata, bool up)
{
	struct peers_alive *p = userdata;

	if (up && charon_request(p->events, "watch", watch_limit, on_told, p))
		log_warning("charon cannot be asked which peers answer");
}

/* --- life --- */

int peers_alive_new(sd_event *event, struct charon *charon, peers_alive_fn fn, void *userdata, struct peers_alive **ret)
{
	struct peers_alive *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	*p = (struct peers_alive){ .charon = charon, .fn = fn, .userdata = userdata };
	r = link_traffic_open(&p->traffic);
	if (!r)
		r = charon_open_beside(charon, on_state, p, &p->events);
	if (!r)
		r = sd_event_add_time_relative(event, &p->timer, CLOCK_BOOTTIME, sample, sample / 8, on_sample, p);
	if (r < 0) {
		peers_alive_free(p);
		return r;
	}
	if (charon_is_up(p->events))
		on_state(p, true);
	*ret = p;
	return 0;
}

bool peers_alive_silent(const struct peers_alive *p, const char *tunnel)
{
	const struct watched *w = find_tunnel(p, tunnel);

	return w && w->silent;
}

void peers_alive_free(struct peers_alive *p)
{
	if (!p)
		return;
	charon_close(p->events);
	sd_event_source_disable_unref(p->timer);
	link_traffic_close(p->traffic);
	free_tunnels(p);
	free(p);
}
