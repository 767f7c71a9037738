/*
 * Every golden's plan and walls, read as if the kernel held them (the walls from a real kernel, in a network namespace
 * of its own), are exactly the configured paths; each thing broken on purpose is named.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/carrying.h"
#include "appliance/isolation/nft.h"
#include "appliance/isolation/plan.h"
#include "appliance/isolation/sa.h"
#include "appliance/isolation/snapshot.h"
#include "appliance/isolation/verify.h"
#include "appliance/isolation/verify_ruleset.h"
#include "appliance/isolation/walls.h"
#include "conf/conf.h"
#include "conf/ids.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <nftables/libnftables.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const goldens[] = { "example", "ipv6", "limits", "machine", "mapped", "next-hop", "outer-ipv6",
	"same-pool", "services", "shared", "two-links", "vlan" };

static struct model *load(const char *name)
{
	struct diag_list diags = { 0 };
	struct model *m = NULL;
	struct ids *ids = NULL;
	char path[256], *text = NULL;
	size_t len;

	snprintf(path, sizeof(path), "tests/golden/%s/culvert.conf", name);
	assert_int_equal(io_read_file(path, CONF_FILE_MAX, &text, &len), 0);
	assert_int_equal(conf_load_text(text, len, path, &diags, &m), 0);
	assert_int_equal(ids_load("tests/golden/no-such-file", &ids), 0);
	assert_int_equal(ids_assign(ids, m), 0);
	ids_free(ids);
	diag_free(&diags);
	free(text);
	return m;
}

static struct interface *named(struct snapshot *s, const char *name)
{
	for (size_t i = 0; i < s->interfaces.count; i++)
		if (strcmp(s->interfaces.items[i].name, name) == 0)
			return &s->interfaces.items[i];
	struct interfaces *l = &s->interfaces;
	l->items = reallocarray(l->items, l->count + 1, sizeof(*l->items));
	assert_non_null(l->items);
	l->items[l->count] = (struct interface){ .index = (int)l->count + 1, .forwarding = 1 };
	snprintf(l->items[l->count].name, IFNAMSIZ, "%s", name);
	return &l->items[l->count++];
}

static int index_of(struct snapshot *s, const char *name)
{
	return name[0] ? named(s, name)->index : 0;
}

static void take_route(struct snapshot *s, const struct object *o)
{
	struct snapshot_route r = {
		.table = o->table, .to = o->prefix, .type = o->type, .metric = o->value, .via = o->via
	};

	r.out = index_of(s, o->name);
	assert_int_equal(snapshot_add_route(s, &r), 0);
}

static void take_address(struct snapshot *s, const struct object *o)
{
	struct snapshot_address a = { .interface = index_of(s, o->name), .prefix = o->prefix };
	struct interface *i = named(s, o->name);
	struct snapshot_route own = { .to = { o->prefix.ip, ip_bits(o->prefix.ip.family) }, .type = RTN_LOCAL };
	int master = i->master;

	own.by_kernel = true;
	own.out = a.interface;
	own.table = RT_TABLE_LOCAL;
	for (size_t k = 0; k < s->interfaces.count; k++)
		if (s->interfaces.items[k].index == (i->kind == INTERFACE_VRF ? i->index : master))
			own.table = s->interfaces.items[k].number;
	struct snapshot_route net = own;
	net.to = prefix_network(&o->prefix);
	net.type = RTN_UNICAST;
	if (own.table == RT_TABLE_LOCAL)
		net.table = RT_TABLE_MAIN;
	assert_int_equal(snapshot_add_address(s, &a), 0);
	assert_int_equal(snapshot_add_route(s, &own), 0);
	if (o->prefix.len < ip_bits(o->prefix.ip.family))
		assert_int_equal(snapshot_add_route(s, &net), 0);
}

/* Forwarding of an interface; it begins as the kernel's default, 1. */
static void take_sysctl(struct snapshot *s, const struct object *o)
{
	char name[IFNAMSIZ], sysctl[16];

	if (sscanf(o->name, "net/ipv4/conf/%15[^/]/%15s", name, sysctl) == 2 && strcmp(sysctl, "forwarding") == 0)
		named(s, name)->forwarding = (int)o->value;
}

static void take(struct snapshot *s, const struct object *o)
{
	struct snapshot_rule rule = { .family = o->prefix.ip.family, .preference = o->value, .table = o->table };

	switch (o->kind) {
	case OBJECT_RULE:
		rule.l3mdev = o->table == 0;
		assert_int_equal(snapshot_add_rule(s, &rule), 0);
		return;
	case OBJECT_MARK_RULE:
		rule.mark = o->value;
		rule.preference = PLAN_RULE_MARK;
		assert_int_equal(snapshot_add_rule(s, &rule), 0);
		return;
	case OBJECT_VRF:
		named(s, o->name)->kind = INTERFACE_VRF;
		named(s, o->name)->number = o->table;
		return;
	case OBJECT_XFRM:
		named(s, o->name)->kind = INTERFACE_XFRM;
		named(s, o->name)->number = o->value;
		return;
	case OBJECT_VLAN: {
		int parent = index_of(s, o->master);
		named(s, o->name)->kind = INTERFACE_VLAN;
		named(s, o->name)->number = o->value;
		named(s, o->name)->parent = parent;
		return;
	}
	case OBJECT_MASTER: {
		int master = index_of(s, o->master);
		named(s, o->name)->master = master;
		return;
	}
	case OBJECT_UP:
		named(s, o->name)->up = true;
		return;
	case OBJECT_ADDRESS:
		take_address(s, o);
		return;
	case OBJECT_ROUTE:
		take_route(s, o);
		return;
	case OBJECT_SYSCTL:
		take_sysctl(s, o);
		return;
	case OBJECT_STRANGE_RULE:
	case OBJECT_FOREIGN:
	case OBJECT_MTU:
		return;
	}
}

static void take_sas(struct snapshot *s, const struct link *l)
{
	for (int out = 0; out < 2; out++) {
		struct sa sa = { .if_id = l->if_id, .spi = 2 * l->if_id + (uint32_t)out, .outbound = out };
		assert_int_equal(snapshot_add_sa(s, &sa), 0);
	}
	for (size_t i = 0; i < l->n_local; i++)
		for (size_t k = 0; k < l->n_remote; k++)
			for (enum policy_direction d = POLICY_IN; d <= POLICY_FWD; d++) {
				struct snapshot_policy p = { .if_id = l->if_id, .direction = d };
				p.from = d == POLICY_OUT ? l->local[i] : l->remote[k];
				p.to = d == POLICY_OUT ? l->remote[k] : l->local[i];
				if (l->local[i].ip.family == l->remote[k].ip.family)
					assert_int_equal(snapshot_add_policy(s, &p), 0);
			}
}

static void run_nft(const char *command, char **ret)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);

	assert_non_null(nft);
	nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_STATELESS);
	assert_int_equal(nft_ctx_buffer_output(nft), 0);
	assert_int_equal(nft_run_cmd_from_buffer(nft, command), 0);
	if (ret)
		*ret = strdup(nft_ctx_get_output_buffer(nft));
	nft_ctx_free(nft);
}

/* What the kernel would hold of the model; of the walls, what it does hold after change, an nft command or NULL. */
static struct snapshot snapshot_of(const struct model *m, const char *change)
{
	struct snapshot s = { .sysctls = { { "net/ipv4/ip_forward", 1 }, { "net/ipv6/conf/all/forwarding", 1 },
							  { "net/ipv4/tcp_l3mdev_accept", 0 }, { "net/ipv4/udp_l3mdev_accept", 0 },
							  { "net/ipv4/route/min_pmtu", 1280 } },
		.n_sysctls = 5 };
	struct carrying c = { 0 };
	struct buf text = { 0 };
	struct plan p = { 0 };
	char *error = NULL;

	for (size_t i = 0; i < m->n_apns; i++)
		for (size_t k = 0; k < m->apns[i].n_links; k++)
			assert_int_equal(carrying_add(&c, m->apns[i].links[k].if_id), 0);
	assert_int_equal(plan_build(m, &c, &p), 0);
	for (size_t i = 0; i < p.count; i++)
		take(&s, &p.objects[i]);
	for (size_t i = 0; i < m->n_apns; i++)
		for (size_t k = 0; k < m->apns[i].n_links; k++)
			take_sas(&s, &m->apns[i].links[k]);
	assert_int_equal(nft_render(m, &text), 0);
	run_nft("flush ruleset", NULL);
	assert_int_equal(walls_load(buf_text(&text), &error), 0);
	if (change)
		run_nft(change, NULL);
	run_nft("list ruleset", &s.ruleset);
	plan_free(&p);
	carrying_free(&c);
	buf_free(&text);
	return s;
}

static void say(const struct facts *f, const char *what, struct buf *out)
{
	for (size_t i = 0; i < f->count; i++)
		buf_printf(out, "%s: %s\n", what, f->items[i].text);
}

static struct verify verified(const struct snapshot *s, const struct model *m, struct buf *said)
{
	struct verify v = { 0 };

	assert_int_equal(verify(s, m, &v), 0);
	say(&v.differences, "difference", said);
	say(&v.unproven, "unproven", said);
	say(&v.closed, "closed", said);
	return v;
}

static void goldens_are_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goldens) / sizeof(*goldens); i++) {
		struct model *m = load(goldens[i]);
		struct snapshot s = snapshot_of(m, NULL);
		struct buf said = { 0 };
		struct verify v = verified(&s, m, &said);
		if (v.verdict != VERDICT_EXACT)
			fail_msg("%s: %s", goldens[i], buf_text(&said));
		assert_true(v.paths.count > 0);
		for (size_t k = 0; k < VERIFY_CLASSES; k++) {
			assert_int_equal(v.classes[k].apns, m->n_apns);
			assert_int_equal(v.classes[k].open, 0);
			assert_int_equal(v.classes[k].stopped[1], m->n_apns);
		}
		/* HAIRPIN: routes to the pool are there; the Internet: none leads out. */
		assert_int_equal(v.classes[1].stopped[0], 0);
		assert_int_equal(v.classes[2].stopped[0], m->n_apns);
		assert_int_equal(v.classes[3].stopped[0], m->n_apns);
		assert_int_equal(v.classes[5].stopped[0], m->n_apns);
		assert_int_equal(v.classes[7].stopped[0], m->n_apns);
		verify_free(&v);
		buf_free(&said);
		snapshot_free(&s);
		conf_free(m);
	}
}

/* Of golden NAME: what break_it does is said by these words. */
static void assert_named(
	const char *name, void (*break_it)(struct snapshot *), const char *change, enum verdict verdict, const char *words)
{
	struct model *m = load(name);
	struct snapshot s = snapshot_of(m, change);
	struct buf said = { 0 };

	if (break_it)
		break_it(&s);
	struct verify v = verified(&s, m, &said);
	if (v.verdict != verdict || !strstr(buf_text(&said), words))
		fail_msg("%s, %s: expected %s, \"%s\"; said\n%s", name, change ? change : "", verdict_word(verdict), words,
			buf_text(&said));
	verify_free(&v);
	buf_free(&said);
	snapshot_free(&s);
	conf_free(m);
}

static struct snapshot_route route(struct snapshot *s, uint32_t table, const char *to, const char *out)
{
	struct snapshot_route r = { .table = table, .type = RTN_UNICAST, .out = index_of(s, out) };

	assert_int_equal(prefix_parse(to, &r.to), 0);
	return r;
}

static void inject_default(struct snapshot *s)
{
	struct snapshot_route r = route(s, 1001, "0.0.0.0/0", "eth0");

	named(s, "eth0")->up = true;
	assert_int_equal(snapshot_add_route(s, &r), 0);
}

static void inject_main(struct snapshot *s)
{
	struct snapshot_route r = route(s, RT_TABLE_MAIN, "10.64.0.0/16", "culv-x1");

	assert_int_equal(snapshot_add_route(s, &r), 0);
}

static void drop_pool_routes(struct snapshot *s)
{
	for (size_t i = 0; i < s->n_routes; i++)
		if (s->routes[i].out == index_of(s, "culv-x1"))
			s->routes[i].type = RTN_BLACKHOLE;
}

static void drop_rule(struct snapshot *s)
{
	for (size_t i = 0; i < s->n_rules; i++)
		if (s->rules[i].l3mdev)
			s->rules[i--] = s->rules[--s->n_rules];
}

/* As with ipv6.disable=1 on the kernel's command line. */
static void lose_ipv6(struct snapshot *s)
{
	for (size_t i = 0; i < s->n_rules; i++)
		if (s->rules[i].family == AF_INET6)
			s->rules[i--] = s->rules[--s->n_rules];
	for (size_t i = 0; i < s->n_routes; i++)
		if (s->routes[i].to.ip.family == AF_INET6)
			s->routes[i--] = s->routes[--s->n_routes];
	s->sysctls[1].value = -1;
	s->no_ipv6 = true;
}

/* As a second interface of a machine in a public cloud has them, behind the VRFs' rule. */
static void route_by_source(struct snapshot *s)
{
	struct snapshot_rule rule = { .family = AF_INET, .preference = 2000, .table = 10001, .odd = true };
	struct snapshot_route r = route(s, 10001, "0.0.0.0/0", "eth0");

	assert_int_equal(snapshot_add_rule(s, &rule), 0);
	assert_int_equal(snapshot_add_route(s, &r), 0);
}

static void route_by_source_into_ours(struct snapshot *s)
{
	struct snapshot_rule rule = { .family = AF_INET, .preference = 2000, .table = 1001, .odd = true };

	assert_int_equal(snapshot_add_rule(s, &rule), 0);
}

static void route_by_source_at_first(struct snapshot *s)
{
	struct snapshot_rule rule = { .family = AF_INET, .preference = 999, .table = 10001, .odd = true };

	assert_int_equal(snapshot_add_rule(s, &rule), 0);
}

static void move_link(struct snapshot *s)
{
	named(s, "culv-x1")->master = 0;
}

static void stop_forwarding(struct snapshot *s)
{
	s->sysctls[0].value = 0;
	s->sysctls[1].value = 0;
}

static void forward_from_outer(struct snapshot *s)
{
	named(s, "eth0")->forwarding = 1;
}

static void keep_what_comes_from_the_cloud(struct snapshot *s)
{
	named(s, "eth1")->forwarding = 0;
}

static void believe_any_path(struct snapshot *s)
{
	s->sysctls[4].value = 552;
}

static void widen_policy(struct snapshot *s)
{
	struct snapshot_policy p = { .if_id = 1, .direction = POLICY_FWD };

	p.from.ip.family = p.to.ip.family = AF_INET;
	assert_int_equal(snapshot_add_policy(s, &p), 0);
}

static void clear_policy(struct snapshot *s)
{
	s->policies[0].clear = true;
}

static void drop_sas(struct snapshot *s)
{
	for (size_t i = 0; i < s->n_sas; i++)
		if (s->sas[i].if_id == 2)
			s->sas[i--] = s->sas[--s->n_sas];
	for (size_t i = 0; i < s->n_routes; i++)
		if (s->routes[i].out == index_of(s, "culv-x2"))
			s->routes[i--] = s->routes[--s->n_routes];
}

static void lose_ruleset(struct snapshot *s)
{
	free(s->ruleset);
	s->ruleset = NULL;
}

static void shape_traffic(struct snapshot *s)
{
	s->strange = strdup("traffic control (ingress) on interface number 3\n");
}

static void each_break_of_routing_is_named(void **state)
{
	(void)state;
	assert_named("two-links", inject_default, NULL, VERDICT_DIFFERS,
		"exists but is not configured: wall 1, routing: route in table 1001: 0.0.0.0/0 dev eth0");
	assert_named("two-links", inject_main, NULL, VERDICT_DIFFERS,
		"exists but is not configured: wall 1, routing: route in table 254: 10.64.0.0/16 dev culv-x1");
	assert_named("two-links", drop_pool_routes, NULL, VERDICT_DIFFERS,
		"configured but does not exist: wall 1, routing: route in table 1001: 10.64.0.0/16 dev culv-x1");
	assert_named("two-links", drop_rule, NULL, VERDICT_DIFFERS,
		"configured but does not exist: wall 1, routing: rule 1000: each VRF to its own table (IPv4)");
	assert_named("two-links", lose_ipv6, NULL, VERDICT_EXACT, "");
	assert_named("two-links", route_by_source, NULL, VERDICT_EXACT, "");
	assert_named("two-links", route_by_source_into_ours, NULL, VERDICT_DIFFERS, "rule 2000: with a condition");
	assert_named("two-links", route_by_source_at_first, NULL, VERDICT_DIFFERS, "rule 999: with a condition");
	assert_named("two-links", move_link, NULL, VERDICT_DIFFERS,
		"configured but does not exist: wall 1, routing: interface culv-x1 in culv-v1001");
	assert_named("two-links", stop_forwarding, NULL, VERDICT_DIFFERS,
		"configured but does not exist: path culv-x1 10.64.0.0/16");
	assert_named("two-links", stop_forwarding, NULL, VERDICT_DIFFERS,
		"exists but is not configured: wall 1, routing: net/ipv4/ip_forward is 0");
	assert_named("two-links", forward_from_outer, NULL, VERDICT_DIFFERS,
		"exists but is not configured: wall 1, routing: IPv4 forwarding of eth0 is 1");
	assert_named("two-links", keep_what_comes_from_the_cloud, NULL, VERDICT_DIFFERS,
		"configured but does not exist: wall 1, routing: IPv4 forwarding of eth1 is 1");
	assert_named(
		"example", keep_what_comes_from_the_cloud, NULL, VERDICT_DIFFERS, "configured but does not exist: path eth1 ");
	assert_named("two-links", believe_any_path, NULL, VERDICT_DIFFERS,
		"exists but is not configured: wall 1, routing: net/ipv4/route/min_pmtu is 552");
}

static void each_break_of_the_sa_is_named(void **state)
{
	(void)state;
	assert_named("two-links", widen_policy, NULL, VERDICT_DIFFERS,
		"wall 3, SA: policy fwd of if_id 1, 0.0.0.0/0 -> 0.0.0.0/0: wider than the selectors");
	assert_named("two-links", clear_policy, NULL, VERDICT_DIFFERS, "lets clear text pass");
	assert_named("two-links", drop_sas, NULL, VERDICT_EXACT, "closed: meters/");
}

static void each_break_of_the_rules_is_named(void **state)
{
	(void)state;
	assert_named("two-links", NULL, "add element inet culvert service4 { \"culv-x1\" . 10.110.0.99 . tcp . 22 }",
		VERDICT_DIFFERS, "exists but is not configured: path culv-x1 10.64.0.0/16 -> eth1 10.110.0.99 tcp 22");
	assert_named("two-links", NULL, "add element inet culvert pool4 { \"culv-x1\" . 10.99.0.0/16 }", VERDICT_UNPROVEN,
		"exists but is not configured: wall 2, nftables: element pool4 { culv-x1 . 10.99.0.0/16 }");
	assert_named("two-links", NULL, "flush set inet culvert service4", VERDICT_DIFFERS,
		"configured but does not exist: path culv-x1 10.64.0.0/16");
	assert_named("two-links", NULL, "insert rule inet culvert forward accept", VERDICT_UNPROVEN,
		"chain forward is not Culvert's: there is \"accept\" where it has \"tcp flags & syn == syn jump clamp\"");
	assert_named("two-links", NULL, "flush chain inet culvert from_device", VERDICT_UNPROVEN,
		"chain from_device is not Culvert's");
	assert_named("two-links", NULL, "add chain inet culvert other { type nat hook prerouting priority 0; }",
		VERDICT_UNPROVEN, "chain other in table inet culvert is not Culvert's");
	assert_named("two-links", NULL,
		"table ip x { chain y { type nat hook prerouting priority 0; dnat to 10.1.1.1; }; }", VERDICT_UNPROVEN,
		"chain y of table ip x may alter");
	assert_named("two-links", NULL, "table inet filter { chain input { type filter hook input priority 0; }; }",
		VERDICT_EXACT, "");
	assert_named("two-links", NULL, "delete table inet culvert", VERDICT_DIFFERS,
		"configured but does not exist: wall 2, nftables: the table");
	assert_named("two-links", NULL, "delete table inet culvert", VERDICT_DIFFERS,
		"exists but is not configured: path culv-x1 10.64.0.0/16 -> ");
	assert_named(
		"two-links", NULL, "add table inet culvert { flags dormant; }", VERDICT_DIFFERS, "wall 2, nftables: the table");
	assert_named("two-links", lose_ruleset, NULL, VERDICT_UNPROVEN, "the ruleset cannot be read");
	assert_named("two-links", shape_traffic, NULL, VERDICT_UNPROVEN, "traffic control (ingress) on interface number 3");
	assert_named("mapped", NULL, "delete element inet culvert real4 { \"eth1\" . 10.80.0.0/16 }", VERDICT_DIFFERS,
		"configured but does not exist: wall 2, nftables: element real4 { eth1 . 10.80.0.0/16 : 10.64.0.0/16 }");
}

#define T      "inet culvert "
#define IN     T "in_1001 "
#define DOWN   T "down_1001 "
#define ARRIVE T "arrive { \"culv-x1\""
#define WAY    T "way { \"culv-x1\" . \"eth1\""

static void each_break_of_an_apns_chains_is_named(void **state)
{
	static const struct {
		const char *golden, *change, *words;
	} breaks[] = {
		{ "two-links", "add rule " IN "ip saddr 10.65.0.0/16 accept",
			"chain in_1001 is not as the sets have culv-x1: right is \"saddr 10.64.0.0/16 accept\"" },
		{ "two-links", "flush chain " IN "; add rule " IN "ct zone set 1; add rule " IN "ip saddr 10.64.0.0/17 accept",
			"chain in_1001 is not as the sets have culv-x1" },
		{ "two-links", "add rule " IN "accept", "chain in_1001 in table inet culvert is not Culvert's" },
		{ "two-links", "add rule " IN "ip saddr != 10.65.0.0/16 accept", "chain in_1001 in table" },
		{ "two-links", "add rule " IN "ip saddr 10.64.0.0/16 counter accept", "chain in_1001 in table" },
		{ "two-links", "flush chain " IN "; add rule " IN "ct zone set 2; add rule " IN "ip saddr 10.64.0.0/16 accept",
			"chain in_1001 is not that of culv-x1: there is \"ct zone set 2\" where it has \"ct zone set 1\"" },
		{ "two-links", "flush chain " IN, "chain in_1001 is not that of culv-x1: there is \"\"" },
		{ "two-links", "delete element " ARRIVE " }; add element " ARRIVE " : accept }",
			"element arrive { culv-x1 : accept }: right is jump in_TABLE" },
		{ "two-links", "delete element " ARRIVE " }; add element " ARRIVE " : goto dedicated_in }",
			"element arrive { culv-x1 : goto dedicated_in }: right is jump in_TABLE" },
		{ "two-links", "add element " T "arrive { \"eth0\" : jump in_1001 }",
			"element arrive { eth0 : jump in_1001 }: right is goto dedicated_in, or shared_TABLE" },
		{ "two-links", "add element " T "way { \"culv-x1\" . \"eth0\" : jump up }",
			"element way { culv-x1 . eth0 : jump up }: right is none, as it is no path" },
		{ "two-links", "delete element " WAY " }; add element " WAY " : accept }",
			"element way { culv-x1 . eth1 : accept }: right is jump up" },
		{ "two-links", "add element " T "way { \"culv-x1\" . \"culv-x1\" : jump up }",
			"right is none, as it is no path" },
		{ "two-links", "add chain " T "begin_1; add element " T "begin { \"culv-x1\" : jump begin_1 }",
			"element way { culv-x1 . eth1 : jump up }: right is jump up_known" },
		{ "two-links", "delete element " T "path { \"culv-x1\" . \"eth1\" }",
			"element way { eth1 . culv-x1 : jump down_1001 }: right is none, as it is no path" },
		{ "two-links", "add rule " DOWN "ip daddr 10.65.0.0/16 goto down",
			"chain down_1001 is not as the sets have culv-x1: right is \"daddr 10.64.0.0/16 goto down\"" },
		{ "two-links", "flush chain " DOWN, "chain down_1001 is not as the sets have culv-x1" },
		{ "two-links", "add rule " DOWN "accept", "chain down_1001 in table inet culvert is not Culvert's" },
		{ "two-links", "delete element " T "pool4 { \"culv-x1\" . 10.64.0.0/16 }",
			"chain in_1001 is not as the sets have culv-x1: right is \"saddr no address accept\"" },
		{ "two-links", "add chain " T "in_9; add rule " T "in_9 accept", "chain in_9 in table" },
		{ "two-links", "add chain " T "down_9 { type filter hook forward priority -1; }", "chain down_9 in table" },
		{ "two-links", "add chain " T "begin_9; add rule " T "begin_9 accept", "chain begin_9 in table" },
		{ "limits", "add element " WAY " : jump up_known }",
			"element way { culv-x1 . eth1 : jump up_known }: right is none, as each packet must meet a limit" },
		{ "limits", "flush chain " DOWN "; add rule " DOWN "ip daddr 10.64.0.0/16 goto down",
			"chain down_1001 is not as the sets have culv-x1: right is \"daddr 10.64.0.0/16 goto down_known\"" },
		{ "mapped",
			"flush chain " T "in_1003; add rule " T "in_1003 ct zone set 3; add rule " T
			"in_1003 meta mark set 0x63750001; add rule " T "in_1003 ip6 saddr fd00:64::/64 accept",
			"chain in_1003 is not that of culv-x3: its mark 1668612097 is not the zone's" },
		{ "limits", "delete element " ARRIVE " }; add element " ARRIVE " : jump in_1002 }",
			"chain in_1002 is not as the sets have culv-x1: right is \"saddr 10.64.0.0/16 accept\"" },
		{ "mapped", "delete chain " T "real", "chain real is missing" },
		{ "mapped", "flush chain " T "presented", "chain presented is not Culvert's" },
		{ "mapped", "delete chain " T "unmark", "chain unmark is missing" },
		{ "outer-ipv6", "delete chain " T "untracked_in", "chain untracked_in is missing" },
		{ "shared", "flush chain " T "shared_1003", "chain shared_1003 lacks \"goto cloud_source\"" },
		{ "shared", "flush chain " T "shared_1003; add rule " T "shared_1003 goto cloud_source",
			"chain shared_1003 lacks \"ct zone set ip daddr map @zone4_1003\"" },
		{ "shared", "insert rule " T "shared_1003 accept", "chain shared_1003 in table" },
		{ "shared", "delete element " T "arrive { \"eth1\" }; add element " T "arrive { \"eth1\" : goto cloud_source }",
			"element arrive { eth1 : goto cloud_source }: right is goto dedicated_in, or shared_TABLE" },
		{ "mapped", "add chain " T "shared_9; add rule " T "shared_9 ip daddr 10.1.1.1 accept",
			"chain shared_9 in table" },
		{ "mapped",
			"flush chain " T "shared_1005; add rule " T "shared_1005 ct zone set ip daddr map @zone4_1005; add rule " T
			"shared_1005 goto cloud_source",
			"chain shared_1005 lacks \"meta mark set ip daddr map @mark4_1005\"" },
		{ "two-links", "add chain " T "real", "chain real is not Culvert's" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(breaks) / sizeof(*breaks); i++)
		assert_named(breaks[i].golden, NULL, breaks[i].change, VERDICT_UNPROVEN, breaks[i].words);
	/* What an APN or an interface that is gone may leave behind. */
	assert_named("two-links", NULL,
		"add chain " T "in_9; add chain " T "down_9; add chain " T "begin_9; add chain " T "shared_9; add map " T
		"zone4_9 { typeof ip daddr : ct zone; flags interval; elements = { 10.64.0.0/16 : 9 }; }",
		VERDICT_EXACT, "");
	assert_named("shared", NULL, "add element " T "zone4_1003 { 10.99.0.0/16 : 1 }", VERDICT_DIFFERS,
		"exists but is not configured: wall 2, nftables: element zone4_1003 { 10.99.0.0/16 : 1 }");
	assert_named(
		"mapped", NULL, "flush map " T "mark4_1005", VERDICT_DIFFERS, "configured but does not exist: path eth1 ");
	assert_named("two-links", NULL, "delete element " WAY " }", VERDICT_DIFFERS,
		"configured but does not exist: wall 2, nftables: element way { culv-x1 . eth1 : jump up }");
	assert_named("two-links", NULL, "add element " T "service4_range { \"culv-x1\" . 10.110.0.99 . tcp . 22-23 }",
		VERDICT_DIFFERS, "exists but is not configured: path culv-x1 10.64.0.0/16 -> eth1 10.110.0.99 tcp 22-23");
	/* The kernel joins prefixes that touch where they are literals, and not in a set. */
	assert_named("two-links", NULL,
		"add element " T "pool4 { \"culv-x1\" . 10.65.0.0/16, \"culv-x2\" . 10.65.0.0/16 }; flush chain " IN
		"; add rule " IN "ct zone set 1; add rule " IN
		"ip saddr { 10.64.0.0/16, 10.65.0.0/16 } accept; flush chain " DOWN "; add rule " DOWN
		"ip daddr { 10.64.0.0/16, 10.65.0.0/16 } goto down",
		VERDICT_DIFFERS, "exists but is not configured: wall 2, nftables: element pool4 { culv-x1 . 10.65.0.0/16 }");
}

/* With the table gone, a default route by hand opens the Internet; the SA's selectors alone hold. */
static void what_no_wall_stops_is_open(void **state)
{
	struct model *m = load("limits"); /* its first APN's selectors are any */
	struct snapshot s = snapshot_of(m, "delete table inet culvert");
	struct buf said = { 0 };

	(void)state;
	inject_default(&s);
	struct verify v = verified(&s, m, &said);
	assert_string_equal(v.classes[3].packet, "device to the Internet");
	assert_int_equal(v.classes[3].open, 1);
	assert_non_null(strstr(buf_text(&said), "exists but is not configured: path culv-x1 0.0.0.0/0 -> eth0 "));
	verify_free(&v);
	buf_free(&said);
	snapshot_free(&s);
	conf_free(m);
}

static void any_text_is_taken(void **state)
{
	static const char *const texts[] = { "", "{", "}", "table", "table inet culvert {",
		"table inet culvert { set x { elements = {",
		"table inet culvert { set x { elements = { , . : , a . b . c . d . e } } }", "\"",
		"table inet culvert { { } ; } }", "table inet culvert { chain forward { a , , b } }" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct ruleset r = { 0 };
		struct facts f = { 0 };
		assert_int_equal(ruleset_parse(texts[i], &r), 0);
		ruleset_check(&r, &f);
		facts_free(&f);
		ruleset_free(&r);
	}
}

static int enter_namespace(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goldens_are_exact),
		cmocka_unit_test(each_break_of_routing_is_named),
		cmocka_unit_test(each_break_of_the_sa_is_named),
		cmocka_unit_test(each_break_of_the_rules_is_named),
		cmocka_unit_test(each_break_of_an_apns_chains_is_named),
		cmocka_unit_test(what_no_wall_stops_is_open),
		cmocka_unit_test(any_text_is_taken),
	};
	return cmocka_run_group_tests_name("verify", tests, enter_namespace, NULL);
}
