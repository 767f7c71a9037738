#include "appliance/daemon/frozen.h"

#include "conf/conf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

char *frozen_path(const char *format, ...)
{
	char *path;
	va_list args;

	va_start(args, format);
	if (vasprintf(&path, format, args) < 0)
		path = NULL;
	va_end(args);
	return path;
}

int frozen_fail(struct diag_list *diags, const char *path, int error, const char *what)
{
	diag_error(diags, path, 0, NULL, "%s: %s", what, strerror(-error));
	return error;
}

/* True if the file holds exactly these octets; one that cannot be read does not. */
bool frozen_equals(const char *path, const char *data, size_t len)
{
	char *have = NULL;
	size_t have_len = 0;
	bool equal;

	if (!path || io_read_file(path, CONF_FILE_MAX, &have, &have_len))
		return false;
	equal = have_len == len && !memcmp(have, data, len);
	io_free_secret(have, have_len);
	return equal;
}
