/* Whether a tunnel is restarted whose keys culvertd ended, by what a charon says that the test plays. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/charon.h"
#include "appliance/daemon/key_mend.h"
#include "appliance/daemon/links.h"
#include "appliance/daemon/order.h"
#include "appliance/isolation/sa.h"
#include "lib/buf.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static sd_event *event;
static struct key_mend *mend;
static bool up;
static charon_done_fn asked;
static void *asked_by;
static struct buf restarted;
static size_t orders; /* that it has not answered; it does before the next question */
static charon_done_fn ordered;

void links_leave(struct links *l, const char *tunnel)
{
	(void)l;
	buf_printf(&restarted, "leave %s;", tunnel);
}

bool charon_is_up(const struct charon *c)
{
	(void)c;
	return up;
}

int charon_request(struct charon *c, const char *line, uint64_t limit, charon_done_fn done, void *userdata)
{
	(void)c;
	if (strcmp(line, "report") != 0) {
		assert_int_equal(limit, ORDER_LIMIT);
		buf_printf(&restarted, "%s;", line);
		ordered = done;
		orders++;
		return 0;
	}
	assert_null(asked);
	asked = done;
	asked_by = userdata;
	return 0;
}

/* No waiting: what is to come in some seconds comes at once. */
int sd_event_source_set_time_relative(sd_event_source *s, uint64_t usec)
{
	(void)usec;
	return sd_event_source_set_time(s, 0);
}

/* Waits for the question and answers it. */
static void charon_says(int error, const char *report)
{
	charon_done_fn done;

	for (; orders; orders--)
		ordered(mend, 0, "");
	while (!asked)
		assert_true(sd_event_run(event, UINT64_MAX) > 0);
	done = asked;
	asked = NULL;
	done(asked_by, error, report);
}

/* Nothing is remembered any more: the loop comes to rest. */
static void assert_quiet(void)
{
	while (sd_event_run(event, 0) > 0)
		assert_null(asked);
}

static void assert_restarted(const char *expected)
{
	assert_string_equal(buf_text(&restarted), expected);
	buf_free(&restarted);
}

static void lose(uint32_t if_id, uint32_t spi)
{
	struct sa sa = { .if_id = if_id, .spi = spi };

	key_mend_add(mend, &sa);
}

static int start(void **state)
{
	(void)state;
	alarm(30);
	up = true;
	asked = NULL;
	orders = 0;
	return sd_event_new(&event) < 0 || key_mend_new(event, NULL, NULL, &mend) ? -1 : 0;
}

static int stop(void **state)
{
	(void)state;
	key_mend_free(mend);
	sd_event_unref(event);
	buf_free(&restarted);
	return 0;
}

static void a_tunnel_that_charon_holds_on_to_is_restarted_once(void **state)
{
	const char *const report = "child t1 a 1 000000a1 000000b1 9\nchild t2 a 2 000000c1 000000d1 9";

	(void)state;
	lose(1, 0xa1);
	lose(1, 0xb1);
	charon_says(0, report);
	assert_restarted("");
	charon_says(0, report);
	assert_restarted("leave t1;restart t1;");
	charon_says(0, "child t1 a 1 000000e1 000000f1 1\nchild t2 a 2 000000c1 000000d1 9");
	assert_quiet();
	assert_restarted("");
}

/* All keys of all links of a tunnel serve one restart of it. */
static void a_tunnel_of_many_links_is_restarted_once(void **state)
{
	const char *const report = "child t1 a 1 000000a1 000000b1 9\nchild t2 b 2 000000c1 000000d1 9\n"
							   "child t1 c 3 000000e1 000000f1 9";

	(void)state;
	lose(1, 0xa1);
	lose(2, 0xc1);
	lose(3, 0xe1);
	charon_says(0, report);
	charon_says(0, report);
	assert_restarted("leave t1;restart t1;leave t2;restart t2;");
	charon_says(0, "");
	assert_quiet();
}

static void many_tunnels_take_turns(void **state)
{
	struct buf report = { 0 };

	(void)state;
	for (uint32_t i = 1; i <= KEY_MEND_ORDERS + 3; i++) {
		lose(i, i);
		buf_printf(&report, "child t%u a %u %08x %08x 9\n", i, i, i, i + 100);
	}
	charon_says(0, buf_text(&report));
	charon_says(0, buf_text(&report));
	assert_int_equal(orders, KEY_MEND_ORDERS);
	buf_free(&restarted);
	charon_says(0, strstr(buf_text(&report), "child t17 "));
	assert_restarted("leave t17;restart t17;leave t18;restart t18;leave t19;restart t19;");
	charon_says(0, "");
	assert_quiet();
	buf_free(&report);
}

static void one_that_charon_has_ended_itself_is_left_alone(void **state)
{
	(void)state;
	lose(1, 0xa1);
	charon_says(0, "child t1 a 1 000000a1 000000b1 9");
	charon_says(0, "child t1 a 1 000000e1 000000f1 1");
	assert_quiet();
	assert_restarted("");
}

static void a_charon_that_is_stopped_is_asked_until_it_goes_on(void **state)
{
	(void)state;
	lose(1, 0xa1);
	charon_says(-ETIME, "");
	charon_says(-ETIME, "");
	charon_says(0, "garbage");
	charon_says(0, "");
	assert_quiet();
	assert_restarted("");
}

static void one_that_is_gone_has_forgotten(void **state)
{
	(void)state;
	lose(1, 0xa1);
	charon_says(-ENOTCONN, "");
	assert_quiet();
	up = false;
	lose(1, 0xa1);
	assert_quiet();
	assert_restarted("");
}

static void many_are_remembered_up_to_a_bound(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 2 * KEY_MEND_MOST; i++)
		lose(1 + i / 2, i + 1);
	charon_says(0, "child t1 a 1 00000001 00000002 9");
	charon_says(0, "child t1 a 1 00000001 00000002 9");
	assert_restarted("leave t1;restart t1;");
	charon_says(0, "");
	assert_quiet();
}

#define with_mend(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_mend(a_tunnel_that_charon_holds_on_to_is_restarted_once),
		with_mend(a_tunnel_of_many_links_is_restarted_once),
		with_mend(many_tunnels_take_turns),
		with_mend(one_that_charon_has_ended_itself_is_left_alone),
		with_mend(a_charon_that_is_stopped_is_asked_until_it_goes_on),
		with_mend(one_that_is_gone_has_forgotten),
		with_mend(many_are_remembered_up_to_a_bound),
	};

	return cmocka_run_group_tests_name("key_mend", tests, NULL, NULL);
}
