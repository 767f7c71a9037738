#include "conf_lookup.h"

#include <processing/jobs/callback_job.h>

#include "conf_attempt.h"
#include "conf_text.h"

typedef struct private_conf_lookup_t private_conf_lookup_t;
typedef struct lookup_t lookup_t;

/** Threads that may wait for DNS at a time. */
enum { LOOKUPS_MAX = 2 };

struct private_conf_lookup_t {
	conf_lookup_t public;
	mutex_t *mutex;
	conf_keeper_t *keeper;
	/** look-ups on their way, under the mutex */
	u_int running;
};

/** One look-up */
struct lookup_t {
	private_conf_lookup_t *this;
	/** a reference */
	conf_tunnel_t *tunnel;
};

static void note_failure(conf_tunnel_t *tunnel)
{
	char *text;

	text = conf_text("the peer's name %s cannot be resolved; check the name and that the DNS servers in "
					 "outer.resolvers answer",
		tunnel->peer_name);
	if (tunnel->status->fail(tunnel->status, 0, CONF_SCOPE_IKE, text))
		DBG1(DBG_CFG, "tunnel %s: %s", tunnel->name, text);
	free(text);
}

static job_requeue_t look_up(lookup_t *lookup)
{
	private_conf_lookup_t *this = lookup->this;
	conf_tunnel_t *tunnel = lookup->tunnel;
	host_t *host;
	int family;

	/* DHCP is for IPv4 alone. */
	family = tunnel->local ? tunnel->local->get_family(tunnel->local) : AF_INET;
	host = host_create_from_dns(tunnel->peer_name, family, IKEV2_UDP_PORT);
	if (!host)
		note_failure(tunnel);
	this->mutex->lock(this->mutex);
	this->running--;
	tunnel->retry.resolving = FALSE;
	DESTROY_IF(tunnel->retry.resolved);
	tunnel->retry.resolved = host;
	if (!host)
		conf_attempt_put_off(tunnel, time_monotonic(NULL));
	this->mutex->unlock(this->mutex);
	this->keeper->check_soon(this->keeper);
	return JOB_REQUEUE_NONE;
}

static void destroy_lookup(lookup_t *lookup)
{
	lookup->tunnel->destroy(lookup->tunnel);
	free(lookup);
}

METHOD(conf_lookup_t, start, void, private_conf_lookup_t *this, conf_tunnel_t *tunnel)
{
	lookup_t *lookup;

	if (tunnel->retry.resolving || this->running >= LOOKUPS_MAX)
		return;
	this->running++;
	tunnel->retry.resolving = TRUE;
	INIT(lookup, .this = this, .tunnel = tunnel->get_ref(tunnel));
	lib->processor->queue_job(lib->processor, (job_t *)callback_job_create_with_prio((callback_job_cb_t)look_up, lookup,
												  (callback_job_cleanup_t)destroy_lookup, NULL, JOB_PRIO_LOW));
}

METHOD(conf_lookup_t, destroy, void, private_conf_lookup_t *this)
{
	free(this);
}

conf_lookup_t *conf_lookup_create(mutex_t *mutex, conf_keeper_t *keeper)
{
	private_conf_lookup_t *this;

	INIT(this,
		.public = {
			.start = _start,
			.destroy = _destroy,
		},
		.mutex = mutex,
		.keeper = keeper,
	);
	return &this->public;
}
