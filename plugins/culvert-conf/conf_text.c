#include "conf_text.h"

#include <library.h>
#include <stdarg.h>

char *conf_text(const char *format, ...)
{
	va_list args;
	char *text;
	int rc;

	va_start(args, format);
/* All callers give literals; a format attribute would make each %H and %Y a warning. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	rc = vasprintf(&text, format, args);
#pragma GCC diagnostic pop
	va_end(args);
	return rc < 0 ? NULL : text;
}
