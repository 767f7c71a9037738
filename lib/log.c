/* One write(2) a message, so that the lines of two threads do not mix. What does not fit is cut, never lost whole. */
#include "lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_SIZE = 1024 };

void log_at(int priority, const char *format, ...)
{
	char line[LINE_SIZE];
	int kept = errno;
	va_list ap;

	int start = snprintf(line, sizeof(line), "<%d>", LOG_PRI(priority));
	errno = kept; /* for %m */
	va_start(ap, format);
	int n = vsnprintf(line + start, sizeof(line) - (size_t)start, format, ap);
	va_end(ap);

	size_t len = (size_t)start + (n > 0 ? (size_t)n : 0);
	if (len > sizeof(line) - 1)
		len = sizeof(line) - 1;
	/* Text from outside must not forge a second line. */
	for (size_t i = (size_t)start; i < len; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	}
	line[len++] = '\n';
	/* Nobody is left to tell when stderr does not take it. */
	ssize_t written = write(STDERR_FILENO, line, len);
	(void)written;
	errno = kept;
}
