#include "conf_pace.h"

#include <collections/hashtable.h>

typedef struct private_conf_pace_t private_conf_pace_t;
typedef struct count_t count_t;

/** IKE_SAs that are neither established nor given up, with one address: one less than stock strongSwan lets pass */
enum { HALF_OPEN_MAX = 4 };

struct private_conf_pace_t {
	conf_pace_t public;
	/** address (host_t) => count_t, owned */
	hashtable_t *counts;
};

struct count_t {
	host_t *peer;
	u_int count;
};

static u_int hash_host(const void *key)
{
	host_t *host = (host_t *)key;

	return chunk_hash(host->get_address(host));
}

static bool equals_host(const void *a, const void *b)
{
	host_t *host = (host_t *)a;

	return host->ip_equals(host, (host_t *)b);
}

static count_t *get_count(private_conf_pace_t *this, host_t *peer)
{
	count_t *count = this->counts->get(this->counts, peer);

	if (!count) {
		INIT(count, .peer = peer->clone(peer));
		this->counts->put(this->counts, count->peer, count);
	}
	return count;
}

METHOD(conf_pace_t, take, bool, private_conf_pace_t *this, host_t *peer)
{
	count_t *count = get_count(this, peer);

	if (count->count >= HALF_OPEN_MAX)
		return FALSE;
	count->count++;
	return TRUE;
}

static void destroy_count(count_t *count, const void *key)
{
	count->peer->destroy(count->peer);
	free(count);
}

METHOD(conf_pace_t, destroy, void, private_conf_pace_t *this)
{
	this->counts->destroy_function(this->counts, (void *)destroy_count);
	free(this);
}

static void count_half_open(private_conf_pace_t *this, const conf_sa_t *sa)
{
	host_t *peer;

	if (!sa->initiator || (sa->state != IKE_CREATED && sa->state != IKE_CONNECTING))
		return;
	peer = host_create_from_sockaddr((sockaddr_t *)&sa->remote.any);
	if (peer) {
		get_count(this, peer)->count++;
		peer->destroy(peer);
	}
}

conf_pace_t *conf_pace_create(conf_survey_t *survey)
{
	private_conf_pace_t *this;
	enumerator_t *enumerator;
	conf_sa_t *sa;

	INIT(this,
		.public = {
			.take = _take,
			.destroy = _destroy,
		},
		.counts = hashtable_create(hash_host, equals_host, 16),
	);
	enumerator = survey->create_enumerator(survey);
	while (enumerator->enumerate(enumerator, &sa))
		count_half_open(this, sa);
	enumerator->destroy(enumerator);
	return &this->public;
}
