/*
 * The kernel's side of N APNs, with clocks. Runs in the lab machine as root, each call in a network namespace of its
 * own that stays until the machine ends: the kernel takes long to take one down, and would do so under the next call.
 *   apn setup N       N APNs from nothing
 *   apn ip N          the same objects by ip -batch and nft -f
 *   apn first N       the first APN, where there are interfaces for N + 1
 *   apn change N      one more than N
 *   apn drift N       of N, one thing of each kind changed by hand, until it is back: a line each
 * Prints the seconds it took, the CPU seconds, and where the namespace is.
 */
#include "appliance/isolation/carrying.h"
#include "appliance/isolation/drift.h"
#include "appliance/isolation/isolation.h"
#include "appliance/isolation/nft.h"
#include "appliance/isolation/nft_delta.h"
#include "appliance/isolation/plan.h"
#include "appliance/isolation/report.h"
#include "appliance/isolation/scope.h"
#include "conf/conf.h"
#include "conf/ids.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/diag.h"

#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SETTLE = 2 }; /* seconds for the kernel to end what goes on behind a change */

static char keep[64]; /* the namespace we are in */

struct apns {
	struct model *model;
	struct carrying carrying; /* all links */
};

__attribute__((noreturn)) static void die(const char *what, const char *why)
{
	fprintf(stderr, "apn: %s: %s\n", what, why);
	exit(1);
}

static void write_tunnels(unsigned n, struct buf *out)
{
	buf_puts(out, "gateway = { name = \"gw\"; outer = { interface = \"outer0\"; address = \"192.0.2.1\"; }; };\n"
				  "carriers = ( { name = \"c\"; local_id = \"192.0.2.1\"; psk_file = \"c.psk\"; tunnels = (\n");
	for (unsigned i = 0; i < n; i++)
		buf_printf(out, "%s{ name = \"t%u\"; peer = \"198.18.%u.%u\"; }\n", i > 0 ? "," : "", i, i / 200, i % 200 + 1);
	buf_puts(out, "); } );\n");
}

/* Each APN has a tunnel, a pool, a cloud interface, a service and a downlink of its own. */
static void write_apn(unsigned i, struct buf *out)
{
	char cloud[32];

	snprintf(cloud, sizeof(cloud), "172.%u.%u", 16 + i / 256, i % 256);
	buf_printf(out, "%s{ name = \"a%u\"; pool = [ \"10.%u.%u.0/24\" ]; tunnels = [ \"t%u\" ];\n", i > 0 ? "," : "", i,
		i / 256, i % 256, i);
	buf_printf(out,
		"cloud = { attach = \"dedicated\"; interface = \"cloud%u\"; address = \"%s.4/24\"; prefixes = [ \"%s.0/24\" ]; "
		"};\n",
		i, cloud, cloud);
	buf_printf(out, "services = ( { name = \"s\"; host = \"%s.5\"; udp = [ 5684 ]; } );\n", cloud);
	buf_printf(out, "downlink = ( { name = \"d\"; host = \"%s.5\"; udp = [ 5683 ]; } ); }\n", cloud);
}

static struct apns make_apns(unsigned n)
{
	struct diag_list diags = { 0 };
	struct apns apns = { 0 };
	struct buf text = { 0 };
	struct ids *ids = NULL;

	write_tunnels(n, &text);
	buf_puts(&text, "apns = (\n");
	for (unsigned i = 0; i < n; i++)
		write_apn(i, &text);
	buf_puts(&text, ");\n");
	if (conf_load_text(buf_text(&text), text.len, "bench", &diags, &apns.model) < 0)
		die("the configuration", diags.count > 0 ? diags.items[0].text : "no memory");
	if (ids_load("/nonexistent", &ids) < 0 || ids_assign(ids, apns.model) < 0)
		die("numbers", "no memory");
	for (size_t i = 0; i < n; i++)
		if (carrying_add(&apns.carrying, apns.model->apns[i].links[0].if_id) < 0)
			die("links", "no memory");
	ids_free(ids);
	buf_free(&text);
	return apns;
}

static void run(const char *command)
{
	if (system(command) != 0)
		die(command, "failed");
}

/* A namespace that outlives us, with what a machine has before Culvert comes. */
static void make_machine(unsigned interfaces)
{
	static unsigned made;

	if (unshare(CLONE_NEWNET) < 0)
		die("namespace", "not root?");
	snprintf(keep, sizeof(keep), "/run/apn.%d.%u", (int)getpid(), ++made);
	FILE *file = fopen(keep, "w");
	if (!file || fclose(file) != 0 || mount("/proc/self/ns/net", keep, NULL, MS_BIND, NULL) < 0)
		die(keep, "cannot be mounted");
	run("modprobe -a vrf xfrm_interface && modprobe dummy numdummies=0");
	FILE *ip = popen("ip -batch -", "w");
	if (!ip)
		die("ip", "cannot be run");
	fprintf(ip, "link set lo up\nlink add outer0 up type dummy\naddress add 192.0.2.1/24 dev outer0\n");
	for (unsigned i = 0; i < interfaces; i++)
		fprintf(ip, "link add cloud%u type dummy\n", i);
	if (pclose(ip) != 0)
		die("ip", "failed");
	run("udevadm settle");
	sleep(SETTLE);
}

static double wall(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void check(int r, struct report *report)
{
	if (r < 0 || report->count > 0)
		die("isolation", report->count > 0 ? report->entries[0].text : "failed");
	report_free(report);
}

/* Both halves of a reload, as culvertd calls them. */
static void use(struct isolation *i, const struct apns *apns, bool say)
{
	struct report report = { 0 };
	double began = wall(), used = cpu(RUSAGE_SELF);

	check(isolation_prepare(i, NULL, apns->model, &report), &report);
	check(isolation_apply(i, apns->model, &apns->carrying, &report), &report);
	if (say)
		printf("%.4f %.4f %s\n", wall() - began, cpu(RUSAGE_SELF) - used, keep);
}

static struct isolation *begin(unsigned interfaces)
{
	struct report report = { 0 };
	struct isolation *i = NULL;

	make_machine(interfaces);
	if (isolation_open(&i) < 0)
		die("isolation", "cannot be opened");
	check(isolation_close_walls(i, &report), &report);
	return i;
}

static void setup(unsigned n)
{
	struct apns apns = make_apns(n);

	use(begin(n), &apns, true);
}

static void first(unsigned n)
{
	struct apns apns = make_apns(1);

	/* Once for practice, elsewhere: the other side is no beginner either. */
	use(begin(1), &apns, false);
	use(begin(n + 1), &apns, true);
}

/* The look that follows every change has been before the next one comes. */
static void change(unsigned n)
{
	struct apns before = make_apns(n), after = make_apns(n + 1);
	struct isolation *i = begin(n + 1);
	struct report report = { 0 };

	use(i, &before, false);
	sleep(SETTLE);
	isolation_doubt(i);
	check(isolation_follow(i, before.model, &before.carrying, &report), &report);
	use(i, &after, true);
}

/* What the last hand did is noticed and put back. */
static void repair(struct isolation *i, const struct apns *apns, const char *hand)
{
	struct report report = { 0 };

	run(hand);
	double began = wall(), used = cpu(RUSAGE_SELF);
	if (isolation_process(i) < 0 || !isolation_suspects(i))
		die(hand, "is not noticed");
	check(isolation_follow(i, apns->model, &apns->carrying, &report), &report);
	const struct drifts *found = isolation_drifts(i);
	if (found->count == 0 || !found->items[0].repaired)
		die(hand, "is not repaired");
	printf("%.4f %.4f %s\n", wall() - began, cpu(RUSAGE_SELF) - used, hand);
	sleep(1); /* no event tells that none follows */
	/* What the repair itself set off may call for another look, not for more. */
	isolation_doubt(i);
	check(isolation_follow(i, apns->model, &apns->carrying, &report), &report);
	if (isolation_drifts(i)->count > 0 || isolation_process(i) < 0 || isolation_suspects(i))
		die(hand, "there is no end of it");
}

static void drift(unsigned n)
{
	static const char *const hands[] = {
		"ip route del 10.0.3.0/24 dev culv-x4 table 1004",
		"ip rule del pref 1000",
		"ip address del 172.16.3.4/24 dev cloud3",
		"ip link set culv-x4 down",
		"ip link del culv-x4",
		"ip link del culv-v1004",
		"nft flush chain inet culvert from_device",
		"nft delete element inet culvert path '{ \"culv-x4\" . \"cloud3\" }'",
		"nft flush ruleset",
	};
	struct apns apns = make_apns(n);
	struct isolation *i = begin(n);
	struct report report = { 0 };

	use(i, &apns, false);
	sleep(SETTLE);
	isolation_doubt(i);
	check(isolation_follow(i, apns.model, &apns.carrying, &report), &report);
	double began = wall(), used = cpu(RUSAGE_SELF);
	isolation_doubt(i);
	check(isolation_follow(i, apns.model, &apns.carrying, &report), &report);
	printf("%.4f %.4f (a look at all)\n", wall() - began, cpu(RUSAGE_SELF) - used);
	for (size_t k = 0; k < sizeof(hands) / sizeof(*hands); k++)
		repair(i, &apns, hands[k]);
}

/* The other way round: how long a reload holds culvertd up that takes as many away. */
static void take_away(unsigned n)
{
	struct apns before = make_apns(n + 1), after = make_apns(1);
	struct isolation *i = begin(n + 1);

	use(i, &before, false);
	sleep(SETTLE);
	use(i, &after, true);
}

/* One line of ip -batch for what follows the first word of a printed object: "link add culv-v1 type vrf table 1". */
static void print_addition(const struct object *o, const char *extra, FILE *out)
{
	struct buf text = { 0 };

	object_print(o, &text);
	size_t word = strcspn(buf_text(&text), " ");
	fprintf(out, "%.*s add%s%s\n", (int)word, buf_text(&text), buf_text(&text) + word, extra);
	buf_free(&text);
}

static void print_kind(const struct plan *p, enum object_kind kind, bool refusals, FILE *out)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->objects[i].kind == kind && (kind != OBJECT_ROUTE || (p->objects[i].type != RTN_UNICAST) == refusals))
			print_addition(&p->objects[i], "", out);
}

static void print_rules(const struct plan *p, int family, FILE *out)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->objects[i].kind == OBJECT_RULE && p->objects[i].prefix.ip.family == family)
			fprintf(out, "rule add pref %u %s\n", p->objects[i].value,
				p->objects[i].table == 0 ? "l3mdev protocol kernel" : "lookup local");
}

/* The shortest way there is: an XFRM interface with MTU and VRF in one line, a cloud interface in its VRF and up. */
static void print_links(const struct plan *p, FILE *out)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct object *o = &p->objects[i];
		const struct object *member = scope_find(p, OBJECT_MASTER, o->name);
		if (o->kind == OBJECT_XFRM)
			fprintf(out, "link add %s mtu %u master %s type xfrm dev lo if_id %u\n", o->name, PLAN_XFRM_MTU,
				member->master, o->value);
		else if (o->kind == OBJECT_UP && member && !plan_is_ours(o->name))
			fprintf(out, "link set %s master %s up\n", o->name, member->master);
		else if (o->kind == OBJECT_UP)
			fprintf(out, "link set %s up\n", o->name);
	}
}

static FILE *create(const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file)
		die(path, "cannot be written");
	return file;
}

static void write_files(const struct apns *apns)
{
	struct buf text = { 0 }, gathered = { 0 };
	struct plan plan = { 0 };

	if (plan_build(apns->model, &apns->carrying, &plan) < 0 || nft_render(apns->model, &text) < 0 ||
		nft_gather(buf_text(&text), &gathered) < 0)
		die("plan", "failed");
	FILE *ip = create("/tmp/apn.ip"), *ip6 = create("/tmp/apn.ip6"), *nft = create("/tmp/apn.nft");
	print_rules(&plan, AF_INET, ip);
	print_rules(&plan, AF_INET6, ip6);
	print_kind(&plan, OBJECT_VRF, false, ip);
	print_kind(&plan, OBJECT_ROUTE, true, ip);
	print_links(&plan, ip);
	print_kind(&plan, OBJECT_ADDRESS, false, ip);
	print_kind(&plan, OBJECT_ROUTE, false, ip);
	fputs(buf_text(&gathered), nft);
	if (fclose(ip) != 0 || fclose(ip6) != 0 || fclose(nft) != 0)
		die("/tmp/apn.*", "cannot be written");
	plan_free(&plan);
	buf_free(&text);
	buf_free(&gathered);
}

static void by_ip(unsigned n)
{
	struct apns apns = make_apns(n);

	write_files(&apns);
	isolation_free(begin(n));
	double began = wall(), used = cpu(RUSAGE_CHILDREN);
	run("nft -f /tmp/apn.nft");
	run("ip -6 -batch /tmp/apn.ip6");
	run("ip -batch /tmp/apn.ip");
	printf("%.4f %.4f %s\n", wall() - began, cpu(RUSAGE_CHILDREN) - used, keep);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*measure)(unsigned n);
	} verbs[] = { { "setup", setup }, { "ip", by_ip }, { "first", first }, { "change", change }, { "drift", drift },
		{ "remove", take_away } };

	for (size_t i = 0; argc == 3 && i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(argv[1], verbs[i].name) != 0)
			continue;
		verbs[i].measure((unsigned)strtoul(argv[2], NULL, 10));
		return fflush(stdout) == 0 ? 0 : 1;
	}
	fprintf(stderr, "usage: apn setup|ip|first|change|drift|remove N\n");
	return 2;
}
