/* A plan from its question to its answer: kernel and charon are played here. Whatever happens, the draft goes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/charon.h"
#include "appliance/daemon/daemon.h"
#include "appliance/daemon/forecast.h"
#include "appliance/daemon/generation.h"
#include "appliance/daemon/links.h"
#include "appliance/daemon/outline.h"
#include "appliance/daemon/reload.h"
#include "appliance/isolation/preview.h"
#include "conf/conf.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char conf_format[] =
	"gateway = { name = \"%s\"; outer = { interface = \"none0\"; address = \"192.0.2.1\"; }; };\n"
	"carriers = ( { name = \"c\"; local_id = \"a\"; psk_file = \"c.psk\";\n"
	"  tunnels = ( { name = \"t\"; peer = \"192.0.2.11\"; } ); } );\n"
	"apns = ( { name = \"a\"; pool = [ \"10.64.0.0/16\" ]; tunnels = [ \"t\" ]; cloud = { attach = \"dedicated\";\n"
	"  interface = \"none1\"; address = \"10.110.0.4/20\"; prefixes = [ \"10.110.0.0/20\" ]; }; } );\n";
static const char draft[] = "run/gen/1000000000/culvert.conf";

static char folder[64];
static struct generation current;
static struct daemon d;
static json_t *answered;

/* The kernel. */
static int kernel_error;
static char *kernel_refusal;

const struct carrying *links_all_carrying(const struct links *l)
{
	(void)l;
	return NULL;
}

int preview(const struct model *now, const struct model *next, const struct carrying *carrying, struct preview *ret)
{
	(void)carrying;
	assert_ptr_equal(now, current.model);
	assert_non_null(next);
	*ret = (struct preview){ .refusal = kernel_refusal };
	return kernel_error;
}

void preview_free(struct preview *p)
{
	(void)p;
}

/* charon. */
static int charon_error;
static charon_done_fn asked;
static void *asked_userdata;

bool charon_is_up(const struct charon *c)
{
	(void)c;
	return !charon_error;
}

int charon_request(struct charon *c, const char *line, uint64_t limit, charon_done_fn done, void *userdata)
{
	(void)c;
	(void)limit;
	assert_string_equal(line, "compare 1000000000");
	assert_int_equal(access(draft, F_OK), 0);
	if (charon_error)
		return charon_error;
	asked = done;
	asked_userdata = userdata;
	return 0;
}

/* culvertd's other parts. */
const struct generation *reload_current(const struct reload *r)
{
	(void)r;
	return &current;
}

void control_answer(struct control_client *client, json_t *answer)
{
	(void)client;
	assert_null(answered);
	answered = answer;
}

json_t *control_error(const char *format, ...)
{
	struct buf text = { 0 };
	va_list args;
	char line[256];
	json_t *answer;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	buf_puts(&text, line);
	answer = json_pack("{s:b, s:s}", "ok", 0, "error", buf_text(&text));
	buf_free(&text);
	return answer;
}

json_t *daemon_lines(const struct diag_list *diags)
{
	return json_integer((json_int_t)diags->count);
}

static void write_text(const char *path, const char *text)
{
	assert_int_equal(io_write_file(path, text, strlen(text), 0600), 0);
}

static void write_conf(const char *gateway)
{
	struct buf text = { 0 };

	buf_printf(&text, conf_format, gateway);
	write_text("etc/culvert.conf", buf_text(&text));
	buf_free(&text);
}

/* Generation 1 ("one") is in force, the operator's file says "two". */
static int start(void **state)
{
	struct diag_list diags = { 0 };
	struct outline_difference difference = { 0 };
	struct generation none = { 0 };
	struct model *model = NULL;
	struct generation_source source = { .model = &model, .who = "", .file = "" };
	bool changed = false;

	(void)state;
	charon_error = kernel_error = 0;
	kernel_refusal = NULL;
	snprintf(folder, sizeof(folder), "/tmp/culvert-forecast-XXXXXX");
	if (!mkdtemp(folder) || chdir(folder) || mkdir("etc", 0755) || mkdir("etc/secrets", 0700))
		return -1;
	write_text("etc/secrets/c.psk", "0123456789abcdef0123456789abcdef\n");
	write_conf("one");
	if (conf_load("etc/culvert.conf", &diags, &model) ||
		generation_freeze("run", "state", &source, &none, &diags, &current, &difference, &changed) ||
		generation_switch("run", 1))
		return -1;
	conf_free(model);
	outline_free(&difference);
	diag_free(&diags);
	write_conf("two");
	d = (struct daemon){ .options = { .conf = "etc/culvert.conf", .run = "run", .state = "state" } };
	return 0;
}

static int stop(void **state)
{
	(void)state;
	generation_free(&current);
	json_decref(answered);
	answered = NULL;
	return chdir("/") || io_remove_tree(folder) ? -1 : 0;
}

static void begin(void)
{
	forecast_begin(&d, NULL);
}

/* The answer came, and nothing of the plan is left. */
static void assert_answered(const char *charon_state, const char *error)
{
	const json_t *charon;

	assert_non_null(answered);
	assert_null(d.forecast);
	assert_int_equal(access("run/gen/1000000000", F_OK), -1);
	assert_int_equal(access("run/gen/2", F_OK), -1);
	charon = json_object_get(answered, "charon");
	if (charon_state)
		assert_string_equal(json_string_value(json_object_get(charon, "state")), charon_state);
	if (error)
		assert_string_equal(json_string_value(json_object_get(answered, "error")), error);
}

static void charon_compares(void **state)
{
	(void)state;
	begin();
	assert_non_null(d.forecast);
	asked(asked_userdata, 0, "tunnel t reestablished\nkept 0\n");
	assert_answered("up", NULL);
	assert_true(json_is_true(json_object_get(answered, "interrupts")));
	/* That the machine has neither of the interfaces. */
	assert_int_equal(json_integer_value(json_object_get(answered, "warnings")), 2);
}

static void without_charon_the_rest_is_said(void **state)
{
	static const struct {
		int error;
		const char *text, *state;
	} cases[] = {
		{ -ENOTCONN, "", "down" },
		{ -ETIME, "", "slow" },
		{ -EREMOTEIO, "unknown request; known: prepare N", "unable" },
		{ 0, "tunnel\n", "unable" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin();
		asked(asked_userdata, cases[i].error, cases[i].text);
		assert_answered(cases[i].state, NULL);
		assert_true(json_is_true(json_object_get(answered, "changes")));
		json_decref(answered);
		answered = NULL;
	}
	charon_error = -ENOTCONN;
	begin();
	assert_answered("down", NULL);
}

static void what_charon_refuses_is_an_error(void **state)
{
	(void)state;
	begin();
	asked(asked_userdata, -EREMOTEIO, "the key does not fit");
	assert_answered(NULL, "charon would refuse the new configuration: the key does not fit");
}

/* Nor is it refused for what the kernel lacks already. */
static void what_is_in_force_needs_no_question(void **state)
{
	static char text[] = "interface stranger has that already";

	(void)state;
	kernel_refusal = text;
	write_conf("one");
	asked = NULL;
	begin();
	assert_null(asked);
	assert_answered("up", NULL);
	assert_false(json_is_true(json_object_get(answered, "changes")));
}

static void an_invalid_file_is_an_error(void **state)
{
	(void)state;
	write_text("etc/culvert.conf", "gateway = {");
	begin();
	assert_answered(NULL, "etc/culvert.conf: the configuration is not valid, culvert check says why");
}

static void a_kernel_that_cannot_be_read_is_an_error(void **state)
{
	(void)state;
	kernel_error = -ENOBUFS;
	begin();
	assert_answered(NULL, "the kernel cannot be looked at: No buffer space available");
}

static void what_the_kernel_would_refuse_is_an_error(void **state)
{
	static char text[] = "conflicting intervals";

	(void)state;
	kernel_refusal = text;
	begin();
	assert_answered(NULL, "the kernel would not take the new configuration: conflicting intervals");
}

static void an_end_without_an_answer_leaves_nothing(void **state)
{
	(void)state;
	begin();
	forecast_free(d.forecast);
	assert_null(d.forecast);
	assert_int_equal(access("run/gen/1000000000", F_OK), -1);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(charon_compares),
		in_folder(without_charon_the_rest_is_said),
		in_folder(what_charon_refuses_is_an_error),
		in_folder(what_is_in_force_needs_no_question),
		in_folder(an_invalid_file_is_an_error),
		in_folder(a_kernel_that_cannot_be_read_is_an_error),
		in_folder(what_the_kernel_would_refuse_is_an_error),
		in_folder(an_end_without_an_answer_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
