/*
 * Answers charon's questions for configurations from the generation in force, and holds that generation: the one place
 * that says which it is. Look-ups go through the indexes, so their cost does not grow with the number of tunnels.
 */
#ifndef CONF_BACKEND_H_
#define CONF_BACKEND_H_

#include <config/backend.h>

#include "conf_generation.h"

typedef struct conf_backend_t conf_backend_t;

struct conf_backend_t {

	/** Implements backend_t */
	backend_t backend;

	/** @return reference to the generation in force, never NULL */
	conf_generation_t *(*get_generation)(conf_backend_t *this);

	/**
	 * Puts a generation in force.
	 *
	 * @param generation	new one (adopted)
	 * @return				reference to the one it replaces
	 */
	conf_generation_t *(*set_generation)(conf_backend_t *this, conf_generation_t *generation);

	void (*destroy)(conf_backend_t *this);
};

/**
 * Creates a backend with the empty generation in force.
 */
conf_backend_t *conf_backend_create(void);

#endif
