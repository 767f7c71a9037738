/* culvert convert: what people have today, as a piece of culvert.conf on stdout; what is missing on stderr. */
#include "appliance/cmd/cmd.h"

#include "conf/convert.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_PARTLY = 3 };

static int print_result(int error, const char *path, const struct diag_list *diags, const struct buf *out,
	const struct buf *left, const struct buf *errors)
{
	fputs(buf_text(left), stderr);
	fputs(buf_text(errors), stderr);
	if (error) {
		if (!diags->errors)
			fprintf(stderr, "culvert: %s: %s\n", path, strerror(-error));
		return EXIT_BAD;
	}
	if (fputs(buf_text(out), stdout) == EOF || fflush(stdout)) {
		fprintf(stderr, "culvert: cannot write: %s\n", strerror(errno));
		return EXIT_BAD;
	}
	return left->len ? EXIT_PARTLY : EXIT_OK;
}

static int convert_file(const char *path)
{
	struct buf out = { 0 }, left = { 0 }, errors = { 0 };
	struct diag_list diags = { 0 };
	char *text;
	size_t len;

	int r = io_read_file(path, CONVERT_FILE_MAX, &text, &len);
	if (r) {
		fprintf(stderr, "culvert: %s: %s\n", path,
			r == -EFBIG    ? "is larger than 1 MiB; is it the right file?"
			: r == -EINVAL ? "is no regular file"
						   : strerror(-r));
		return EXIT_BAD;
	}
	r = convert_text(text, len, path, &diags, &out, &left);
	/* It may have a pre-shared key in it. */
	io_free_secret(text, len);
	diag_print(&diags, &errors);
	int code = print_result(r, path, &diags, &out, &left, &errors);
	buf_free(&out);
	buf_free(&left);
	buf_free(&errors);
	diag_free(&diags);
	return code;
}

int cmd_convert(const struct cmd_options *o, int argc, char **argv)
{
	(void)o;
	/* The text itself tells which of the two it is: people are not sent away for the wrong word. */
	if (argc != 3 || (strcmp(argv[1], "swanctl") != 0 && strcmp(argv[1], "ipsec") != 0) || argv[2][0] == '-') {
		fputs("usage: culvert convert swanctl|ipsec FILE\n", stderr);
		return EXIT_USAGE;
	}
	return convert_file(argv[2]);
}
