/* culvert check: its exit code, and with --json what an editor reads. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/cmd/cmd.h"
#include "tests/unit/said.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct said said;

#define RUN(...) SAID_RUN(&said, cmd_check, "check", __VA_ARGS__)

static const char *member(const json_t *entry, const char *key)
{
	return json_string_value(json_object_get(entry, key));
}

static void errors_for_an_editor(void **state)
{
	static const char path[] = "tests/invalid/rekey-range.conf";
	unsigned found = 0;
	size_t i;
	json_t *entry;

	(void)state;
	assert_int_equal(RUN("--json", path), EXIT_BAD);
	json_t *list = json_loads(said.out, 0, NULL);
	assert_true(json_is_array(list) && json_array_size(list) > 0);
	json_array_foreach(list, i, entry)
	{
		assert_int_equal(json_object_size(entry), 5);
		assert_true(json_is_integer(json_object_get(entry, "line")) || json_is_null(json_object_get(entry, "line")));
		assert_non_null(member(entry, "severity"));
		assert_non_null(member(entry, "message"));
		assert_string_equal(member(entry, "file"), path);
		if (!strcmp(member(entry, "key"), "carriers[0].tunnels[0].rekey.ike")) {
			assert_int_equal(json_integer_value(json_object_get(entry, "line")), 9);
			assert_string_equal(member(entry, "severity"), "error");
			found++;
		}
	}
	assert_int_equal(found, 1);
	json_decref(list);
}

static void a_file_that_is_not_there(void **state)
{
	(void)state;
	assert_int_equal(RUN("--json", "tests/none.conf"), EXIT_BAD);
	json_t *list = json_loads(said.out, 0, NULL);
	assert_int_equal(json_array_size(list), 1);
	assert_true(json_is_null(json_object_get(json_array_get(list, 0), "line")));
	assert_true(json_is_null(json_object_get(json_array_get(list, 0), "key")));
	json_decref(list);
}

/* JSON takes UTF-8 only; a path may be anything. */
static void a_path_that_is_no_utf8(void **state)
{
	(void)state;
	assert_int_equal(RUN("--json", "tests/none-\xff.conf"), EXIT_BAD);
	json_t *list = json_loads(said.out, 0, NULL);
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(member(json_array_get(list, 0), "file"), "tests/none-?.conf");
	json_decref(list);
}

/* More messages than are kept: the list says so, as the text does. */
static void messages_that_were_only_counted(void **state)
{
	char path[] = "/tmp/culvert-check-XXXXXX";

	(void)state;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_true(dprintf(fd, "apns = (\n") > 0);
	for (unsigned i = 0; i < 500; i++)
		assert_true(dprintf(fd, "%s{ nonsense = 1; }\n", i ? ", " : "") > 0);
	assert_true(dprintf(fd, ");\n") > 0);
	close(fd);
	assert_int_equal(RUN("--json", path), EXIT_BAD);
	unlink(path);
	json_t *list = json_loads(said.out, 0, NULL);
	const json_t *last = json_array_get(list, json_array_size(list) - 1);
	assert_int_equal(json_array_size(list), 201);
	assert_string_equal(member(last, "severity"), "note");
	assert_non_null(strstr(member(last, "message"), "more"));
	json_decref(list);
}

/* Good files: a summary, or what there is to say besides; no error. */
static void a_good_file(void **state)
{
	char path[] = "/tmp/culvert-check-XXXXXX";

	(void)state;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_true(dprintf(fd, "gateway = { name = \"g\"; outer = { interface = \"eth0\"; address = \"192.0.2.1\"; }; };\n"
							"apns = ( );\n") > 0);
	close(fd);
	assert_int_equal(RUN(path), EXIT_OK);
	assert_non_null(strstr(said.out, " is good: gateway g, 0 carriers, 0 tunnels, 0 APNs, 0 links\n"));
	assert_int_equal(RUN("--json", path), EXIT_OK);
	unlink(path);
	json_t *list = json_loads(said.out, 0, NULL);
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(member(json_array_get(list, 0), "severity"), "warning");
	assert_string_equal(member(json_array_get(list, 0), "key"), "apns");
	json_decref(list);
}

static void usage_and_text(void **state)
{
	(void)state;
	assert_int_equal(RUN("tests/invalid/rekey-range.conf"), EXIT_BAD);
	assert_string_equal(said.out, "");
	assert_int_equal(RUN("--json", "a", "b"), EXIT_USAGE);
	assert_int_equal(RUN("--yaml"), EXIT_USAGE);
	assert_int_equal(RUN("--json", "--json"), EXIT_USAGE);
	assert_int_equal(RUN("a", "--json"), EXIT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_for_an_editor),
		cmocka_unit_test(a_file_that_is_not_there),
		cmocka_unit_test(a_path_that_is_no_utf8),
		cmocka_unit_test(messages_that_were_only_counted),
		cmocka_unit_test(a_good_file),
		cmocka_unit_test(usage_and_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
