/* Preloaded: every timerfd fires half a minute late, so that what stands behind a timer can be seen to hold alone. */
#include <dlfcn.h>
#include <sys/timerfd.h>

enum { LATE = 30 };

int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	static int (*settime)(int, int, const struct itimerspec *, struct itimerspec *);
	struct itimerspec late = *new;

	if (!settime)
		settime =
			(int (*)(int, int, const struct itimerspec *, struct itimerspec *))dlsym(RTLD_NEXT, "timerfd_settime");
	if (late.it_value.tv_sec || late.it_value.tv_nsec)
		late.it_value.tv_sec += LATE;
	return settime(fd, flags, &late, old);
}
