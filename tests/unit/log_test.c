#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lib/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* What log_at() writes with text as an argument; the result stays until the next call. */
static const char *logged(const char *text)
{
	static char line[4096];
	int ends[2], kept = dup(STDERR_FILENO);

	assert_int_equal(pipe(ends), 0);
	assert_return_code(dup2(ends[1], STDERR_FILENO), errno);
	errno = ENOENT;
	log_warning("%s: %m", text);
	int after = errno;
	assert_return_code(dup2(kept, STDERR_FILENO), errno);
	close(kept);
	close(ends[1]);
	ssize_t n = read(ends[0], line, sizeof(line) - 1);
	close(ends[0]);
	assert_true(n > 0);
	line[n] = '\0';
	assert_int_equal(after, ENOENT);
	return line;
}

static void one_line_with_priority(void **state)
{
	(void)state;
	assert_string_equal(logged("eth0"), "<4>eth0: No such file or directory\n");
}

static void no_second_line(void **state)
{
	(void)state;
	assert_string_equal(logged("x\n<0>forged\x1b"), "<4>x?<0>forged?: No such file or directory\n");
}

static void long_lines_are_cut(void **state)
{
	char text[3000];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	const char *line = logged(text);
	assert_int_equal(strlen(line), 1024);
	assert_int_equal(line[1023], '\n');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line_with_priority),
		cmocka_unit_test(no_second_line),
		cmocka_unit_test(long_lines_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
