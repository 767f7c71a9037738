/* What the file names and the machine, which is played here, does not have: warnings, and the file loads all the same.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "conf/conf.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* a and b share an interface, c and d stand in VLANs of one; e has its own. */
static const char conf[] =
	"gateway = { name = \"g\";\n"
	"  outer = {\n"
	"    interface = \"eth0\"; address = \"192.0.2.1\"; }; };\n"
	"management = {\n"
	"  interface = \"eth9\"; address = \"10.9.0.5/24\"; allow = [ \"10.9.0.0/24\" ]; };\n"
	"carriers = ( { name = \"c\"; local_id = \"a\"; psk_file = \"c.psk\"; tunnels = (\n"
	"  { name = \"t\"; peer = \"192.0.2.11\"; } ); } );\n"
	"apns = (\n"
	"  { name = \"a\"; pool = [ \"10.64.0.0/16\" ]; tunnels = [ \"t\" ]; cloud = { attach = \"shared\";\n"
	"    interface = \"eth1\"; address = \"10.110.0.4/20\"; prefixes = [ \"10.110.0.0/20\" ]; }; },\n"
	"  { name = \"b\"; pool = [ \"10.65.0.0/16\" ]; tunnels = [ \"t\" ]; cloud = { attach = \"shared\";\n"
	"    interface = \"eth1\"; address = \"10.110.0.4/20\"; prefixes = [ \"10.110.0.0/20\" ]; }; },\n"
	"  { name = \"c\"; pool = [ \"10.66.0.0/16\" ]; tunnels = [ \"t\" ]; cloud = { attach = \"vlan\"; vlan = 3;\n"
	"    interface = \"eth2\"; address = \"10.120.0.4/20\"; prefixes = [ \"10.120.0.0/20\" ]; }; },\n"
	"  { name = \"d\"; pool = [ \"10.67.0.0/16\" ]; tunnels = [ \"t\" ]; cloud = { attach = \"vlan\"; vlan = 4;\n"
	"    interface = \"eth2\"; address = \"10.130.0.4/20\"; prefixes = [ \"10.130.0.0/20\" ]; }; },\n"
	"  { name = \"e\"; pool = [ \"10.68.0.0/16\" ]; tunnels = [ \"t\" ]; cloud = { attach = \"dedicated\";\n"
	"    interface = \"eth3\"; address = \"10.140.0.4/20\"; prefixes = [ \"10.140.0.0/20\" ]; }; } );\n";

static char folder[64];
static unsigned questions;

static int enter_folder(void **state)
{
	static const char psk[] = "0123456789abcdef0123456789abcdef\n";

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/culvert-machine-XXXXXX");
	return !mkdtemp(folder) || chdir(folder) || mkdir("secrets", 0700) ||
				   io_write_file("x.conf", conf, sizeof(conf) - 1, 0600) ||
				   io_write_file("secrets/c.psk", psk, sizeof(psk) - 1, 0600)
			   ? -1
			   : 0;
}

static int leave_folder(void **state)
{
	(void)state;
	return chdir("/") || io_remove_tree(folder) ? -1 : 0;
}

/* userdata: a letter for each interface that is there. */
static bool has_interface(void *userdata, const char *name)
{
	questions++;
	return strchr(userdata, name[3]);
}

/* Where each interface stands first. */
static const struct {
	const char *where, *name;
} named[] = {
	{ "x.conf:3: warning: gateway.outer.interface", "eth0" },
	{ "x.conf:5: warning: management.interface", "eth9" },
	{ "x.conf:10: warning: apns[0].cloud.interface", "eth1" },
	{ "x.conf:14: warning: apns[2].cloud.interface", "eth2" },
	{ "x.conf:18: warning: apns[4].cloud.interface", "eth3" },
};

static void assert_said(const struct conf_machine *machine, const char *expected)
{
	struct diag_list diags = { 0 };
	struct model *m = NULL;
	struct buf out = { 0 };

	questions = 0;
	assert_int_equal(conf_load_after("x.conf", NULL, 0, machine, &diags, &m), 0);
	diag_print(&diags, &out);
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
	diag_free(&diags);
	conf_free(m);
}

/* Each interface is asked for once, and told if it is not there. */
static void each_is_said_once(void **state)
{
	static char there[][8] = { "", "029", "1", "01239" };

	(void)state;
	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
		struct conf_machine machine = { has_interface, there[i] };
		struct buf expected = { 0 };
		for (size_t k = 0; k < sizeof(named) / sizeof(named[0]); k++) {
			if (!strchr(there[i], named[k].name[3]))
				buf_printf(&expected,
					"%s: this machine has no interface \"%s\", and nothing passes there until it has; name one that it "
					"has, or bring it up\n",
					named[k].where, named[k].name);
		}
		assert_said(&machine, buf_text(&expected));
		assert_int_equal(questions, sizeof(named) / sizeof(named[0]));
		buf_free(&expected);
	}
}

/* As culvert check, which needs no gateway. */
static void without_a_machine_nothing_is_said(void **state)
{
	(void)state;
	assert_said(NULL, "");
	assert_int_equal(questions, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_said_once),
		cmocka_unit_test(without_a_machine_nothing_is_said),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
