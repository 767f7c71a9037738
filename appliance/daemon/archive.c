/* Failure policy: what cannot be removed stays and is tried again the next time; numbers are given upwards only. */
#include "appliance/daemon/archive.h"

#include "appliance/daemon/frozen.h"
#include "lib/cleanup.h"
#include "lib/io.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LAST_MAX = 32 }; /* octets */

unsigned archive_number(const char *text)
{
	char *end;
	unsigned long n;

	if (*text < '1' || *text > '9')
		return 0;
	errno = 0;
	n = strtoul(text, &end, 10);
	return *end || errno || n > ARCHIVE_NUMBER_MAX ? 0 : (unsigned)n;
}

int archive_current(const char *run, unsigned *ret)
{
	CLEANUP(cleanup_free) char *path = frozen_path("%s/gen/current", run);
	char target[16];
	ssize_t len;
	unsigned number;

	if (!path)
		return -ENOMEM;
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	number = archive_number(target);
	if (!number)
		return -EINVAL;
	*ret = number;
	return 0;
}

/* The highest number that a folder in gens has, whole or not. 0 with *ret, or -errno. */
static int highest_folder(const char *gens, unsigned *ret)
{
	DIR *dir = opendir(gens);
	const struct dirent *e;
	unsigned highest = 0;

	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		unsigned n = archive_number(e->d_name);

		highest = n > highest ? n : highest;
	}
	closedir(dir);
	*ret = highest;
	return 0;
}

/* What `last` says; 0 if it says nothing. */
static unsigned read_last(const char *path)
{
	char *text = NULL;
	size_t len = 0;
	unsigned n;

	if (io_read_file(path, LAST_MAX, &text, &len))
		return 0;
	text[strcspn(text, "\n")] = '\0';
	n = archive_number(text);
	free(text);
	return n;
}

int archive_give(const char *run, unsigned *ret)
{
	CLEANUP(cleanup_free) char *gens = frozen_path("%s/gen", run);
	CLEANUP(cleanup_free) char *path = frozen_path("%s/gen/last", run);
	char text[LAST_MAX];
	unsigned highest = 0;
	unsigned last;
	int r = gens && path ? io_make_dirs(gens, 0700) : -ENOMEM;

	if (!r)
		r = highest_folder(gens, &highest);
	if (r)
		return r;
	last = read_last(path);
	highest = last > highest ? last : highest;
	if (highest == ARCHIVE_NUMBER_MAX)
		return -EOVERFLOW;
	snprintf(text, sizeof(text), "%u\n", highest + 1);
	r = io_write_file(path, text, strlen(text), 0600);
	if (!r)
		*ret = highest + 1;
	return r;
}

static int newest_first(const void *a, const void *b)
{
	const unsigned *x = a;
	const unsigned *y = b;

	return (*x < *y) - (*x > *y);
}

static int is_generation(const struct dirent *e)
{
	return archive_number(e->d_name) != 0;
}

/* All that are whole, newest first. */
static int list_all(const char *run, unsigned **ret, size_t *ret_n)
{
	CLEANUP(cleanup_free) char *gens = frozen_path("%s/gen", run);
	struct dirent **entries;
	unsigned *numbers;
	int n;

	if (!gens)
		return -ENOMEM;
	n = scandir(gens, &entries, is_generation, NULL);
	if (n < 0)
		return -errno;
	numbers = calloc((size_t)n + 1, sizeof(*numbers));
	for (int i = 0; i < n; i++) {
		if (numbers)
			numbers[i] = archive_number(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (!numbers)
		return -ENOMEM;
	qsort(numbers, (size_t)n, sizeof(*numbers), newest_first);
	*ret = numbers;
	*ret_n = (size_t)n;
	return 0;
}

int archive_list(const char *run, unsigned **ret, size_t *ret_n)
{
	unsigned current = 0;
	unsigned *all;
	size_t n;
	size_t above = 0;
	int r = archive_current(run, &current);

	if (!r)
		r = list_all(run, &all, &n);
	if (r)
		return r;
	while (above < n && all[above] > current)
		above++;
	memmove(all, all + above, (n - above) * sizeof(*all));
	*ret = all;
	*ret_n = n - above;
	return 0;
}

void archive_remove(const char *run, const char *name)
{
	CLEANUP(cleanup_free) char *whole = frozen_path("%s/gen/%s", run, name);
	CLEANUP(cleanup_free) char *part = frozen_path("%s/gen/%s.part", run, name);

	if (!whole || !part)
		return;
	io_remove_tree(part);
	if (!rename(whole, part))
		io_remove_tree(part);
}

static void remove_number(const char *run, unsigned number)
{
	CLEANUP(cleanup_free) char *name = frozen_path("%u", number);

	if (name)
		archive_remove(run, name);
}

static bool starts(const char *name, const char *with)
{
	return !strncmp(name, with, strlen(with));
}

/* Half-made or half-removed generations, and what a crash left beside a file or link that was being replaced. */
static int is_leftover(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return (dot && !strcmp(dot, ".part")) || starts(e->d_name, "current.") || starts(e->d_name, "last.");
}

static void remove_leftovers(const char *gens)
{
	struct dirent **entries;
	int n = scandir(gens, &entries, is_leftover, NULL);

	for (int i = 0; i < n; i++) {
		CLEANUP(cleanup_free) char *path = frozen_path("%s/%s", gens, entries[i]->d_name);

		if (path)
			io_remove_tree(path);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

void archive_prune(const char *run)
{
	CLEANUP(cleanup_free) char *gens = frozen_path("%s/gen", run);
	CLEANUP(cleanup_free) unsigned *all = NULL;
	unsigned current = 0;
	size_t n = 0;
	size_t kept = 0;
	int r = archive_current(run, &current);

	if (!gens || (r && r != -ENOENT) || list_all(run, &all, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		if (all[i] > current || kept == ARCHIVE_KEEP)
			remove_number(run, all[i]);
		else
			kept++;
	}
	remove_leftovers(gens);
}
