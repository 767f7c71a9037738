/*
 * How many IKE_SAs may be begun with one peer address: gateways answer only a few half-open ones of one address, stock
 * strongSwan five (block_threshold), and are silent to the others, which then seem dead.
 */
#ifndef CONF_PACE_H_
#define CONF_PACE_H_

#include "conf_survey.h"

typedef struct conf_pace_t conf_pace_t;

struct conf_pace_t {

	/**
	 * Takes room for one more, if there is.
	 *
	 * @param peer			address, whatever the port
	 * @return				FALSE if as many are on their way as may be
	 */
	bool (*take)(conf_pace_t *this, host_t *peer);

	void (*destroy)(conf_pace_t *this);
};

/**
 * Counts those of ours that are on their way.
 */
conf_pace_t *conf_pace_create(conf_survey_t *survey);

#endif
