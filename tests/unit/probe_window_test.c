/* Numbered probes and their answers, in time and late, and what they look like. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/probe_packet.h"
#include "appliance/daemon/probe_window.h"
#include "conf/model.h"

#include <string.h>
#include <sys/socket.h>

#define SECOND UINT64_C(1000000)

static const struct probe_pace pace = { .interval = SECOND, .patience = SECOND };

static void two_in_succession_are_too_many(void **state)
{
	struct probe_window w = { 0 };

	(void)state;
	assert_int_equal(probe_window_due(&w, &pace), 0);
	assert_int_equal(probe_window_send(&w, 0), 1);
	assert_true(probe_window_answer(&w, 1, 10, &pace));
	assert_int_equal(w.round_trip, 10);
	assert_int_equal(probe_window_due(&w, &pace), SECOND);
	probe_window_send(&w, SECOND);
	/* The next one does not wait for its turn. */
	assert_int_equal(probe_window_due(&w, &pace), SECOND + SECOND / 2);
	assert_int_equal(probe_window_end(&w, &pace), UINT64_MAX);
	probe_window_send(&w, SECOND + SECOND / 2);
	assert_int_equal(probe_window_end(&w, &pace), 2 * SECOND + SECOND / 2);
	assert_int_equal(probe_window_unanswered(&w, 2 * SECOND - 1, &pace), 0);
	assert_int_equal(probe_window_unanswered(&w, 2 * SECOND, &pace), 1);
	assert_false(probe_window_fails(&w, 2 * SECOND + SECOND / 2 - 1, &pace));
	assert_true(probe_window_fails(&w, 2 * SECOND + SECOND / 2, &pace));
	/* It is decided: no hurry any more. */
	assert_int_equal(probe_window_due(&w, &pace), 2 * SECOND + SECOND / 2);
	probe_window_send(&w, 3 * SECOND);
	assert_true(probe_window_answer(&w, 4, 3 * SECOND + 5, &pace));
	assert_false(probe_window_fails(&w, 9 * SECOND, &pace));
	assert_int_equal(w.answered, 2);
	assert_int_equal(w.late, 0);
}

static void a_late_answer_counts_as_late(void **state)
{
	struct probe_window w = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 5; i++)
		probe_window_send(&w, i * SECOND);
	assert_int_equal(probe_window_unanswered(&w, 4 * SECOND, &pace), 4);
	assert_true(probe_window_answer(&w, 1, 4 * SECOND, &pace));
	assert_int_equal(w.late, 1);
	assert_int_equal(w.round_trip, 4 * SECOND);
	assert_true(w.proven);
	/* The answers take longer than they may: it still fails. */
	assert_true(probe_window_fails(&w, 4 * SECOND, &pace));
	assert_true(probe_window_answer(&w, 4, 4 * SECOND, &pace));
	assert_false(probe_window_fails(&w, 4 * SECOND, &pace));
	assert_true(probe_window_answer(&w, 2, 4 * SECOND, &pace));
	assert_int_equal(w.newest, 4);
	assert_int_equal(w.answered, 3);
}

static void targets_that_sleep_have_time(void **state)
{
	const struct probe_pace slow = { .interval = SECOND, .patience = 60 * SECOND };
	struct probe_window w = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		probe_window_send(&w, (uint64_t)i * SECOND);
		if (i >= 55)
			assert_true(probe_window_answer(&w, i - 54, (uint64_t)i * SECOND, &slow));
		assert_false(probe_window_fails(&w, (uint64_t)i * SECOND, &slow));
	}
	assert_int_equal(w.late, 0);
	assert_int_equal(w.round_trip, 55 * SECOND);
}

static void what_nobody_asked_is_no_answer(void **state)
{
	struct probe_window w = { 0 };

	(void)state;
	assert_false(probe_window_answer(&w, 0, 0, &pace));
	assert_false(probe_window_answer(&w, 1, 0, &pace));
	for (uint32_t i = 0; i < 2 * PROBE_WINDOW; i++)
		probe_window_send(&w, i);
	assert_false(probe_window_answer(&w, 2 * PROBE_WINDOW + 1, 200, &pace));
	assert_false(probe_window_answer(&w, PROBE_WINDOW, 200, &pace)); /* too old to be told apart */
	assert_true(probe_window_answer(&w, PROBE_WINDOW + 1, 200, &pace));
	assert_false(probe_window_answer(&w, PROBE_WINDOW + 1, 200, &pace)); /* a second time */
	assert_int_equal(probe_window_end(&w, &pace), PROBE_WINDOW + 2 + SECOND);
	assert_true(probe_window_answer(&w, 0, 200, &pace));
	assert_int_equal(w.newest, 2 * PROBE_WINDOW);
}

static void forgets(void **state)
{
	struct probe_window w = { 0 };

	(void)state;
	probe_window_send(&w, 0);
	probe_window_answer(&w, 1, 0, &pace);
	probe_window_send(&w, 1);
	probe_window_send(&w, 2);
	probe_window_forget(&w);
	assert_false(w.proven);
	assert_false(probe_window_fails(&w, UINT64_MAX, &pace));
	assert_false(probe_window_answer(&w, 2, 3, &pace));
	assert_int_equal(w.sent, 3);
}

/* Nothing of a silent target that lasts for days is counted wrong. */
static void long_silence(void **state)
{
	struct probe_window w = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 100000; i++)
		probe_window_send(&w, (uint64_t)i * SECOND);
	assert_int_equal(probe_window_unanswered(&w, 100000 * SECOND, &pace), 100000);
	assert_int_equal(probe_window_end(&w, &pace), 0);
	assert_true(probe_window_answer(&w, 100000, 100000 * SECOND, &pace));
	assert_int_equal(probe_window_unanswered(&w, 200000 * SECOND, &pace), 0);
}

static void echoes_have_their_number(void **state)
{
	static const struct {
		int family;
		uint8_t request, reply;
	} families[] = { { AF_INET, 8, 0 }, { AF_INET6, 128, 129 } };
	uint8_t packet[PROBE_PACKET];
	uint32_t number = 7;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct probe p = { .target.family = families[i].family, .protocol = PROBE_ICMP };
		size_t len = probe_packet_write(&p, 42, 0x12345, packet);

		assert_int_equal(len, sizeof(packet));
		assert_int_equal(packet[0], families[i].request);
		assert_int_equal(packet[6] << 8 | packet[7], 0x2345);
		assert_false(probe_packet_read(&p, 42, packet, len, &number)); /* a request is no answer */
		packet[0] = families[i].reply;
		assert_false(probe_packet_read(&p, 43, packet, len, &number));
		assert_false(probe_packet_read(&p, 42, packet, len - 1, &number));
		assert_int_equal(number, 7);
		assert_true(probe_packet_read(&p, 42, packet, len, &number));
		assert_int_equal(number, 0x12345);
		number = 7;
	}
}

static void a_service_may_answer_in_its_own_words(void **state)
{
	const struct probe p = { .target.family = AF_INET, .protocol = PROBE_UDP, .port = 7 };
	uint8_t packet[PROBE_PACKET];
	uint32_t number = 7;
	size_t len = probe_packet_write(&p, 42, 9, packet);

	(void)state;
	assert_int_equal(len, 12);
	assert_true(probe_packet_read(&p, 42, packet, len, &number));
	assert_int_equal(number, 9);
	assert_true(probe_packet_read(&p, 42, packet, 0, &number));
	assert_int_equal(number, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_in_succession_are_too_many),
		cmocka_unit_test(a_late_answer_counts_as_late),
		cmocka_unit_test(targets_that_sleep_have_time),
		cmocka_unit_test(what_nobody_asked_is_no_answer),
		cmocka_unit_test(forgets),
		cmocka_unit_test(long_silence),
		cmocka_unit_test(echoes_have_their_number),
		cmocka_unit_test(a_service_may_answer_in_its_own_words),
	};

	return cmocka_run_group_tests_name("probe_window", tests, NULL, NULL);
}
