/* The table of culvert status: what stands below a link. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/cmd/table.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void says_why_and_what_to_check(void **state)
{
	static const char status[] =
		"{\"tunnels\":[{\"name\":\"t\",\"carrier\":\"c\",\"peer\":\"192.0.2.1\",\"state\":\"up\",\"seconds\":5,"
		"\"suite\":\"s\",\"failure\":\"no answer\",\"failure_age\":60,\"rehearsal\":{\"result\":\"failed\","
		"\"reason\":\"child-proposal\",\"advice\":\"check PFS there\",\"age\":7200}},"
		"{\"name\":\"u\",\"carrier\":\"c\",\"peer\":\"192.0.2.2\",\"state\":\"up\",\"seconds\":5,\"suite\":\"s\","
		"\"failure\":null,\"failure_age\":null,\"rehearsal\":{\"result\":\"passed\",\"reason\":null,\"advice\":null,"
		"\"age\":7200}}],\"links\":[{\"apn\":\"a\",\"tunnel\":\"t\",\"carrying\":true,\"child\":null,\"used\":true,"
		"\"state\":\"good\",\"probe\":null},"
		"{\"apn\":\"a\",\"tunnel\":\"u\",\"carrying\":true,\"child\":null,\"state\":\"suspect\",\"reason\":"
		"\"probe: the last 2 unanswered\",\"probe\":{\"sent\":9,\"answered\":7,\"rtt\":12345}}]}";
	json_t *object = json_loads(status, 0, NULL);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(object);
	assert_non_null(out);
	assert_int_equal(table_print(object, out), 0);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, "LINK  STATE              FOR  CARRIER  PEER       KEYS  PROBE\n"
							  "a/u   carrying, suspect  5s   c        192.0.2.2        7 of 9 answered, 12.3 ms\n"
							  "  probe: the last 2 unanswered\n"
							  "a/t   carrying, in use   5s   c        192.0.2.1        not probed\n"
							  "  no answer (60s ago)\n"
							  "  check PFS there (2h0m ago)\n");
	free(text);
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_why_and_what_to_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
