/* Preloaded: CLOCK_BOOTTIME and its timers run two hundred times as fast, all other clocks as they do. */
#include <dlfcn.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <time.h>

enum { SPEED = 200 };
static const int64_t second = 1000000000;

static int64_t real_boottime(void)
{
	static int (*gettime)(clockid_t, struct timespec *);
	struct timespec ts = { 0 };

	if (!gettime)
		gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * second + ts.tv_nsec;
}

/* The clock was right when it was first looked at. */
static int64_t begin(void)
{
	static int64_t first;

	if (!first)
		first = real_boottime();
	return first;
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	static int (*gettime)(clockid_t, struct timespec *);

	if (clock == CLOCK_BOOTTIME) {
		int64_t first = begin(), now = first + (real_boottime() - first) * SPEED;
		*ts = (struct timespec){ .tv_sec = now / second, .tv_nsec = now % second };
		return 0;
	}
	if (!gettime)
		gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	return gettime(clock, ts);
}

/* Only for absolute times. */
int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	static int (*settime)(int, int, const struct itimerspec *, struct itimerspec *);
	int64_t at = new->it_value.tv_sec *second + new->it_value.tv_nsec;
	struct itimerspec soon = *new;

	if (!settime)
		settime =
			(int (*)(int, int, const struct itimerspec *, struct itimerspec *))dlsym(RTLD_NEXT, "timerfd_settime");
	if (at) {
		at = begin() + (at - begin()) / SPEED + 1;
		soon.it_value = (struct timespec){ .tv_sec = at / second, .tv_nsec = at % second };
	}
	return settime(fd, flags, &soon, old);
}
