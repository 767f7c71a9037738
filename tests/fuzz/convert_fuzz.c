/*
 * Any text through the converter: it neither crashes nor leaks, an error has a message, and what it writes is a text
 * that libconfig parses, whatever the other program's file said.
 */
#include "conf/convert.h"
#include "lib/utf8.h"
#include "lib/buf.h"
#include "lib/diag.h"

#include <errno.h>
#include <libconfig.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_output(const struct buf *out)
{
	config_t config;

	if (utf8_valid(buf_text(out), out->len) < out->len || strlen(buf_text(out)) < out->len)
		abort();
	config_init(&config);
	if (!config_read_string(&config, buf_text(out)) || !config_lookup(&config, "carriers"))
		abort();
	config_destroy(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out = { 0 }, left = { 0 };
	struct diag_list diags = { 0 };

	int r = convert_text((const char *)data, size, "x.conf", &diags, &out, &left);
	if ((r == -EINVAL) != (diags.errors > 0) || (r && r != -EINVAL) || (r && out.len))
		abort();
	if (!r)
		check_output(&out);
	diag_free(&diags);
	buf_free(&out);
	buf_free(&left);
	return 0;
}
