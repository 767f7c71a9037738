/* Preloaded: whoever looks at all IKE_SAs takes his time with each. */
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#include <sa/ike_sa_manager.h>

enum { PAUSE = 20000 }; /* microseconds */

/** The manager's own functions */
static ike_sa_manager_t manager;

typedef struct {
	enumerator_t public;
	enumerator_t *inner;
} slow_t;

static bool venumerate(enumerator_t *this, va_list args)
{
	enumerator_t *inner = ((slow_t *)this)->inner;

	usleep(PAUSE);
	return inner->venumerate(inner, args);
}

static void destroy(enumerator_t *this)
{
	enumerator_t *inner = ((slow_t *)this)->inner;

	inner->destroy(inner);
	free(this);
}

static enumerator_t *create_enumerator(ike_sa_manager_t *this, bool wait)
{
	slow_t *slow = malloc(sizeof(*slow));

	*slow = (slow_t){
		.public = { .enumerate = enumerator_enumerate_default, .venumerate = venumerate, .destroy = destroy },
		.inner = manager.create_enumerator(this, wait),
	};
	return &slow->public;
}

ike_sa_manager_t *ike_sa_manager_create(void)
{
	ike_sa_manager_t *(*create)(void) = dlsym(RTLD_NEXT, "ike_sa_manager_create");
	ike_sa_manager_t *this = create();

	manager = *this;
	this->create_enumerator = create_enumerator;
	return this;
}
