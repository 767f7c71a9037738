/* A subcommand run within the test, and what it says. */
#ifndef CULVERT_TESTS_UNIT_SAID_H
#define CULVERT_TESTS_UNIT_SAID_H

#include "appliance/cmd/cmd.h"

#include <stdio.h>
#include <unistd.h>

enum { SAID_MAX = 65536, SAID_WORDS_MAX = 8 };

struct said {
	char out[SAID_MAX], err[SAID_MAX];
};

static inline void said_read(FILE *file, char text[static SAID_MAX])
{
	rewind(file);
	text[fread(text, 1, SAID_MAX - 1, file)] = '\0';
	fclose(file);
}

/* The exit code of the command with these words (the last is NULL, the first its name); -1: cannot be run. */
static inline int said_run(
	struct said *ret, int (*command)(const struct cmd_options *o, int argc, char **argv), const char *const *words)
{
	char copies[SAID_WORDS_MAX][256], *argv[SAID_WORDS_MAX + 1] = { NULL };
	struct cmd_options o = { 0 };
	int argc = 0, out = dup(1), err = dup(2);
	FILE *out_file = tmpfile(), *err_file = tmpfile();

	if (out < 0 || err < 0 || !out_file || !err_file)
		return -1;
	for (; words[argc]; argc++) {
		snprintf(copies[argc], sizeof(copies[argc]), "%s", words[argc]);
		argv[argc] = copies[argc];
	}
	fflush(NULL);
	dup2(fileno(out_file), 1);
	dup2(fileno(err_file), 2);
	int code = command(&o, argc, argv);
	fflush(NULL);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	said_read(out_file, ret->out);
	said_read(err_file, ret->err);
	return code;
}

#define SAID_RUN(ret, command, ...) said_run(ret, command, (const char *const[]){ __VA_ARGS__, NULL })

#endif
