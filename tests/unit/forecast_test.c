/* The answer to plan, composed from findings. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/comparison.h"
#include "appliance/daemon/forecast.h"
#include "appliance/daemon/outline.h"
#include "appliance/isolation/preview.h"
#include "conf/conf.h"
#include "lib/diag.h"

#include <stdlib.h>
#include <string.h>

static const char conf[] =
	"gateway = { name = \"g\"; outer = { interface = \"eth0\"; address = \"192.0.2.1\"; }; };\n"
	"carriers = ( { name = \"c\"; local_id = \"a\"; psk_file = \"c.psk\";\n"
	"  tunnels = ( { name = \"t1\"; peer = \"192.0.2.11\"; }, { name = \"t2\"; peer = \"192.0.2.12\";\n"
	"    initiator = \"carrier\"; } ); } );\n"
	"apns = ( { name = \"a\"; pool = [ \"10.64.0.0/16\" ]; tunnels = [ \"t1\", \"t2\" ]; cloud = { attach = "
	"\"dedicated\";\n"
	"  interface = \"eth1\"; address = \"10.110.0.4/20\"; prefixes = [ \"10.110.0.0/20\" ]; }; } );\n";

static struct diag_list none;
static struct outline_difference difference;
static struct preview kernel;
static struct forecast_findings findings;
static struct model *model;

static int start(void **state)
{
	(void)state;
	difference = (struct outline_difference){ 0 };
	kernel = (struct preview){ 0 };
	if (conf_load_text(conf, strlen(conf), "x.conf", &none, &model))
		return -1;
	findings = (struct forecast_findings){
		.generation = 7,
		.file = "x.conf",
		.next = model,
		.difference = &difference,
		.preview = &kernel,
		.charon = "up",
		.diags = &none,
	};
	return 0;
}

static int stop(void **state)
{
	(void)state;
	conf_free(model);
	preview_free(&kernel);
	return 0;
}

static json_t *compose(const char *charon_says)
{
	struct comparison c = { 0 };
	json_t *answer;

	if (charon_says) {
		assert_int_equal(comparison_parse(charon_says, &c), 0);
		findings.comparison = &c;
	}
	answer = forecast_compose(&findings);
	assert_non_null(answer);
	comparison_free(&c);
	return answer;
}

static void assert_verdict(const char *charon_says, bool changes, bool interrupts)
{
	json_t *answer = compose(charon_says);

	assert_int_equal(json_is_true(json_object_get(answer, "changes")), changes);
	assert_int_equal(json_is_true(json_object_get(answer, "interrupts")), interrupts);
	json_decref(answer);
}

static void nothing_would_change(void **state)
{
	(void)state;
	assert_verdict(NULL, false, false);
}

static void charon_decides_what_is_interrupted(void **state)
{
	(void)state;
	findings.changed = true;
	difference.tunnels.changed = 1;
	assert_verdict("kept 2\n", true, false);
	assert_verdict("tunnel t1 reestablished\n", true, true);
}

/* Without its word whatever exists and changes may be. */
static void without_charon_changes_count_as_interruptions(void **state)
{
	(void)state;
	findings.changed = true;
	findings.charon = "down";
	assert_verdict(NULL, true, false);
	difference.apns.added = 1;
	assert_verdict(NULL, true, false);
	difference.apns.changed = 1;
	assert_verdict(NULL, true, true);
}

static void the_kernel_counts_as_well(void **state)
{
	(void)state;
	buf_puts(&kernel.walls, "+ pool4 { x }\n");
	assert_verdict(NULL, true, false);
	kernel.interrupts = true;
	assert_verdict(NULL, true, true);
}

static void walls_that_are_gone_are_a_change(void **state)
{
	(void)state;
	kernel.walls_missing = true;
	assert_verdict(NULL, true, false);
}

static void assert_tunnels(const char *charon_says, const char *expected)
{
	json_t *answer;
	char *text;

	findings.changed = true;
	answer = compose(charon_says);
	text = json_dumps(json_object_get(json_object_get(answer, "charon"), "tunnels"), JSON_COMPACT);
	assert_string_equal(text, expected);
	free(text);
	json_decref(answer);
}

#define TUNNEL(name, change, also, interruption, seconds, children)                                                    \
	"{\"name\":\"" name "\",\"change\":\"" change "\",\"also\":[" also "],\"interruption\":" interruption              \
	",\"seconds\":" seconds ",\"children\":[" children "]}"
#define CHILD(change, interruption)                                                                                    \
	"{\"apn\":\"a\",\"change\":\"" change "\",\"interruption\":" interruption ",\"seconds\":null}"
#define CHANGED(name, children) TUNNEL(name, "changed", "", "null", "null", children)

static void says_how_long(void **state)
{
	(void)state;
	assert_tunnels("tunnel t1 reestablished\ntunnel t2 reestablished\ntunnel t3 removed\nkept 0\n",
		"[" TUNNEL("t1", "reestablished", "", "\"for about 1 s\"", "1", "") "," TUNNEL("t2", "reestablished", "",
			"\"until the carrier calls again\"", "null",
			"") "," TUNNEL("t3", "removed", "", "\"for good\"", "null", "") "]");
}

/* Where this side calls, the new CHILD_SA is there before the old one goes. */
static void says_how_long_for_children(void **state)
{
	(void)state;
	assert_tunnels("tunnel t1 changed\nchild t1 a replaced\ntunnel t2 changed\nchild t2 a replaced\n",
		"[" CHANGED("t1", CHILD("replaced", "\"for a round trip or two\"")) "," CHANGED(
			"t2", CHILD("replaced", "\"until the carrier calls again\"")) "]");
	assert_tunnels("tunnel t1 changed\nchild t1 a narrowed\ntunnel t2 changed\nchild t2 a narrowed\n",
		"[" CHANGED("t1",
			CHILD("narrowed", "\"for a round trip or two, outside of the new selectors for good\"")) "," CHANGED("t2",
			CHILD("narrowed", "\"until the carrier calls again, outside of the new selectors for good\"")) "]");
	assert_tunnels("tunnel t1 changed\nchild t1 a extended\ntunnel t2 changed\nchild t2 a rekeyed\n",
		"[" CHANGED("t1", CHILD("extended", "null")) "," CHANGED("t2", CHILD("rekeyed", "null")) "]");
	assert_tunnels("tunnel t1 changed\nchild t1 a removed\ntunnel t2 changed\nchild t2 a added\n",
		"[" CHANGED("t1", CHILD("removed", "\"for good\"")) "," CHANGED("t2", CHILD("added", "null")) "]");
}

static void says_all_that_changes(void **state)
{
	(void)state;
	assert_tunnels("tunnel t1 changed credentials initiator\nchild t1 a rekeyed\n",
		"[" TUNNEL("t1", "changed", "\"credentials\",\"initiator\"", "null", "null", CHILD("rekeyed", "null")) "]");
}

#define with_findings(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_findings(nothing_would_change),
		with_findings(charon_decides_what_is_interrupted),
		with_findings(without_charon_changes_count_as_interruptions),
		with_findings(the_kernel_counts_as_well),
		with_findings(walls_that_are_gone_are_a_change),
		with_findings(says_how_long),
		with_findings(says_how_long_for_children),
		with_findings(says_all_that_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
