/* What is printed loads again and prints the same; order and comments of the operator's file do not show. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "conf/conf.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <stdlib.h>
#include <string.h>

/* A text with every key, none with its default, in canonical form. */
static const char full[] = "gateway = {\n"
						   "\tname = \"g\";\n"
						   "\touter = {\n"
						   "\t\tinterface = \"eth0\";\n"
						   "\t\taddress = \"192.0.2.1\";\n"
						   "\t};\n"
						   "};\n"
						   "carriers = (\n"
						   "\t{\n"
						   "\t\tname = \"c\";\n"
						   "\t\tlocal_id = \"C=CZ, O=Caf\xc3\xa9 \\\"Praha\\\", CN=back\\\\slash\";\n"
						   "\t\tcertificate = \"c.pem\";\n"
						   "\t\tkey_file = \"c.key\";\n"
						   "\t\tca = \"ca.pem\";\n"
						   "\t\ttunnels = (\n"
						   "\t\t\t{\n"
						   "\t\t\t\tname = \"t\";\n"
						   "\t\t\t\tpeer = \"192.0.2.11\";\n"
						   "\t\t\t\tremote_id = \"t.example.net\";\n"
						   "\t\t\t\tsuite = \"aes256gcm16-prfsha384-ecp384\";\n"
						   "\t\t\t\tinitiator = \"carrier\";\n"
						   "\t\t\t\trekey = {\n"
						   "\t\t\t\t\tike = 900;\n"
						   "\t\t\t\t\tchild = 600;\n"
						   "\t\t\t\t};\n"
						   "\t\t\t}\n"
						   "\t\t);\n"
						   "\t}\n"
						   ");\n"
						   "apns = (\n"
						   "\t{\n"
						   "\t\tname = \"a\";\n"
						   "\t\tpool = [ \"10.64.0.0/16\", \"10.66.0.0/16\" ];\n"
						   "\t\ttunnels = [ \"t\" ];\n"
						   "\t\tcloud = {\n"
						   "\t\t\tattach = \"dedicated\";\n"
						   "\t\t\tinterface = \"eth1\";\n"
						   "\t\t\taddress = \"10.110.0.4/20\";\n"
						   "\t\t\tnext_hop = \"10.110.0.1\";\n"
						   "\t\t\tprefixes = [ \"10.110.0.0/20\", \"10.112.0.0/20\" ];\n"
						   "\t\t};\n"
						   "\t\tservices = (\n"
						   "\t\t\t{\n"
						   "\t\t\t\tname = \"s\";\n"
						   "\t\t\t\thost = \"10.112.0.5\";\n"
						   "\t\t\t\tudp = ( 5684, \"8000-8010\" );\n"
						   "\t\t\t\ttcp = ( 443 );\n"
						   "\t\t\t}\n"
						   "\t\t);\n"
						   "\t\tdownlink = (\n"
						   "\t\t\t{\n"
						   "\t\t\t\tname = \"s\";\n"
						   "\t\t\t\thost = \"10.110.0.5\";\n"
						   "\t\t\t\tudp = ( 5684 );\n"
						   "\t\t\t}\n"
						   "\t\t);\n"
						   "\t}\n"
						   ");\n";

/* text loaded and printed; the caller frees it. */
static char *printed(const char *text)
{
	struct diag_list diags = { 0 };
	struct buf out = { 0 };
	struct model *m = NULL;

	if (conf_load_text(text, strlen(text), "x.conf", &diags, &m)) {
		diag_print(&diags, &out);
		fail_msg("%s", buf_text(&out));
	}
	conf_print(m, &out);
	conf_free(m);
	diag_free(&diags);
	return buf_steal(&out);
}

static void canonical_stays(void **state)
{
	char *once = printed(full);

	(void)state;
	assert_string_equal(once, full);
	free(once);
}

static void example_becomes_canonical(void **state)
{
	char *text;
	size_t len;

	(void)state;
	assert_int_equal(io_read_file("conf/culvert.conf.example", CONF_FILE_MAX, &text, &len), 0);
	char *once = printed(text), *twice = printed(once);
	assert_string_equal(once, twice);
	assert_null(strchr(once, '#'));
	assert_non_null(strstr(once, "\t\t\t\t\tchild = 2400;\n"));
	free(text);
	free(once);
	free(twice);
}

static void order_of_keys_does_not_show(void **state)
{
	char *a =
		printed("gateway = { name = \"g\"; outer = { interface = \"eth0\"; address = \"192.0.2.1\"; }; }; apns = ();");
	char *b =
		printed("# x\ngateway : { outer : { address = \"192.0.2.1\", interface = \"eth0\" } /* y */ name = \"g\" }\n");

	(void)state;
	assert_string_equal(a, b);
	free(a);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonical_stays),
		cmocka_unit_test(example_becomes_canonical),
		cmocka_unit_test(order_of_keys_does_not_show),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
