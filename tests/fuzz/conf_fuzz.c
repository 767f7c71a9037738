/*
 * Any text through the loader: it neither crashes nor leaks, an error has a message, and what loads prints as something
 * that loads and prints the same. So it does through the reader of canonical text.
 */
#include "conf/canonical.h"
#include "conf/conf.h"
#include "conf/derive.h"
#include "conf/model.h"
#include "conf/schema.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/diag.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Prints the model of text to out; false if it does not load. */
static bool print_loaded(const char *text, size_t len, struct buf *out)
{
	struct diag_list diags = { 0 };
	struct buf messages = { 0 };
	struct model *m = NULL;

	int r = conf_load_text(text, len, "x.conf", &diags, &m);
	if ((r == -EINVAL) != (diags.errors > 0) || (r && r != -EINVAL))
		abort();
	diag_print(&diags, &messages);
	if (!r)
		conf_print(m, out);
	conf_free(m);
	buf_free(&messages);
	diag_free(&diags);
	return !r;
}

/* The same by the reader of canonical text; false for other text. */
static bool print_canonical(const char *text, size_t len, struct buf *out)
{
	char name[] = "x.conf", *files[] = { name };
	struct model m = { .files = files, .n_files = 1 };

	int r = canonical_read(text, len, &m);
	if (r && r != -EINVAL)
		abort();
	if (!r && derive_model(&m))
		abort();
	if (!r)
		conf_print(&m, out);
	arena_free(m.memory);
	free(m.shared);
	return !r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once = { 0 }, twice = { 0 }, other = { 0 };

	print_canonical((const char *)data, size, &other);
	buf_cut(&other, 0);
	if (print_loaded((const char *)data, size, &once)) {
		if (!print_loaded(buf_text(&once), once.len, &twice) || strcmp(buf_text(&once), buf_text(&twice)) != 0)
			abort();
		if (!print_canonical(buf_text(&once), once.len, &other) || strcmp(buf_text(&once), buf_text(&other)) != 0)
			abort();
	}
	buf_free(&other);
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
