/*
 * Preloaded: charon is told to stop while a thread goes back to the manager of IKE_SAs with one that it has, to end it
 * or with the one that replaces it. The thread goes on when charon has begun to end all IKE_SAs, and has had time to
 * come to where it waits; so it does when the thread has waited in there.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include <sa/ike_sa_manager.h>

enum { STEP = 10000, PAUSE = 500000, LIMIT = 20000000 }; /* microseconds */

/** The manager's own functions */
static ike_sa_manager_t manager;
static __thread bool ending;
static atomic_bool flushing;

static void stop_charon(void)
{
	kill(getpid(), SIGTERM);
	for (int waited = 0; !flushing && waited < LIMIT; waited += STEP)
		usleep(STEP);
	usleep(PAUSE);
}

static void flush(ike_sa_manager_t *this)
{
	flushing = true;
	manager.flush(this);
}

static void checkin_and_destroy(ike_sa_manager_t *this, ike_sa_t *ike_sa)
{
	stop_charon();
	ending = TRUE;
	manager.checkin_and_destroy(this, ike_sa);
	ending = FALSE;
}

static void checkout_new(ike_sa_manager_t *this, ike_sa_t *ike_sa)
{
	stop_charon();
	manager.checkout_new(this, ike_sa);
}

ike_sa_manager_t *ike_sa_manager_create(void)
{
	ike_sa_manager_t *(*create)(void) = dlsym(RTLD_NEXT, "ike_sa_manager_create");
	ike_sa_manager_t *this = create();

	manager = *this;
	this->checkin_and_destroy = checkin_and_destroy;
	this->checkout_new = checkout_new;
	this->flush = flush;
	return this;
}

int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	int (*wait)(pthread_cond_t *, pthread_mutex_t *) = dlsym(RTLD_NEXT, "pthread_cond_wait");
	int status = wait(cond, mutex);

	if (ending) {
		pthread_mutex_unlock(mutex);
		usleep(PAUSE);
		pthread_mutex_lock(mutex);
	}
	return status;
}
