/* Who is asked and who counts as silent, against counters and a charon that the test plays. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/charon.h"
#include "appliance/daemon/peers_alive.h"
#include "appliance/isolation/link_traffic.h"
#include "appliance/isolation/traffic.h"
#include "conf/model.h"
#include "lib/buf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MANY = 5000, AT_ONCE = 2000, A_SECOND = 500 };

static sd_event *event;
static struct peers_alive *peers;
static struct buf told;

/* The counters; in[i] and out[i] grow by these with each reading of link i + 1. */
static struct traffic counters[MANY];
static unsigned out[MANY], in[MANY];
static size_t n_links;
static unsigned readings;

int link_traffic_open(struct link_traffic **ret)
{
	*ret = (struct link_traffic *)&counters;
	return 0;
}

int link_traffic_read(struct link_traffic *t, link_traffic_fn fn, void *userdata)
{
	assert_ptr_equal(t, &counters);
	for (size_t i = 0; i < n_links; i++) {
		counters[i].out += out[i];
		counters[i].in += in[i];
		fn(userdata, (uint32_t)i + 1, &counters[i]);
	}
	fn(userdata, 4000, &(struct traffic){ .out = ++readings });
	return 0;
}

void link_traffic_close(struct link_traffic *t)
{
	(void)t;
}

/* charon: two connections, on one of which it is asked while the other one watches. */
static const struct charon *const asking = (const struct charon *)&event;
static const struct charon *const watching = (const struct charon *)&told;
static bool up;
static struct buf asked;
static charon_state_fn state_fn;
static charon_done_fn watch_done;
static void *watcher;
static struct {
	charon_done_fn done;
	void *userdata;
} questions[MANY];
static size_t n_questions;
static size_t room;

int charon_open_beside(const struct charon *c, charon_state_fn fn, void *userdata, struct charon **ret)
{
	assert_ptr_equal(c, asking);
	state_fn = fn;
	watcher = userdata;
	*ret = (struct charon *)(uintptr_t)watching;
	return 0;
}

void charon_close(struct charon *c)
{
	assert_ptr_equal(c, watching);
}

bool charon_is_up(const struct charon *c)
{
	(void)c;
	return up;
}

int charon_request(struct charon *c, const char *line, uint64_t limit, charon_done_fn done, void *userdata)
{
	(void)limit;
	if (c == watching) {
		assert_string_equal(line, "watch");
		assert_null(watch_done);
		watch_done = done;
		return 0;
	}
	if (n_questions == room)
		return -ENOBUFS;
	buf_printf(&asked, "%s;", line);
	questions[n_questions].done = done;
	questions[n_questions++].userdata = userdata;
	return 0;
}

static void charon_tells(int error, const char *answer)
{
	charon_done_fn done = watch_done;

	assert_non_null(done);
	watch_done = NULL;
	done(watcher, error, answer);
}

static void charon_takes_questions(void)
{
	size_t n = n_questions;

	n_questions = 0;
	for (size_t i = 0; i < n; i++)
		questions[i].done(questions[i].userdata, 0, "");
}

static void on_peer(void *userdata, const char *tunnel, bool silent)
{
	(void)userdata;
	buf_printf(&told, "%s %s;", tunnel, silent ? "silent" : "alive");
}

/* Two APNs: the first one has links 1 and 2 over a and b, the second one has link 3 over c. */
static struct tunnel tunnels[] = { { .name = (char[]){ "a" } }, { .name = (char[]){ "b" } },
	{ .name = (char[]){ "c" } } };
static struct carrier carrier = { .tunnels = tunnels, .n_tunnels = 3 };
static struct link links_of_first[] = { { .tunnel = &tunnels[0], .if_id = 1 }, { .tunnel = &tunnels[1], .if_id = 2 } };
static struct link links_of_second[] = { { .tunnel = &tunnels[2], .if_id = 3 } };
static struct apn apns[] = { { .links = links_of_first, .n_links = 2 }, { .links = links_of_second, .n_links = 1 } };
static struct tunnel others[] = { { .name = (char[]){ "x" } }, { .name = (char[]){ "a" } } };
static const struct model model = { .carriers = &carrier, .n_carriers = 1, .apns = apns, .n_apns = 2 };

static int start(void **state)
{
	(void)state;
	alarm(60);
	up = true;
	n_links = 3;
	room = MANY;
	n_questions = 0;
	watch_done = NULL;
	memset(counters, 0, sizeof(counters));
	memset(out, 0, sizeof(out));
	memset(in, 0, sizeof(in));
	if (sd_event_new(&event) < 0)
		return -1;
	if (peers_alive_new(event, (struct charon *)(uintptr_t)asking, on_peer, NULL, &peers))
		return -1;
	return peers_alive_model(peers, &model);
}

static int stop(void **state)
{
	(void)state;
	peers_alive_free(peers);
	sd_event_unref(event);
	buf_free(&told);
	buf_free(&asked);
	return 0;
}

static void read_times(unsigned times)
{
	unsigned end = readings + times;

	while (readings < end)
		sd_event_run(event, UINT64_MAX);
}

static void assert_told(const char *expected)
{
	while (!told.len)
		sd_event_run(event, UINT64_MAX);
	assert_string_equal(buf_text(&told), expected);
	buf_free(&told);
}

static void assert_asked(const char *expected)
{
	while (!asked.len)
		sd_event_run(event, UINT64_MAX);
	assert_string_equal(buf_text(&asked), expected);
	buf_free(&asked);
	charon_takes_questions();
}

static void one_way_traffic_is_a_reason_to_ask_the_whole_apn(void **state)
{
	(void)state;
	/* Both ways, and one way that is not ours. */
	out[2] = in[2] = 1;
	read_times(5);
	assert_int_equal(asked.len, 0);
	out[0] = 1;
	assert_asked("ask a;ask b;");
	assert_int_equal(told.len, 0);
	/* Not yet again, then again. */
	assert_asked("ask a;ask b;");
}

static void nothing_in_either_direction_is_no_reason(void **state)
{
	(void)state;
	in[0] = 1;
	read_times(8);
	assert_int_equal(asked.len, 0);
}

static void charon_says_so(void **state)
{
	(void)state;
	charon_tells(0, "answers a\nanswers b\nanswers c\n");
	assert_int_equal(told.len, 0);
	charon_tells(0, "silent b\nsilent unheard-of\n");
	assert_told("b silent;");
	assert_true(peers_alive_silent(peers, "b"));
	assert_false(peers_alive_silent(peers, "a"));
	assert_false(peers_alive_silent(peers, "unheard-of"));
	charon_tells(0, "silent b\nsilent a\n");
	assert_told("a silent;");
	charon_tells(0, "answers b\n");
	assert_told("b alive;");
	assert_false(peers_alive_silent(peers, "b"));
}

static void who_is_silent_is_not_asked(void **state)
{
	(void)state;
	charon_tells(0, "silent a\n");
	assert_told("a silent;");
	out[0] = 1;
	assert_asked("ask b;");
}

static void a_peer_that_sends_lives_for_a_while(void **state)
{
	(void)state;
	in[1] = 1;
	read_times(2);
	charon_tells(0, "silent b\n");
	read_times(4);
	assert_int_equal(told.len, 0);
	in[1] = 0;
	assert_told("b silent;");
}

static void a_peer_that_sends_and_does_not_answer_is_silent_in_the_end(void **state)
{
	(void)state;
	in[0] = out[0] = 1;
	read_times(2);
	charon_tells(0, "silent a\n");
	assert_told("a silent;");
	read_times(2);
	assert_int_equal(told.len, 0);
	charon_tells(0, "answers a\n");
	assert_told("a alive;");
}

static void what_was_known_holds_without_charon(void **state)
{
	(void)state;
	charon_tells(0, "silent a\nanswers b\n");
	assert_told("a silent;");
	up = false;
	charon_tells(-ENOTCONN, "");
	state_fn(watcher, false);
	assert_null(watch_done);
	assert_true(peers_alive_silent(peers, "a"));
	up = true;
	state_fn(watcher, true);
	/* Of a it has no IKE_SA. */
	charon_tells(0, "answers b\n");
	assert_true(peers_alive_silent(peers, "a"));
	assert_int_equal(told.len, 0);
	charon_tells(0, "answers a\n");
	assert_told("a alive;");
}

static void a_charon_that_cannot_tell_is_not_asked_again(void **state)
{
	(void)state;
	charon_tells(-EREMOTEIO, "unknown request");
	assert_null(watch_done);
}

static void what_stays_is_known_under_another_model(void **state)
{
	static struct carrier other = { .tunnels = others, .n_tunnels = 2 };
	static struct link link = { .tunnel = &others[1], .if_id = 7 };
	static struct apn apn = { .links = &link, .n_links = 1 };
	static const struct model next = { .carriers = &other, .n_carriers = 1, .apns = &apn, .n_apns = 1 };

	(void)state;
	charon_tells(0, "silent a\nsilent b\n");
	assert_told("a silent;b silent;");
	assert_int_equal(peers_alive_model(peers, &next), 0);
	assert_true(peers_alive_silent(peers, "a"));
	assert_false(peers_alive_silent(peers, "b"));
	charon_tells(0, "answers a\nanswers b\n");
	assert_told("a alive;");
	assert_int_equal(peers_alive_model(peers, NULL), 0);
	charon_tells(0, "silent a\n");
	assert_int_equal(told.len, 0);
}

/* The configuration before is gone when the next one is told. */
static void an_old_model_is_not_looked_at(void **state)
{
	char name[] = "a";
	struct tunnel tunnel = { .name = name };
	struct carrier only = { .tunnels = &tunnel, .n_tunnels = 1 };
	struct link link = { .tunnel = &tunnel, .if_id = 1 };
	struct apn apn = { .links = &link, .n_links = 1 };
	struct model brief = { .carriers = &only, .n_carriers = 1, .apns = &apn, .n_apns = 1 };

	(void)state;
	assert_int_equal(peers_alive_model(peers, &brief), 0);
	charon_tells(0, "silent a\n");
	assert_told("a silent;");
	name[0] = 'z';
	only.n_tunnels = apn.n_links = 0;
	assert_int_equal(peers_alive_model(peers, &model), 0);
	assert_true(peers_alive_silent(peers, "a"));
}

static void who_suspects_may_have_it_asked(void **state)
{
	(void)state;
	peers_alive_ask(peers, "c");
	peers_alive_ask(peers, "c");
	peers_alive_ask(peers, "unheard-of");
	assert_asked("ask c;");
}

/* --- many tunnels --- */

static struct tunnel many[MANY];
static struct link many_links[MANY];
static struct apn many_apns[MANY];
static struct carrier all = { .tunnels = many };

/* So many tunnels, each with an APN of its own or all with one. */
static void take_many(size_t n, bool one_apn)
{
	static struct model m = { .carriers = &all, .n_carriers = 1, .apns = many_apns };
	static char names[MANY][8];

	for (uint32_t i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "t%04u", i % MANY);
		many[i].name = names[i];
		many_links[i] = (struct link){ .tunnel = &many[i], .if_id = i + 1 };
		many_apns[i] = (struct apn){ .links = &many_links[i], .n_links = one_apn ? n : 1 };
	}
	all.n_tunnels = n_links = n;
	m.n_apns = one_apn ? 1 : n;
	assert_int_equal(peers_alive_model(peers, &m), 0);
}

/* One line that breaks. */
static void questions_do_not_fill_the_queue(void **state)
{
	enum { TUNNELS = 100 };
	size_t total = 0;

	(void)state;
	take_many(TUNNELS, true);
	out[50] = 1;
	room = 2;
	while (!n_questions)
		sd_event_run(event, UINT64_MAX);
	room = MANY;
	read_times(1);
	for (; n_questions; charon_takes_questions()) {
		assert_true(n_questions <= 8);
		total += n_questions;
	}
	assert_int_equal(total, TUNNELS);
}

static unsigned times_asked[MANY];
static size_t last_asked;

/* Answers what is asked until then; how many were asked. */
static size_t answer_until_read(unsigned end)
{
	size_t total = 0;

	while (readings < end) {
		sd_event_run(event, UINT64_MAX);
		for (; n_questions; charon_takes_questions())
			total += n_questions;
	}
	for (const char *at = buf_text(&asked); at && *at; at = strchr(at, ';') + 1) {
		unsigned number = 0;

		assert_int_equal(sscanf(at, "ask t%4u;", &number), 1);
		times_asked[number]++;
		last_asked = number;
	}
	buf_free(&asked);
	return total;
}

static size_t milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (size_t)t.tv_sec * 1000 + (size_t)t.tv_nsec / 1000000;
}

static void all_together_are_asked_so_often_at_most(void **state)
{
	size_t began = milliseconds();
	size_t total = 0;
	size_t different = 0;

	(void)state;
	take_many(MANY, false);
	for (size_t i = 0; i < MANY; i++)
		out[i] = 1;
	memset(times_asked, 0, sizeof(times_asked));
	for (unsigned i = 0; i < 5; i++) {
		total += answer_until_read(readings + 1);
		assert_true(total <= AT_ONCE + A_SECOND * (milliseconds() - began + 1) / 1000 + 1);
	}
	assert_true(total >= AT_ONCE);
	/* Few twice while somebody has not been asked. */
	for (size_t i = 0; i < MANY; i++)
		different += times_asked[i] > 0;
	assert_true(different == MANY || total - different <= total / 4 + 1);
}

static bool is_everybody_asked(size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!times_asked[i])
			return false;
	return true;
}

static void what_is_new_does_not_wait_behind_what_is_not(void **state)
{
	enum { TUNNELS = 2500 };
	size_t meanwhile = 0;
	unsigned before;
	size_t fails;

	(void)state;
	take_many(TUNNELS, false);
	for (size_t i = 0; i < TUNNELS; i++)
		out[i] = 1;
	memset(times_asked, 0, sizeof(times_asked));
	while (!is_everybody_asked(TUNNELS))
		answer_until_read(readings + 1);
	/* Whose turn would come last. */
	fails = last_asked;
	before = times_asked[fails];
	in[fails] = 1;
	answer_until_read(readings + 1);
	in[fails] = 0;
	while (times_asked[fails] == before)
		meanwhile += answer_until_read(readings + 1);
	assert_true(meanwhile < TUNNELS);
	/* And those are asked all the same. */
	for (meanwhile = 0; meanwhile < TUNNELS;)
		meanwhile += answer_until_read(readings + 1);
	assert_int_not_equal(last_asked, fails);
}

/* Three seconds, in which each would be asked once more. */
static size_t count_asked_soon(void)
{
	size_t total = 0;

	for (size_t end = milliseconds() + 3000; milliseconds() < end;)
		total += answer_until_read(readings + 1);
	return total;
}

static void who_is_heard_is_asked_less_about_many(void **state)
{
	enum { TUNNELS = 300 };
	struct peer one = { .kind = PEER_ADDRESS, .address.octets = { 192, 0, 2, 11 } };
	struct peer other = { .kind = PEER_NAME, .name = (char[]){ "ipsec.example.net" } };

	(void)state;
	for (size_t i = 0; i <= TUNNELS; i++) {
		many[i].peers = i > 3 ? &one : &other;
		many[i].n_peers = 1;
		out[i] = 1;
	}
	take_many(TUNNELS + 1, false);
	in[3] = in[TUNNELS] = 1;
	memset(times_asked, 0, sizeof(times_asked));
	times_asked[3] = 1;
	while (!is_everybody_asked(TUNNELS))
		answer_until_read(readings + 1);
	assert_in_range(count_asked_soon(), 3, 9); /* the three to the other one, as ever */
	in[TUNNELS] = 0;
	memset(times_asked, 0, sizeof(times_asked));
	times_asked[3] = 1;
	while (!is_everybody_asked(TUNNELS))
		answer_until_read(readings + 1);
	for (size_t i = 0; i <= TUNNELS; i++)
		many[i] = (struct tunnel){ 0 };
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_way_traffic_is_a_reason_to_ask_the_whole_apn, start, stop),
		cmocka_unit_test_setup_teardown(nothing_in_either_direction_is_no_reason, start, stop),
		cmocka_unit_test_setup_teardown(charon_says_so, start, stop),
		cmocka_unit_test_setup_teardown(who_is_silent_is_not_asked, start, stop),
		cmocka_unit_test_setup_teardown(a_peer_that_sends_lives_for_a_while, start, stop),
		cmocka_unit_test_setup_teardown(a_peer_that_sends_and_does_not_answer_is_silent_in_the_end, start, stop),
		cmocka_unit_test_setup_teardown(what_was_known_holds_without_charon, start, stop),
		cmocka_unit_test_setup_teardown(a_charon_that_cannot_tell_is_not_asked_again, start, stop),
		cmocka_unit_test_setup_teardown(what_stays_is_known_under_another_model, start, stop),
		cmocka_unit_test_setup_teardown(an_old_model_is_not_looked_at, start, stop),
		cmocka_unit_test_setup_teardown(who_suspects_may_have_it_asked, start, stop),
		cmocka_unit_test_setup_teardown(questions_do_not_fill_the_queue, start, stop),
		cmocka_unit_test_setup_teardown(all_together_are_asked_so_often_at_most, start, stop),
		cmocka_unit_test_setup_teardown(what_is_new_does_not_wait_behind_what_is_not, start, stop),
		cmocka_unit_test_setup_teardown(who_is_heard_is_asked_less_about_many, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
