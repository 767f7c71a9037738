/*
 * culvert secret new: a pre-shared key from the kernel's random numbers, into a file of its own. The key itself is
 * never printed, and an existing file never touched. What fails half way leaves no file.
 */
#include "appliance/cmd/cmd.h"

#include "lib/cleanup.h"
#include "lib/io.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	NAME_LEN_MAX = 64, /* as the loader takes it */
	LENGTH_DEFAULT = 44, /* letters and digits: 262 bits */
	LENGTH_LEAST = 43, /* 256 bits */
	LENGTH_MOST = 128,
};

struct wish {
	const char *dir, *name;
	size_t length;
};

/* Carriers' forms and old gateways stumble over anything else; 62 signs carry 5.95 bits each. */
static const char signs[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
enum { N_SIGNS = sizeof(signs) - 1, FAIR = 256 - 256 % N_SIGNS /* octets from here on would favour some signs */ };

static int usage(void)
{
	fprintf(stderr, "usage: culvert secret new NAME [--length %d..%d] [--dir DIR]\n", LENGTH_LEAST, LENGTH_MOST);
	return EXIT_USAGE;
}

static bool is_file_name(const char *name)
{
	size_t len = strlen(name);

	if (!len || len > NAME_LEN_MAX || !(isalnum((unsigned char)name[0]) || name[0] == '_'))
		return false;
	for (const char *c = name; *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
			return false;
	}
	return true;
}

/* 0 with *ret, or -EINVAL. */
static int parse_length(const char *text, size_t *ret)
{
	char *end;

	errno = 0;
	unsigned long n = strtoul(text, &end, 10);
	if (errno || *end || !isdigit((unsigned char)text[0]) || n < LENGTH_LEAST || n > LENGTH_MOST)
		return -EINVAL;
	*ret = n;
	return 0;
}

/* 0 with *ret, or -EINVAL: wrong usage. */
static int parse_wish(int argc, char **argv, struct wish *ret)
{
	struct wish w = { .dir = "/etc/culvert/secrets", .length = LENGTH_DEFAULT };

	if (argc < 3 || strcmp(argv[1], "new") != 0)
		return -EINVAL;
	for (int i = 2; i < argc; i++) {
		bool more = i + 1 < argc;
		if (!strcmp(argv[i], "--dir") && more)
			w.dir = argv[++i];
		else if (!strcmp(argv[i], "--length") && more && !parse_length(argv[i + 1], &w.length))
			i++;
		else if (argv[i][0] != '-' && !w.name)
			w.name = argv[i];
		else
			return -EINVAL;
	}
	*ret = w;
	return w.name ? 0 : -EINVAL;
}

/* --- the folder --- */

static int fail(const char *path, const char *what)
{
	fprintf(stderr, "culvert: %s: %s\n", path, what);
	return -1;
}

/* The folder, open, if only root or the caller can put files into it; -1 after saying why not. */
static int open_folder(const char *path)
{
	struct stat st;

	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		fprintf(stderr, "culvert: %s: is not there; make it: mkdir -m 0700 %s\n", path, path);
		return -1;
	}
	if (fd < 0)
		return fail(path, strerror(errno));
	if (!fstat(fd, &st) && (!st.st_uid || st.st_uid == geteuid()) && !(st.st_mode & 022))
		return fd;
	if (st.st_mode & 022)
		fprintf(stderr, "culvert: %s: mode %04o lets others put files there; chmod it to 0700\n", path,
			(unsigned)st.st_mode & 07777);
	else
		fprintf(stderr, "culvert: %s: belongs to user %u; chown it to root\n", path, (unsigned)st.st_uid);
	close(fd);
	return -1;
}

/* --- the key --- */

/* len signs and a newline into key. 0 or -errno. */
static int make_key(char *key, size_t len)
{
	unsigned char octets[64];
	size_t made = 0;

	while (made < len) {
		ssize_t n = getrandom(octets, sizeof(octets), 0);
		if (n < 0 && errno != EINTR)
			return -errno;
		for (ssize_t i = 0; i < n && made < len; i++) {
			if (octets[i] < FAIR)
				key[made++] = signs[octets[i] % N_SIGNS];
		}
	}
	explicit_bzero(octets, sizeof(octets));
	key[len] = '\n';
	return 0;
}

/* The new file with what is in key, lasting; 0 or -errno, and then there is no file of ours. */
static int write_new(int folder, const char *name, const char *key, size_t len)
{
	CLEANUP(cleanup_close) int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	int r = io_write_all(fd, key, len);
	/* The mode again: a umask may have taken away from it. Some file systems cannot sync a folder and say EINVAL. */
	if (!r && (fchmod(fd, 0600) || fsync(fd) || (fsync(folder) && errno != EINVAL)))
		r = -errno;
	if (r)
		unlinkat(folder, name, 0);
	return r;
}

static int make_file(const struct wish *w)
{
	CLEANUP(cleanup_close) int folder = open_folder(w->dir);
	char *key;

	if (folder < 0)
		return -1;
	key = malloc(w->length + 1);
	int r = key ? make_key(key, w->length) : -ENOMEM;
	if (!r)
		r = write_new(folder, w->name, key, w->length + 1);
	io_free_secret(key, w->length + 1);
	if (r == -EEXIST)
		fprintf(stderr,
			"culvert: %s/%s is there already and stays as it is. To change a key without an outage, make a second file "
			"and name both, the new one first: psk_file = [ \"new\", \"old\" ]\n",
			w->dir, w->name);
	else if (r)
		fprintf(stderr, "culvert: %s/%s: %s\n", w->dir, w->name, strerror(-r));
	return r;
}

int cmd_secret(const struct cmd_options *o, int argc, char **argv)
{
	struct wish w;

	(void)o;
	if (parse_wish(argc, argv, &w))
		return usage();
	if (!is_file_name(w.name)) {
		fputs("culvert: the name is no plain file name; use letters, digits, '.', '_' and '-', 64 at most\n", stderr);
		return EXIT_USAGE;
	}
	if (make_file(&w))
		return EXIT_BAD;
	printf("%s/%s: a key of %zu letters and digits\n"
		   "  for the carrier in culvert.conf:  psk_file = \"%s\";\n"
		   "  to hand it over, over a safe way: cat %s/%s\n",
		w.dir, w.name, w.length, w.name, w.dir, w.name);
	return EXIT_OK;
}
