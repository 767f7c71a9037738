/* What only shows when the whole file is read: connections that are one tunnel, suites, lifetimes that hang together.
 */
#include "conf/convert_conn.h"

#include "conf/convert_name.h"
#include "conf/convert_proposal.h"
#include "conf/convert_foreign.h"
#include "ikev2/lifetime.h"
#include "ikev2/suite.h"
#include "lib/buf.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* --- several connections between the same two ends are one tunnel: other programs share an IKE_SA between them --- */

static const char *far_id(const struct conn *c)
{
	return c->remote_id ? c->remote_id : c->n_peers == 1 ? c->peers[0] : NULL;
}

static const char *near_id(const struct conn *c)
{
	return c->local_id ? c->local_id : c->local_address ? c->local_address : "";
}

static bool same_peers(const struct conn *a, const struct conn *b)
{
	if (a->n_peers != b->n_peers || a->any_peer != b->any_peer)
		return false;
	for (size_t i = 0; i < a->n_peers; i++) {
		if (strcasecmp(a->peers[i], b->peers[i]) != 0)
			return false;
	}
	return true;
}

static bool is_same_tunnel(const struct conn *a, const struct conn *b)
{
	return far_id(a) && far_id(b) && !strcasecmp(far_id(a), far_id(b)) && !strcasecmp(near_id(a), near_id(b)) &&
		   a->credentials == b->credentials && same_peers(a, b);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* Says what of b does not count because a is its tunnel. */
static void note_differences(struct foreign *s, const struct conn *a, const struct conn *b)
{
	const struct {
		const char *what;
		bool same;
	} parts[] = {
		{ "proposals", same_text(a->ike.list, b->ike.list) },
		{ "rekey times", a->rekey_ike == b->rekey_ike && a->rekey_child == b->rekey_child && a->ceiling == b->ceiling },
		{ "dead peer detection", a->dpd == b->dpd },
		{ "replay window", a->replay_window == b->replay_window },
		{ "DF bit", same_text(a->df, b->df) },
		{ "DSCP", same_text(a->dscp, b->dscp) },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!parts[i].same)
			foreign_note(s, b->line, b->name, "is one tunnel with %s (same ends); of the two %s, %s's are taken",
				foreign_show(s, a->name), parts[i].what, foreign_show(s, a->name));
	}
}

static void unite(struct foreign *s, struct conn *a, struct conn *b)
{
	struct child **last = &a->children;

	note_differences(s, a, b);
	while (*last)
		last = &(*last)->next;
	*last = b->children;
	a->gateway_initiates |= b->gateway_initiates;
}

static void unite_all(struct foreign *s, struct conns *all)
{
	for (struct conn *a = all->first; a; a = a->next) {
		struct conn **link = &a->next;
		while (*link) {
			if (is_same_tunnel(a, *link)) {
				unite(s, a, *link);
				*link = (*link)->next;
			} else {
				link = &(*link)->next;
			}
		}
	}
}

/* --- suites --- */

/* Where the suite stands in all of the tunnel's proposals, or PROPOSAL_NONE. */
static unsigned place_of(const struct conn *c, const struct suite *suite)
{
	unsigned place = c->ike.list ? proposal_find(c->ike.list, PROPOSAL_IKE, suite).place : 0;
	/* Extended sequence numbers are for who names them. */
	unsigned unnamed = strstr(suite->esp, "-esn") ? PROPOSAL_NONE : 0;

	for (const struct child *child = c->children; child && place < PROPOSAL_NONE; child = child->next) {
		unsigned esp = child->esp.list ? proposal_find(child->esp.list, PROPOSAL_ESP, suite).place : unnamed;
		place = esp < PROPOSAL_NONE - place ? place + esp : PROPOSAL_NONE;
	}
	return place;
}

/* True if there is any proposal to go by. */
static bool has_proposals(const struct conn *c)
{
	bool any = c->ike.list;

	for (const struct child *child = c->children; child; child = child->next)
		any |= child->esp.list != NULL;
	return any;
}

static void choose_suites(struct conn *c)
{
	unsigned places[CONN_SUITES_MAX];
	const struct suite *suite;

	for (size_t i = 0; has_proposals(c) && (suite = suite_at(i)) && c->n_suites < CONN_SUITES_MAX; i++) {
		unsigned place = place_of(c, suite);
		if (place == PROPOSAL_NONE)
			continue;
		size_t at = c->n_suites++;
		for (; at && places[at - 1] > place; at--) {
			places[at] = places[at - 1];
			c->suites[at] = c->suites[at - 1];
		}
		places[at] = place;
		c->suites[at] = suite;
	}
	if (!c->n_suites) {
		c->suite_guessed = true;
		c->suites[c->n_suites++] = suite_find(SUITE_DEFAULT);
	}
}

/* "a, b" of the tunnel's suites. */
static const char *suite_list(struct foreign *s, const struct conn *c)
{
	const char *list = c->suites[0]->name;

	for (size_t i = 1; i < c->n_suites && list; i++)
		list = foreign_printf(s, "%s, %s", list, c->suites[i]->name);
	return list ? list : "";
}

static void note_proposals(
	struct foreign *s, const struct conn *c, const struct proposals *p, enum proposal_kind kind, unsigned line)
{
	struct buf left = { 0 };

	if (!p->list) {
		foreign_note(s, p->line ? p->line : line, p->key,
			"not given, so that the other program proposes a list of its own; Culvert proposes %s: agree with the "
			"carrier "
			"on that",
			suite_list(s, c));
		return;
	}
	proposal_leftover(p->list, kind, c->suites, c->n_suites, &left);
	if (left.error)
		s->error = s->error ? s->error : -ENOMEM;
	else if (left.len && c->suite_guessed)
		foreign_note(s, p->line, p->key,
			"%s: Culvert has no such suite and proposes %s; agree with the carrier on that",
			foreign_show(s, buf_text(&left)), suite_list(s, c));
	else if (left.len)
		foreign_note(s, p->line, p->key, "%s: left out; Culvert proposes and accepts %s alone",
			foreign_show(s, buf_text(&left)), suite_list(s, c));
	buf_free(&left);
}

static void note_pfs(struct foreign *s, const struct conn *c, const struct child *child)
{
	struct proposal_match match;

	if (!child->esp.list || c->pfs_implied)
		return;
	match = proposal_find(child->esp.list, PROPOSAL_ESP, c->suites[0]);
	if (match.place != PROPOSAL_NONE && !match.pfs)
		foreign_note(s, child->esp.line, child->esp.key,
			"has no key exchange; Culvert renews ESP keys with one (PFS), so let the carrier set the group of %s",
			c->suites[0]->name);
}

static void finish_suites(struct foreign *s, struct conn *c)
{
	choose_suites(c);
	note_proposals(s, c, &c->ike, PROPOSAL_IKE, c->line);
	for (const struct child *child = c->children; child; child = child->next) {
		note_proposals(s, c, &child->esp, PROPOSAL_ESP, child->line);
		note_pfs(s, c, child);
	}
}

/* --- lifetimes --- */

static void finish_ceiling(struct foreign *s, struct conn *c)
{
	unsigned ike = c->rekey_ike ? c->rekey_ike : LIFETIME_REKEY_IKE;
	unsigned child = c->rekey_child ? c->rekey_child : LIFETIME_REKEY_CHILD;
	struct lifetime l = { .rekey = ike > child ? ike : child, .ceiling = c->ceiling };

	if (!c->ceiling || !lifetime_check(&l, &retransmission_default))
		return;
	foreign_note(s, c->ceiling_line, c->path,
		"keys would end after %u s; Culvert has one such ceiling for IKE and ESP, below 3600 s and late enough for a "
		"rekey after %u s and its retransmissions, and takes its default",
		c->ceiling, l.rekey);
	c->ceiling = 0;
}

void conn_finish(struct foreign *s, struct conns *all)
{
	struct names names = { 0 };

	unite_all(s, all);
	for (struct conn *c = all->first; c && !s->error; c = c->next)
		c->new_name = names_take(s, &names, c->name);
	names_free(&names);
	for (struct conn *c = all->first; c && !s->error; c = c->next) {
		finish_suites(s, c);
		finish_ceiling(s, c);
	}
}
