#include "appliance/isolation/nft.h"

#include "appliance/isolation/nft_apn.h"
#include "appliance/isolation/nft_element.h"
#include "appliance/isolation/nft_rules.h"
#include "conf/model.h"
#include "lib/buf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const char replace[] = "table inet culvert {}\n"
							  "delete table inet culvert\n";

static const char *const sets[] = {
	"set outer",
	"set outer6",
	"set cloud",
	"set parent",
	"set management",
	"set allow4",
	"set allow6",
	"set dhcp",
	"set resolver4",
	"set resolver6",
	"set peer4",
	"set peer6",
	"set anyone",
	"set asked4",
	"set asked6",
	"map zone",
	"map mark_zone",
	"map real4",
	"map real6",
	"map presented4",
	"map presented6",
	"map arrive",
	"map way",
	"set path",
	"set pool4",
	"set pool6",
	"map packets",
	"map begin",
	"map segment",
	"set echo4",
	"set echo6",
	"set responder4",
	"set responder6",
	"set pinging",
	"set probe4",
	"set probe6",
	"set service4",
	"set service6",
	"set downlink4",
	"set downlink6",
	"set service4_range",
	"set service6_range",
	"set downlink4_range",
	"set downlink6_range",
};

static const char *const presenting[] = { "real", "presented", "unmark" };

static void add_prefixes(const char *set, const struct prefix *prefixes, size_t n, struct buf *out)
{
	char text[PREFIX_TEXT];

	for (size_t i = 0; i < n; i++)
		if (!nft_is_covered(prefixes, n, i))
			buf_printf(out, "add element inet culvert %s%s { %s }\n", set, nft_suffix(&prefixes[i].ip),
				prefix_print(&prefixes[i], text));
}

/* Where peers are. Gateway and peers are of one family: of the other nobody gets in. */
static void add_peers(const struct tunnel *t, struct buf *out)
{
	char text[IP_TEXT];

	for (size_t i = 0; i < t->n_peers; i++)
		if (t->peers[i].kind == PEER_ADDRESS)
			buf_printf(out, "add element inet culvert peer%s { %s }\n", nft_suffix(&t->peers[i].address),
				ip_print(&t->peers[i].address, text));
}

static bool has_unknown_peer(const struct model *m)
{
	for (size_t c = 0; c < m->n_carriers; c++)
		for (size_t t = 0; t < m->carriers[c].n_tunnels; t++)
			for (size_t p = 0; p < m->carriers[c].tunnels[t].n_peers; p++)
				if (m->carriers[c].tunnels[t].peers[p].kind != PEER_ADDRESS)
					return true;
	return false;
}

static void add_all_peers(const struct model *m, struct buf *out)
{
	if (has_unknown_peer(m))
		buf_printf(out, "add element inet culvert anyone { ipv%s }\n", nft_suffix(&m->gateway.outer.address.ip));
	for (size_t c = 0; c < m->n_carriers; c++)
		for (size_t t = 0; t < m->carriers[c].n_tunnels; t++)
			add_peers(&m->carriers[c].tunnels[t], out);
}

static bool presents(const struct model *m)
{
	for (size_t i = 0; i < m->n_apns; i++)
		if (m->apns[i].cloud.n_presented_as > 0)
			return true;
	return false;
}

/* What the cloud knows a pool by. */
static const struct prefix *shown(const struct apn *a, size_t pool)
{
	return pool < a->cloud.n_presented_as ? &a->cloud.presented_as[pool] : &a->pool[pool];
}

/* Whether APNs on a shared interface show prefixes of a family there, and if asked only by presented pools. */
static bool shows(const struct model *m, const struct shared *s, int family, bool presented)
{
	for (size_t i = 0; i < m->n_apns; i++) {
		const struct apn *a = &m->apns[i];
		if (a->cloud.shared == s && a->n_pool > 0 && shown(a, 0)->ip.family == family &&
			(!presented || a->cloud.n_presented_as > 0))
			return true;
	}
	return false;
}

/* A map of a shared interface. */
struct shared_map {
	const char *of, *by;
	bool asked;
	char name[24];
};

/*
 * Each shared interface has its own, by destination: a key of interface and prefix would be looked for among all one by
 * one. Returns how many.
 */
static size_t shared_maps(const struct model *m, const struct shared *s, struct shared_map maps[static 4])
{
	static const struct {
		int family;
		const char *suffix, *by;
	} families[] = { { AF_INET, "4", "ip daddr" }, { AF_INET6, "6", "ip6 daddr" } };
	static const struct {
		const char *name, *of;
	} values[] = { { "zone", "ct zone" }, { "mark", "meta mark" } };
	size_t n = 0;

	for (size_t f = 0; f < 2; f++)
		for (size_t v = 0; v < 2; v++) {
			maps[n] = (struct shared_map){ .of = values[v].of, .by = families[f].by };
			maps[n].asked = shows(m, s, families[f].family, v == 1);
			snprintf(maps[n].name, sizeof(maps[n].name), "%s%s_%u", values[v].name, families[f].suffix, s->table);
			n++;
		}
	return n;
}

static void add_map(const struct shared_map *map, struct buf *out)
{
	buf_printf(out, "add map inet culvert %s { typeof %s : %s; flags interval; }\n", map->name, map->by, map->of);
}

static void add_shared_chain(const struct model *m, const struct shared *s, struct buf *out)
{
	struct shared_map maps[4];
	size_t n = shared_maps(m, s, maps);

	for (size_t i = 0; i < n; i++)
		if (maps[i].asked)
			add_map(&maps[i], out);
	buf_printf(out, "table inet culvert { chain shared_%u {", s->table);
	for (size_t i = 0; i < n; i++)
		if (maps[i].asked)
			buf_printf(out, " %s set %s map @%s;", maps[i].of, maps[i].by, maps[i].name);
	buf_puts(out, " goto cloud_source; }; }\n");
}

static int add_machine(const struct model *m, struct buf *out)
{
	const struct outer *outer = &m->gateway.outer;
	const struct management *management = &m->management;
	char text[IP_TEXT];

	if (!nft_is_plain_name(outer->interface) || (management->interface && !nft_is_plain_name(management->interface)))
		return -EINVAL;
	buf_printf(out, "\nadd element inet culvert outer { \"%s\" }\n", outer->interface);
	if (outer->address.ip.family == AF_INET6) {
		nft_add_to_set("outer6", outer->interface, out);
		buf_puts(out, nft_outer6);
	}
	if (outer->address.dhcp)
		nft_add_to_set("dhcp", outer->interface, out);
	for (size_t i = 0; i < outer->n_resolvers; i++)
		buf_printf(out, "add element inet culvert resolver%s { %s }\n", nft_suffix(&outer->resolvers[i]),
			ip_print(&outer->resolvers[i], text));
	add_all_peers(m, out);
	if (management->interface) {
		nft_add_to_set("management", management->interface, out);
		add_prefixes("allow", management->allow, management->n_allow, out);
	}
	if (presents(m))
		buf_puts(out, nft_presenting);
	for (size_t i = 0; i < m->n_shared; i++)
		add_shared_chain(m, &m->shared[i], out);
	return 0;
}

static uint32_t hash_text(uint32_t hash, const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619U;
	return hash;
}

/*
 * A chain without rules that names the text of the rules (FNV-1a), so that a table of another Culvert is not mistaken
 * for ours.
 */
static void add_layout(const char *command, struct buf *out)
{
	uint32_t hash = hash_text(hash_text(hash_text(2166136261U, nft_rules), nft_presenting), nft_outer6);

	buf_printf(out, "%s layout_%08x\n", command, hash);
}

static int add_content(const struct model *m, struct buf *out)
{
	buf_puts(out, nft_rules);
	int r = add_machine(m, out);

	for (size_t i = 0; i < m->n_apns && r == 0; i++)
		r = nft_add_apn(m, &m->apns[i], out);
	return r < 0 ? r : out->error;
}

static void begin_anew(struct buf *out)
{
	buf_puts(out, replace);
	buf_puts(out, "add table inet culvert\n");
	add_layout("add chain inet culvert", out);
}

int nft_render(const struct model *m, struct buf *out)
{
	begin_anew(out);
	return add_content(m, out);
}

static void remove_chain(const char *name, struct buf *out)
{
	buf_printf(out, "add chain inet culvert %s\ndelete chain inet culvert %s\n", name, name);
}

/* Those that the table may have from before. */
static void empty_maps(const struct model *m, const struct shared *s, struct buf *out)
{
	struct shared_map maps[4];
	size_t n = shared_maps(m, s, maps);

	for (size_t i = 0; i < n; i++) {
		add_map(&maps[i], out);
		buf_printf(out, "%s map inet culvert %s\n", maps[i].asked ? "flush" : "delete", maps[i].name);
	}
}

int nft_render_in_place(const struct model *m, struct buf *out)
{
	add_layout("flush chain inet culvert", out);
	buf_puts(out, "flush table inet culvert\n");
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		buf_printf(out, "flush %.3s inet culvert %s\n", sets[i], sets[i] + 4);
	for (size_t i = 0; i < sizeof(presenting) / sizeof(*presenting) && !presents(m); i++)
		remove_chain(presenting[i], out);
	if (m->gateway.outer.address.ip.family != AF_INET6)
		remove_chain("untracked_in", out);
	for (size_t i = 0; i < m->n_shared; i++)
		empty_maps(m, &m->shared[i], out);
	return add_content(m, out);
}

void nft_render_closed(struct buf *out)
{
	begin_anew(out);
	buf_puts(out, nft_rules);
}
