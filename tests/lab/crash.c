/*
 * Preloaded into culvertd by a test: kills it right before the Nth call of those that leave a trace outside of it (what
 * only asks, or syncs to a disk that does not fail, leaves none). N
 * stands in the file that CULVERT_CRASH names; without the file nothing happens. Behind N may stand a process to kill
 * in its place. The file is removed first, so that the next culvertd lives, and FILE.at says which call it was.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static long left; /* calls until the end; 0: the file has not been seen */
static pid_t victim;

/* Another file is another count. */
static bool arm(const char *path)
{
	static ino_t known;
	char text[64] = "";
	char *rest;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (!fstat(fd, &st) && (!left || st.st_ino != known)) {
		(void)!read(fd, text, sizeof(text) - 1);
		left = strtol(text, &rest, 10);
		victim = (pid_t)strtol(rest, NULL, 10);
		known = st.st_ino;
	}
	close(fd);
	return left > 0;
}

static void write_place(const char *path, const char *format, va_list args)
{
	char place[PATH_MAX];
	int fd;

	snprintf(place, sizeof(place), "%s.at", path);
	fd = open(place, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	vdprintf(fd, format, args);
	close(fd);
}

/* What is called here is none of the calls that are counted. */
static void step(const char *format, ...)
{
	const char *path = getenv("CULVERT_CRASH");
	va_list args;

	if (!path || !arm(path) || --left)
		return;
	va_start(args, format);
	write_place(path, format, args);
	va_end(args);
	syscall(SYS_unlink, path);
	kill(victim ? victim : getpid(), SIGKILL);
}

/* The function that NAME hides. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int rename(const char *from, const char *to)
{
	step("rename %s", to);
	return REAL(rename)(from, to);
}

int mkdir(const char *path, mode_t mode)
{
	if (access(path, F_OK))
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
	if (!faccessat(at, path, F_OK, AT_SYMLINK_NOFOLLOW))
		step("unlinkat %s", path);
	return REAL(unlinkat)(at, path, flags);
}

/* To charon and to clients. */
ssize_t send(int fd, const void *data, size_t len, int flags)
{
	step("send %.*s", (int)strcspn(data, "\n"), (const char *)data);
	return REAL(send)(fd, data, len, flags);
}

/* True for a netlink message that lists things. */
static bool asks(const void *data, size_t len)
{
	const struct nlmsghdr *header = data;

	return len >= sizeof(*header) && (header->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
}

/* To the kernel: by libmnl, then by libnl. */
ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to, socklen_t to_len)
{
	if (!asks(data, len))
		step("sendto");
	return REAL(sendto)(fd, data, len, flags, to, to_len);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	if (!message->msg_iovlen || !asks(message->msg_iov[0].iov_base, message->msg_iov[0].iov_len))
		step("sendmsg");
	return REAL(sendmsg)(fd, message, flags);
}
