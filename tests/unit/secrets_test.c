/* The secrets folder of a configuration in a folder of its own, which is the current one. */
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

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GOOD_PSK "0123456789abcdef0123456789abcdef"

static const char by_psk[] =
	"gateway = { name = \"g\"; outer = { interface = \"eth0\"; address = \"192.0.2.1\"; }; };\n"
	"carriers = ( { name = \"c\"; local_id = \"a\"; psk_file = \"c.psk\";\n"
	"  tunnels = ( { name = \"t\"; peer = \"192.0.2.11\"; } ); } );\n"
	"apns = ( { name = \"a\"; pool = [ \"10.64.0.0/16\" ]; tunnels = [ \"t\" ]; cloud = { attach = \"dedicated\";\n"
	"  interface = \"eth1\"; address = \"10.110.0.4/20\"; prefixes = [ \"10.110.0.0/20\" ]; }; } );\n";

static char folder[64];

static int enter_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/culvert-secrets-XXXXXX");
	if (!mkdtemp(folder) || chdir(folder) || mkdir("secrets", 0700))
		return -1;
	return io_write_file("x.conf", by_psk, strlen(by_psk), 0600);
}

static int leave_folder(void **state)
{
	(void)state;
	return chdir("/") || io_remove_tree(folder) ? -1 : 0;
}

/* Loads x.conf and compares what is said; r: what conf_load() must return. */
static void assert_load(int r, const char *expected)
{
	struct diag_list diags = { 0 };
	struct buf out = { 0 };
	struct model *m = NULL;

	int got = conf_load("x.conf", &diags, &m);
	diag_print(&diags, &out);
	assert_string_equal(buf_text(&out), expected);
	assert_int_equal(got, r);
	conf_free(m);
	buf_free(&out);
	diag_free(&diags);
}

static void write_psk(const char *psk, size_t len, mode_t mode)
{
	assert_int_equal(io_write_file("secrets/c.psk", psk, len, mode), 0);
}

static void good_key(void **state)
{
	struct diag_list diags = { 0 };
	struct model *m = NULL;
	char *psk;
	size_t len;

	(void)state;
	write_psk(GOOD_PSK "\n", 33, 0600);
	assert_load(0, "");
	assert_int_equal(conf_load("x.conf", &diags, &m), 0);
	assert_int_equal(conf_read_secret(m, "c.psk", &psk, &len), 0);
	assert_int_equal(len, 33);
	io_free_secret(psk, len);
	assert_int_equal(conf_read_psk(m, "c.psk", &psk, &len), 0);
	assert_int_equal(len, 32);
	assert_string_equal(psk, GOOD_PSK);
	io_free_secret(psk, len);
	assert_int_equal(conf_read_secret(m, "../x.conf", &psk, &len), -EINVAL);
	assert_int_equal(conf_read_secret(m, "none", &psk, &len), -ENOENT);
	conf_free(m);
	diag_free(&diags);
}

/* What is frozen was looked at before; what stands in it is still read with care. */
static void frozen(void **state)
{
	struct diag_list diags = { 0 };
	struct model *m = NULL;

	(void)state;
	assert_int_equal(io_remove_tree("secrets"), 0);
	assert_int_equal(conf_load_frozen("x.conf", &diags, &m), 0);
	assert_int_equal(diags.count, 0);
	assert_int_equal(m->n_carriers, 1);
	conf_free(m);
	m = NULL;
	assert_int_equal(io_write_file("y.conf", "@include \"x.conf\"\n", 18, 0600), 0);
	assert_int_equal(conf_load_frozen("y.conf", &diags, &m), -EINVAL);
	assert_null(m);
	diag_free(&diags);
}

static void write_secrets(const char *text)
{
	assert_int_equal(io_write_file("secrets", text, strlen(text), 0600), 0);
}

/* As a generation holds them: what they say is looked at again, there are no files of theirs. */
static void in_one_file(void **state)
{
	struct diag_list diags = { 0 };
	struct model *m = NULL;
	char *psk;
	size_t len;

	(void)state;
	assert_int_equal(io_remove_tree("secrets"), 0);
	write_secrets("secrets 2\nc.psk 33\n" GOOD_PSK "\n\nd.psk 1\nx\n");
	assert_load(0, "");
	assert_int_equal(conf_load_frozen("x.conf", &diags, &m), 0);
	assert_int_equal(conf_hold_secrets(m), 0);
	assert_int_equal(conf_read_psk(m, "c.psk", &psk, &len), 0);
	assert_string_equal(psk, GOOD_PSK);
	io_free_secret(psk, len);
	assert_int_equal(conf_read_psk(m, "e.psk", &psk, &len), -ENOENT);
	conf_free(m);
	write_secrets("secrets 1\nc.psk 2\nab\n");
	assert_load(-EINVAL,
		"x.conf:2: carriers[0].psk_file: ./secrets: c.psk: the key has 2 octets; use 32 or more, from a random "
		"source\n");
	write_secrets("secrets 0\n");
	assert_load(-EINVAL, "x.conf:2: carriers[0].psk_file: ./secrets: c.psk: is not in it\n");
	write_secrets("c.psk 32\n" GOOD_PSK "\n");
	assert_load(-EINVAL,
		"x.conf: ./secrets: is neither a folder nor a generation's file of secrets; make it a folder of mode 0700\n");
}

static void length(void **state)
{
	(void)state;
	write_psk(GOOD_PSK, 19, 0600);
	assert_load(-EINVAL,
		"x.conf:2: carriers[0].psk_file: ./secrets/c.psk: the key has 19 octets; use 32 or more, from a random "
		"source\n");
	write_psk(GOOD_PSK, 20, 0600);
	assert_load(0,
		"x.conf:2: warning: carriers[0].psk_file: ./secrets/c.psk: the key has 20 octets; 32 or more, from a random "
		"source, are better\n");
	write_psk("", 0, 0600);
	assert_load(-EINVAL,
		"x.conf:2: carriers[0].psk_file: ./secrets/c.psk: the key has 0 octets; use 32 or more, from a random "
		"source\n");
}

/* "0x" and "0s": the octets that they stand for count. */
static void digits(void **state)
{
	static const struct {
		const char *text, *octets;
		size_t len;
	} good[] = {
		{ "0x" GOOD_PSK GOOD_PSK,
			"\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef"
			"\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef",
			32 },
		{ "0x00FFaa0d0a0102030405060708090a0b0c0d0e0f1011\n",
			"\0\xff\xaa\r\n\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11", 22 },
		{ "0sAP+qDQpDdWx2ZXJ0IGlzIGEgcGlwZSB1bmRlciB0aGUgcm9hZA==\n", "\0\xff\xaa\r\nCulvert is a pipe under the road",
			37 },
		{ "0sUGlwZXMgdW5kZXIgcm9hZHMgYXJlIGN1bHZlcnRzLg==", "Pipes under roads are culverts.", 31 },
		{ "0X" GOOD_PSK, "0X" GOOD_PSK, 34 },
	};
	struct model m = { .dir = folder };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char *psk;
		size_t len;
		write_psk(good[i].text, strlen(good[i].text), 0600);
		assert_int_equal(conf_read_psk(&m, "c.psk", &psk, &len), 0);
		assert_int_equal(len, good[i].len);
		assert_memory_equal(psk, good[i].octets, len + 1);
		io_free_secret(psk, len);
	}
}

static void bad_digits(void **state)
{
	static const char *const hex[] = { "0x" GOOD_PSK "0", "0x" GOOD_PSK "g0", "0x" GOOD_PSK " 00" };
	static const char *const base64[] = { "0s" GOOD_PSK "A", "0sAAAA=AAAAAAAAAAAAAAAAAAAAAAAAAAA", "0sAAAA AAA",
		"0s====", "0sAAAAA===", "0sAA-_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };

	(void)state;
	for (size_t i = 0; i < sizeof(hex) / sizeof(hex[0]); i++) {
		write_psk(hex[i], strlen(hex[i]), 0600);
		assert_load(-EINVAL, "x.conf:2: carriers[0].psk_file: ./secrets/c.psk: begins with 0x, but what follows is not "
							 "an even number of "
							 "hexadecimal digits; write only those behind 0x, or a key that begins differently\n");
	}
	for (size_t i = 0; i < sizeof(base64) / sizeof(base64[0]); i++) {
		write_psk(base64[i], strlen(base64[i]), 0600);
		assert_load(-EINVAL,
			"x.conf:2: carriers[0].psk_file: ./secrets/c.psk: begins with 0s, but what follows is not base64 with its "
			"padding; write only that behind 0s, or a key that begins differently\n");
	}
}

/* The length is that of the octets, not of the digits. */
static void length_of_digits(void **state)
{
	(void)state;
	write_psk("0x" GOOD_PSK, 34, 0600);
	assert_load(-EINVAL,
		"x.conf:2: carriers[0].psk_file: ./secrets/c.psk: the key has 16 octets; use 32 or more, from a random "
		"source\n");
	write_psk("0x", 2, 0600);
	assert_load(-EINVAL,
		"x.conf:2: carriers[0].psk_file: ./secrets/c.psk: the key has 0 octets; use 32 or more, from a random "
		"source\n");
}

static void keys_that_repeat(void **state)
{
	static const char *const keys[] = { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "changemechangemechangemechangemech" };

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		write_psk(keys[i], strlen(keys[i]), 0600);
		assert_load(0, "x.conf:2: warning: carriers[0].psk_file: ./secrets/c.psk: the key repeats itself and can be "
					   "guessed; use 32 "
					   "octets or more, from a random source\n");
	}
}

static void octets(void **state)
{
	static const char *const texts[] = { (GOOD_PSK "\n\n"), (GOOD_PSK "\r\n"), ("\n" GOOD_PSK) };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_psk(texts[i], strlen(texts[i]), 0600);
		assert_load(-EINVAL,
			"x.conf:2: carriers[0].psk_file: ./secrets/c.psk: has a NUL, a carriage return or more than one line "
			"in it; write the key on one line\n");
	}
	write_psk(GOOD_PSK "\0", 33, 0600);
	assert_load(-EINVAL,
		"x.conf:2: carriers[0].psk_file: ./secrets/c.psk: has a NUL, a carriage return or more than one line in "
		"it; write the key on one line\n");
}

static void access_of_others(void **state)
{
	(void)state;
	write_psk(GOOD_PSK, 32, 0640);
	assert_load(
		-EINVAL, "x.conf:2: carriers[0].psk_file: ./secrets/c.psk: mode 0640 lets others in; chmod it to 0600\n");
	write_psk(GOOD_PSK, 32, 0404);
	assert_load(
		-EINVAL, "x.conf:2: carriers[0].psk_file: ./secrets/c.psk: mode 0404 lets others in; chmod it to 0400\n");
	write_psk(GOOD_PSK, 32, 0600);
	assert_int_equal(chmod("secrets", 0770), 0);
	assert_load(-EINVAL, "x.conf: ./secrets/: mode 0770 lets others in; chmod it to 0750\n");
	assert_int_equal(chmod("secrets", 0755), 0);
	assert_load(0, "");
}

static void owner(void **state)
{
	(void)state;
	if (geteuid())
		skip(); /* another user is what is tested */
	write_psk(GOOD_PSK, 32, 0600);
	if (chown("secrets/c.psk", 12, 12))
		skip(); /* a user namespace that maps root alone */
	assert_load(-EINVAL, "x.conf:2: carriers[0].psk_file: ./secrets/c.psk: belongs to user 12; chown it to root\n");
}

/* Often written by mistake, and taken as it is. */
static void doubtful_look(void **state)
{
	static const struct {
		const char *psk, *said;
	} keys[] = {
		{ "\"" GOOD_PSK "\"\n", "quotes around the key belong to it; take them out if the peer's key has none" },
		{ "'" GOOD_PSK "'", "quotes around the key belong to it; take them out if the peer's key has none" },
		{ GOOD_PSK " \n", "a space at an end belongs to the key; take it out if the peer's key has none" },
		{ "\t" GOOD_PSK, "a space at an end belongs to the key; take it out if the peer's key has none" },
		{ "0X" GOOD_PSK, "begins with 0X, which belongs to the key; write 0x if octets are meant" },
		{ "0S" GOOD_PSK, "begins with 0S, which belongs to the key; write 0s if octets are meant" },
	};
	char expected[256];

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		write_psk(keys[i].psk, strlen(keys[i].psk), 0600);
		snprintf(
			expected, sizeof(expected), "x.conf:2: warning: carriers[0].psk_file: ./secrets/c.psk: %s\n", keys[i].said);
		assert_load(0, expected);
	}
	write_psk("0x2020" GOOD_PSK GOOD_PSK "2020", 74, 0600);
	assert_load(0, "");
}

/* The rest of the file is looked at all the same. */
static void not_for_this_user(void **state)
{
	(void)state;
	if (geteuid())
		skip(); /* another user is what is tested */
	write_psk(GOOD_PSK, 32, 0600);
	assert_int_equal(chmod(".", 0755), 0);
	assert_int_equal(chmod("x.conf", 0644), 0);
	if (seteuid(12))
		skip(); /* a user namespace that maps root alone */
	struct diag_list diags = { 0 };
	struct model *m = NULL;
	int r = conf_load("x.conf", &diags, &m);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(r, 0);
	assert_int_equal(diags.count, 1);
	assert_int_equal(diags.items[0].severity, DIAG_WARNING);
	assert_string_equal(diags.items[0].text,
		"./secrets/c.psk: is for root alone to read, so that it was not looked at; run culvert check as root");
	conf_free(m);
	diag_free(&diags);
}

static void no_file(void **state)
{
	(void)state;
	assert_load(-EINVAL,
		"x.conf:2: carriers[0].psk_file: ./secrets/c.psk: is not there; put the carrier's key into it, "
		"or make one: culvert secret new c.psk --dir ./secrets\n");
	assert_int_equal(mkdir("secrets/c.psk", 0700), 0);
	assert_load(
		-EINVAL, "x.conf:2: carriers[0].psk_file: ./secrets/c.psk: is no regular file; put the secret itself there\n");
	assert_int_equal(io_remove_tree("secrets"), 0);
	assert_load(-EINVAL,
		"x.conf:2: carriers[0].psk_file: ./secrets/c.psk: is not there; put the carrier's key into it, "
		"or make one: culvert secret new c.psk --dir ./secrets\n");
}

static void too_large(void **state)
{
	size_t len = 1024 * 1024 + 1;
	char *psk = calloc(1, len);

	(void)state;
	assert_non_null(psk);
	write_psk(psk, len, 0600);
	free(psk);
	assert_load(-EINVAL,
		"x.conf:2: carriers[0].psk_file: ./secrets/c.psk: is larger than 1048576 octets; is it the right file?\n");
}

static void write_text(const char *path, const char *text, mode_t mode)
{
	assert_int_equal(io_write_file(path, text, strlen(text), mode), 0);
}

/* Certificates may be read by all, their key may not; none may be written by others. */
static void certificates(void **state)
{
	struct buf text = { 0 };

	(void)state;
	buf_printf(&text, "%.*s%s%s", (int)(strstr(by_psk, "psk_file") - by_psk), by_psk,
		"certificate = \"c.pem\"; key_file = \"c.key\"; ca = \"ca.pem\";\n", strstr(by_psk, "  tunnels"));
	write_text("x.conf", buf_text(&text), 0600);
	buf_free(&text);
	write_text("secrets/c.pem", "-----BEGIN CERTIFICATE-----\n", 0664);
	write_text("secrets/ca.pem", "no PEM", 0644);
	write_text("secrets/c.key", "-----BEGIN PRIVATE KEY-----\n", 0644);
	assert_load(-EINVAL,
		"x.conf:2: carriers[0].certificate: ./secrets/c.pem: mode 0664 lets others in; chmod it to 0644\n"
		"x.conf:2: carriers[0].key_file: ./secrets/c.key: mode 0644 lets others in; chmod it to 0600\n"
		"x.conf:2: carriers[0].ca: ./secrets/ca.pem: has no \"-----BEGIN CERTIFICATE-----\" in it; give PEM\n");

	write_text("secrets/c.pem", "-----BEGIN CERTIFICATE-----\n", 0644);
	write_text("secrets/ca.pem", "-----BEGIN CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n", 0644);
	write_text("secrets/c.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n", 0600);
	assert_load(-EINVAL,
		"x.conf:2: carriers[0].certificate: ./secrets/c.pem: is no certificate that can be read; give one in PEM form\n"
		"x.conf:2: carriers[0].key_file: ./secrets/c.key: is protected by a passphrase; remove it, for nobody "
		"can type it at boot\n"
		"x.conf:2: carriers[0].ca: ./secrets/ca.pem: has more than one PEM block in it, of which only the first would "
		"count; leave "
		"one certificate\n");
}

/* I6: whatever is wrong with a key, no message repeats it. */
static void no_message_shows_a_key(void **state)
{
	static const char *const keys[] = { "hunter2hunter2", "hunter2\nhunter2hunter2hunter2hunter2",
		"hunter2hunter2hunter2" };

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct diag_list diags = { 0 };
		struct buf out = { 0 };
		struct model *m = NULL;
		write_psk(keys[i], strlen(keys[i]), 0600);
		int r = conf_load("x.conf", &diags, &m);
		assert_true(r == 0 || r == -EINVAL);
		diag_print(&diags, &out);
		assert_true(out.len > 0);
		assert_null(strstr(buf_text(&out), "hunter"));
		conf_free(m);
		buf_free(&out);
		diag_free(&diags);
	}
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, enter_folder, leave_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(good_key),
		IN_FOLDER(frozen),
		IN_FOLDER(in_one_file),
		IN_FOLDER(length),
		IN_FOLDER(digits),
		IN_FOLDER(bad_digits),
		IN_FOLDER(length_of_digits),
		IN_FOLDER(keys_that_repeat),
		IN_FOLDER(octets),
		IN_FOLDER(access_of_others),
		IN_FOLDER(owner),
		IN_FOLDER(doubtful_look),
		IN_FOLDER(not_for_this_user),
		IN_FOLDER(no_file),
		IN_FOLDER(too_large),
		IN_FOLDER(certificates),
		IN_FOLDER(no_message_shows_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
