/* What is kept of verifications. The process that verifies is this program as well, and says what VERIFY_SAYS has. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/control.h"
#include "appliance/daemon/verify.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXACT   "{\"ok\":true,\"verdict\":\"exact\",\"seconds\":0.1,\"differences\":[],\"unproven\":[]}"
#define DIFFERS "{\"ok\":true,\"verdict\":\"differs\",\"seconds\":0.1,\"differences\":[\"one\"],\"unproven\":[]}"

static unsigned answered;

void control_answer(struct control_client *c, json_t *answer)
{
	(void)c;
	answered++;
	json_decref(answer);
}

json_t *control_error(const char *format, ...)
{
	return json_string(format);
}

/* The summary after a process that says so. The caller json_decref()s. */
static json_t *summary_after(sd_event *event, struct verifier *v, const char *says)
{
	static char nobody;
	unsigned before = answered;

	assert_int_equal(setenv("VERIFY_SAYS", says, 1), 0);
	verify_answer(v, (struct control_client *)&nobody);
	while (answered == before)
		assert_true(sd_event_run(event, UINT64_MAX) > 0);
	return verify_summary(v);
}

static void assert_verdict(json_t *summary, const char *verdict, const char *first)
{
	const char *said = json_string_value(json_array_get(json_object_get(summary, "first"), 0));

	assert_string_equal(json_string_value(json_object_get(summary, "verdict")), verdict);
	assert_string_equal(said ? said : "", first);
	json_decref(summary);
}

static void what_could_not_be_verified_is_not_exact(void **state)
{
	struct verifier *v = NULL;
	sd_event *event = NULL;

	(void)state;
	alarm(2 * VERIFY_PERIOD / 1000000);
	assert_true(sd_event_new(&event) >= 0);
	assert_int_equal(verifier_new(event, "nowhere", &v), 0);
	assert_verdict(summary_after(event, v, EXACT), "exact", "");
	assert_verdict(
		summary_after(event, v, "{\"ok\":false,\"error\":\"no memory\",\"configured\":true}"), "failed", "no memory");
	assert_verdict(summary_after(event, v, EXACT), "exact", "");
	assert_verdict(summary_after(event, v, ""), "failed", "the verification gave no answer");
	json_t *none = summary_after(event, v, "{\"ok\":false,\"error\":\"none\",\"configured\":false}");
	assert_true(json_is_null(none));
	json_decref(none);
	verifier_free(v);
	sd_event_unref(event);
	alarm(0);
}

/* Well before the next one is due by the clock, which would be too late for the alarm. */
static void a_change_calls_for_the_next_one(void **state)
{
	struct verifier *v = NULL;
	sd_event *event = NULL;
	json_t *summary;
	bool exact = true;

	(void)state;
	alarm(VERIFY_PERIOD / 1000000 / 2);
	assert_true(sd_event_new(&event) >= 0);
	assert_int_equal(verifier_new(event, "nowhere", &v), 0);
	assert_verdict(summary_after(event, v, EXACT), "exact", "");
	assert_int_equal(setenv("VERIFY_SAYS", DIFFERS, 1), 0);
	verify_run(v);
	while (exact) {
		assert_true(sd_event_run(event, UINT64_MAX) >= 0);
		summary = verify_summary(v);
		exact = strcmp(json_string_value(json_object_get(summary, "verdict")), "exact") == 0;
		json_decref(summary);
	}
	assert_verdict(verify_summary(v), "differs", "one");
	verifier_free(v);
	sd_event_unref(event);
	alarm(0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_could_not_be_verified_is_not_exact),
		cmocka_unit_test(a_change_calls_for_the_next_one),
	};

	if (argc > 1 && strcmp(argv[1], "--verify") == 0) {
		const char *says = getenv("VERIFY_SAYS");
		return puts(says ? says : "") < 0;
	}
	return cmocka_run_group_tests_name("verifier", tests, NULL, NULL);
}
