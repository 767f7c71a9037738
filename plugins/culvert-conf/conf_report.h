/*
 * Listens on charon's bus: notes in each tunnel's status what came up and why something failed, in words a network
 * person understands, and wakes the keeper when something went down. Renders the report of the control protocol.
 */
#ifndef CONF_REPORT_H_
#define CONF_REPORT_H_

#include <bus/listeners/listener.h>

#include "conf_backend.h"
#include "conf_keeper.h"

struct buf;

typedef struct conf_report_t conf_report_t;

struct conf_report_t {

	/** Implements listener_t */
	listener_t listener;

	/**
	 * Renders the report: "tunnel ..." for each configured tunnel, then "child ..." for each of their CHILD_SAs, then
	 * "rehearsal ..." for each tunnel whose rekeys have been tried, then "refusal ..." for what the policy refused
	 * (conf_query.h), then "end". Not from a listener.
	 *
	 * @param out		receives the lines
	 */
	void (*print)(conf_report_t *this, struct buf *out);

	void (*destroy)(conf_report_t *this);
};

/**
 * Creates the report.
 *
 * @param backend	holder of the generation in force, outlives the report
 * @param keeper	keeper to wake, outlives the report
 */
conf_report_t *conf_report_create(conf_backend_t *backend, conf_keeper_t *keeper);

#endif
