/*
 * One change of generation: prepared beside the one in force, then committed or aborted. Belongs to who prepares it;
 * what is prepared and not committed vanishes without a trace.
 */
#ifndef CONF_SWITCH_H_
#define CONF_SWITCH_H_

#include "conf_backend.h"
#include "conf_compare.h"
#include "conf_keeper.h"

typedef struct conf_switch_t conf_switch_t;

struct conf_switch_t {

	/**
	 * Loads a generation and compares it with the one in force. Nothing takes effect. Replaces what was prepared
	 * before.
	 *
	 * @param number		number of the generation
	 * @param difference	receives what commit() would do
	 * @param error			receives what is wrong, allocated, if FALSE is returned
	 */
	bool (*prepare)(conf_switch_t *this, u_int number, conf_difference_t *difference, char **error);

	/**
	 * Loads a generation and tells what putting it in force would do. Nothing is kept, what is prepared stays prepared.
	 *
	 * @param number		number of the generation
	 * @param out			receives the lines of conf_compare_print()
	 * @param error			receives what is wrong, allocated, if FALSE is returned
	 */
	bool (*compare)(conf_switch_t *this, u_int number, struct buf *out, char **error);

	/**
	 * Puts the prepared generation in force. Afterwards nothing is prepared, whatever is returned.
	 *
	 * @param error			receives what is wrong, allocated, if FALSE is returned
	 */
	bool (*commit)(conf_switch_t *this, char **error);

	/** Drops what is prepared, if anything. */
	void (*abort)(conf_switch_t *this);

	void (*destroy)(conf_switch_t *this);
};

/**
 * Creates a switch with nothing prepared.
 *
 * @param run		run folder, outlives the switch
 * @param backend	holder of the generation in force, outlives the switch
 * @param keeper	who puts it in force, outlives the switch
 */
conf_switch_t *conf_switch_create(const char *run, conf_backend_t *backend, conf_keeper_t *keeper);

#endif
