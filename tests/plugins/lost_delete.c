/* Preloaded: the job that takes a rekeyed CHILD_SA away some time after its DELETE finds another one, or none. */
#include <dlfcn.h>
#include <stdint.h>

void *delete_child_sa_job_create_id(uint32_t id)
{
	void *(*create)(uint32_t) = (void *(*)(uint32_t))dlsym(RTLD_NEXT, "delete_child_sa_job_create_id");

	return create(~id);
}
