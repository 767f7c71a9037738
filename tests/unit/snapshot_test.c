/* What is read from a real kernel, in a network namespace of its own. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/netlink.h"
#include "appliance/isolation/observe.h"
#include "appliance/isolation/plan.h"
#include "appliance/isolation/snapshot.h"
#include "conf/model.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/socket.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void run(const char *line)
{
	assert_int_equal(system(line), 0); /* NOLINT(cert-env33-c): fixed texts */
}

static int enter_namespace(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) < 0)
		return -1;
	run("ip link add culv-x1 type veth peer name other");
	run("ip link set culv-x1 up");
	run("ip link set other up");
	run("ip route add 10.64.0.0/16 nexthop dev other nexthop dev culv-x1");
	run("ip -6 route add fd64::/64 nexthop via fe80::1 dev other nexthop via fe80::2 dev culv-x1");
	run("ip route add 10.65.0.0/16 dev other");
	return 0;
}

static size_t count_routes(const struct snapshot *s, const char *to, const char *out)
{
	struct prefix prefix;
	size_t n = 0;

	assert_int_equal(prefix_parse(to, &prefix), 0);
	for (size_t i = 0; i < s->n_routes; i++)
		n += prefix_equal(&s->routes[i].to, &prefix) && strcmp(snapshot_name(s, s->routes[i].out), out) == 0;
	return n;
}

static void each_way_of_a_route_is_seen(void **state)
{
	struct snapshot s = { 0 };

	(void)state;
	assert_int_equal(snapshot_read(&s), 0);
	assert_int_equal(count_routes(&s, "10.64.0.0/16", "other"), 1);
	assert_int_equal(count_routes(&s, "10.64.0.0/16", "culv-x1"), 1);
	assert_int_equal(count_routes(&s, "fd64::/64", "culv-x1"), 1);
	assert_int_equal(count_routes(&s, "10.65.0.0/16", "other"), 1);
	snapshot_free(&s);
}

static bool observes(const struct plan *p, const char *to)
{
	struct object route = { .kind = OBJECT_ROUTE, .table = RT_TABLE_MAIN, .type = RTN_UNICAST };

	assert_int_equal(prefix_parse(to, &route.prefix), 0);
	if (route.prefix.ip.family == AF_INET6)
		route.value = 1024; /* the kernel's own choice of a metric */
	return plan_has(p, &route);
}

static void a_route_with_one_way_into_a_vrf_is_ours_to_remove(void **state)
{
	struct model m = { 0 };
	struct plan want = { 0 }, have = { 0 };
	struct nl_sock *sk = NULL;

	(void)state;
	assert_int_equal(netlink_open(NETLINK_ROUTE, &sk), 0);
	assert_int_equal(observe(sk, &m, &want, &have), 0);
	assert_true(observes(&have, "10.64.0.0/16"));
	assert_true(observes(&have, "fd64::/64"));
	assert_false(observes(&have, "10.65.0.0/16"));
	plan_free(&have);
	nl_socket_free(sk);
}

/* A program that lets all pass, attached for as long as the descriptor is open; -errno. */
static int attach_program(const char *interface)
{
	struct bpf_insn lets_pass[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT } };
	union bpf_attr load = { .prog_type = BPF_PROG_TYPE_XDP, .insn_cnt = 2 };
	union bpf_attr link = { .link_create = { .target_ifindex = if_nametoindex(interface), .attach_type = BPF_XDP } };

	load.insns = (uintptr_t)lets_pass;
	load.license = (uintptr_t)"GPL";
	long program = syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));
	if (program < 0)
		return -errno;
	link.link_create.prog_fd = (uint32_t)program;
	long attached = syscall(SYS_bpf, BPF_LINK_CREATE, &link, sizeof(link));
	close((int)program);
	return attached < 0 ? -errno : (int)attached;
}

static void a_program_at_the_driver_is_strange(void **state)
{
	struct snapshot s = { 0 };

	(void)state;
	assert_int_equal(snapshot_read(&s), 0);
	assert_null(s.strange);
	snapshot_free(&s);
	int attached = attach_program("other");
	if (attached == -EPERM || attached == -ENOSYS)
		skip(); /* BPF is for root alone */
	assert_true(attached >= 0);
	assert_int_equal(snapshot_read(&s), 0);
	assert_string_equal(s.strange, "a program (XDP) on interface other\n");
	snapshot_free(&s);
	close(attached);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_way_of_a_route_is_seen),
		cmocka_unit_test(a_route_with_one_way_into_a_vrf_is_ours_to_remove),
		cmocka_unit_test(a_program_at_the_driver_is_strange),
	};
	return cmocka_run_group_tests_name("snapshot", tests, enter_namespace, NULL);
}
