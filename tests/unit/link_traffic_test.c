/* The counters of links, from a kernel: interfaces by their names, in a network namespace of our own. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/link_traffic.h"
#include "appliance/isolation/traffic.h"
#include "lib/buf.h"

#include <endian.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct link_traffic *traffic;
static struct buf seen;
static bool alone; /* in a namespace of our own, where interfaces may be made */

static int start(void **state)
{
	(void)state;
	alone = !unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWNET : CLONE_NEWNET);
	return link_traffic_open(&traffic);
}

static int stop(void **state)
{
	(void)state;
	link_traffic_close(traffic);
	buf_free(&seen);
	return 0;
}

static void note(void *userdata, uint32_t if_id, const struct traffic *t)
{
	(void)userdata;
	buf_printf(&seen, "%u out %u in %u;", if_id, (unsigned)t->out, (unsigned)t->in);
}

static void assert_read(const char *expected)
{
	buf_free(&seen);
	assert_int_equal(link_traffic_read(traffic, note, NULL), 0);
	assert_string_equal(seen.len ? buf_text(&seen) : "", expected);
}

static void command(const char *line)
{
	assert_int_equal(system(line), 0); /* NOLINT(cert-env33-c): fixed texts */
}

static void send_over(const char *interface)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htobe16(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex(interface),
		.sll_halen = ETH_ALEN,
	};
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(sendto(fd, "packet", 6, 0, (const struct sockaddr *)&to, sizeof(to)), 6);
	close(fd);
}

static void links_are_known_by_their_names(void **state)
{
	(void)state;
	if (!alone)
		skip(); /* no network namespace of its own: that takes root, or a user namespace */
	assert_read("");
	command("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
	command("ip link add culv-x7 type veth peer name far && ip link set culv-x7 up && ip link set far up");
	command("ip link add culv-v7 type veth peer name culv-x7x");
	assert_read("7 out 0 in 0;");
	send_over("culv-x7");
	send_over("culv-x7");
	send_over("far");
	assert_read("7 out 2 in 1;");
	/* Another one in its place, and one more. */
	command("ip link del culv-x7");
	assert_read("");
	command("ip link add culv-x7 type veth peer name culv-x999999999");
	buf_free(&seen);
	assert_int_equal(link_traffic_read(traffic, note, NULL), 0);
	assert_non_null(strstr(buf_text(&seen), "7 out 0 in 0;"));
	assert_non_null(strstr(buf_text(&seen), "999999999 out 0 in 0;"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_are_known_by_their_names),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
