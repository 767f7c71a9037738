/* What is read of a real kernel while others change it, in a network namespace of its own. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/netlink.h"
#include "appliance/isolation/observe.h"
#include "appliance/isolation/plan.h"
#include "appliance/isolation/scope.h"
#include "conf/model.h"

#include <linux/rtnetlink.h>
#include <netlink/socket.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	LISTENERS = 1000, /* the kernel tells them all before it goes on; those that came last are told first */
	ROUNDS = 60,
	TABLE = 1001,
	LIMIT = 20 * 1000, /* milliseconds */
};

static struct nl_sock *listeners[LISTENERS], *events, *requests;

static void run(const char *line)
{
	assert_int_equal(system(line), 0); /* NOLINT(cert-env33-c): fixed texts */
}

static int enter_namespace(void **state)
{
	static const int groups[] = { RTNLGRP_IPV4_ROUTE, 0 };
	struct rlimit files;

	(void)state;
	if (unshare(CLONE_NEWNET | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) < 0 || getrlimit(RLIMIT_NOFILE, &files) < 0)
		return -1;
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return -1;
	for (size_t i = 0; i < LISTENERS; i++)
		if (netlink_listen(NETLINK_ROUTE, groups, &listeners[i]) < 0)
			return -1;
	if (netlink_listen(NETLINK_ROUTE, groups, &events) < 0 || netlink_open(NETLINK_ROUTE, &requests) < 0)
		return -1;
	netlink_narrow(requests);
	return 0;
}

static int leave_namespace(void **state)
{
	(void)state;
	for (size_t i = 0; i < LISTENERS; i++)
		nl_socket_free(listeners[i]);
	nl_socket_free(events);
	nl_socket_free(requests);
	return 0;
}

static int pass_over(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return 0;
}

static size_t count_routes(const struct scope *scope)
{
	static const struct model model;
	static const struct plan want;
	struct plan have = { 0 };
	size_t n = 0;

	assert_int_equal(observe_part(requests, &model, scope, &want, &have), 0);
	for (size_t i = 0; i < have.count; i++)
		n += have.objects[i].kind == OBJECT_ROUTE;
	plan_free(&have);
	return n;
}

/* The kernel tells of the deletion first, which shows where we run while it does: with two processors. */
static void a_route_that_is_said_to_go_is_gone(void **state)
{
	struct pollfd told = { .fd = nl_socket_get_fd(events), .events = POLLIN };
	struct scope scope = { 0 };

	(void)state;
	assert_int_equal(scope_add_table(&scope, TABLE), 0);
	for (int i = 0; i < ROUNDS; i++) {
		run("ip route add unreachable default table 1001 metric 7");
		assert_int_equal(netlink_drain(events, pass_over, NULL), 0);
		assert_int_equal(count_routes(&scope), 1);
		pid_t other = fork();
		if (other == 0)
			_exit(system("ip route del unreachable default table 1001 metric 7")); /* NOLINT(cert-env33-c) */
		assert_int_equal(poll(&told, 1, LIMIT), 1);
		assert_int_equal(count_routes(&scope), 0);
		int status;
		assert_int_equal(waitpid(other, &status, 0), other);
		assert_int_equal(status, 0);
		assert_int_equal(netlink_drain(events, pass_over, NULL), 0);
	}
	scope_free(&scope);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_route_that_is_said_to_go_is_gone),
	};
	return cmocka_run_group_tests_name("observe", tests, enter_namespace, leave_namespace);
}
