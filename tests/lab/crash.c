/*
 * Preloaded into culvertd by a test: kills it right before the Nth call of those that leave a trace outside of it. N
 * stands in the file that CULVERT_CRASH names; without the file nothing happens. The file is removed first, so that the
 * next culvertd lives, and FILE.at says which call it was. FILE.count says how many there were when it lived on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static long left = -1; /* calls until the end; -1: the file has not been seen */
static long seen;

/* System calls only: none of them is one of those that are counted. */
static void write_file(const char *suffix, const char *text, size_t len)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s%s", getenv("CULVERT_CRASH"), suffix);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	(void)!write(fd, text, len);
	close(fd);
}

static long read_number(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	(void)!read(fd, text, sizeof(text) - 1);
	close(fd);
	return strtol(text, NULL, 10);
}

static void step(const char *format, ...)
{
	const char *path = getenv("CULVERT_CRASH");
	char text[512];
	va_list args;
	int len;

	if (!path)
		return;
	if (left < 0) {
		left = read_number(path);
		seen = 0;
	}
	if (left < 0)
		return;
	seen++;
	if (seen < left) {
		len = snprintf(text, sizeof(text), "%ld\n", seen);
		write_file(".count", text, (size_t)len);
		return;
	}
	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	write_file(".at", text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
	syscall(SYS_unlink, path);
	kill(getpid(), SIGKILL);
}

/* The function that NAME hides. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int rename(const char *from, const char *to)
{
	step("rename %s", to);
	return REAL(rename)(from, to);
}

int fsync(int fd)
{
	step("fsync");
	return REAL(fsync)(fd);
}

int mkdir(const char *path, mode_t mode)
{
	step("mkdir %s", path);
	return REAL(mkdir)(path, mode);
}

int symlink(const char *target, const char *path)
{
	step("symlink %s", path);
	return REAL(symlink)(target, path);
}

int unlinkat(int at, const char *path, int flags)
{
	step("unlinkat %s", path);
	return REAL(unlinkat)(at, path, flags);
}

/* To charon and to clients. */
ssize_t send(int fd, const void *data, size_t len, int flags)
{
	step("send %.*s", (int)strcspn(data, "\n"), (const char *)data);
	return REAL(send)(fd, data, len, flags);
}

/* To the kernel: by libmnl, then by libnl. */
ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to, socklen_t to_len)
{
	step("sendto");
	return REAL(sendto)(fd, data, len, flags, to, to_len);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	step("sendmsg");
	return REAL(sendmsg)(fd, message, flags);
}
