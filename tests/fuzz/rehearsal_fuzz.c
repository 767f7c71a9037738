/* Any octets as the file of rehearsals: what is taken is printed as the same octets. */
#include "ikev2/rehearsal.h"
#include "lib/buf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_even(void *data, const char *tunnel)
{
	(void)data;
	return strlen(tunnel) % 2 == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct rehearsal_book b = { 0 };
	struct buf out = { 0 };
	size_t line = 0;

	if (rehearsal_parse(text, size, &b, &line)) {
		if (b.n || !line)
			abort();
		return 0;
	}
	rehearsal_print(&b, &out);
	if (out.len != size || memcmp(out.text, text, size) != 0)
		abort();
	rehearsal_prune(&b, is_even, NULL);
	buf_free(&out);
	rehearsal_free(&b);
	return 0;
}
