#include "appliance/daemon/lines.h"

#include "lib/buf.h"

void lines_each(const struct diag_list *diags, lines_fn line, void *userdata)
{
	const struct diag *sorted[DIAG_MAX] = { 0 };
	size_t n = diag_sorted(diags, sorted);
	struct buf text = { 0 };

	for (size_t i = 0; i < n; i++) {
		diag_print_one(sorted[i], &text);
		line(userdata, sorted[i]->severity, buf_text(&text));
		buf_free(&text);
	}
	if (diags->dropped) {
		buf_printf(&text, "and %zu more", diags->dropped);
		line(userdata, diags->errors ? DIAG_ERROR : DIAG_WARNING, buf_text(&text));
		buf_free(&text);
	}
}
