/* How long to wait after an attempt that did not last before the next one is made. Pure. */
#ifndef CULVERT_IKEV2_BACK_OFF_H
#define CULVERT_IKEV2_BACK_OFF_H

#include <stdint.h>

enum {
	BACK_OFF_MIN = 2, /* seconds after the first attempt */
	BACK_OFF_MAX = 60, /* seconds at most, without the random part */
};

/*
 * Seconds: BACK_OFF_MIN, doubled by each of the tries that were made before, up to BACK_OFF_MAX; and up to a quarter
 * more by random, any number, so that many tunnels do not go in step.
 */
uint32_t back_off(uint32_t tries, uint32_t random);

#endif
