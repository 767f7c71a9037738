#include "appliance/daemon/lines.h"

#include "lib/buf.h"
#include "lib/diag.h"

#include <string.h>

void lines_each(const struct diag_list *diags, lines_fn line, void *userdata)
{
	struct buf text = { 0 };
	char *rest;
	char *one;

	diag_print(diags, &text);
	rest = text.text;
	while (rest && (one = strsep(&rest, "\n")))
		if (*one)
			line(userdata, one);
	buf_free(&text);
}
