/* Which link is used: events in time, and what follows. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/steering.h"
#include "appliance/isolation/carrying.h"
#include "conf/model.h"
#include "lib/buf.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define SECOND UINT64_C(1000000)

/* One APN on three tunnels, in order of preference a, b, c; hold-down 30 s. */
static char names[3][2] = { "a", "b", "c" };
static struct tunnel tunnels[3];
static struct link links[3];
static struct apn apn;
static struct model model;

static void make_model(void)
{
	for (uint32_t i = 0; i < 3; i++) {
		tunnels[i] = (struct tunnel){ .name = names[i] };
		links[i] = (struct link){ .tunnel = &tunnels[i], .if_id = i + 1 };
	}
	apn = (struct apn){ .links = links, .n_links = 3, .hold_down = 30 };
	model = (struct model){ .apns = &apn, .n_apns = 1 };
}

/* The links of these letters have SAs; a letter for each pair of selectors that has one. */
static void carry(struct steering *s, const char *letters, uint64_t now)
{
	struct carrying c = { 0 };

	for (const char *l = letters; *l; l++)
		assert_int_equal(carrying_add(&c, (uint32_t)(*l - 'a') + 1), 0);
	steering_carry(s, &c, now);
	carrying_free(&c);
}

/* "a0 b2", the one in use in capitals. */
static void assert_ranks(struct steering *s, uint64_t now, const char *expected)
{
	struct carrying c = { 0 };
	char text[64] = "";
	size_t len = 0;

	assert_int_equal(steering_rank(s, now, &c), 0);
	for (size_t i = 0; i < c.count; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%c%u", i ? " " : "",
			(char)((steering_find(s, c.links[i].if_id)->used ? 'A' : 'a') + (char)c.links[i].if_id - 1),
			c.links[i].rank);
	carrying_free(&c);
	assert_string_equal(text, expected);
}

/* What happens to one link at a time; each row is followed by what is used then. */
enum event { SAS, SILENT, HEARD, LOST, ANSWERED, WAIT };

static const struct step {
	unsigned at; /* seconds */
	enum event event;
	const char *links; /* with SAS: all that have one */
	const char *ranks;
} loss[] = {
	{ 0, WAIT, "", "" },
	{ 1, SAS, "b", "B0" },
	{ 2, SAS, "ab", "A0 b0" }, /* never failed: not held down */
	{ 3, SAS, "b", "B0" },
	{ 4, SAS, "abc", "a1 B0 c0" },
	{ 33, WAIT, "", "a1 B0 c0" },
	{ 34, WAIT, "", "A0 b0 c0" },
	{ 35, SAS, "", "" },
	{ 36, SAS, "ab", "A0 b0" }, /* both are held down: the order holds */
},
  silence[] = {
	  { 0, SAS, "ab", "A0 b0" },
	  { 1, SILENT, "a", "a2 B0" },
	  { 2, SILENT, "b", "A0 b0" }, /* nothing better carries */
	  { 3, HEARD, "b", "a1 B0" },
	  { 4, HEARD, "a", "A0 b0" },
	  { 5, SILENT, "a", "a1 B0" }, /* a held one comes before a suspect one */
	  { 6, SAS, "a", "A0" },
	  { 7, SAS, "ab", "a1 B0" },
	  { 8, SAS, "b", "B0" },
	  { 9, SAS, "ab", "a1 B0" }, /* new SAs, but it still does not answer */
	  { 10, HEARD, "a", "A0 b0" },
	  { 50, SILENT, "c", "A0 b0" },
	  { 51, SAS, "bc", "B0 c1" },
},
  probes[] = {
	  { 0, SAS, "ab", "A0 b0" },
	  { 1, ANSWERED, "b", "A0 b0" }, /* a is not probed yet: nothing is held against it */
	  { 2, LOST, "a", "a2 B0" },
	  { 3, LOST, "b", "A0 b0" },
	  { 4, ANSWERED, "a", "A0 b1" },
	  { 5, ANSWERED, "b", "A0 b0" },
	  { 40, WAIT, "", "A0 b0" },
	  { 41, LOST, "b", "A0 b2" },
	  { 42, SAS, "a", "A0" },
	  { 43, SAS, "ab", "A0 b1" }, /* nothing was sent over the new SAs yet */
},
  relapses[] = {
	  { 0, SAS, "ab", "A0 b0" },
	  { 10, SILENT, "a", "a2 B0" },
	  { 11, HEARD, "a", "a1 B0" },
	  { 20, SILENT, "a", "a2 B0" }, /* during the hold-down */
	  { 21, HEARD, "a", "a1 B0" },
	  { 80, WAIT, "", "a1 B0" },
	  { 81, WAIT, "", "A0 b0" },
	  { 90, SILENT, "a", "a2 B0" }, /* soon after it */
	  { 91, HEARD, "a", "a1 B0" },
	  { 210, WAIT, "", "a1 B0" },
	  { 211, WAIT, "", "A0 b0" },
	  { 511, SILENT, "a", "a2 B0" }, /* long after it */
	  { 512, HEARD, "a", "a1 B0" },
	  { 542, WAIT, "", "A0 b0" },
};

static void take_step(struct steering *s, const struct step *step)
{
	uint64_t now = (uint64_t)step->at * SECOND;

	if (step->event == SAS)
		carry(s, step->links, now);
	for (const char *l = step->links; *l && step->event != SAS; l++) {
		struct steered *link = steering_find(s, (uint32_t)(*l - 'a') + 1);

		if (step->event == SILENT || step->event == HEARD)
			steering_silence(s, link->link->tunnel->name, step->event == SILENT, now);
		else
			steering_probe(link, true, step->event == ANSWERED, step->event == LOST ? 2 : 0, step->event == LOST, now);
	}
}

static void play(const struct step *steps, size_t n)
{
	struct steering s = { 0 };

	make_model();
	assert_int_equal(steering_use(&s, &model), 0);
	for (size_t i = 0; i < n; i++) {
		take_step(&s, &steps[i]);
		assert_ranks(&s, (uint64_t)steps[i].at * SECOND, steps[i].ranks);
	}
	steering_free(&s);
}

#define PLAY(name)                                                                                                     \
	static void plays_##name(void **state)                                                                             \
	{                                                                                                                  \
		(void)state;                                                                                                   \
		play(name, sizeof(name) / sizeof(*(name)));                                                                    \
	}
PLAY(loss)
PLAY(silence)
PLAY(probes)
PLAY(relapses)

static void hold_down_grows_no_further(void **state)
{
	struct steering s = { 0 };
	uint64_t now = 0;

	(void)state;
	make_model();
	assert_int_equal(steering_use(&s, &model), 0);
	carry(&s, "ab", now);
	for (int i = 0; i < 100; i++) {
		steering_silence(&s, "a", true, now += SECOND);
		steering_silence(&s, "a", false, now += SECOND);
	}
	assert_int_equal(steering_next(&s, now) - now, SECOND * 16 * 30);
	apn.hold_down = 0;
	steering_silence(&s, "a", true, now += SECOND);
	steering_silence(&s, "a", false, now);
	assert_ranks(&s, now, "A0 b0");
	assert_int_equal(steering_next(&s, now), UINT64_MAX);
	steering_free(&s);
}

static void a_link_that_never_answered_waits(void **state)
{
	struct steering s = { 0 };

	(void)state;
	make_model();
	assert_int_equal(steering_use(&s, &model), 0);
	carry(&s, "ab", 0);
	steering_probe(steering_find(&s, 1), true, false, 0, false, 0);
	steering_probe(steering_find(&s, 2), true, false, 0, false, 0);
	assert_ranks(&s, 0, "A0 b0");
	steering_probe(steering_find(&s, 2), true, true, 0, false, 0);
	assert_ranks(&s, 0, "a1 B0");
	steering_probe(steering_find(&s, 1), true, true, 0, false, 0);
	assert_ranks(&s, 0, "A0 b0");
	steering_free(&s);
}

/* What is known of links goes with their if_ids. */
static void another_model_keeps_what_is_known(void **state)
{
	struct link turned[2];
	struct apn other_apn;
	struct model other;
	struct steering s = { 0 };

	(void)state;
	make_model();
	assert_int_equal(steering_use(&s, &model), 0);
	carry(&s, "abc", 0);
	steering_silence(&s, "b", true, SECOND);
	assert_ranks(&s, SECOND, "A0 b2 c0");
	turned[0] = links[2];
	turned[1] = links[1];
	other_apn = (struct apn){ .links = turned, .n_links = 2, .hold_down = 30 };
	other = (struct model){ .apns = &other_apn, .n_apns = 1 };
	assert_int_equal(steering_use(&s, &other), 0);
	memset(links, 0xff, sizeof(links));
	assert_null(steering_find(&s, 1));
	assert_ranks(&s, 2 * SECOND, "b2 C0");
	assert_int_equal(steering_use(&s, NULL), 0);
	assert_ranks(&s, 2 * SECOND, "");
	steering_free(&s);
}

static void assert_reason(const struct steering *s, uint32_t if_id, uint64_t now, const char *expected)
{
	struct buf reason = { 0 };

	steering_reason(steering_find(s, if_id), now, &reason);
	assert_string_equal(buf_text(&reason), expected);
	buf_free(&reason);
}

static void says_why(void **state)
{
	struct steering s = { 0 };

	(void)state;
	make_model();
	assert_int_equal(steering_use(&s, &model), 0);
	assert_reason(&s, 1, 0, "no SA");
	carry(&s, "a", 0);
	assert_reason(&s, 1, 0, "");
	steering_probe(steering_find(&s, 1), true, false, 0, false, 0);
	assert_reason(&s, 1, 0, "no probe was answered yet");
	steering_probe(steering_find(&s, 1), true, true, 3, true, SECOND);
	assert_reason(&s, 1, SECOND, "probe: the last 3 unanswered");
	steering_silence(&s, "a", true, SECOND);
	assert_reason(&s, 1, 3 * SECOND, "peer does not answer since 2 s; probe: the last 3 unanswered");
	steering_probe(steering_find(&s, 1), true, true, 0, false, 3 * SECOND);
	assert_reason(&s, 1, 3 * SECOND, "peer does not answer since 2 s");
	steering_silence(&s, "a", false, 4 * SECOND);
	assert_reason(&s, 1, 9 * SECOND + 1, "held down for 25 s more");
	steering_free(&s);
}

/* Two cloud prefixes and a pool of each family: two pairs, as IPv4 goes with IPv4. */
static struct prefix clouds[] = { { .ip.family = AF_INET }, { .ip.family = AF_INET6 } };
static struct prefix pools[] = { { .ip.family = AF_INET6 }, { .ip.family = AF_INET } };

static void make_pairs(void)
{
	make_model();
	for (size_t i = 0; i < 2; i++) {
		links[i].local = clouds;
		links[i].remote = pools;
		links[i].n_local = links[i].n_remote = 2;
		links[i].each_pair = true;
	}
}

static void a_pair_without_sa_counts_in_time(void **state)
{
	const uint64_t patience = STEERING_PARTIAL * SECOND;
	struct steering s = { 0 };

	(void)state;
	make_pairs();
	assert_int_equal(steering_use(&s, &model), 0);
	carry(&s, "abb", SECOND);
	assert_ranks(&s, SECOND, "A0 b0");
	assert_int_equal(steering_next(&s, SECOND), SECOND + patience);
	carry(&s, "aabb", 2 * SECOND);
	assert_int_equal(steering_next(&s, 2 * SECOND), UINT64_MAX);
	assert_ranks(&s, 100 * SECOND, "A0 b0");
	carry(&s, "abb", 100 * SECOND);
	assert_ranks(&s, 100 * SECOND + patience - 1, "A0 b0");
	assert_int_equal(steering_next(&s, 101 * SECOND), 100 * SECOND + patience);
	assert_ranks(&s, 100 * SECOND + patience, "a2 B0");
	assert_int_equal(steering_next(&s, 100 * SECOND + patience), UINT64_MAX);
	assert_reason(&s, 1, 112 * SECOND, "SAs for 1 of 2 pairs of selectors only, since 12 s");
	carry(&s, "ab", 120 * SECOND);
	assert_ranks(&s, 120 * SECOND + patience, "A0 b0"); /* both are alike */
	carry(&s, "aab", 140 * SECOND);
	assert_ranks(&s, 140 * SECOND, "A0 b1"); /* held down is better than suspect */
	carry(&s, "b", 150 * SECOND);
	assert_ranks(&s, 150 * SECOND, "B0"); /* nothing better carries */
	steering_free(&s);
}

/* However long that takes: many pairs come up one after the other. */
static void a_link_that_comes_up_is_waited_for(void **state)
{
	char letters[] = "aaaaaaaa";
	struct steering s = { 0 };

	(void)state;
	make_pairs();
	links[0].remote = clouds;
	links[0].local = (struct prefix[]){ clouds[0], clouds[0], clouds[0], clouds[0], clouds[0], clouds[0], clouds[0] };
	links[0].n_local = sizeof(letters) - 2;
	assert_int_equal(steering_use(&s, &model), 0);
	for (size_t n = sizeof(letters) - 2; n > 0; n--) {
		uint64_t now = (sizeof(letters) - n) * (STEERING_PARTIAL - 1) * SECOND;

		carry(&s, letters + n, now);
		assert_int_equal(steering_state(steering_find(&s, 1), now), STEERING_GOOD);
	}
	steering_free(&s);
}

/* Those that a reload adds come up after it, however long the link was whole. */
static void more_pairs_are_waited_for(void **state)
{
	const uint64_t patience = STEERING_PARTIAL * SECOND;
	struct steering s = { 0 };

	(void)state;
	make_pairs();
	links[0].n_remote = links[1].n_remote = 1;
	assert_int_equal(steering_use(&s, &model), 0);
	carry(&s, "ab", SECOND);
	links[0].n_remote = links[1].n_remote = 2;
	assert_int_equal(steering_use(&s, &model), 0);
	carry(&s, "ab", 100 * SECOND);
	assert_ranks(&s, 100 * SECOND, "A0 b0");
	assert_int_equal(steering_next(&s, 100 * SECOND), 100 * SECOND + patience);
	carry(&s, "abb", 101 * SECOND);
	assert_ranks(&s, 100 * SECOND + patience, "a2 B0");
	steering_free(&s);
}

static void flaps_leave_no_memory(void **state)
{
	struct steering s = { 0 };
	size_t before = 0;

	(void)state;
	make_model();
	assert_int_equal(steering_use(&s, &model), 0);
	for (int i = 0; i < 1001; i++) {
		uint64_t now = (uint64_t)i * 10 * SECOND;

		if (i == 1)
			before = mallinfo2().uordblks;
		carry(&s, "b", now);
		assert_ranks(&s, now, "B0");
		carry(&s, "ab", now + SECOND);
		assert_ranks(&s, now + SECOND, i ? "a1 B0" : "A0 b0");
		assert_int_equal(steering_use(&s, &model), 0);
	}
	assert_int_equal(mallinfo2().uordblks, before);
	steering_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plays_loss),
		cmocka_unit_test(plays_silence),
		cmocka_unit_test(plays_probes),
		cmocka_unit_test(plays_relapses),
		cmocka_unit_test(hold_down_grows_no_further),
		cmocka_unit_test(a_link_that_never_answered_waits),
		cmocka_unit_test(another_model_keeps_what_is_known),
		cmocka_unit_test(says_why),
		cmocka_unit_test(a_pair_without_sa_counts_in_time),
		cmocka_unit_test(a_link_that_comes_up_is_waited_for),
		cmocka_unit_test(more_pairs_are_waited_for),
		cmocka_unit_test(flaps_leave_no_memory),
	};

	return cmocka_run_group_tests_name("steering", tests, NULL, NULL);
}
