/*
 * Preloaded: before a CHILD_SA whose end charon is about to see to is entered for another IKE_SA, charon has begun to
 * look for it.
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <unistd.h>

#include <sa/child_sa_manager.h>

/* Microseconds. PAUSE: with the patch a look does not end before add() does. */
enum { STEP = 10000, PAUSE = 1000000, LIMIT = 20000000 };

/** The manager's own functions */
static child_sa_manager_t manager;
static atomic_uint looks, ends;

static ike_sa_t *checkout_by_id(child_sa_manager_t *this, uint32_t unique_id, child_sa_t **child_sa)
{
	looks++;
	ike_sa_t *ike_sa = manager.checkout_by_id(this, unique_id, child_sa);
	ends++;
	return ike_sa;
}

static void add(child_sa_manager_t *this, child_sa_t *child_sa, ike_sa_t *ike_sa)
{
	unsigned before = looks, ended = ends;

	if (child_sa->get_state(child_sa) == CHILD_DELETED) {
		for (int waited = 0; looks == before && waited < LIMIT; waited += STEP)
			usleep(STEP);
		for (int waited = 0; ends == ended && waited < PAUSE; waited += STEP)
			usleep(STEP);
	}
	manager.add(this, child_sa, ike_sa);
}

child_sa_manager_t *child_sa_manager_create(void)
{
	child_sa_manager_t *(*create)(void) = dlsym(RTLD_NEXT, "child_sa_manager_create");
	child_sa_manager_t *this = create();

	manager = *this;
	this->checkout_by_id = checkout_by_id;
	this->add = add;
	return this;
}
