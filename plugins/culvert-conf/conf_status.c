#include "conf_status.h"

#include <ctype.h>
#include <threading/mutex.h>

typedef struct private_conf_status_t private_conf_status_t;

struct private_conf_status_t {
	conf_status_t public;
	/** locks everything below; taken last, nothing is called with it held */
	mutex_t *mutex;
	conf_state_t state;
	/** monotonic seconds */
	time_t since;
	/** owned, NULL if there is none */
	char *failure;
	/** monotonic seconds */
	time_t failed_at;
	/** unique ID of the IKE_SA it happened to */
	uint32_t ike_sa;
	conf_scope_t scope;
	/** monotonic seconds of the last line that may_tell() allowed */
	time_t told;
	refcount_t ref;
};

/** Failures are told to people, one line each, and bounded: peers have a say in them. */
enum { FAILURE_MAX = 400 };

METHOD(conf_status_t, observe, void, private_conf_status_t *this, conf_state_t state)
{
	this->mutex->lock(this->mutex);
	if (this->state != state) {
		this->state = state;
		this->since = time_monotonic(NULL);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(conf_status_t, get_state, conf_state_t, private_conf_status_t *this)
{
	conf_state_t state;

	this->mutex->lock(this->mutex);
	state = this->state;
	this->mutex->unlock(this->mutex);
	return state;
}

static char *one_line(const char *text)
{
	char *copy = strndup(text, FAILURE_MAX), *c;

	for (c = copy; *c; c++) {
		if (iscntrl((unsigned char)*c))
			*c = ' ';
	}
	return copy;
}

METHOD(conf_status_t, fail, bool, private_conf_status_t *this, uint32_t ike_sa, conf_scope_t scope, const char *text)
{
	time_t now = time_monotonic(NULL);
	bool noted;

	this->mutex->lock(this->mutex);
	noted = !this->failure || this->ike_sa != ike_sa || now - this->failed_at > 1;
	if (noted) {
		free(this->failure);
		this->failure = one_line(text);
		this->failed_at = now;
		this->ike_sa = ike_sa;
		this->scope = scope;
	}
	this->mutex->unlock(this->mutex);
	return noted;
}

METHOD(conf_status_t, may_tell, bool, private_conf_status_t *this)
{
	time_t now = time_monotonic(NULL);
	bool may;

	this->mutex->lock(this->mutex);
	may = this->told != now;
	this->told = now;
	this->mutex->unlock(this->mutex);
	return may;
}

METHOD(conf_status_t, succeed, void, private_conf_status_t *this, conf_scope_t scope)
{
	this->mutex->lock(this->mutex);
	if (this->scope == CONF_SCOPE_IKE || scope == CONF_SCOPE_CHILD) {
		free(this->failure);
		this->failure = NULL;
	}
	this->mutex->unlock(this->mutex);
}

METHOD(conf_status_t, get_view, void, private_conf_status_t *this, conf_status_view_t *view)
{
	time_t now = time_monotonic(NULL);

	this->mutex->lock(this->mutex);
	view->state = this->state;
	view->seconds = now - this->since;
	view->failure = strdupnull(this->failure);
	view->failure_age = now - this->failed_at;
	this->mutex->unlock(this->mutex);
}

METHOD(conf_status_t, get_ref, conf_status_t *, private_conf_status_t *this)
{
	ref_get(&this->ref);
	return &this->public;
}

METHOD(conf_status_t, destroy, void, private_conf_status_t *this)
{
	if (!ref_put(&this->ref))
		return;
	this->mutex->destroy(this->mutex);
	free(this->failure);
	free(this);
}

conf_status_t *conf_status_create(void)
{
	private_conf_status_t *this;

	INIT(this,
		.public = {
			.observe = _observe,
			.get_state = _get_state,
			.fail = _fail,
			.may_tell = _may_tell,
			.succeed = _succeed,
			.get_view = _get_view,
			.get_ref = _get_ref,
			.destroy = _destroy,
		},
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.since = time_monotonic(NULL),
		.ref = 1,
	);
	return &this->public;
}
