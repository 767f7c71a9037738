/*
 * Failure policy: what cannot be completed is undone as far as it was begun (temporary names are removed), and memory
 * that may hold a secret is overwritten before it is freed.
 */
#include "lib/io.h"

#include "lib/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	READ_FIRST = 4096, /* octets, for files that do not tell their size (procfs) */
	TREE_DEPTH = 64, /* folders below each other that io_remove_tree() follows */
	LINK_TRIES = 16,
};

/* Replaces *data, which holds len octets, by a larger copy; realloc() would leave a copy of a secret behind. */
static int grow(char **data, size_t len, size_t *size)
{
	size_t twice = *size * 2;
	char *larger = malloc(twice + 1);

	if (!larger)
		return -ENOMEM;
	memcpy(larger, *data, len);
	io_free_secret(*data, len);
	*data = larger;
	*size = twice;
	return 0;
}

/*
 * Reads to the end of the file. *data has room for *size octets and a NUL. told: octets that the file says it has, 0 if
 * it does not tell; when just so many were read, where more had room, that was the end.
 */
static int read_all(int fd, size_t told, size_t max, char **data, size_t *size, size_t *ret_len)
{
	size_t len = 0;

	for (;;) {
		if (len == *size) {
			int r = grow(data, len, size);
			if (r)
				return r;
		}
		ssize_t n = read(fd, *data + len, *size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
		if (len == told && len < *size)
			break;
	}
	(*data)[len] = '\0';
	*ret_len = len;
	return 0;
}

int io_read_file(const char *path, size_t max, char **ret, size_t *ret_len)
{
	struct stat st;

	return io_read_file_stat(path, max, &st, ret, ret_len);
}

int io_read_file_stat(const char *path, size_t max, struct stat *ret_st, char **ret, size_t *ret_len)
{
	return io_read_file_at(AT_FDCWD, path, max, ret_st, ret, ret_len);
}

int io_read_file_at(int folder, const char *name, size_t max, struct stat *ret_st, char **ret, size_t *ret_len)
{
	struct stat st;

	/* O_NONBLOCK: a FIFO in place of the file must not hang us before fstat() tells. */
	CLEANUP(cleanup_close) int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		return -errno;
	*ret_st = st;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uintmax_t)st.st_size > max)
		return -EFBIG;

	/* One more than the size, so that the read that finds the end needs no larger buffer. */
	size_t size = st.st_size ? (size_t)st.st_size + 1 : READ_FIRST;
	char *data = malloc(size + 1);
	if (!data)
		return -ENOMEM;
	int r = read_all(fd, (size_t)st.st_size, max, &data, &size, ret_len);
	if (r) {
		io_free_secret(data, size);
		return r;
	}
	*ret = data;
	return 0;
}

int io_write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

char *io_folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* Makes a rename in path's folder lasting. */
static int sync_folder(const char *path)
{
	char *folder = io_folder_of(path);

	if (!folder)
		return -ENOMEM;
	CLEANUP(cleanup_close) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	if (fd < 0)
		return -errno;
	/* Some file systems cannot sync a folder and say EINVAL: nothing is lost by it. */
	return fsync(fd) && errno != EINVAL ? -errno : 0;
}

static int fill_file(int fd, const void *data, size_t len, mode_t mode)
{
	int r = io_write_all(fd, data, len);

	if (r)
		return r;
	return fchmod(fd, mode) || fsync(fd) ? -errno : 0;
}

int io_write_file(const char *path, const void *data, size_t len, mode_t mode)
{
	CLEANUP(cleanup_free) char *beside = NULL;
	if (asprintf(&beside, "%s.XXXXXX", path) < 0) {
		beside = NULL;
		return -ENOMEM;
	}
	CLEANUP(cleanup_close) int fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = fill_file(fd, data, len, mode);
	if (!r && rename(beside, path))
		r = -errno;
	if (r) {
		unlink(beside);
		return r;
	}
	return sync_folder(path);
}

int io_create_file(const char *path, const void *data, size_t len, mode_t mode)
{
	CLEANUP(cleanup_close) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int r = io_write_all(fd, data, len);
	if (!r && fchmod(fd, mode))
		r = -errno;
	if (r)
		unlink(path);
	return r;
}

static int make_dir(const char *path, mode_t mode)
{
	struct stat st;

	if (!mkdir(path, mode))
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &st))
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int io_make_dirs(const char *path, mode_t mode)
{
	int r = 0;
	char *part = strdup(path);

	if (!part)
		return -ENOMEM;
	for (char *p = part; *p && !r; p++) {
		if (*p != '/' || p == part)
			continue;
		*p = '\0';
		r = make_dir(part, mode);
		*p = '/';
	}
	free(part);
	return r ? r : make_dir(path, mode);
}

/* Makes a link to target beside path under a name of its own; the caller frees *ret. */
static int link_beside(const char *path, const char *target, char **ret)
{
	for (unsigned i = 0; i < LINK_TRIES; i++) {
		char *beside = NULL;
		if (asprintf(&beside, "%s.%ld-%u", path, (long)getpid(), i) < 0)
			return -ENOMEM;
		if (!symlink(target, beside)) {
			*ret = beside;
			return 0;
		}
		int r = -errno;
		free(beside);
		if (r != -EEXIST)
			return r;
	}
	return -EEXIST;
}

int io_replace_link(const char *path, const char *target)
{
	struct stat st;

	if (!lstat(path, &st) && !S_ISLNK(st.st_mode))
		return -EEXIST;
	CLEANUP(cleanup_free) char *beside = NULL;
	int r = link_beside(path, target, &beside);
	if (r)
		return r;
	if (rename(beside, path)) {
		r = -errno;
		unlink(beside);
		return r;
	}
	return sync_folder(path);
}

static int remove_at(int at, const char *name, unsigned depth);

/* Removes what is in the folder; fd is consumed, with the stream made of it. */
static int empty_folder(int fd, unsigned depth)
{
	DIR *dir = fdopendir(fd);
	int r = 0;

	if (!dir) {
		r = -errno;
		close(fd);
		return r;
	}
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(dir);
		if (!entry) {
			r = -errno;
			break;
		}
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		r = remove_at(fd, entry->d_name, depth + 1);
		if (r)
			break;
	}
	closedir(dir);
	return r;
}

static int remove_at(int at, const char *name, unsigned depth)
{
	if (depth > TREE_DEPTH)
		return -ELOOP;
	if (!unlinkat(at, name, 0) || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	int r = empty_folder(fd, depth);
	if (r)
		return r;
	return unlinkat(at, name, AT_REMOVEDIR) && errno != ENOENT ? -errno : 0;
}

int io_remove_tree(const char *path)
{
	return remove_at(AT_FDCWD, path, 0);
}

void io_free_secret(char *secret, size_t len)
{
	if (!secret)
		return;
	explicit_bzero(secret, len);
	free(secret);
}
