/* The last guard over key ages, with a kernel and clocks that the test plays. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/key_age.h"
#include "appliance/daemon/key_mend.h"
#include "appliance/daemon/link_index.h"
#include "appliance/daemon/links.h"
#include "appliance/isolation/sa.h"
#include "appliance/isolation/sa_clock.h"
#include "appliance/isolation/sa_watch.h"
#include "conf/model.h"
#include "ikev2/lifetime.h"
#include "lib/buf.h"
#include "lib/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CEILING = 50, GRACE = LIFETIME_WATCH_GRACE, MANY = 20000 };

static char folder[] = "/tmp/key_age_test.XXXXXX";
static sd_event *event;
static struct key_age *ages;

/* The kernel, in the order of sa_compare(), and one link of if_id 1. */
static struct sa sas[MANY];
static size_t n_sas;
static bool watched;
static int refusal;
static struct buf deleted;

static const struct tunnel tunnel = { .name = (char[]){ "t1" }, .child.ceiling = CEILING };
static const struct apn apn = { .name = (char[]){ "a" } };
static const struct link link_1 = { .tunnel = &tunnel, .if_id = 1 };
static const struct link_entry entry = { .apn = &apn, .link = &link_1 };

const struct link_entry *links_find(const struct links *l, uint32_t if_id)
{
	(void)l;
	return if_id == 1 ? &entry : NULL;
}

struct sa_watch *links_all_sas(const struct links *l)
{
	(void)l;
	return watched ? (struct sa_watch *)&sas : NULL;
}

const struct sa *sa_watch_all(const struct sa_watch *w, size_t *ret_count)
{
	assert_non_null(w);
	*ret_count = n_sas;
	return sas;
}

const struct sa *sa_watch_of(const struct sa_watch *w, uint32_t if_id, size_t *ret_count)
{
	assert_non_null(w);
	*ret_count = 0;
	for (size_t i = 0; i < n_sas; i++)
		*ret_count += sas[i].if_id == if_id;
	for (size_t i = 0; i < n_sas; i++)
		if (sas[i].if_id == if_id)
			return &sas[i];
	return NULL;
}

int sa_watch_delete(struct sa_watch *w, const struct sa *sa)
{
	assert_non_null(w);
	buf_printf(&deleted, "%x;", sa->spi);
	return refusal;
}

void key_mend_add(struct key_mend *m, const struct sa *sa)
{
	(void)m;
	assert_int_equal(sa->if_id, 1);
	assert_int_equal(refusal, 1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec;
}

/* Made so many seconds ago; these must come in order. */
static void add(uint32_t if_id, uint32_t spi, uint64_t age)
{
	sas[n_sas++] = (struct sa){ .if_id = if_id, .spi = spi, .outbound = spi & 1, .added = now() - age };
}

/* Tells of it, and lets the loop run until all that is due has been done. */
static void settle(void)
{
	key_age_changed(ages);
	while (sd_event_run(event, 0) > 0)
		continue;
}

static void assert_deleted(const char *expected)
{
	assert_string_equal(buf_text(&deleted), expected);
	buf_free(&deleted);
}

static int open_ages(void)
{
	if (sd_event_new(&event) < 0 || key_age_new(event, folder, &ages))
		return -1;
	key_age_begin(ages, (struct links *)&sas, NULL);
	return 0;
}

static void close_ages(void)
{
	key_age_free(ages);
	sd_event_unref(event);
}

static int start(void **state)
{
	(void)state;
	alarm(60);
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	n_sas = 0;
	watched = true;
	refusal = 1;
	return mkdtemp(folder) ? open_ages() : -1;
}

static int stop(void **state)
{
	(void)state;
	close_ages();
	buf_free(&deleted);
	return io_remove_tree(folder);
}

static void keys_end_past_the_ceiling_of_their_tunnel(void **state)
{
	(void)state;
	add(1, 0xa0, CEILING + GRACE);
	add(1, 0xa2, CEILING + GRACE - 20);
	add(1, 0xa1, CEILING + GRACE);
	add(1, 0xa3, CEILING + GRACE - 20);
	settle();
	assert_deleted("a0;a1;");
	assert_int_equal(key_age_record(ages).ended, 2);
	assert_in_range(key_age_record(ages).age, 0, 10);
	assert_string_equal(key_age_record(ages).tunnel, "t1");
}

/* No link of ours, or no if_id at all, whoever made it and with whatever lifetime. */
static void keys_of_no_link_end_past_the_default_ceiling(void **state)
{
	(void)state;
	add(0, 0xb0, LIFETIME_CEILING + GRACE);
	add(0, 0xb2, LIFETIME_CEILING);
	add(7, 0xc0, LIFETIME_CEILING + GRACE);
	add(7, 0xc2, LIFETIME_CEILING);
	/* A key that nobody knows the age of is as old as the boot; that is as long ago as it must be here. */
	if (now() < LIFETIME_LIMIT)
		n_sas = 0;
	settle();
	assert_deleted(n_sas ? "b0;c0;" : "");
	if (n_sas)
		assert_null(key_age_record(ages).tunnel);
}

static void the_timer_stands_at_the_next_one(void **state)
{
	(void)state;
	add(1, 0xa0, 0);
	add(1, 0xa2, CEILING + GRACE - 2);
	settle();
	assert_deleted("");
	while (!deleted.len)
		assert_true(sd_event_run(event, UINT64_MAX) >= 0);
	assert_true(now() - sas[1].added >= CEILING + GRACE);
	assert_deleted("a2;");
}

static void what_cannot_be_ended_is_tried_again(void **state)
{
	(void)state;
	refusal = -EPERM;
	add(1, 0xa0, CEILING + GRACE);
	settle();
	assert_deleted("a0;");
	assert_int_equal(key_age_record(ages).ended, 0);
	while (!deleted.len)
		assert_true(sd_event_run(event, UINT64_MAX) >= 0);
	assert_deleted("a0;");
	refusal = 0; /* gone by itself meanwhile */
	while (!deleted.len)
		assert_true(sd_event_run(event, UINT64_MAX) >= 0);
	assert_int_equal(key_age_record(ages).ended, 0);
}

static void unseen_keys_end_when_they_are_seen_again(void **state)
{
	(void)state;
	watched = false;
	add(1, 0xa0, CEILING + GRACE);
	settle();
	assert_deleted("");
	watched = true;
	while (!deleted.len)
		assert_true(sd_event_run(event, UINT64_MAX) >= 0);
	assert_deleted("a0;");
}

static void the_oldest_key_of_a_link_is_told(void **state)
{
	uint64_t age = 0;

	(void)state;
	assert_false(key_age_oldest(ages, 1, &age));
	add(1, 0xa0, 3);
	add(1, 0xa1, 5);
	add(2, 0xa3, 40);
	assert_true(key_age_oldest(ages, 1, &age));
	assert_in_range(age, 5, 15);
}

/* Ten thousand tunnels: what each event costs. */
static void many_are_no_burden(void **state)
{
	struct timespec a, b;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++)
		add(i / 2 + 1, i, 10);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	for (int i = 0; i < 100; i++)
		key_age_changed(ages);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	print_message("%.0f us for each look at %d SAs\n",
		((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / 100e3, MANY);
	settle();
	assert_deleted("");
}

static void the_successor_knows_the_clock(void **state)
{
	struct sa_clock before;
	char path[64];

	(void)state;
	before = *key_age_clock(ages);
	close_ages();
	assert_int_equal(open_ages(), 0);
	assert_int_equal(key_age_clock(ages)->count, before.count);
	assert_int_equal(key_age_clock(ages)->epochs[0].from, before.epochs[0].from);
	close_ages();
	snprintf(path, sizeof(path), "%s/clock", folder);
	assert_int_equal(io_write_file(path, "garbage", 7, 0644), 0);
	assert_int_equal(open_ages(), 0);
	assert_int_equal(key_age_clock(ages)->count, 1);
	assert_true(key_age_clock(ages)->epochs[0].from > before.epochs[0].from);
}

#define with_ages(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_ages(keys_end_past_the_ceiling_of_their_tunnel),
		with_ages(keys_of_no_link_end_past_the_default_ceiling),
		with_ages(the_timer_stands_at_the_next_one),
		with_ages(what_cannot_be_ended_is_tried_again),
		with_ages(unseen_keys_end_when_they_are_seen_again),
		with_ages(the_oldest_key_of_a_link_is_told),
		with_ages(many_are_no_burden),
		with_ages(the_successor_knows_the_clock),
	};

	return cmocka_run_group_tests_name("key_age", tests, NULL, NULL);
}
