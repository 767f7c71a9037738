/* The sweeper against a kernel and a charon that the test plays. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/charon.h"
#include "appliance/daemon/links.h"
#include "appliance/daemon/sweep.h"
#include "appliance/isolation/sa.h"
#include "appliance/isolation/sa_watch.h"
#include "lib/buf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static sd_event *event;
static struct sweep *sweep;

/* The kernel: in the order of sa_compare(). Link 1 is known. */
static const struct sa sas[] = {
	{ .if_id = 0, .spi = 1 },
	{ .if_id = 1, .spi = 0xa1 },
	{ .if_id = 1, .spi = 0xb1 },
	{ .if_id = 9, .spi = 0xc1 },
};
static bool watched;
static struct buf deleted;

struct sa_watch *links_sas(const struct links *l)
{
	(void)l;
	return watched ? (struct sa_watch *)&sweep : NULL;
}

bool links_knows(const struct links *l, uint32_t if_id)
{
	(void)l;
	return if_id == 1;
}

const struct sa *sa_watch_all(const struct sa_watch *w, size_t *ret_count)
{
	assert_non_null(w);
	*ret_count = sizeof(sas) / sizeof(sas[0]);
	return sas;
}

int sa_watch_delete(struct sa_watch *w, const struct sa *sa)
{
	assert_non_null(w);
	buf_printf(&deleted, "%x;", sa->spi);
	return 1;
}

/* charon: one question at a time. */
static charon_done_fn asked;
static void *asked_by;

int charon_request(struct charon *c, const char *line, uint64_t limit, charon_done_fn done, void *userdata)
{
	(void)c;
	(void)limit;
	assert_string_equal(line, "report");
	assert_null(asked);
	asked = done;
	asked_by = userdata;
	return 0;
}

/* Waits for the question and answers it. */
static void charon_says(int error, const char *report)
{
	charon_done_fn done;

	while (!asked)
		assert_true(sd_event_run(event, UINT64_MAX) > 0);
	done = asked;
	asked = NULL;
	done(asked_by, error, report);
}

/* No waiting: what is to come in some seconds comes at once. */
int sd_event_source_set_time_relative(sd_event_source *s, uint64_t usec)
{
	(void)usec;
	return sd_event_source_set_time(s, 0);
}

static void assert_deleted(const char *expected)
{
	assert_string_equal(buf_text(&deleted), expected);
	buf_free(&deleted);
}

static int start(void **state)
{
	(void)state;
	alarm(30);
	watched = true;
	asked = NULL;
	return sd_event_new(&event) < 0 || sweep_new(event, NULL, NULL, &sweep) ? -1 : 0;
}

static int stop(void **state)
{
	(void)state;
	sweep_free(sweep);
	sd_event_unref(event);
	buf_free(&deleted);
	return 0;
}

static void what_nobody_knows_goes_at_once(void **state)
{
	(void)state;
	sweep_unknown(sweep);
	assert_deleted("c1;");
}

static void what_is_replaced_goes_and_what_lives_stays(void **state)
{
	(void)state;
	sweep_charon_up(sweep);
	charon_says(0, "child t a 1 000000b1 000000b2 1");
	charon_says(0, "child t a 1 000000b1 000000b2 4");
	assert_deleted("");
	charon_says(0, "child t a 1 000000b1 000000b2 7");
	assert_deleted("a1;");
}

static void while_the_kernel_is_not_seen_nothing_is_forgotten(void **state)
{
	(void)state;
	watched = false;
	sweep_charon_up(sweep);
	charon_says(0, "child t a 1 000000b1 000000b2 1");
	watched = true;
	charon_says(0, "child t a 1 000000b1 000000b2 4");
	watched = false;
	charon_says(0, "child t a 1 000000b1 000000b2 7");
	watched = true;
	charon_says(0, "child t a 1 000000b1 000000b2 10");
	assert_deleted("a1;");
}

static void a_question_without_an_answer_is_put_again(void **state)
{
	(void)state;
	sweep_charon_up(sweep);
	charon_says(-ETIME, "");
	charon_says(0, "garbage");
	charon_says(0, "");
	assert_deleted("");
}

#define with_sweep(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_sweep(what_nobody_knows_goes_at_once),
		with_sweep(what_is_replaced_goes_and_what_lives_stays),
		with_sweep(while_the_kernel_is_not_seen_nothing_is_forgotten),
		with_sweep(a_question_without_an_answer_is_put_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
