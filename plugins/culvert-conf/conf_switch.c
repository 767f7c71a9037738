#include "conf_switch.h"

#include "conf_text.h"

typedef struct private_conf_switch_t private_conf_switch_t;

struct private_conf_switch_t {
	conf_switch_t public;
	const char *run;
	conf_backend_t *backend;
	conf_keeper_t *keeper;
	/** what was in force when next was prepared, and next; both NULL if nothing is prepared */
	conf_generation_t *base;
	conf_generation_t *next;
};

METHOD(conf_switch_t, abort_, void, private_conf_switch_t *this)
{
	DESTROY_IF(this->base);
	DESTROY_IF(this->next);
	this->base = NULL;
	this->next = NULL;
}

METHOD(conf_switch_t, prepare, bool, private_conf_switch_t *this, u_int number, conf_difference_t *difference,
	char **error)
{
	conf_generation_t *base, *next;

	abort_(this);
	base = this->backend->get_generation(this->backend);
	next = conf_generation_load(this->run, number, base, error);
	if (!next) {
		base->destroy(base);
		return FALSE;
	}
	*difference = conf_compare(base, next);
	this->base = base;
	this->next = next;
	return TRUE;
}

METHOD(conf_switch_t, compare, bool, private_conf_switch_t *this, u_int number, struct buf *out, char **error)
{
	conf_generation_t *base, *next;

	base = this->backend->get_generation(this->backend);
	next = conf_generation_load(this->run, number, base, error);
	if (next) {
		conf_compare_print(base, next, out);
		next->destroy(next);
	}
	base->destroy(base);
	return next != NULL;
}

METHOD(conf_switch_t, commit, bool, private_conf_switch_t *this, char **error)
{
	bool ok;

	if (!this->next) {
		*error = conf_text("nothing is prepared");
		return FALSE;
	}
	ok = this->keeper->replace(this->keeper, this->base, this->next);
	if (ok)
		DBG1(DBG_CFG, "generation %u is in force", this->next->get_number(this->next));
	else
		*error = conf_text("another generation was committed since this one was prepared");
	abort_(this);
	return ok;
}

METHOD(conf_switch_t, destroy, void, private_conf_switch_t *this)
{
	abort_(this);
	free(this);
}

conf_switch_t *conf_switch_create(const char *run, conf_backend_t *backend, conf_keeper_t *keeper)
{
	private_conf_switch_t *this;

	INIT(this,
		.public = {
			.prepare = _prepare,
			.compare = _compare,
			.commit = _commit,
			.abort = _abort_,
			.destroy = _destroy,
		},
		.run = run,
		.backend = backend,
		.keeper = keeper,
	);
	return &this->public;
}
